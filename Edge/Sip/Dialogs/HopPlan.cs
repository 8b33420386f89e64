using System.Net;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;

namespace IvrActors.Edge.Sip.Dialogs;

/// <summary>
/// The hops that a request of ours may take, best first (RFC 3263 4.3). One that asked for rest is passed over while there are others; where all rest,
/// the best is asked all the same: it can refuse for itself.
/// </summary>
/// <param name="secure">Only over TLS: the request is for a sips URI (RFC 3261 8.1.2).</param>
internal sealed class HopPlan(IReadOnlyList<SipPeer> hops, HopRests rests, bool secure)
{
    private SipPeer? _resting;
    private int _next;
    private bool _tried;

    /// <summary>The next hop to try, or null when none is left.</summary>
    public SipPeer? Next(long now)
    {
        while (_next < hops.Count)
        {
            var hop = hops[_next++];
            if (secure && !hop.IsSecure) continue;
            if (!rests.Contains(hop, now)) return Try(hop);
            _resting ??= hop;
        }
        return _tried || _resting is null ? null : Try(_resting);
    }

    private SipPeer Try(SipPeer hop)
    {
        _tried = true;
        return hop;
    }
}

/// <summary>Hops that asked by 503 with Retry-After to be left alone (RFC 3261 21.5.4).</summary>
internal sealed class HopRests
{
    /// <summary>Above it the oldest are forgotten; an edge has a few dozen next hops.</summary>
    private const int Most = 256;

    private readonly Dictionary<(SipTransport, IPEndPoint), long> _until = [];

    public void Note(SipPeer hop, SipResponse response, long now)
    {
        if (response.Status != 503 || RetryAfter.Read(response) is not { } seconds) return;
        if (_until.Count >= Most) _until.Remove(_until.MinBy(rest => rest.Value).Key);
        _until[(hop.Transport, hop.EndPoint)] = now + seconds * TimeSpan.TicksPerSecond;
    }

    public bool Contains(SipPeer hop, long now)
    {
        if (!_until.TryGetValue((hop.Transport, hop.EndPoint), out var until)) return false;
        if (now < until) return true;
        _until.Remove((hop.Transport, hop.EndPoint));
        return false;
    }
}
