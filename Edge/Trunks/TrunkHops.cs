using System.Collections;
using IvrActors.Edge.Net;
using IvrActors.Edge.Net.Locating;
using IvrActors.Edge.Sip.Transactions;

namespace IvrActors.Edge.Trunks;

/// <summary>Peers of a trunk at these locations, each made when it is asked for: making one begins to connect to it.</summary>
internal sealed class TrunkHops(SipTransports transports, EdgeTrunk trunk, IReadOnlyList<SipLocation> locations) : IReadOnlyList<SipPeer>
{
    public int Count => locations.Count;

    public SipPeer this[int index] => transports.PeerTo(locations[index].Transport, locations[index].EndPoint, trunk, locations[index].TlsHost);

    public IEnumerator<SipPeer> GetEnumerator()
    {
        for (var i = 0; i < Count; i++) yield return this[i];
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
