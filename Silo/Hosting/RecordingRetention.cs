using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Grains.Interfaces.Recordings;
using IvrActors.Silo.Security;
using Prometheus;

namespace IvrActors.Silo.Hosting;

/// <summary>Has the cluster destroy the keys of recordings whose time is over, also where the edge with the file never comes back. Each silo asks; one grain does it.</summary>
internal sealed partial class RecordingRetention(IGrainFactory grains, RoleTokens tokens, TimeProvider time, ILogger<RecordingRetention> logger) : BackgroundService
{
    /// <summary>Keys outlive their time by so much at most.</summary>
    private static readonly TimeSpan s_period = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan s_start = TimeSpan.FromSeconds(30);

    private static readonly Gauge s_lastRun = Metrics.CreateGauge("ivr_recording_keys_retention_last_run_timestamp_seconds", "When the retention of recordings' keys was last enforced.");

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

    private async Task TrySweep(CancellationToken stoppingToken)
    {
        try
        {
            bool isMore;
            do
            {
                RequestContext.Set(RoleToken.ContextKey, tokens.IssueSystem());
                isMore = await grains.GetGrain<IRecordingRetentionGrain>(IRecordingRetentionGrain.Key).Sweep();
            }
            while (isMore && !stoppingToken.IsCancellationRequested);
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

    [LoggerMessage(Level = LogLevel.Error, Message = "keys of recordings could not be destroyed at their time: {Failure}")]
    private partial void LogFailure(string failure);
}
