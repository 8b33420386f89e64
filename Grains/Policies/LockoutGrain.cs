using IvrActors.Grains.Interfaces.Audit;
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

    private readonly ClusterPolicy _policy;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly StoredRow<LockoutState> _row;
    private string? _announced;
    private bool _listed;

    public LockoutGrain(
        IGrainContext context, [FromKeyedServices(StoredRow<LockoutState>.Storage)] IGrainStorage storage, ClusterPolicy policy, TimeProvider time, ILogger<LockoutGrain> logger)
    {
        _policy = policy;
        _time = time;
        _logger = logger;
        _row = new StoredRow<LockoutState>(storage, "lockout", context.GrainId);
    }

    public async Task<LockoutDecision> Reserve(string tenant, string attempt)
    {
        if (!_policy.Tenants.TryGetValue(tenant, out var rules) || attempt.Length > MostAttemptCharacters) return s_unavailable;
        LockoutDecision? decision = null;
        var written = await Update(state =>
        {
            (decision, var next) = Lockout.Decide(_time.GetUtcNow(), rules.Lockout, state, attempt);
            if (!ReferenceEquals(next, state)) next.Tenant = tenant;
            return next;
        });
        if (!written) return s_unavailable;
        // After a restart the directory may not know of a lock that still holds.
        if (!decision!.Permitted && !_listed) await List(await _row.Read());
        return decision;
    }

    public async Task Succeed(string attempt, bool complete)
    {
        if (!await Update(state => Lockout.Succeed(state, attempt, complete))) throw NotWritten();
        if (complete) await Unlist((await _row.Read()).Tenant);
    }

    public async Task Fail(string attempt)
    {
        var state = await Read();
        if (string.Equals(_announced, attempt, StringComparison.Ordinal) || !Lockout.FailureLocks(state, attempt)) return;
        await Append(state.Tenant, "lockout.locked", AuditResult.Success, $"failures={state.Failures} v={state.Version}", RequestActor.System);
        _announced = attempt;
        PolicyMetrics.Lockouts.Inc();
        await List(state);
    }

    public async Task<bool> Unlock(string reason)
    {
        var state = await Read();
        if (state.Failures == 0 || Lockout.IsDisabled(state)) return false;
        // Recorded first: an unlock that cannot be recorded does not happen.
        await Append(state.Tenant, "operator.unlock", AuditResult.Success, $"v={state.Version} reason={reason}", RequestActor.Current);
        if (!await Update(Lockout.Clear)) throw NotWritten();
        await Unlist(state.Tenant);
        return true;
    }

    public async Task Rebind()
    {
        var state = await Read();
        if (state.Failures == 0 && state.LockedUntil is null) return;
        if (!await Update(Lockout.Clear)) throw NotWritten();
        await Unlist(state.Tenant);
    }

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
            throw new InvalidOperationException("The lockout could not be read.");
        }
    }

    /// <summary>Reads, changes, writes; once more when another activation wrote in between. False when nothing was written that should have been.</summary>
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
            catch (InconsistentStateException) when (tries == 0)
            {
                LogRace();
            }
            catch (Exception e)
            {
                LogFailure(e.GetType().Name);
                DeactivateOnIdle();
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

    // The directory only shows: what it misses locks all the same.
    private async Task List(LockoutState state)
    {
        try
        {
            await Directory(state.Tenant).Report(new LockoutSummary
            {
                LockoutKey = this.GetPrimaryKeyString(),
                Failures = state.Failures,
                Since = state.LockedSince,
                Until = state.LockedUntil ?? state.LockedSince,
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
