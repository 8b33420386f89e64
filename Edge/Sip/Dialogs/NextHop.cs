using System.Net;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;

namespace IvrActors.Edge.Sip.Dialogs;

/// <summary>Where messages go.</summary>
public static class NextHop
{
    private const int DefaultPort = 5060;

    /// <summary>
    /// Where responses to a request go over UDP (RFC 3261 18.2.2, RFC 3581 4): the source address, at its port where rport asks for that, else
    /// at the port of sent-by. <c>maddr</c> is not followed: a trunk could aim our answers at others with it.
    /// </summary>
    public static SipPeer OfResponses(SipRequest request, SipPeer source)
    {
        if (source.Reliable || request.Vias.Count == 0 || request.TopVia.HasRPort) return source;
        var port = request.TopVia.Port ?? DefaultPort;
        return port is > 0 and <= IPEndPoint.MaxPort ? source.At(source.EndPoint.Address, port) : source;
    }

    /// <summary>
    /// Where our requests in a dialog go: over a stream on its connection; over UDP to the address in the next hop's URI if that is one of the
    /// trunk's, else (a name, a private address behind a NAT, an address of others) to where the peer's last request came from.
    /// </summary>
    public static SipPeer OfRequest(SipUri nextHop, SipPeer source)
    {
        if (source.Reliable || !nextHop.IsSip || !IPAddress.TryParse(nextHop.Host.AsSpan().Trim("[]"), out var address)) return source;
        // Our socket has one family, which is that of the source.
        if (address.AddressFamily != source.EndPoint.AddressFamily) return source;
        foreach (var network in source.Trunk.From)
        {
            if (network.Contains(address)) return source.At(address, nextHop.Port ?? DefaultPort);
        }
        return source;
    }
}
