using System.Net;
using System.Net.Sockets;

namespace IvrActors.Silo.Tracing;

/// <summary>Sends messages to a HEP collector over UDP: what does not arrive is lost, and the trace goes on.</summary>
internal sealed class HepSender(IPEndPoint collector) : IDisposable
{
    /// <summary>By this number collectors tell capture agents apart; nobody else of this product sends HEP.</summary>
    private const uint Agent = 1;

    private readonly Socket _socket = new(collector.AddressFamily, SocketType.Dgram, ProtocolType.Udp);

    public void Send(ShownMessage message)
    {
        var packet = HepPacket.Of(message, Agent);
        if (packet.Length == 0) return;
        try
        {
            _socket.SendTo(packet, collector);
        }
        catch (SocketException)
        {
            // Nobody listens there now.
        }
    }

    public void Dispose() => _socket.Dispose();
}
