using IvrActors.Grains.Interfaces;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Calls;
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

    private int _tarpits;

    /// <summary>Whether a call is to be taken, and notes that it came.</summary>
    public async ValueTask<bool> Admits(string tenant, CallOrigin from)
    {
        await BeFresh(tenant);
        var view = picture.Of(tenant);
        var now = time.GetUtcNow();
        var (number, source) = (RiskSubjects.NumberOf(from), OwnSource(tenant, from));
        Send(new RiskNote { Tenant = tenant, Kind = RiskNoteKind.Called, Trunk = from.Trunk, Number = number });
        if (policy.Risk.Block is null) return true;
        // An attested number is judged by its own doings alone: a source may be shared.
        if (!view.IsBlocked(number, now) && (IsAttested(from) || !view.IsBlocked(source, now))) return true;
        RiskMetrics.Actions.WithLabels("reject").Inc();
        return false;
    }

    /// <summary>The tag of a PIN that is tried; null where the factor is none.</summary>
    public ulong? TagOf(FactorAttempt attempt, ReadOnlySpan<byte> digits) =>
        attempt.Factor is FactorKind.Pin ? RiskTags.OfPin(keys.RiskKey, time.GetUtcNow(), attempt.Tenant, digits) : null;

    /// <summary>What speaks against an attempt, before it is known whether it is right.</summary>
    public async Task<RiskAssessment> Assess(FactorAttempt attempt, CallerKey account, ulong? pin)
    {
        if (attempt.From is not { } from) return RiskAssessment.Nothing;
        var (visit, travel, isSuspect) = (Look(attempt.Tenant, account.Value, from), LookAtNumber(attempt.Tenant, from), IsSuspect(attempt.Call));
        await BeFresh(attempt.Tenant);
        var view = picture.Of(attempt.Tenant);
        var now = time.GetUtcNow();
        var (number, source) = (RiskSubjects.NumberOf(from), OwnSource(attempt.Tenant, from));
        List<RiskWeight> weights =
        [
            Weight(RiskReason.SprayedPin, pin is { } tag ? RiskSubjects.Pin(tag) : null),
            Weight(RiskReason.ManyAccounts, number),
            Weight(RiskReason.ManyAccounts, source),
            Weight(RiskReason.Velocity, number),
            Weight(RiskReason.FailureWave, RiskSubjects.Trunk(from.Trunk)),
            Weight(RiskReason.FailureWave, RiskSubjects.Tenant),
            new(RiskReason.AttestationFailed, from.Attestation is Attestation.Failed ? 1 : 0),
            new(RiskReason.MachineKeys, await isSuspect ? 1 : 0),
        ];
        var (signs, signsOfNumber) = (await visit, await travel);
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
        Send(new RiskNote
        {
            Tenant = attempt.Tenant,
            Kind = isRight ? RiskNoteKind.Succeeded : RiskNoteKind.Failed,
            Trunk = from.Trunk,
            Number = RiskSubjects.NumberOf(from),
            Source = OwnSource(attempt.Tenant, from),
            Account = account.Value,
            AccountTag = RiskTags.OfAccount(keys.RiskKey, time.GetUtcNow(), attempt.Tenant, account.Value),
            // Of a right PIN nothing is kept, not even its tag.
            PinTag = isRight ? null : pin,
        });
        if (isRight && assessment.Reasons.Contains(RiskReason.ImpossibleTravel))
            _ = grains.Grain<IRiskTenantGrain>(IRiskTenantGrain.Key(attempt.Tenant)).Raise([new RiskSign { Subject = account.Value, Reason = RiskReason.ImpossibleTravel, At = time.GetUtcNow(), Count = 1 }]);
    }

    /// <summary>Holds the answer to an origin that tries many accounts, right and wrong alike, until <paramref name="started"/> is long enough ago. Called by the call, which nobody else waits for.</summary>
    public async Task Hold(string tenant, CallOrigin? from, long started)
    {
        if (from is null || DelayOf(tenant, from) is not { } delay) return;
        if (delay == policy.Risk.Tarpit && Interlocked.Increment(ref _tarpits) > policy.Risk.TarpitsAtOnce)
        {
            Interlocked.Decrement(ref _tarpits);
            delay = policy.Risk.SlowDown ?? TimeSpan.Zero;
        }
        else if (delay == policy.Risk.Tarpit)
        {
            try
            {
                await Wait("tarpit");
            }
            finally
            {
                Interlocked.Decrement(ref _tarpits);
            }
            return;
        }
        await Wait("slow-down");

        async Task Wait(string action)
        {
            var rest = delay - time.GetElapsedTime(started);
            if (rest <= TimeSpan.Zero) return;
            RiskMetrics.Actions.WithLabels(action).Inc();
            await Task.Delay(rest, time);
        }
    }

    private TimeSpan? DelayOf(string tenant, CallOrigin from)
    {
        var view = picture.Of(tenant);
        var now = time.GetUtcNow();
        var number = RiskSubjects.NumberOf(from);
        var source = IsAttested(from) ? null : OwnSource(tenant, from);
        var many = Math.Max(view.Strength(number, RiskReason.ManyAccounts, now, policy.Risk), view.Strength(source, RiskReason.ManyAccounts, now, policy.Risk));
        if (many < Strong) return null;
        var isWorse = view.IsBlocked(number, now) || view.IsBlocked(source, now) || view.Strength(number, RiskReason.Velocity, now, policy.Risk) >= Strong;
        return isWorse ? policy.Risk.Tarpit ?? policy.Risk.SlowDown : policy.Risk.SlowDown;
    }

    private static bool IsAttested(CallOrigin from) => from.Attestation is Attestation.A || from.Class is OriginClass.Attested;

    /// <summary>The source where it is one caller's; null where it is a carrier's, behind which is everybody.</summary>
    private string? OwnSource(string tenant, CallOrigin from) =>
        policy.Tenants.GetValueOrDefault(tenant)?.Trunks.GetValueOrDefault(from.Trunk) is { IsCarrier: false } ? RiskSubjects.SourceOf(from) : null;

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
