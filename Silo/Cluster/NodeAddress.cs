using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;

namespace IvrActors.Silo.Cluster;

/// <summary>A name of <c>cluster.yaml</c> does not lead to this machine; the message says which.</summary>
internal sealed class NodeAddressException(string message) : Exception(message);

/// <summary>Where other nodes reach one: an address, or a name, behind which the address may change whenever the node starts.</summary>
/// <param name="Host">An IP address, or a DNS name.</param>
internal sealed record NodeAddress(string Host, int Port)
{
    /// <summary>A name that does not answer by then is looked up again the next time; others are not kept waiting.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);

    public bool IsWildcard => IPAddress.TryParse(Host, out var address) && (address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any));

    public bool IsLoopback => IPAddress.TryParse(Host, out var address) && IPAddress.IsLoopback(address);

    /// <summary>An IP address, or a DNS name whose last label is no number, as a mistyped address has it.</summary>
    public static bool IsHost(string text) =>
        IPAddress.TryParse(text, out _) || (Uri.CheckHostName(text) == UriHostNameType.Dns && !text.TrimEnd('.').Split('.')[^1].All(char.IsAsciiDigit));

    /// <summary>Where it is now; nothing while its name leads nowhere.</summary>
    public async Task<IReadOnlyList<IPEndPoint>> Find()
    {
        if (IPAddress.TryParse(Host, out var address)) return [new IPEndPoint(address, Port)];
        try
        {
            return [.. (await Dns.GetHostAddressesAsync(Host).WaitAsync(s_patience)).Select(found => new IPEndPoint(found, Port))];
        }
        catch (Exception e) when (e is SocketException or TimeoutException)
        {
            return [];
        }
    }

    /// <summary>Where this machine listens as it: of a name the first address that is this machine's own.</summary>
    /// <exception cref="NodeAddressException">There is none.</exception>
    public IPEndPoint Own()
    {
        if (IPAddress.TryParse(Host, out var address)) return new IPEndPoint(address, Port);
        IPAddress[] found;
        try
        {
            found = Dns.GetHostAddresses(Host);
        }
        catch (SocketException e)
        {
            throw new NodeAddressException($"'{Host}', where this node is to be reached, leads nowhere: {e.Message}.");
        }
        var own = NetworkInterface.GetAllNetworkInterfaces().SelectMany(one => one.GetIPProperties().UnicastAddresses).Select(one => one.Address).ToHashSet();
        return Array.Find(found, own.Contains) is { } mine
            ? new IPEndPoint(mine, Port)
            : throw new NodeAddressException($"'{Host}', where this node is to be reached, leads to {string.Join<IPAddress>(", ", found)}, and none of these is an address of this machine.");
    }

    public override string ToString() => Host.Contains(':', StringComparison.Ordinal) ? $"[{Host}]:{Port}" : $"{Host}:{Port}";
}
