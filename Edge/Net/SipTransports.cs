using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using IvrActors.Edge.Sip.Dialogs;
using IvrActors.Edge.Sip.Locating;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;
using IvrActors.Edge.Tracing;

namespace IvrActors.Edge.Net;

/// <summary>Sends SIP messages: over the UDP socket of the peer's family, or over a stream that the peer or we opened.</summary>
public sealed class SipTransports(EdgeOptions options, SipTap tap)
{
    /// <summary>Streams that we open: a trunk has a few proxies with a stream or two to each.</summary>
    internal const int MostOutgoing = 1024;

    /// <summary>Streams of ours that ended, whose address and name are known until dialogs on them need another one.</summary>
    private const int MostEnded = 4096;

    private readonly ConcurrentDictionary<long, SipConnection> _connections = new();
    private readonly Lock _lock = new();
    private readonly Dictionary<StreamTarget, SipConnection> _byTarget = [];
    private readonly Dictionary<long, StreamTarget> _dialled = [];
    private readonly Queue<long> _ended = new();
    private readonly Dictionary<AddressFamily, Socket> _udp = [];
    private int _outgoing;
    private bool _ending;
    private long _lastConnection;

    /// <summary>Our address as it stands in Via and Contact.</summary>
    public SipAddress Address { get; } = new SipAddress(options.Addresses)
    {
        UdpPort = options.UdpPort ?? 0,
        TcpPort = options.TcpPort ?? 0,
        TlsPort = options.TlsPort ?? 0,
        WsPort = options.WsPort ?? 0,
        WssPort = options.WssPort ?? 0,
    };

    internal SipTap Tap => tap;

    internal IEnumerable<SipConnection> Connections => _connections.Values;

    /// <summary>Begins to connect to a target; the connection it makes stands in the table already.</summary>
    internal Func<SipPeer, StreamTarget, SipConnection>? Dial { get; set; }

    /// <summary>
    /// A peer to send to. For streams that of an open connection, or of one that is being made and keeps what is sent until it stands; one
    /// that cannot be made is reported like one that was lost. The end of a WebSocket that a browser opened cannot be dialled, only found.
    /// </summary>
    /// <param name="tlsHost">Domain for which the server's certificate must be (RFC 5922 7); null: one of the trunk's own.</param>
    public SipPeer PeerTo(SipTransport transport, IPEndPoint endPoint, EdgeTrunk trunk, string? tlsHost = null)
    {
        ArgumentNullException.ThrowIfNull(endPoint);
        if (transport == SipTransport.Udp) return new SipPeer(transport, endPoint, 0, trunk);
        lock (_lock)
        {
            var target = StreamTarget.Of(transport, endPoint, trunk, tlsHost);
            if (Find(target) is { } open) return open.Peer;
            var peer = new SipPeer(transport, endPoint, NextConnection(), trunk) { OpenedByUs = true };
            if (Dial is null || transport is SipTransport.Ws or SipTransport.Wss || _outgoing >= MostOutgoing) return peer;
            _outgoing++;
            _dialled[peer.Connection] = target;
            _byTarget[target] = _connections[peer.Connection] = Dial(peer, target);
            SipMetrics.Connections(transport).Inc();
            return peer;
        }
    }

    /// <summary>
    /// Another way to a peer whose stream is gone (RFC 3261 18.2.2): to where we had connected; else to where it says that it listens, if that is
    /// the address that it came from or one of the trunk's. Null when there is none.
    /// </summary>
    public SipPeer? Reconnect(SipPeer gone, SipUri way)
    {
        ArgumentNullException.ThrowIfNull(gone);
        ArgumentNullException.ThrowIfNull(way);
        lock (_lock)
        {
            if (_dialled.TryGetValue(gone.Connection, out var target)) return PeerTo(gone.Transport, target.EndPoint, target.Trunk, target.TlsHost);
        }
        if (gone.Transport is not (SipTransport.Tcp or SipTransport.Tls) || !IPAddress.TryParse(way.Host.AsSpan().Trim("[]"), out var address)) return null;
        if (!address.Equals(gone.EndPoint.Address) && !gone.Entry.IsFrom(address)) return null;
        // Without a name that its certificate must be for, nobody could be told from the trunk.
        if (gone.Transport == SipTransport.Tls && gone.Entry.Tls is null) return null;
        return PeerTo(gone.Transport, new IPEndPoint(address, way.Port ?? LocationPlan.DefaultPort(gone.Transport)), gone.Entry).As(gone.Trunk);
    }

    /// <summary>A stream to where a UDP hop leads; null where we have none, or the peer could not connect back (RFC 3261 18.1.1).</summary>
    public SipPeer? OverStream(SipPeer hop)
    {
        ArgumentNullException.ThrowIfNull(hop);
        return options.TcpPort is null ? null : PeerTo(SipTransport.Tcp, hop.EndPoint, hop.Entry).As(hop.Trunk);
    }

    internal void Bind(Socket udp)
    {
        lock (_lock) _udp[udp.AddressFamily] = udp;
    }

    internal long NextConnection() => Interlocked.Increment(ref _lastConnection);

    /// <summary>Adds a connection that a peer opened.</summary>
    internal void Add(SipConnection connection)
    {
        lock (_lock)
        {
            _connections[connection.Peer.Connection] = connection;
            _byTarget[StreamTarget.Of(connection.Peer)] = connection;
            SipMetrics.Connections(connection.Peer.Transport).Inc();
            if (_ending) connection.Complete();
        }
    }

    /// <summary>Ends every connection, and those that are still added, after what is queued for it was sent.</summary>
    internal void EndAll()
    {
        lock (_lock)
        {
            _ending = true;
            foreach (var connection in _connections.Values) connection.Complete();
        }
    }

    internal void Remove(SipConnection connection)
    {
        lock (_lock)
        {
            if (!_connections.TryRemove(connection.Peer.Connection, out _)) return;
            SipMetrics.Connections(connection.Peer.Transport).Dec();
            var wasDialled = _dialled.TryGetValue(connection.Peer.Connection, out var target);
            if (!wasDialled) target = StreamTarget.Of(connection.Peer);
            if (_byTarget.TryGetValue(target, out var current) && current == connection) _byTarget.Remove(target);
            if (!wasDialled) return;
            _outgoing--;
            _ended.Enqueue(connection.Peer.Connection);
            if (_ended.Count > MostEnded) _dialled.Remove(_ended.Dequeue());
        }
    }

    /// <summary>Sends; false, and counted, when that failed. Over UDP SIP's timers take care of what was lost.</summary>
    internal bool Send(in SipSend send)
    {
        SipMetrics.Sent(send.Method, send.Peer.Transport);
        tap.Sent(send);
        if (send.Peer.Reliable)
        {
            if (_connections.TryGetValue(send.Peer.Connection, out var connection) && connection.TrySend(send.Bytes)) return true;
            SipMetrics.SendFailed.Inc();
            return false;
        }
        try
        {
            if (_udp.TryGetValue(send.Peer.EndPoint.AddressFamily, out var socket))
            {
                socket.SendTo(send.Bytes, SocketFlags.None, send.Peer.EndPoint);
                return true;
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Counted below.
        }
        SipMetrics.SendFailed.Inc();
        return false;
    }

    /// <summary>Closes a stream after what is queued for it was sent.</summary>
    internal void Close(SipPeer peer)
    {
        if (_connections.TryGetValue(peer.Connection, out var connection)) connection.Complete();
    }

    /// <summary>A connection that leads there: ours with the same name, or one that the peer opened and that proved the name (RFC 5923 8).</summary>
    private SipConnection? Find(StreamTarget target)
    {
        if (_byTarget.TryGetValue(target, out var dialled)) return dialled;
        if (!_byTarget.TryGetValue(target.Accepted, out var accepted)) return null;
        var proven = target.TlsHost is null || target.Transport == SipTransport.Tcp || accepted.Identities.Contains(target.TlsHost, StringComparer.OrdinalIgnoreCase);
        return proven ? accepted : null;
    }
}

/// <summary>Where a stream leads: connections are shared only between equals of this.</summary>
/// <param name="IsOurs">Whether we opened it.</param>
internal readonly record struct StreamTarget(SipTransport Transport, IPEndPoint EndPoint, EdgeTrunk Trunk, string? TlsHost, bool IsOurs)
{
    /// <summary>The same end, had it opened the connection.</summary>
    public StreamTarget Accepted => this with { TlsHost = null, IsOurs = false };

    public static StreamTarget Of(SipTransport transport, IPEndPoint endPoint, EdgeTrunk trunk, string? tlsHost) =>
        new(transport, endPoint, trunk, transport == SipTransport.Tls ? tlsHost?.ToLowerInvariant() : null, IsOurs: true);

    public static StreamTarget Of(SipPeer accepted) => new(accepted.Transport, accepted.EndPoint, accepted.Trunk, null, IsOurs: false);
}
