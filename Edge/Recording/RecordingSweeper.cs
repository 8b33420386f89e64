using IvrActors.Edge.Calls;
using IvrActors.Grains.Interfaces;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Grains.Interfaces.Recordings;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Runtime;

namespace IvrActors.Edge.Recording;

/// <summary>Deletes recordings whose retention period is over, after the cluster destroyed its share of their keys.</summary>
internal sealed partial class RecordingSweeper(EdgeOptions options, IGrainFactory grains, EdgeToken token, EdgeReadiness readiness, TimeProvider time, ILogger<RecordingSweeper> log) : BackgroundService
{
    private static readonly TimeSpan s_period = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_untilReady = TimeSpan.FromSeconds(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (options.RecordingFolder is not { } folder) return;
        while (!stoppingToken.IsCancellationRequested)
        {
            var isReady = readiness.SealingKey is not null;
            if (isReady) await TrySweep(folder, stoppingToken);
            await Task.Delay(isReady ? s_period : s_untilReady, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task TrySweep(string folder, CancellationToken cancellation)
    {
        try
        {
            await Sweep(folder, cancellation);
        }
#pragma warning disable CA1031 // The folder cannot be listed now: calls do not depend on it, and the next sweep tries again.
        catch (Exception e)
#pragma warning restore CA1031
        {
            NotExpired(log, e.GetType().Name);
        }
    }

    /// <summary>Looks at every recording once.</summary>
    internal async Task Sweep(string folder, CancellationToken cancellation)
    {
        if (!Directory.Exists(folder)) return;
        var now = time.GetUtcNow();
        var failed = false;
        foreach (var file in Directory.EnumerateFiles(folder, "*" + RecordingNames.Extension))
        {
            if (cancellation.IsCancellationRequested) return;
            try
            {
                if (Read(file) is not { } header || header.Start + options.RecordingsKept > now) continue;
                RequestContext.Set(RoleToken.ContextKey, token.Value);
                if (!await grains.Grain<IRecordingGrain>(header.Recording.Value).Expire(header.Start).WaitAsync(s_patience, time, cancellation)) continue;
                File.Delete(file);
                RecordingMetrics.Expired.Inc();
            }
#pragma warning disable CA1031 // The others are to be looked at all the same; the next sweep tries this one again.
            catch (Exception e)
#pragma warning restore CA1031
            {
                failed = true;
                NotExpired(log, e.GetType().Name);
            }
        }
        if (!failed) RecordingMetrics.LastSweep.Set(now.ToUnixTimeSeconds());
    }

    private static RecordingHeader? Read(string file)
    {
        using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        var bytes = new byte[RecordingHeader.MostBytes];
        var count = stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
        return RecordingHeader.TryRead(bytes.AsSpan(0, count), out var header, out _) == RecordingRejection.None ? header : null;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "a recording could not be deleted: {Error}")]
    private static partial void NotExpired(ILogger log, string error);
}
