using System.Net;
using Microsoft.Extensions.Logging;

namespace IvrActors.Edge.Net;

/// <summary>What of the transports is not Kestrel's: UDP sockets, connections of ours, and the sweeper.</summary>
internal sealed class SipListeners(EdgeOptions options, SipTransports transports, SipIntake intake, SipConnector connector, TimeProvider time, ILogger<SipListeners> log) : IDisposable
{
    private readonly List<UdpListener> _udp = [];
    private ConnectionSweeper? _sweeper;

    /// <exception cref="System.Net.Sockets.SocketException">A port is taken.</exception>
    public void Open()
    {
        transports.Dial = connector.Dial;
        _sweeper = new ConnectionSweeper(transports, time);
        if (options.UdpPort is not { } port) return;
        foreach (var address in options.Addresses)
        {
            var listener = new UdpListener(new IPEndPoint(address, port), transports, intake, log);
            _udp.Add(listener);
            port = listener.Port; // Any free port (tests) is the same one for both families: one port stands in Via.
        }
        transports.Address.UdpPort = port;
    }

    /// <summary>Ends all streams, once what is queued for them, the BYEs of the last calls, was sent.</summary>
    public void EndStreams()
    {
        transports.Dial = null;
        transports.EndAll();
    }

    public void Dispose()
    {
        foreach (var listener in _udp) listener.Dispose();
        _udp.Clear();
        _sweeper?.Dispose();
    }
}
