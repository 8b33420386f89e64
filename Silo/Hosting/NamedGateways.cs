using IvrActors.Silo.Cluster;
using Orleans.Configuration;
using Orleans.Messaging;
using Orleans.Runtime;

namespace IvrActors.Silo.Hosting;

/// <summary>The gateways of the silos that <c>cluster.yaml</c> lists. Names are looked up each time: a silo that starts again may have another address, and some may not be there.</summary>
internal sealed class NamedGateways(IReadOnlyList<NodeAddress> gateways, TimeSpan staleness) : IGatewayListProvider
{
    public TimeSpan MaxStaleness => staleness;

    public bool IsUpdatable => true;

    public Task InitializeGatewayListProvider() => Task.CompletedTask;

    public async Task<IList<Uri>> GetGateways() => [.. (await Task.WhenAll(gateways.Select(gateway => gateway.Find()))).SelectMany(found => found).Select(end => end.ToGatewayUri())];
}
