using IvrActors.Grains.Interfaces.Edges;
using Orleans.Concurrency;
using Orleans.Runtime;
using Orleans.Streams;

namespace IvrActors.Grains.Edges;

/// <summary>Puts an edge's batches on its stream. Reentrant: a slow queue holds up no other batch.</summary>
[Reentrant]
internal sealed class MediaLaneGrain : Grain, IMediaLaneGrain
{
    private IAsyncStream<MediaEventBatch>? _stream;

    public Task Publish(MediaEventBatch batch)
    {
        EdgeName.Demand(this.GetPrimaryKeyString()[IMediaLaneGrain.Key("").Length..]);
        if (batch.Events.Count is 0 or > MediaEventBatch.MostEvents) return Task.CompletedTask;
        _stream ??= this.GetStreamProvider(IMediaLaneGrain.Provider).GetStream<MediaEventBatch>(StreamId.Create(IMediaLaneGrain.Namespace, this.GetPrimaryKeyString()));
        return _stream.OnNextAsync(batch);
    }
}
