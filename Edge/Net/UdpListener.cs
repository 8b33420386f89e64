using System.Net;
using System.Net.Sockets;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;
using Microsoft.Extensions.Logging;

namespace IvrActors.Edge.Net;

/// <summary>A SIP UDP socket and the thread that empties it with one buffer.</summary>
internal sealed partial class UdpListener : IDisposable
{
    /// <summary>Peers remembered so that a packet from a known address allocates none.</summary>
    private const int MostPeers = 4096;

    /// <summary>Room for a burst while the thread waits for a core; the system may grant less.</summary>
    private const int ReceiveBuffer = 4 * 1024 * 1024;

    private readonly Socket _socket;
    private readonly SipIntake _intake;
    private readonly ILogger _log;
    private readonly Dictionary<SourceAddress, SipPeer> _peers = [];
    private readonly Thread _thread;
    private volatile bool _stopping;

    /// <summary>Binds the socket; throws <see cref="SocketException"/> when the port is taken.</summary>
    public UdpListener(IPEndPoint local, SipTransports transports, SipIntake intake, ILogger log)
    {
        (_intake, _log) = (intake, log);
        _socket = new Socket(local.AddressFamily, SocketType.Dgram, ProtocolType.Udp) { ReceiveBufferSize = ReceiveBuffer, SendBufferSize = ReceiveBuffer };
        try
        {
            if (local.AddressFamily == AddressFamily.InterNetworkV6) _socket.DualMode = false; // IPv4 has a socket of its own.
            _socket.Bind(local);
        }
        catch
        {
            _socket.Dispose();
            throw;
        }
        Port = ((IPEndPoint)_socket.LocalEndPoint!).Port;
        transports.Bind(_socket);
        _thread = new Thread(Receive) { IsBackground = true, Name = "sip-udp" };
        _thread.Start();
    }

    public int Port { get; }

    public void Dispose()
    {
        _stopping = true;
        _socket.Dispose();
        _thread.Join();
    }

    private void Receive()
    {
        var buffer = GC.AllocateUninitializedArray<byte>(SipLimits.DatagramBytes, pinned: true);
        var from = new SocketAddress(_socket.AddressFamily);
        while (!_stopping)
        {
            int length;
            try
            {
                length = _socket.ReceiveFrom(buffer, SocketFlags.None, from);
            }
            catch (ObjectDisposedException)
            {
                return;
            }
            catch (SocketException)
            {
                // An ICMP error of an earlier send, or the end.
                continue;
            }
            try
            {
                var source = SourceAddress.Of(from);
                if (_intake.Admit(source, proven: false) is { } trunk) _intake.Take(buffer.AsMemory(0, length), PeerOf(source, trunk));
                else _intake.Forbid(source, buffer.AsMemory(0, length));
            }
#pragma warning disable CA1031 // A datagram that shows an error of ours must not end the process.
            catch (Exception e)
#pragma warning restore CA1031
            {
                SipMetrics.InternalError.Inc();
                Failed(_log, e.GetType().Name, e.StackTrace ?? "");
            }
            buffer.AsSpan(0, length).Clear(); // An INFO with a key of a PIN does not stay until it is overwritten.
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "internal error while taking a datagram: {Error}\n{Stack}")]
    private static partial void Failed(ILogger log, string error, string stack);

    private SipPeer PeerOf(SourceAddress source, EdgeTrunk trunk)
    {
        if (_peers.TryGetValue(source, out var peer) && peer.Trunk == trunk) return peer;
        if (_peers.Count >= MostPeers) _peers.Clear();
        return _peers[source] = new SipPeer(SipTransport.Udp, source.ToEndPoint(), 0, trunk);
    }
}
