using System.Net;
using System.Net.Sockets;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;

namespace IvrActors.Edge.Sip.Dialogs;

/// <summary>Our addresses as the outside sees them, at most one of each family, with the port of each listener (0: not listening).</summary>
public sealed class SipAddress
{
    private readonly string? _v4;
    private readonly string? _v6;

    public SipAddress(params IReadOnlyList<IPAddress> addresses)
    {
        ArgumentOutOfRangeException.ThrowIfZero(addresses?.Count ?? 0, nameof(addresses));
        foreach (var address in addresses!)
        {
            // RFC 5118 4.5: an IPv6 address in a Via or URI stands in brackets.
            if (address.AddressFamily == AddressFamily.InterNetworkV6) _v6 ??= $"[{address}]";
            else _v4 ??= address.ToString();
        }
        Host = addresses[0].AddressFamily == AddressFamily.InterNetworkV6 ? _v6! : _v4!;
    }

    /// <summary>The first address.</summary>
    public string Host { get; }

    public int UdpPort { get; set; }

    public int TcpPort { get; set; }

    public int TlsPort { get; set; }

    public int WsPort { get; set; }

    public int WssPort { get; set; }

    public int PortOf(SipTransport transport) => transport switch
    {
        SipTransport.Udp => UdpPort,
        SipTransport.Tcp => TcpPort,
        SipTransport.Tls => TlsPort,
        SipTransport.Ws => WsPort,
        _ => WssPort,
    };

    /// <summary>Our address of the peer's family; the first one where we have none.</summary>
    public string HostFor(SipPeer peer) =>
        (peer.EndPoint.AddressFamily == AddressFamily.InterNetworkV6 && !peer.EndPoint.Address.IsIPv4MappedToIPv6 ? _v6 : _v4) ?? Host;

    /// <summary>Via of a request of ours to this peer (RFC 3261 18.1.1; RFC 3581).</summary>
    public string ViaFor(SipPeer peer, string branch)
    {
        // A transport that we only dial by has no port to name.
        var name = peer.Transport switch { SipTransport.Udp => "UDP", SipTransport.Tcp => "TCP", SipTransport.Tls => "TLS", SipTransport.Ws => "WS", _ => "WSS" };
        return $"SIP/2.0/{name} {SentBy(peer)};branch={branch};rport";
    }

    /// <summary>
    /// Contact in a dialog with this peer. RFC 7118 5.4 has one name for both kinds of WebSocket; the scheme tells them apart. A sips URI names our TLS
    /// listener, also to a peer that came without TLS but wants one.
    /// </summary>
    /// <param name="secure">Whether the dialog is one of sips URIs.</param>
    public string ContactFor(SipPeer peer, bool secure)
    {
        if (secure && TlsPort != 0 && peer.Transport is SipTransport.Udp or SipTransport.Tcp) return $"<sips:ivr@{HostFor(peer)}:{TlsPort};transport=tcp>";
        var host = SentBy(peer);
        return peer.Transport switch
        {
            SipTransport.Udp => $"<sip:ivr@{host}>",
            SipTransport.Tcp => $"<sip:ivr@{host};transport=tcp>",
            SipTransport.Tls => secure ? $"<sips:ivr@{host};transport=tcp>" : $"<sip:ivr@{host};transport=tls>",
            _ => secure ? $"<sips:ivr@{host};transport=ws>" : $"<sip:ivr@{host};transport=ws>",
        };
    }

    /// <summary>Whether a response from this peer carries the one Via that we wrote (RFC 3261 18.1.2).</summary>
    public bool IsAnswerTo(SipResponse response, SipPeer peer) => ResponseScreening.IsOurs(response, HostFor(peer), PortOf(peer.Transport));

    private string SentBy(SipPeer peer) => PortOf(peer.Transport) is > 0 and var port ? $"{HostFor(peer)}:{port}" : HostFor(peer);
}
