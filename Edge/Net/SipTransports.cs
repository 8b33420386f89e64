using System.Collections.Concurrent;
using System.Net.Sockets;
using IvrActors.Edge.Sip.Dialogs;
using IvrActors.Edge.Sip.Transactions;

namespace IvrActors.Edge.Net;

/// <summary>Sends SIP messages: over the UDP socket, or over the connection that the peer opened.</summary>
public sealed class SipTransports(EdgeOptions options)
{
    private readonly ConcurrentDictionary<long, SipConnection> _connections = new();
    private long _lastConnection;

    /// <summary>Our address as it stands in Via and Contact.</summary>
    public SipAddress Address { get; } = new(options.Address) { UdpPort = options.UdpPort ?? 0, TcpPort = options.TcpPort ?? 0, TlsPort = options.TlsPort ?? 0 };

    internal Socket? Udp { get; set; }

    internal IEnumerable<SipConnection> Connections => _connections.Values;

    internal long NextConnection() => Interlocked.Increment(ref _lastConnection);

    internal void Add(SipConnection connection) => _connections[connection.Peer.Connection] = connection;

    internal void Remove(SipConnection connection) => _connections.TryRemove(connection.Peer.Connection, out _);

    /// <summary>Sends; false, and counted, when that failed. Over UDP SIP's timers take care of what was lost.</summary>
    internal bool Send(in SipSend send)
    {
        SipMetrics.Sent(send.Method, send.Peer.Transport);
        if (send.Peer.Reliable)
        {
            if (_connections.TryGetValue(send.Peer.Connection, out var connection) && connection.TrySend(send.Bytes)) return true;
            SipMetrics.SendFailed.Inc();
            return false;
        }
        try
        {
            Udp?.SendTo(send.Bytes, SocketFlags.None, send.Peer.EndPoint);
            return true;
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            SipMetrics.SendFailed.Inc();
            return false;
        }
    }

    /// <summary>Closes a stream after what is queued for it was sent.</summary>
    internal void Close(SipPeer peer)
    {
        if (_connections.TryGetValue(peer.Connection, out var connection)) connection.Complete();
    }
}
