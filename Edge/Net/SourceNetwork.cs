using System.Net;
using System.Net.Sockets;
using IvrActors.Edge.Reputation;

namespace IvrActors.Edge.Net;

/// <summary>A network as numbers, IPv4 within <c>::ffff:0:0/96</c>, compared without allocation.</summary>
internal readonly record struct SourceNetwork(UInt128 Network, UInt128 Mask)
{
    public static SourceNetwork Anywhere => default;

    public static SourceNetwork Of(IPAddress address) => new(SourceAddress.BitsOf(address), UInt128.MaxValue);

    public static SourceNetwork Of(IPNetwork network)
    {
        var length = network.PrefixLength + (network.BaseAddress.AddressFamily == AddressFamily.InterNetwork ? 96 : 0);
        // A shift by 128 is a shift by 0.
        var mask = length == 0 ? UInt128.Zero : UInt128.MaxValue << (128 - length);
        return new SourceNetwork(SourceAddress.BitsOf(network.BaseAddress) & mask, mask);
    }

    public bool Contains(in SourceAddress source) => (source.Bits & Mask) == Network;

    /// <summary>Whether an address of it is blocked together with others: a network of IPv6 addresses that is longer than a /64 shares the one that it is in.</summary>
    public bool Overlaps(SourcePrefix prefix)
    {
        var unit = SourceAddress.IsMapped(prefix.Bits) || SourceAddress.IsMapped(Network) ? UInt128.MaxValue : UInt128.MaxValue << 64;
        return ((prefix.Bits ^ Network) & Mask & unit) == UInt128.Zero;
    }
}
