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
internal sealed partial class LockoutRetention(IStateTable states, IGrainFactory grains, RoleTokens tokens, TimeProvider time, ILogger<LockoutRetention> logger) : BackgroundService
{
    private static readonly TimeSpan s_period = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan s_start = TimeSpan.FromMinutes(1);

    /// <summary>Looked at in one period: 288,000 a day, a few seconds of work each time.</summary>
    private const int Most = 2000;

    private static readonly Gauge s_lastRun = Metrics.CreateGauge("ivr_lockout_retention_last_run_timestamp_seconds", "When lockouts of accounts that nobody enrolled were last removed.");

    private string _after = "";

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var wait = s_start;
        while (!stoppingToken.IsCancellationRequested)
        {
            await Task.Delay(wait, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (!stoppingToken.IsCancellationRequested) await TrySweep(stoppingToken);
            wait = s_period;
        }
    }

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

    private async Task TrySweep(CancellationToken stoppingToken)
    {
        try
        {
            await Sweep(stoppingToken);
            s_lastRun.Set(time.GetUtcNow().ToUnixTimeSeconds());
        }
        catch (Exception e) when (!stoppingToken.IsCancellationRequested)
        {
            // What escapes here would stop the process; the metric tells, and the next run tries again.
            LogFailure(e.GetType().Name);
        }
        catch (Exception)
        {
            // The silo is ending: what is left is found by the next.
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "lockouts of accounts that nobody enrolled could not be removed: {Failure}")]
    private partial void LogFailure(string failure);
}
