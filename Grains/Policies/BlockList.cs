using System.Net;
using System.Net.Sockets;
using IvrActors.Grains.Interfaces.Edges;

namespace IvrActors.Grains.Policies;

/// <summary>
/// The blocks of all edges, bounded: when it is full, the block that ends first gives way, of those that could be forged before the proven, and an operator's to none of an edge. Each change has a
/// number, so that an edge hears what is new to it only.
/// </summary>
internal sealed class BlockList
{
    /// <summary>As many as an edge can hold.</summary>
    internal const int Most = 16_384;

    /// <summary>Ends that edges may not have heard of yet.</summary>
    internal const int MostLifted = 1000;

    /// <summary>What an operator may order: who is to be kept out for longer is a firewall's matter.</summary>
    internal static readonly TimeSpan Longest = TimeSpan.FromDays(30);

    /// <summary>Longest that an edge decides by itself; a clock that is wrong must not make it longer.</summary>
    private static readonly TimeSpan s_longestOfEdges = TimeSpan.FromDays(1);

    /// <summary>Edges reckon times anew each time they tell them.</summary>
    private static readonly TimeSpan s_rounding = TimeSpan.FromSeconds(1);

    private readonly Dictionary<string, (SharedBlock Block, long Version)> _blocks = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (LiftedBlock Lifted, long Version)> _lifted = new(StringComparer.Ordinal);

    /// <summary>Number of the last change.</summary>
    public long Version { get; private set; }

    public int Count => _blocks.Count;

    /// <summary>The one spelling of a source; null when it is none.</summary>
    public static string? SourceOf(string text)
    {
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        if (!IPAddress.TryParse(slash < 0 ? text : text[..slash], out var address)) return null;
        if (address.IsIPv4MappedToIPv6) address = address.MapToIPv4();
        if (address.AddressFamily == AddressFamily.InterNetwork) return slash < 0 || text[slash..] == "/32" ? address.ToString() : null;
        if (slash >= 0 && text[slash..] != "/64") return null;
        var bytes = address.GetAddressBytes();
        bytes.AsSpan(8).Clear();
        return new IPAddress(bytes) + "/64";
    }

    /// <summary>Takes over what an edge decided.</summary>
    public void Merge(DateTimeOffset now, SharedBlock block)
    {
        if (SourceOf(block.Source) is not { } source || source != block.Source || block.Until <= now || block.By.Length > 64 || block.Reason.Length > 40) return;
        if (_lifted.TryGetValue(source, out var lifted) && lifted.Lifted.At >= block.At) return;
        if (_blocks.TryGetValue(source, out var known) && known.Block.Until >= block.Until - s_rounding) return;
        // The reason operator means that somebody was asked; an edge is not.
        if (block.Reason == Operator || known.Block?.Reason == Operator) return;
        var most = now + s_longestOfEdges;
        Put(now, source, block.Until <= most ? block : With(block, most));
    }

    /// <summary>What an operator orders. A shorter time replaces a longer one.</summary>
    public bool Add(DateTimeOffset now, string source, TimeSpan time, string by)
    {
        if (SourceOf(source) is not { } prefix || time <= TimeSpan.Zero) return false;
        Put(now, prefix, new SharedBlock { Source = prefix, Reason = Operator, At = now, Until = now + (time < Longest ? time : Longest), Proven = true, By = by });
        return true;
    }

    public bool Remove(DateTimeOffset now, string source)
    {
        if (SourceOf(source) is not { } prefix || !_blocks.Remove(prefix)) return false;
        if (_lifted.Count >= MostLifted) _lifted.Remove(_lifted.MinBy(entry => entry.Value.Version).Key);
        _lifted[prefix] = (new LiftedBlock { Source = prefix, At = now }, ++Version);
        return true;
    }

    public List<SharedBlock> Current(DateTimeOffset now)
    {
        Expire(now);
        return [.. _blocks.Values.Select(entry => entry.Block).OrderByDescending(block => block.Until)];
    }

    /// <summary>The oldest changes after <paramref name="version"/>, at most <see cref="BlockNews.Most"/>, and the number up to which they go.</summary>
    public (List<SharedBlock> Begun, List<LiftedBlock> Lifted, long Version) Since(DateTimeOffset now, long version)
    {
        if (version >= Version) return ([], [], Version);
        Expire(now);
        var begun = _blocks.Values.Where(entry => entry.Version > version).OrderBy(entry => entry.Version).Take(BlockNews.Most).ToList();
        var upTo = begun.Count == BlockNews.Most ? begun[^1].Version : Version;
        return ([.. begun.Select(entry => entry.Block)], [.. _lifted.Values.Where(entry => entry.Version > version && entry.Version <= upTo).Select(entry => entry.Lifted)], upTo);
    }

    internal const string Operator = "operator";

    private void Put(DateTimeOffset now, string source, SharedBlock block)
    {
        if (_blocks.Count >= Most && !_blocks.ContainsKey(source)) Expire(now);
        if (_blocks.Count >= Most && !_blocks.ContainsKey(source))
        {
            var least = _blocks.MinBy(entry => WorthOf(entry.Value.Block));
            if (least.Value.Block.Reason == Operator || WorthOf(least.Value.Block).CompareTo(WorthOf(block)) > 0) return;
            _blocks.Remove(least.Key);
        }
        _lifted.Remove(source);
        _blocks[source] = (block, ++Version);
    }

    private static (bool Ordered, bool Proven, DateTimeOffset Until) WorthOf(SharedBlock block) => (block.Reason == Operator, block.Proven, block.Until);

    private void Expire(DateTimeOffset now)
    {
        foreach (var source in _blocks.Where(entry => entry.Value.Block.Until <= now).Select(entry => entry.Key).ToList()) _blocks.Remove(source);
    }

    private static SharedBlock With(SharedBlock block, DateTimeOffset until) =>
        new() { Source = block.Source, Reason = block.Reason, At = block.At, Until = until, Proven = block.Proven, By = block.By };
}
