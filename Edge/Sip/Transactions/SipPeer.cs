using System.Net;

namespace IvrActors.Edge.Sip.Transactions;

public enum SipTransport
{
    Udp,
    Tcp,
    Tls,

    /// <summary>SIP over WebSocket (RFC 7118), in clear and over TLS.</summary>
    Ws,
    Wss,
}

/// <summary>The other end of a hop: address, transport, and for streams the connection. Only peers of a known trunk become one.</summary>
/// <param name="connection">Number of the stream connection, 0 for UDP.</param>
public sealed class SipPeer(SipTransport transport, IPEndPoint endPoint, long connection, EdgeTrunk trunk)
{
    public SipTransport Transport { get; } = transport;

    public IPEndPoint EndPoint { get; } = endPoint;

    public long Connection { get; } = connection;

    public EdgeTrunk Trunk { get; } = trunk;

    /// <summary>The trunk as which the network let it in, before a password named another one. Who may speak in a dialog is told by it: requests inside of dialogs carry no password.</summary>
    public EdgeTrunk Entry { get; private init; } = trunk;

    /// <summary>Trunks whose demand for a certificate (<see cref="EdgeTrunk.Tls"/>) this connection met.</summary>
    public IReadOnlyList<EdgeTrunk> Certified { get; init; } = [];

    /// <summary>Whether we opened this connection to the trunk's own proxy; over TLS its certificate was then that of the proxy (RFC 5922).</summary>
    public bool OpenedByUs { get; init; }

    public bool Reliable => Transport != SipTransport.Udp;

    /// <summary>Whether this hop is encrypted: only then may keys stand in SDP and a sips URI be served.</summary>
    public bool IsSecure => Transport is SipTransport.Tls or SipTransport.Wss;

    /// <summary>The same hop, known to be this trunk (its digest or certificate said so).</summary>
    public SipPeer As(EdgeTrunk trunk) => trunk == Trunk ? this : new(Transport, EndPoint, Connection, trunk) { Entry = Entry, Certified = Certified, OpenedByUs = OpenedByUs };

    /// <summary>The same hop, where it goes on with what another one began.</summary>
    public SipPeer For(SipPeer known) => new(Transport, EndPoint, Connection, known.Trunk) { Entry = known.Entry, Certified = Certified, OpenedByUs = OpenedByUs };

    /// <summary>The same peer at another UDP port or address; a stream peer stays what it is: its connection is the way back.</summary>
    public SipPeer At(IPAddress address, int port) =>
        Reliable || (port == EndPoint.Port && address.Equals(EndPoint.Address)) ? this : new(Transport, new IPEndPoint(address, port), Connection, Trunk) { Entry = Entry };
}
