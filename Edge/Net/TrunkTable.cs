using System.Net;
using IvrActors.Edge.Reputation;

namespace IvrActors.Edge.Net;

/// <summary>
/// Finds the trunk as which a source comes in: the one whose proxy it is, else one whose certificate it showed, else the one with the longest
/// prefix, else one whose password it may give from anywhere.
/// </summary>
internal sealed class TrunkTable
{
    /// <summary>Addresses of a trunk's proxy that are remembered; RFC 3263 names a few.</summary>
    private const int MostLearned = 16;

    private readonly Entry[] _entries;
    private readonly Lock _lock = new();
    private volatile Entry[] _learned = [];

    public TrunkTable(IReadOnlyList<EdgeTrunk> trunks) =>
        _entries = [.. trunks.Where(trunk => trunk.IsIdentified).SelectMany(EntriesOf).OrderByDescending(entry => entry.Network.Mask)];

    /// <summary>The trunk, or null: then nothing is answered.</summary>
    /// <param name="secure">Whether it speaks TLS: a trunk may demand that.</param>
    /// <param name="certified">Trunks whose demand for a certificate it met.</param>
    public EdgeTrunk? Find(in SourceAddress source, bool secure = false, IReadOnlyList<EdgeTrunk>? certified = null)
    {
        foreach (var entry in _learned)
        {
            if (entry.Network.Contains(source)) return entry.Trunk;
        }
        EdgeTrunk? byAddress = null;
        foreach (var entry in _entries)
        {
            if (!entry.Network.Contains(source) || (!secure && entry.Trunk.Digest is { WithoutTls: false })) continue;
            if (entry.Trunk.Tls is null) byAddress ??= entry.Trunk;
            else if (certified?.Contains(entry.Trunk) == true) return entry.Trunk;
        }
        return byAddress;
    }

    /// <summary>Whether this is an address of a trunk or of its proxy, and not only one from which somebody may know a password.</summary>
    public bool Knows(in SourceAddress source)
    {
        foreach (var entry in _learned)
        {
            if (entry.Network.Contains(source)) return true;
        }
        foreach (var entry in _entries)
        {
            if (entry.Trunk.From.Count > 0 && entry.Network.Contains(source)) return true;
        }
        return false;
    }

    /// <summary>Whether an address of a trunk or of its proxy is blocked together with this: others may share its /64.</summary>
    public bool Knows(SourcePrefix prefix)
    {
        foreach (var entry in _learned)
        {
            if (entry.Network.Overlaps(prefix)) return true;
        }
        foreach (var entry in _entries)
        {
            if (entry.Trunk.From.Count > 0 && entry.Network.Overlaps(prefix)) return true;
        }
        return false;
    }

    /// <summary>
    /// Notes where a trunk's proxy was found, so that its answers and what it says in our dialogs come in. Names are resolved without proof,
    /// so a new request from there is served only when the trunk's own demands hold (<see cref="EdgeTrunk.Fits"/>).
    /// </summary>
    public void Learn(EdgeTrunk trunk, IPAddress address)
    {
        var network = SourceNetwork.Of(address);
        lock (_lock)
        {
            var others = _learned.Where(entry => entry.Trunk != trunk).ToList();
            var own = _learned.Where(entry => entry.Trunk == trunk && entry.Network != network).Take(MostLearned - 1);
            _learned = [new Entry(network, trunk), .. own, .. others];
        }
    }

    private static IEnumerable<Entry> EntriesOf(EdgeTrunk trunk) =>
        trunk.From.Count == 0 ? [new Entry(SourceNetwork.Anywhere, trunk)] : trunk.From.Select(network => new Entry(SourceNetwork.Of(network), trunk));

    private readonly record struct Entry(SourceNetwork Network, EdgeTrunk Trunk);
}
