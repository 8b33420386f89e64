using System.Security.Cryptography;
using System.Text;
using IvrActors.Grains.Interfaces.Audit;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Grains.Privacy;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Orleans.Runtime;
using Orleans.Storage;

namespace IvrActors.Grains.Policies;

/// <summary>
/// Storage around <see cref="Lockout"/>. The conditional write decides: when two activations race, the loser reads again and decides on what the winner
/// wrote. Whatever cannot be written is refused.
/// </summary>
internal sealed partial class LockoutGrain : Grain, ILockoutGrain
{
    // Ids are made by caller grains: call id, number, digest.
    private const int MostAttemptCharacters = 200;

    /// <summary>How long what was tried at an account that nobody enrolled is kept: longer than any lock, so that such an account is not told by its lock ending sooner.</summary>
    internal static readonly TimeSpan KeptOfStrangers = TimeSpan.FromDays(30);

    // Each lost race is another activation's progress, and there are two of them for a moment after a silo fails, not many.
    private const int MostTries = 5;

    private readonly ClusterPolicy _policy;
    private readonly LockoutClock _clock;
    private readonly OriginClass _origin;
    private readonly ILogger _logger;
    private readonly StoredRow<LockoutState> _row;
    private string? _announced;
    private bool _listed;

    public LockoutGrain(
        IGrainContext context, [FromKeyedServices(StoredRow<LockoutState>.Storage)] IGrainStorage storage, ClusterPolicy policy, LockoutClock clock,
        ILogger<LockoutGrain> logger)
    {
        _policy = policy;
        _clock = clock;
        _logger = logger;
        var key = context.GrainId.Key.ToString()!;
        _origin = Enum.TryParse<OriginClass>(key[(key.LastIndexOf('/') + 1)..], out var origin) ? origin : OriginClass.Unattested;
        _row = new StoredRow<LockoutState>(storage, "lockout", context.GrainId);
    }

    public async Task<LockoutDecision> Reserve(string tenant, string attempt, bool isPin)
    {
        if (!_policy.Tenants.TryGetValue(tenant, out var rules) || attempt.Length > MostAttemptCharacters) return s_unavailable;
        LockoutDecision? decision = null;
        var written = await Update(state =>
        {
            (decision, var next) = Lockout.Decide(_clock.Now, rules.Lockout, _origin, state, IdOf(attempt), isPin);
            if (!ReferenceEquals(next, state)) next.Tenant = tenant;
            return next;
        });
        if (!written) return s_unavailable;
        // After a restart the directory may not know of a lock that still holds. Not waited for: a locked caller is to be answered as soon as another.
        if (!decision!.Permitted && !_listed) _ = List(await _row.Read());
        return decision;
    }

    public async Task Succeed(string attempt, bool complete)
    {
        if (!await Update(state => Lockout.Succeed(_clock.Now, state, IdOf(attempt), complete))) throw NotWritten();
        if (complete && _listed) await Unlist((await _row.Read()).Tenant);
    }

    public async Task Withdraw(string attempt)
    {
        if (!await Update(state => Lockout.Withdraw(_clock.Now, state, IdOf(attempt)))) throw NotWritten();
    }

    public async Task Fail(string attempt)
    {
        var state = await Read();
        if (string.Equals(_announced, attempt, StringComparison.Ordinal) || !Lockout.FailureLocks(state, IdOf(attempt))) return;
        await Append(state.Tenant, "lockout.locked", AuditResult.Success, $"failures={state.Failures} v={state.Version}", RequestActor.System);
        _announced = attempt;
        PolicyMetrics.Lockouts.Inc();
        await List(state);
    }

    public async Task<UnlockResult> Approve(string reason)
    {
        var by = RequestActor.Current;
        for (var tries = 0; tries < MostTries; tries++)
        {
            var state = await Read();
            var (outcome, _) = Lockout.Approve(_clock.Now, state, by, reason);
            // Recorded first: an unlock, or the wish for one, that cannot be recorded does not happen.
            await Append(state, by, outcome, reason);
            var done = false;
            if (!await Update(now =>
            {
                var (again, next) = Lockout.Approve(_clock.Now, now, by, reason);
                done = again == outcome;
                return done ? next : now;
            })) throw NotWritten();
            // Another activation came between record and change: what is to be done now is another thing, with a record of its own.
            if (!done) continue;
            state = await Read();
            if (outcome is UnlockOutcome.Asked) await List(state);
            if (outcome is UnlockOutcome.Lifted) await Unlist(state.Tenant);
            return new UnlockResult { Outcome = outcome, ConfirmBefore = ConfirmBefore(state) };
        }
        throw NotWritten();
    }

    public Task Rebind() => ClearUnless(state => state.Failures == 0 && state.LockedUntil is null);

    public async Task Reprove()
    {
        var state = await Read();
        if (state.Failures == 0 || Lockout.IsDisabled(state)) return;
        await Append(state.Tenant, "lockout.reproved", AuditResult.Success, $"failures={state.Failures} v={state.Version}", RequestActor.System);
        // Asked again of the very state that is replaced: another activation may have disabled it meanwhile.
        await ClearUnless(Lockout.IsDisabled);
    }

    public async Task<bool> Retire()
    {
        var state = await Read();
        if (!_row.Exists || !Lockout.IsSpent(_clock.Now, state, KeptOfStrangers)) return false;
        await _row.Clear();
        return true;
    }

    private async Task ClearUnless(Func<LockoutState, bool> unless)
    {
        var cleared = false;
        if (!await Update(state =>
        {
            cleared = !unless(state);
            return cleared ? Lockout.Clear(_clock.Now, state) : state;
        })) throw NotWritten();
        if (cleared) await Unlist((await Read()).Tenant);
    }

    /// <summary>What is kept of an attempt's name: enough to know it again, in a row that is written whole for each.</summary>
    private static string IdOf(string attempt) => Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(attempt)).AsSpan(0, 15));

    private DateTimeOffset? ConfirmBefore(LockoutState state) => Lockout.Asked(_clock.Now, state) is { } asked ? _clock.Now.Wall + asked.Left : null;

    private static readonly LockoutDecision s_unavailable = new() { Permitted = false, Failures = 0, Unavailable = true };

    private static InvalidOperationException NotWritten() => new("The lockout could not be written.");

    private async Task<LockoutState> Read()
    {
        try
        {
            return await _row.Read();
        }
        catch (Exception e)
        {
            LogFailure(e.GetType().Name);
            DeactivateOnIdle();
            if (e is StorageUnavailableException) throw;
            throw new InvalidOperationException("The lockout could not be read.");
        }
    }

    /// <summary>Reads, changes, writes; some times more when another activation wrote in between. False when nothing was written that should have been.</summary>
    private async Task<bool> Update(Func<LockoutState, LockoutState> change)
    {
        for (var tries = 0; ; tries++)
        {
            try
            {
                var state = await _row.Read();
                var next = change(state);
                if (!ReferenceEquals(next, state)) await _row.Write(next);
                return true;
            }
            catch (InconsistentStateException) when (tries < MostTries - 1)
            {
                LogRace();
            }
            catch (Exception e)
            {
                LogFailure(e.GetType().Name);
                DeactivateOnIdle();
                // Not counted, so nothing was decided: whoever asked asks again.
                if (e is StorageUnavailableException) throw;
                return false;
            }
        }
    }

    private Task Append(string tenant, string action, AuditResult result, string detail, string actor) =>
        GrainFactory.GetGrain<IAuditGrain>(IAuditGrain.Key(tenant)).Append(new AuditEntry
        {
            Actor = actor,
            Action = action,
            Result = result,
            Object = this.GetPrimaryKeyString(),
            Detail = detail,
        });

    private Task Append(LockoutState state, string by, UnlockOutcome outcome, string reason) => outcome switch
    {
        UnlockOutcome.Asked => Append(state.Tenant, "operator.unlock-asked", AuditResult.Success, $"v={state.Version} reason={reason}", by),
        UnlockOutcome.SamePerson => Append(state.Tenant, "operator.unlock", AuditResult.Denied, $"v={state.Version} another operator must confirm", by),
        UnlockOutcome.Lifted => Append(state.Tenant, "operator.unlock", AuditResult.Success, $"v={state.Version} asked-by={state.Asked!.By} reason={reason}", by),
        _ => Task.CompletedTask,
    };

    // The directory only shows: what it misses locks all the same.
    private async Task List(LockoutState state)
    {
        var asked = Lockout.Asked(_clock.Now, state);
        try
        {
            await Directory(state.Tenant).Report(new LockoutSummary
            {
                LockoutKey = this.GetPrimaryKeyString(),
                Failures = state.Failures,
                Since = state.LockedSince,
                Until = state.LockedUntil ?? state.LockedSince,
                AskedBy = asked?.Request.By,
                AskedReason = asked?.Request.Reason,
                ConfirmBefore = ConfirmBefore(state),
            });
            _listed = true;
        }
        catch (Exception e)
        {
            LogDirectory(e.GetType().Name);
        }
    }

    private async Task Unlist(string tenant)
    {
        if (tenant.Length == 0) return;
        try
        {
            await Directory(tenant).Forget(this.GetPrimaryKeyString());
            _listed = false;
        }
        catch (Exception e)
        {
            LogDirectory(e.GetType().Name);
        }
    }

    private ILockoutDirectoryGrain Directory(string tenant) => GrainFactory.GetGrain<ILockoutDirectoryGrain>(ILockoutDirectoryGrain.Key(tenant));

    [LoggerMessage(Level = LogLevel.Warning, Message = "Another activation wrote a lockout at the same time; deciding again on what it wrote.")]
    private partial void LogRace();

    [LoggerMessage(Level = LogLevel.Error, Message = "A lockout could not be read or written ({Failure}): the attempt is refused.")]
    private partial void LogFailure(string failure);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The directory of lockouts could not be told ({Failure}).")]
    private partial void LogDirectory(string failure);
}
