using System.Net;
using System.Net.Sockets;

namespace IvrActors.SystemTests.Harness;

/// <summary>
/// Ports for servers and counterparts: below those that the system gives to outgoing connections, and none twice in a run, so that nobody takes one between its
/// being chosen here and its being listened at. Of each the next one is left free, too: phones take it for TLS, as 5061 beside 5060.
/// </summary>
internal static class Ports
{
    private const int First = 10000, Count = 10000;

    /// <summary>Another run on this machine begins elsewhere.</summary>
    private static int s_next = Random.Shared.Next(Count);

    /// <summary>A loopback port that is free for UDP and for TCP.</summary>
    public static int Free()
    {
        for (var tried = 0; tried < Count; tried++)
        {
            var port = First + (int)((uint)Interlocked.Add(ref s_next, 2) % Count);
            try
            {
                Check(port);
                Check(port + 1);
                return port;
            }
            catch (SocketException failure) when (failure.SocketErrorCode is SocketError.AddressAlreadyInUse)
            {
                // Somebody else's: the next one.
            }
        }
        throw new InvalidOperationException($"no port from {First} to {First + Count} is free for UDP and TCP");
    }

    private static void Check(int port)
    {
        var at = new IPEndPoint(IPAddress.Loopback, port);
        using var udp = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        udp.Bind(at);
        using var tcp = new TcpListener(at);
        tcp.Start();
    }
}
