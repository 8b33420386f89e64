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
                var (name, start) = Read(file);
                if (start + options.RecordingsKept > now) continue;
                RequestContext.Set(RoleToken.ContextKey, token.Value);
                if (name is { } id && !await grains.Grain<IRecordingGrain>(id.Value).Expire(start).WaitAsync(s_patience, time, cancellation)) continue;
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

    /// <summary>Whose file it is, and since when. Where the process was ended before the header was written, the file's name and time tell.</summary>
    private static (RecordingId? Name, DateTimeOffset Start) Read(string file)
    {
        using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        var bytes = new byte[RecordingHeader.MostBytes];
        var count = stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
        if (RecordingHeader.TryRead(bytes.AsSpan(0, count), out var header, out _) == RecordingRejection.None) return (header!.Recording, header.Start);
        return (RecordingId.TryParse(Path.GetFileNameWithoutExtension(file), out var id) ? id : null, File.GetLastWriteTimeUtc(file));
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "a recording could not be deleted: {Error}")]
    private static partial void NotExpired(ILogger log, string error);
}
