using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Grains.Interfaces.Recordings;
using IvrActors.Silo.Security;
using Prometheus;

namespace IvrActors.Silo.Hosting;

/// <summary>Has the cluster destroy the keys of recordings whose time is over, also where the edge with the file never comes back. Each silo asks; one grain does it.</summary>
internal sealed class RecordingRetention(IGrainFactory grains, RoleTokens tokens, TimeProvider time, ILogger<RecordingRetention> logger) : PeriodicWork(s_start, s_period, s_lastRun, time, logger)
{
    /// <summary>Keys outlive their time by so much at most.</summary>
    private static readonly TimeSpan s_period = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan s_start = TimeSpan.FromSeconds(30);

    private static readonly Gauge s_lastRun = Metrics.CreateGauge("ivr_recording_keys_retention_last_run_timestamp_seconds", "When the retention of recordings' keys was last enforced.");

    protected override string What => "keys of recordings could not be destroyed at their time";

    protected override async Task Run(CancellationToken stoppingToken)
    {
        bool isMore;
        do
        {
            RequestContext.Set(RoleToken.ContextKey, tokens.IssueSystem());
            isMore = await grains.GetGrain<IRecordingRetentionGrain>(IRecordingRetentionGrain.Key).Sweep();
        }
        while (isMore && !stoppingToken.IsCancellationRequested);
    }
}
