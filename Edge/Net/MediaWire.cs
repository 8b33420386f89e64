using System.Net;
using IvrActors.Edge.Rtp;

namespace IvrActors.Edge.Net;

/// <summary>The UDP ports of one media loop: opened by any thread, polled and waited on by the loop's own thread only.</summary>
internal interface IMediaWire : IDisposable
{
    /// <summary>Opens a UDP port, or null when it is taken.</summary>
    IMediaPort? Open(IPAddress address, int port, bool rtcp, IMediaInput input);

    /// <summary>Hands over some of what came in, at most a datagram of each port. False when nothing was there.</summary>
    bool Poll();

    /// <summary>Asks the system to run the calling thread before others, where it lets us; audio that is late is lost.</summary>
    void PreferThisThread();

    /// <summary>Sleeps until a <see cref="TimeProvider"/> timestamp.</summary>
    void WaitUntil(long timestamp);
}

/// <summary>One open UDP port.</summary>
internal interface IMediaPort : IDisposable
{
    /// <summary>Sends at once; false when the system did not take it (which is what packet loss looks like).</summary>
    bool Send(ReadOnlySpan<byte> datagram, MediaAddress to);
}

/// <summary>Takes datagrams on the loop's thread.</summary>
internal interface IMediaInput
{
    /// <summary><paramref name="datagram"/> may be changed in place, and is gone after the call.</summary>
    void Receive(Span<byte> datagram, MediaAddress from, bool rtcp);
}

internal static class MediaWire
{
    /// <summary>Longest datagram that is looked at: an Ethernet frame's worth. Longer ones are cut, and then refused by whoever reads them.</summary>
    public const int MostDatagram = 1500;

    /// <summary>epoll on Linux, portable sockets elsewhere.</summary>
    public static IMediaWire Create() => MediaEpollWire.IsSupported ? new MediaEpollWire() : new MediaSocketWire();
}
