using IvrActors.Edge.Sip.Transactions;

namespace IvrActors.Edge.Sip.Dialogs;

/// <summary>A call that we make: <c>UserAgent.Dial</c> turns it into a <see cref="SipCall"/> whose progress comes as signals.</summary>
public sealed class OutboundInvite
{
    /// <summary>Request-URI.</summary>
    public required string Target { get; init; }

    /// <summary>From and To as name-addr without tags.</summary>
    public required string From { get; init; }
    public required string To { get; init; }

    /// <summary>Where to send it, best first (RFC 3263): the next is tried on 503, on time-out and when the transport fails.</summary>
    public required IReadOnlyList<SipPeer> Hops { get; init; }

    /// <summary>Preloaded Route values.</summary>
    public IReadOnlyList<string> Routes { get; init; } = [];

    /// <summary>Further headers in order: Privacy, P-Asserted-Identity, Replaces …</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Headers { get; init; } = [];

    /// <summary>SDP offer.</summary>
    public required byte[] Sdp { get; init; }

    /// <summary>Whether the request and the dialog are to be sips.</summary>
    public bool Secure { get; init; }

    /// <summary>How long a final answer may take, in ticks; then CANCEL.</summary>
    public long Timeout { get; init; } = 60 * TimeSpan.TicksPerSecond;

    /// <summary>Hops that it may take; less for a call that goes on from one that came in (RFC 3261 16.6).</summary>
    public int MaxForwards { get; init; } = 70;

    /// <summary>Redirections (3xx) that are followed. None: a hacked hop could send the call to a number that costs.</summary>
    public int MostRedirections { get; init; }

    /// <summary>Answers a 401 or 407 of this trunk; null gives up on one.</summary>
    public IChallengeResponder? Credentials { get; init; }
}

/// <summary>Answers digest challenges (RFC 8760) with one trunk's credentials, and only to that trunk.</summary>
public interface IChallengeResponder
{
    /// <summary>The Authorization or Proxy-Authorization header for the request sent again; false when no challenge in the response can or may be answered.</summary>
    bool TryAnswer(Message.SipRequest request, Message.SipResponse challenge, SipPeer from, out KeyValuePair<string, string> header);
}
