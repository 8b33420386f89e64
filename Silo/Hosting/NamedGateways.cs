using System.Collections.Concurrent;
using System.Net;
using IvrActors.Silo.Cluster;
using Orleans.Configuration;
using Orleans.Messaging;
using Orleans.Runtime;

namespace IvrActors.Silo.Hosting;

/// <summary>
/// The gateways of the silos that <c>cluster.yaml</c> lists. Names are looked up each time: a silo that starts again may have another address, and some may not be there. While a name leads
/// nowhere, its last addresses stand: the client closes connections to what is not listed, and a moment without DNS would cut it off from silos that are well.
/// </summary>
/// <param name="find">Where one is now; nothing while that is not known.</param>
internal sealed class NamedGateways(IReadOnlyList<NodeAddress> gateways, TimeSpan staleness, Func<NodeAddress, Task<IReadOnlyList<IPEndPoint>>>? find = null) : IGatewayListProvider
{
    private readonly Func<NodeAddress, Task<IReadOnlyList<IPEndPoint>>> _find = find ?? (gateway => gateway.Find());
    private readonly ConcurrentDictionary<NodeAddress, IReadOnlyList<IPEndPoint>> _last = new();

    public TimeSpan MaxStaleness => staleness;

    public bool IsUpdatable => true;

    public Task InitializeGatewayListProvider() => Task.CompletedTask;

    public async Task<IList<Uri>> GetGateways() => [.. (await Task.WhenAll(gateways.Select(Find))).SelectMany(found => found).Select(end => end.ToGatewayUri())];

    private async Task<IReadOnlyList<IPEndPoint>> Find(NodeAddress gateway)
    {
        var found = await _find(gateway);
        return found.Count > 0 ? _last[gateway] = found : _last.GetValueOrDefault(gateway, found);
    }
}
