using System.Net;
using System.Net.Sockets;
using IvrActors.Edge.Net;

namespace IvrActors.Edge.Reputation;

/// <summary>What sources are judged by: one IPv4 address, or the /64 that one IPv6 customer has. IPv4 stands in it as <c>::ffff:a.b.c.d</c>.</summary>
public readonly record struct SourcePrefix(UInt128 Bits)
{
    public static SourcePrefix Of(IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        return Of(new SourceAddress(SourceAddress.BitsOf(address), 0));
    }

    internal static SourcePrefix Of(in SourceAddress source) => new(source.Prefix);

    /// <summary>Reads <c>192.0.2.7</c>, <c>2001:db8::1</c> or <c>2001:db8::/64</c>; of another length than /32 and /64 it is none.</summary>
    public static bool TryParse(string text, out SourcePrefix prefix)
    {
        ArgumentNullException.ThrowIfNull(text);
        prefix = default;
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        if (!IPAddress.TryParse(slash < 0 ? text : text[..slash], out var address)) return false;
        if (slash >= 0 && text[(slash + 1)..] != (address.AddressFamily == AddressFamily.InterNetwork ? "32" : "64")) return false;
        prefix = Of(address);
        return true;
    }

    /// <summary><c>192.0.2.7</c> or <c>2001:db8::/64</c>.</summary>
    public override string ToString()
    {
        var address = new SourceAddress(Bits, 0).ToEndPoint().Address;
        return address.AddressFamily == AddressFamily.InterNetwork ? address.ToString() : address + "/64";
    }
}
