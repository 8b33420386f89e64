using System.Net;

namespace IvrActors.Edge.Net;

/// <summary>Finds the trunk of a source address; of overlapping networks the longest prefix wins.</summary>
internal sealed class TrunkTable
{
    private readonly (UInt128 Network, UInt128 Mask, EdgeTrunk Trunk)[] _entries;

    /// <summary>Of the trunks that are known by their address alone.</summary>
    public TrunkTable(IReadOnlyList<EdgeTrunk> trunks) =>
        _entries = [.. trunks.Where(trunk => trunk is { Tls: null, Digest: null }).SelectMany(trunk => trunk.From.Select(network => Entry(network, trunk))).OrderByDescending(entry => entry.Item2)];

    /// <summary>The trunk, or null: then nothing is answered.</summary>
    public EdgeTrunk? Find(in SourceAddress source)
    {
        foreach (var (network, mask, trunk) in _entries)
        {
            if ((source.Bits & mask) == network) return trunk;
        }
        return null;
    }

    private static (UInt128, UInt128, EdgeTrunk) Entry(IPNetwork network, EdgeTrunk trunk)
    {
        var length = network.PrefixLength + (network.BaseAddress.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork ? 96 : 0);
        // A shift by 128 is a shift by 0.
        var mask = length == 0 ? UInt128.Zero : UInt128.MaxValue << (128 - length);
        return (SourceAddress.BitsOf(network.BaseAddress) & mask, mask, trunk);
    }
}
