using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Silo.Security;
using IvrActors.Silo.Storage;
using Prometheus;

namespace IvrActors.Silo.Hosting;

/// <summary>
/// Removes lockouts of accounts that nobody enrolled, a while after the last attempt: whoever tries numbers would otherwise fill the database for ever. Those of enrolled callers stay: they
/// are as many as these.
/// </summary>
internal sealed class LockoutRetention(IStateTable states, IGrainFactory grains, RoleTokens tokens, TimeProvider time, ILogger<LockoutRetention> logger) : PeriodicWork(s_start, s_period, s_lastRun, time, logger)
{
    private static readonly TimeSpan s_period = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan s_start = TimeSpan.FromMinutes(1);

    /// <summary>Looked at in one period: 288,000 a day, a few seconds of work each time.</summary>
    private const int Most = 2000;

    private static readonly Gauge s_lastRun = Metrics.CreateGauge("ivr_lockout_retention_last_run_timestamp_seconds", "When lockouts of accounts that nobody enrolled were last removed.");

    private string _after = "";

    protected override string What => "lockouts of accounts that nobody enrolled could not be removed";

    protected override Task Run(CancellationToken stoppingToken) => Sweep(stoppingToken);

    /// <summary>Goes on where the last sweep ended, and begins anew at the end.</summary>
    internal async Task<int> Sweep(CancellationToken stoppingToken)
    {
        var keys = await states.LockoutsOfStrangers(_after, Most);
        var removed = 0;
        foreach (var key in keys)
        {
            if (stoppingToken.IsCancellationRequested) return removed;
            RequestContext.Set(RoleToken.ContextKey, tokens.IssueSystem());
            if (await grains.GetGrain<ILockoutGrain>(key).Retire()) removed++;
            _after = key;
        }
        if (keys.Count < Most) _after = "";
        return removed;
    }
}
