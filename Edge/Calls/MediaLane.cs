using System.Threading.Channels;
using IvrActors.Grains.Interfaces;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Edges;
using IvrActors.Grains.Interfaces.Operators;
using Microsoft.Extensions.Hosting;
using Orleans.Runtime;
using Prometheus;

namespace IvrActors.Edge.Calls;

/// <summary>
/// Brings what media threads observe to the cluster: one batch of all calls at a time. Telling never blocks and never fails; what the cluster does not take in time is
/// dropped, oldest first, and counted.
/// </summary>
internal sealed class MediaLane : BackgroundService
{
    /// <summary>Seconds of the busiest edge; about 1 MB.</summary>
    internal const int MostWaiting = 16_384;

    internal static readonly TimeSpan Period = TimeSpan.FromMilliseconds(500);

    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(5);

    private static readonly Counter s_events = Metrics.CreateCounter("ivr_media_events_total", "Media events of calls for the cluster's stream, by what became of them.", "result");
    private static readonly Counter.Child s_published = s_events.WithLabels("published");
    private static readonly Counter.Child s_dropped = s_events.WithLabels("dropped");
    private static readonly Counter.Child s_failed = s_events.WithLabels("failed");

    private readonly Channel<(CallId Call, MediaEventKind Kind, long At, MediaQuality? Quality)> _waiting = Channel.CreateBounded<(CallId, MediaEventKind, long, MediaQuality?)>(
        new BoundedChannelOptions(MostWaiting) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true }, static _ => s_dropped.Inc());

    private readonly IGrainFactory _grains;
    private readonly EdgeToken _token;
    private readonly EdgeReadiness _readiness;
    private readonly TimeProvider _time;
    private readonly string _key;

    public MediaLane(EdgeOptions options, IGrainFactory grains, EdgeToken token, EdgeReadiness readiness, TimeProvider time)
    {
        (_grains, _token, _readiness, _time) = (grains, token, readiness, time);
        _key = IMediaLaneGrain.Key(options.Name);
    }

    /// <summary>From any thread.</summary>
    public void Tell(CallId call, MediaEventKind kind, MediaQuality? quality = null) => _waiting.Writer.TryWrite((call, kind, _time.GetTimestamp(), quality));

    /// <summary>Publishes what waits, batch by batch, until nothing does or a batch is not taken.</summary>
    internal async Task Publish()
    {
        while (TakeBatch() is { } batch)
        {
            try
            {
                RequestContext.Set(RoleToken.ContextKey, _token.Value);
                await _grains.Grain<IMediaLaneGrain>(_key).Publish(batch).WaitAsync(s_timeout, _time);
                s_published.Inc(batch.Events.Count);
            }
#pragma warning disable CA1031 // Telemetry fails open, counted.
            catch (Exception)
#pragma warning restore CA1031
            {
                s_failed.Inc(batch.Events.Count);
                return;
            }
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Period, _time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                // Until the cluster is heard it cannot be told anything.
                if (_readiness.SealingKey is not null) await Publish();
            }
        }
        catch (OperationCanceledException)
        {
            // The edge stops: telemetry may be lost.
        }
    }

    private MediaEventBatch? TakeBatch()
    {
        List<MediaEvent>? events = null;
        var now = _time.GetTimestamp();
        while ((events?.Count ?? 0) < MediaEventBatch.MostEvents && _waiting.Reader.TryRead(out var one))
        {
            var ago = Math.Clamp(_time.GetElapsedTime(one.At, now).TotalMilliseconds, 0, int.MaxValue);
            (events ??= []).Add(new MediaEvent { Call = one.Call, Kind = one.Kind, AgoMs = (int)ago, Quality = one.Quality });
        }
        return events is null ? null : new MediaEventBatch { At = _time.GetUtcNow(), Events = events };
    }
}
