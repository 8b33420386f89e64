using Prometheus;

namespace IvrActors.Silo.Hosting;

/// <summary>Work that a silo does by itself now and then. What fails is logged and tried again with the next run: what escaped would stop the process. A metric tells when it was last done whole.</summary>
/// <param name="start">From the start of the process to the first run.</param>
internal abstract partial class PeriodicWork(TimeSpan start, TimeSpan period, Gauge lastRun, TimeProvider time, ILogger logger) : BackgroundService
{
    /// <summary>For logs: what could not be done.</summary>
    protected abstract string What { get; }

    protected abstract Task Run(CancellationToken stoppingToken);

    protected sealed override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var wait = start;
        while (!stoppingToken.IsCancellationRequested)
        {
            await Task.Delay(wait, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (!stoppingToken.IsCancellationRequested) await TryRun(stoppingToken);
            wait = period;
        }
    }

    /// <summary>Once. Never throws.</summary>
    internal async Task TryRun(CancellationToken stoppingToken)
    {
        try
        {
            await Run(stoppingToken);
            lastRun.Set(time.GetUtcNow().ToUnixTimeSeconds());
        }
        catch (Exception e) when (!stoppingToken.IsCancellationRequested)
        {
            LogFailure(What, e.GetType().Name);
        }
        catch (Exception)
        {
            // The silo is ending: what is left is found by the next.
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "{What}: {Failure}")]
    private partial void LogFailure(string what, string failure);
}
