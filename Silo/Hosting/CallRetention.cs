using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Silo.Security;
using IvrActors.Silo.Storage;
using Prometheus;

namespace IvrActors.Silo.Hosting;

/// <summary>Comes back to calls whose silo is gone: where their edge is gone, too, nobody else would, and what was keyed in them would stay stored.</summary>
internal sealed partial class CallRetention(IStateTable states, IGrainFactory grains, RoleTokens tokens, TimeProvider time, ILogger<CallRetention> logger) : BackgroundService
{
    /// <summary>Much longer than a call grain is kept that nobody calls, also when several silos come back in turn: a visit must not keep an abandoned call.</summary>
    private static readonly TimeSpan s_period = TimeSpan.FromHours(1);
    private static readonly TimeSpan s_start = TimeSpan.FromMinutes(1);

    private static readonly Gauge s_lastRun = Metrics.CreateGauge("ivr_call_retention_last_run_timestamp_seconds", "When stored calls were last come back to.");

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var wait = s_start;
        while (!stoppingToken.IsCancellationRequested)
        {
            await Task.Delay(wait, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (!stoppingToken.IsCancellationRequested) await TryVisit(stoppingToken);
            wait = s_period;
        }
    }

    /// <summary>Visits every call that has a row. Their number.</summary>
    internal async Task<int> Visit(CancellationToken stoppingToken)
    {
        var calls = await states.KeysOf("call");
        foreach (var call in calls)
        {
            if (stoppingToken.IsCancellationRequested) break;
            RequestContext.Set(RoleToken.ContextKey, tokens.IssueSystem());
            try
            {
                await grains.GetGrain<ICallGrain>(call).Visit();
            }
            catch (Exception e) when (!stoppingToken.IsCancellationRequested)
            {
                // The next one may be elsewhere; this one is come back to in an hour.
                LogFailure(e.GetType().Name);
            }
        }
        return calls.Count;
    }

    private async Task TryVisit(CancellationToken stoppingToken)
    {
        try
        {
            await Visit(stoppingToken);
            s_lastRun.Set(time.GetUtcNow().ToUnixTimeSeconds());
        }
        catch (Exception e) when (!stoppingToken.IsCancellationRequested)
        {
            // What escapes here would stop the process; the metric tells, and the next run tries again.
            LogFailure(e.GetType().Name);
        }
        catch (Exception)
        {
            // The silo is ending.
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "stored calls could not be come back to: {Failure}")]
    private partial void LogFailure(string failure);
}
