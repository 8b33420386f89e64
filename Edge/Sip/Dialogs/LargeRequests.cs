using System.Net;
using IvrActors.Edge.Sip.Transactions;

namespace IvrActors.Edge.Sip.Dialogs;

/// <summary>
/// Which requests are too large for a datagram and go over a stream to the same place (RFC 3261 18.1.1): a datagram in pieces is lost with any one of
/// them. Where no stream could be had it is not tried again for a while, and the datagram goes out all the same.
/// </summary>
internal sealed class LargeRequests
{
    /// <summary>The path's largest datagram is not known to us.</summary>
    public const int MostBytes = 1300;

    /// <summary>A peer that is given TCP does not come to speak it by the minute.</summary>
    private const long Rest = 10 * TimeSpan.TicksPerMinute;

    /// <summary>Above it the oldest are forgotten.</summary>
    private const int Most = 1024;

    private readonly Dictionary<IPEndPoint, long> _without = [];

    /// <summary>Whether a request of this size to this hop is to go over a stream.</summary>
    public bool Concern(long now, SipPeer hop, int bytes)
    {
        if (hop.Reliable || bytes <= MostBytes) return false;
        if (!_without.TryGetValue(hop.EndPoint, out var until)) return true;
        if (now < until) return false;
        _without.Remove(hop.EndPoint);
        return true;
    }

    /// <summary>There was no stream to this hop.</summary>
    public void Failed(long now, SipPeer hop)
    {
        if (_without.Count >= Most) _without.Remove(_without.MinBy(rest => rest.Value).Key);
        _without[hop.EndPoint] = now + Rest;
    }
}
