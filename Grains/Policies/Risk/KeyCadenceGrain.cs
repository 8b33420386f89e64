using IvrActors.Grains.Interfaces;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Edges;
using IvrActors.Grains.Interfaces.Policies;
using Orleans.Runtime;
using Orleans.Streams;
using Orleans.Streams.Core;

namespace IvrActors.Grains.Policies.Risk;

/// <summary>Listens to one edge's stream and hands on the calls whose keys a machine seems to press.</summary>
[ImplicitStreamSubscription(IMediaLaneGrain.Namespace)]
internal sealed class KeyCadenceGrain : Grain, IKeyCadenceGrain, IStreamSubscriptionObserver, IAsyncObserver<MediaEventBatch>
{
    private readonly KeyCadence _cadence = new();

    public Task OnSubscribed(IStreamSubscriptionHandleFactory handleFactory) => handleFactory.Create<MediaEventBatch>().ResumeAsync(this);

    public Task OnNextAsync(MediaEventBatch item, StreamSequenceToken? token = null)
    {
        var machines = item.Events.Where(one => one.Kind is MediaEventKind.Key && _cadence.Press(one.Call, item.At.AddMilliseconds(-one.AgoMs))).Select(one => one.Call).ToList();
        foreach (var shard in machines.GroupBy(call => RiskShards.Of(call.Value))) _ = GrainFactory.Grain<IRiskCallGrain>(IRiskCallGrain.Key(shard.Key)).Suspect([.. shard]);
        return Task.CompletedTask;
    }

    // Telemetry: what is lost is lost, and the next batch comes.
    public Task OnErrorAsync(Exception ex) => Task.CompletedTask;
}
