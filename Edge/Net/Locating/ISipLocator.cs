using System.Net;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;

namespace IvrActors.Edge.Net.Locating;

/// <summary>Finds where a URI leads (RFC 3263). Takes up to some seconds: not for the signalling thread.</summary>
public interface ISipLocator
{
    /// <summary>Where to send, best first, over transports and address families that this edge has; empty when the URI leads nowhere or DNS does not answer.</summary>
    Task<IReadOnlyList<SipLocation>> Locate(SipUri uri, CancellationToken cancellation = default);
}

/// <summary>One hop to try: what <see cref="SipTransports.PeerTo"/> takes.</summary>
/// <param name="TlsHost">The domain that was asked for, and not the name of the host that DNS led to: the certificate must be for it (RFC 5922 7.2). Null for a numeric host and without TLS.</param>
public readonly record struct SipLocation(SipTransport Transport, IPEndPoint EndPoint, string? TlsHost);
