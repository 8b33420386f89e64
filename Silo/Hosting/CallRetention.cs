using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Silo.Security;
using IvrActors.Silo.Storage;
using Prometheus;

namespace IvrActors.Silo.Hosting;

/// <summary>Comes back to calls whose silo is gone: where their edge is gone, too, nobody else would, and what was keyed in them would stay stored.</summary>
internal sealed partial class CallRetention(IStateTable states, IGrainFactory grains, RoleTokens tokens, TimeProvider time, ILogger<CallRetention> logger) : PeriodicWork(s_start, s_period, s_lastRun, time, logger)
{
    /// <summary>Much longer than a call grain is kept that nobody calls, also when several silos come back in turn: a visit must not keep an abandoned call.</summary>
    private static readonly TimeSpan s_period = TimeSpan.FromHours(1);
    private static readonly TimeSpan s_start = TimeSpan.FromMinutes(1);

    private static readonly Gauge s_lastRun = Metrics.CreateGauge("ivr_call_retention_last_run_timestamp_seconds", "When stored calls were last come back to.");

    protected override string What => "stored calls could not be come back to";

    /// <summary>Visits every call that has a row.</summary>
    protected override async Task Run(CancellationToken stoppingToken)
    {
        foreach (var call in await states.KeysOf("call"))
        {
            if (stoppingToken.IsCancellationRequested) return;
            RequestContext.Set(RoleToken.ContextKey, tokens.IssueSystem());
            try
            {
                await grains.GetGrain<ICallGrain>(call).Visit();
            }
            catch (Exception e) when (!stoppingToken.IsCancellationRequested)
            {
                // The next one may be elsewhere; this one is come back to in an hour.
                LogUnvisited(e.GetType().Name);
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "a stored call could not be come back to: {Failure}")]
    private partial void LogUnvisited(string failure);
}
