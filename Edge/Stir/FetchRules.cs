using System.Net;
using System.Net.Sockets;

namespace IvrActors.Edge.Stir;

/// <summary>
/// Where a certificate may be fetched from. Its URL is written by whoever sends a call, so without these rules he could have us ask what only we can reach (server-side request
/// forgery).
/// </summary>
internal static class FetchRules
{
    /// <summary>The ports of SHAKEN (ATIS-1000074 5.3.1).</summary>
    private static readonly int[] s_ports = [443, 8443];

    /// <summary>What IANA's registry of special addresses does not call globally reachable, and what embeds other addresses.</summary>
    private static readonly IPNetwork[] s_closedV4 =
    [
        .. new[]
        {
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",
            "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        }.Select(IPNetwork.Parse),
    ];

    /// <summary>Global unicast; what is outside of it is local, multicast, mapped (::ffff:0:0/96) or translated (64:ff9b::/96).</summary>
    private static readonly IPNetwork s_openV6 = IPNetwork.Parse("2000::/3");

    /// <summary>Of these: Teredo and ORCHID, documentation, and 6to4.</summary>
    private static readonly IPNetwork[] s_closedV6 = [.. new[] { "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20" }.Select(IPNetwork.Parse)];

    /// <summary>The URL, where its form allows that it is fetched: https, with a host, without user and fragment. Null otherwise.</summary>
    public static Uri? UrlOf(string text) =>
        text.Length <= StirLimits.UriLength && Uri.TryCreate(text, UriKind.Absolute, out var url) && url.Scheme == Uri.UriSchemeHttps
        && url is { UserInfo.Length: 0, Fragment.Length: 0, IdnHost.Length: > 0 } ? url : null;

    /// <summary>Whether a connection may be made to an address that was resolved.</summary>
    /// <param name="trusted">Networks that configuration permits besides, with any port.</param>
    public static bool Allows(IPAddress address, int port, IReadOnlyList<IPNetwork> trusted)
    {
        // A network matches what is mapped into IPv6 as well; no name needs such an address.
        if (address.IsIPv4MappedToIPv6) return false;
        foreach (var network in trusted)
        {
            if (network.Contains(address)) return true;
        }
        return s_ports.Contains(port) && IsPublic(address);
    }

    private static bool IsPublic(IPAddress address)
    {
        if (address.AddressFamily == AddressFamily.InterNetwork) return !Array.Exists(s_closedV4, network => network.Contains(address));
        return s_openV6.Contains(address) && !Array.Exists(s_closedV6, network => network.Contains(address));
    }
}
