using IvrActors.Grains.Interfaces.Edges;
using Orleans.Runtime;
using Orleans.Streams;
using Orleans.Streams.Core;

namespace IvrActors.Grains.Edges;

/// <summary>Listens to one edge's stream and sums it up, in memory: a new activation knows it again after some seconds.</summary>
[ImplicitStreamSubscription(IMediaLaneGrain.Namespace)]
internal sealed class MediaQualityGrain(TimeProvider time) : Grain, IMediaQualityGrain, IStreamSubscriptionObserver, IAsyncObserver<MediaEventBatch>
{
    private readonly MediaSummary _summary = new();

    public Task<MediaView> GetView() => Task.FromResult(_summary.Read(time.GetUtcNow()));

    public Task OnSubscribed(IStreamSubscriptionHandleFactory handleFactory) => handleFactory.Create<MediaEventBatch>().ResumeAsync(this);

    public Task OnNextAsync(MediaEventBatch item, StreamSequenceToken? token = null)
    {
        _summary.Add(item, time.GetUtcNow());
        return Task.CompletedTask;
    }

    // Telemetry: what is lost is lost, and the next batch comes.
    public Task OnErrorAsync(Exception ex) => Task.CompletedTask;
}
