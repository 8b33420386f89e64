using System.Net;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;

namespace IvrActors.Edge.Sip.Locating;

/// <summary>What DNS must be asked to find where a URI leads.</summary>
public enum LocationStep
{
    /// <summary>Nothing: the host is an address.</summary>
    Numeric,

    /// <summary>A and AAAA of the host: its port is named.</summary>
    Addresses,

    /// <summary>SRV of the one transport, then A and AAAA.</summary>
    Service,

    /// <summary>NAPTR, then SRV of every transport, then A and AAAA.</summary>
    Discover,

    /// <summary>A URI that leads nowhere: no SIP, or a transport that is not known.</summary>
    Nowhere,
}

/// <summary>How to find where a URI leads (RFC 3263 4). <c>maddr</c> is not followed: who wrote the URI could aim our requests at others with it.</summary>
/// <param name="Transport">The transport that the URI settles; for <see cref="LocationStep.Discover"/> the one to use when DNS names none.</param>
/// <param name="Host">Name without a trailing dot, or address without brackets.</param>
public readonly record struct LocationPlan(LocationStep Step, SipTransport Transport, string Host, int Port, bool Secure)
{
    public static LocationPlan Of(SipUri uri)
    {
        ArgumentNullException.ThrowIfNull(uri);
        var secure = uri.Scheme == "sips";
        if (!uri.IsSip || TransportOf(uri.Parameters["transport"], secure) is not { } transport) return default(LocationPlan) with { Step = LocationStep.Nowhere, Host = "" };
        secure |= transport is SipTransport.Tls or SipTransport.Wss;
        var host = uri.Host.Trim('[', ']').TrimEnd('.');
        var step = IPAddress.TryParse(host, out _) ? LocationStep.Numeric
            : uri.Port is not null ? LocationStep.Addresses
            : uri.Parameters["transport"] is not null ? LocationStep.Service
            : LocationStep.Discover;
        return new LocationPlan(step, transport, host, uri.Port ?? DefaultPort(transport), secure);
    }

    /// <summary>RFC 3261 18.1.1 and RFC 7118 5.2.2.</summary>
    public static int DefaultPort(SipTransport transport) => transport switch { SipTransport.Tls => 5061, SipTransport.Ws => 80, SipTransport.Wss => 443, _ => 5060 };

    /// <summary>Name of the SRV records of one transport (RFC 3263 4.1, RFC 7118 5.5).</summary>
    public static string ServiceOf(SipTransport transport, string host) => transport switch
    {
        SipTransport.Tls => $"_sips._tcp.{host}",
        SipTransport.Tcp => $"_sip._tcp.{host}",
        SipTransport.Udp => $"_sip._udp.{host}",
        SipTransport.Wss => $"_sips._ws.{host}",
        _ => $"_sip._ws.{host}",
    };

    /// <summary>Without a transport parameter: UDP for sip, TLS for sips (RFC 3263 4.1). A sips URI never goes over anything but TLS.</summary>
    private static SipTransport? TransportOf(string? parameter, bool secure) => parameter?.ToLowerInvariant() switch
    {
        null => secure ? SipTransport.Tls : SipTransport.Udp,
        "udp" => secure ? null : SipTransport.Udp,
        "tcp" => secure ? SipTransport.Tls : SipTransport.Tcp,
        "tls" => SipTransport.Tls,
        "ws" => secure ? SipTransport.Wss : SipTransport.Ws,
        "wss" => SipTransport.Wss,
        _ => null,
    };
}
