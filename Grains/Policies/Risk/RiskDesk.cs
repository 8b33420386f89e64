using IvrActors.Grains.Interfaces;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Edges;
using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Grains.Interfaces.Privacy;
using IvrActors.Grains.Privacy;
using Microsoft.Extensions.Logging;

namespace IvrActors.Grains.Policies.Risk;

/// <summary>
/// Judges calls and attempts by what this silo knows, and notes what became of them. It asks the same of the same grains whether an account exists, is locked, or its PIN was right. What cannot be asked
/// in time is not known, which is counted: no call fails by it.
/// </summary>
internal sealed partial class RiskDesk(ClusterPolicy policy, IClusterKeys keys, IGrainFactory grains, RiskPicture picture, TimeProvider time, ILogger<RiskDesk> log)
{
    /// <summary>A grain answers in a millisecond; a check of a PIN takes a hundred.</summary>
    internal static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(300);

    /// <summary>Renewed each second while there are calls.</summary>
    internal static readonly TimeSpan Stale = TimeSpan.FromSeconds(10);

    /// <summary>Strength from which what an origin did is answered slowly.</summary>
    private const double Strong = 0.25;

    /// <summary>As edges name the offence, and who says so.</summary>
    internal const string BlockReason = "guessing", BlockedBy = "risk";

    /// <summary>Sources that edges were told of.</summary>
    private const int MostTold = 4096;

    private readonly Dictionary<string, DateTimeOffset> _told = new(StringComparer.Ordinal);
    private int _tarpits;

    /// <summary>Whether a call is to be taken, and notes that it came.</summary>
    /// <param name="address">Of the signalling; goes to the edges where it is one caller's and blocked, and nowhere else.</param>
    public async ValueTask<bool> Admits(string tenant, CallOrigin from, string address)
    {
        await BeFresh(tenant);
        var view = picture.Of(tenant);
        var now = time.GetUtcNow();
        var (number, source) = (RiskSubjects.NumberOf(from), OwnSource(tenant, from));
        Send(new RiskNote { Tenant = tenant, Kind = RiskNoteKind.Called, Trunk = from.Trunk, Number = number });
        if (policy.Risk.Block is null) return true;
        // An attested number is judged by its own doings alone: a source may be shared.
        var isOfSource = !IsAttested(from) && view.IsBlocked(source, now);
        if (isOfSource) TellEdges(address, now, view.BlockedUntil(source!));
        if (!isOfSource && !view.IsBlocked(number, now)) return true;
        RiskMetrics.Actions.WithLabels("reject").Inc();
        return false;
    }

    /// <summary>Begins to judge an attempt: what must be asked is asked while the attempt is verified.</summary>
    public RiskTry Begin(FactorAttempt attempt, CallerKey account) => new(this, attempt, account);

    /// <summary>The tag of a PIN that is tried; null where the factor is none.</summary>
    public ulong? TagOf(FactorAttempt attempt, ReadOnlySpan<byte> digits) =>
        attempt.Factor is FactorKind.Pin ? RiskTags.OfPin(keys.RiskKey, time.GetUtcNow(), attempt.Tenant, digits) : null;

    /// <summary>What speaks against an attempt, before it is known whether it is right.</summary>
    /// <param name="asked">What was asked when it began; null: it is asked now.</param>
    public async Task<RiskAssessment> Assess(FactorAttempt attempt, CallerKey account, ulong? pin, RiskAnswers? asked = null)
    {
        if (attempt.From is not { } from) return RiskAssessment.Nothing;
        var answers = asked ?? Ask(attempt, account)!;
        await BeFresh(attempt.Tenant);
        var view = picture.Of(attempt.Tenant);
        var now = time.GetUtcNow();
        var (number, source) = (RiskSubjects.NumberOf(from), SourceOf(attempt.Tenant, from));
        List<RiskWeight> weights =
        [
            Weight(RiskReason.SprayedPin, pin is { } tag ? RiskSubjects.Pin(tag) : null),
            Weight(RiskReason.ManyAccounts, number),
            Weight(RiskReason.ManyAccounts, source),
            Weight(RiskReason.Velocity, number),
            Weight(RiskReason.FailureWave, RiskSubjects.Trunk(from.Trunk)),
            Weight(RiskReason.FailureWave, RiskSubjects.Tenant),
            new(RiskReason.AttestationFailed, from.Attestation is Attestation.Failed ? 1 : 0),
            new(RiskReason.MachineKeys, await answers.IsSuspect ? 1 : 0),
        ];
        var (signs, signsOfNumber) = (await answers.Account, await answers.Number);
        weights.Add(new(RiskReason.NewOrigin, signs.NewOrigin ? 1 : 0));
        weights.Add(new(RiskReason.ImpossibleTravel, signs.ImpossibleTravel || signsOfNumber.ImpossibleTravel ? 1 : 0));
        var assessment = RiskScore.Assess(policy.Risk, weights, IsAttested(from));
        RiskMetrics.Attempts.WithLabels(RiskMetrics.NameOf(assessment.Level)).Inc();
        if (!policy.Risk.StepUp) return assessment with { Level = RiskLevel.None };
        if (assessment.Level is not RiskLevel.None) RiskMetrics.Actions.WithLabels("step-up").Inc();
        return assessment;

        RiskWeight Weight(RiskReason reason, string? subject) => new(reason, view.Strength(subject, reason, now, policy.Risk));
    }

    /// <summary>Notes what became of an attempt. Never waits; never fails.</summary>
    public void Note(FactorAttempt attempt, CallerKey account, ulong? pin, FactorOutcome outcome, RiskAssessment assessment)
    {
        if (attempt.From is not { } from || outcome is FactorOutcome.Unavailable) return;
        var isRight = outcome is FactorOutcome.Accepted;
        // That somebody was there whom we called says nothing of where they call from.
        if (isRight && from.CalledBack is not null) return;
        Send(new RiskNote
        {
            Tenant = attempt.Tenant,
            Kind = isRight ? RiskNoteKind.Succeeded : RiskNoteKind.Failed,
            Trunk = from.Trunk,
            Number = RiskSubjects.NumberOf(from),
            Source = SourceOf(attempt.Tenant, from),
            Account = account.Value,
            AccountTag = RiskTags.OfAccount(keys.RiskKey, time.GetUtcNow(), attempt.Tenant, account.Value),
            // Of a right PIN nothing is kept, not even its tag.
            PinTag = isRight ? null : pin,
        });
        if (isRight && assessment.Reasons.Contains(RiskReason.ImpossibleTravel))
            _ = grains.Grain<IRiskTenantGrain>(IRiskTenantGrain.Key(attempt.Tenant)).Raise([new RiskSign { Subject = account.Value, Reason = RiskReason.ImpossibleTravel, At = time.GetUtcNow(), Count = 1 }]);
    }

    /// <summary>
    /// Does the work of a call, and holds its answer where the origin tries many accounts: right and wrong alike, and for as long as was decided before. Nobody else waits for a call; an account's grain would keep its owner waiting.
    /// </summary>
    public async Task<T> Pace<T>(string tenant, CallOrigin? from, Func<Task<T>> work)
    {
        var started = time.GetTimestamp();
        var delay = from is null ? null : DelayOf(tenant, from);
        var isTarpit = delay is not null && delay == policy.Risk.Tarpit && EntersTarpit();
        try
        {
            var result = await work();
            var least = delay is null || isTarpit ? delay : policy.Risk.SlowDown;
            var rest = least - time.GetElapsedTime(started);
            if (rest > TimeSpan.Zero)
            {
                RiskMetrics.Actions.WithLabels(isTarpit ? "tarpit" : "slow-down").Inc();
                await Task.Delay(rest.Value, time);
            }
            return result;
        }
        finally
        {
            if (isTarpit) Interlocked.Decrement(ref _tarpits);
        }
    }

    private bool EntersTarpit()
    {
        if (Interlocked.Increment(ref _tarpits) <= policy.Risk.TarpitsAtOnce) return true;
        Interlocked.Decrement(ref _tarpits);
        return false;
    }

    private TimeSpan? DelayOf(string tenant, CallOrigin from)
    {
        var view = picture.Of(tenant);
        var now = time.GetUtcNow();
        var number = RiskSubjects.NumberOf(from);
        var source = IsAttested(from) ? null : SourceOf(tenant, from);
        var many = Math.Max(view.Strength(number, RiskReason.ManyAccounts, now, policy.Risk), view.Strength(source, RiskReason.ManyAccounts, now, policy.Risk));
        if (many < Strong) return null;
        // Also what is not kept out, because anybody may show the number, waits as long as if it were.
        var isWorse = Math.Max(view.AccountsOf(number), view.AccountsOf(OwnSource(tenant, from))) >= policy.Risk.AccountsToBlock || view.IsBlocked(number, now) || view.IsBlocked(source, now) || view.Strength(number, RiskReason.Velocity, now, policy.Risk) >= Strong;
        return isWorse ? policy.Risk.Tarpit ?? policy.Risk.SlowDown : policy.Risk.SlowDown;
    }

    /// <summary>With the shared list a blocked source is not even listened to, also where it comes with another number. What edges do not take is a call that is turned away here.</summary>
    private void TellEdges(string address, DateTimeOffset now, DateTimeOffset until)
    {
        if (BlockList.SourceOf(address) is not { } source) return;
        lock (_told)
        {
            if (_told.TryGetValue(source, out var told) && told >= until) return;
            if (_told.Count >= MostTold) _told.Clear();
            _told[source] = until;
        }
        // Proven: whoever pressed keys in a call got our answers at that address.
        SharedBlock block = new() { Source = source, Reason = BlockReason, At = now, Until = until, Proven = true, By = BlockedBy };
        _ = Ask("block", true, async () =>
        {
            await grains.Grain<IBlockListGrain>(IBlockListGrain.Key).Exchange(new BlockNews { Edge = BlockedBy, Epoch = 0, Version = long.MaxValue, Blocks = [block] });
            return true;
        });
    }

    private static bool IsAttested(CallOrigin from) => from.Attestation is Attestation.A || from.Class is OriginClass.Attested;

    /// <summary>The source where it is one caller's; null where it is a carrier's, behind which is everybody.</summary>
    private string? OwnSource(string tenant, CallOrigin from) =>
        policy.Tenants.GetValueOrDefault(tenant)?.Trunks.GetValueOrDefault(from.Trunk) is { IsCarrier: false } ? RiskSubjects.SourceOf(from) : null;

    /// <summary>What else than a number tries accounts: the caller's own source, or all who withhold their number behind a carrier.</summary>
    private string? SourceOf(string tenant, CallOrigin from) => OwnSource(tenant, from) ?? (from.Calling is null && !IsAttested(from) ? RiskSubjects.NumberlessOf(from) : null);

    /// <summary>Asks the shards. Whoever has no origin asks nothing.</summary>
    internal RiskAnswers? Ask(FactorAttempt attempt, CallerKey account) => attempt.From switch
    {
        null => null,
        // Where we called is our own choice, and no journey of the caller's.
        { CalledBack: not null } => new(s_noVisit, s_noVisit, IsSuspect(attempt.Call)),
        var from => new(Look(attempt.Tenant, account.Value, from), LookAtNumber(attempt.Tenant, from), IsSuspect(attempt.Call)),
    };

    private static readonly Task<RiskVisitSigns> s_noVisit = Task.FromResult(new RiskVisitSigns());

    private Task<RiskVisitSigns> Look(string tenant, string account, CallOrigin from) =>
        Ask("account", new RiskVisitSigns(), () => AccountShard(tenant, account).Look(new RiskVisit { Account = account, Trunk = from.Trunk, Number = RiskSubjects.NumberOf(from) }));

    /// <summary>A number travels only where trunks say where they are.</summary>
    private Task<RiskVisitSigns> LookAtNumber(string tenant, CallOrigin from) =>
        RiskSubjects.NumberOf(from) is { } number && policy.Tenants.GetValueOrDefault(tenant)?.Trunks.GetValueOrDefault(from.Trunk)?.Location is not null
            ? Ask("number", new RiskVisitSigns(), () => AccountShard(tenant, number).Look(new RiskVisit { Account = number, Trunk = from.Trunk }))
            : Task.FromResult(new RiskVisitSigns());

    private Task<bool> IsSuspect(CallId call) => Ask("call", false, () => grains.Grain<IRiskCallGrain>(IRiskCallGrain.Key(RiskShards.Of(call.Value))).IsSuspect(call));

    private IRiskAccountGrain AccountShard(string tenant, string account) => grains.Grain<IRiskAccountGrain>(IRiskAccountGrain.Key(tenant, RiskShards.Of(account)));

    private IRiskCollectorGrain Collector => grains.Grain<IRiskCollectorGrain>(IRiskCollectorGrain.Key);

    private void Send(RiskNote note)
    {
        try
        {
            _ = Collector.Note(note);
        }
        catch (Exception e)
        {
            LogFailure("note", e.GetType().Name);
        }
    }

    /// <summary>After a start, and after minutes without a call, what is known is asked for.</summary>
    private async ValueTask BeFresh(string tenant)
    {
        var heard = picture.Of(tenant).HeardAt;
        if (heard is { } at && time.GetElapsedTime(0) - at < Stale) return;
        await Ask("picture", true, async () =>
        {
            await Collector.Renew(tenant);
            return true;
        });
    }

    private async Task<T> Ask<T>(string part, T unknown, Func<Task<T>> question)
    {
        try
        {
            return await question().WaitAsync(Patience, time);
        }
        catch (Exception e)
        {
            RiskMetrics.Unknown.WithLabels(part).Inc();
            LogFailure(part, e.GetType().Name);
            return unknown;
        }
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "A sign of fraud is not known: {Part} failed with {Failure}")]
    private partial void LogFailure(string part, string failure);
}
