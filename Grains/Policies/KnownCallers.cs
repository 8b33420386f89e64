using IvrActors.Grains.Interfaces.Policies;

namespace IvrActors.Grains.Policies;

/// <summary>One shard of the callers with a good history, pure: bounded, each kept for some days after it was seen last, and listed in the order of change for edges that ask what is new.</summary>
internal sealed class KnownCallers(int most, int days)
{
    private readonly Dictionary<ulong, LinkedListNode<Entry>> _byCaller = [];
    private readonly LinkedList<Entry> _byVersion = new();

    public int Count => _byCaller.Count;

    public long Version { get; private set; }

    /// <summary>All, those that changed last at the end.</summary>
    public IEnumerable<(ulong Caller, int Day)> All => _byVersion.Select(entry => (entry.Caller, entry.Day));

    /// <summary>A caller was seen; whether that is news. Seen twice in a day changes nothing.</summary>
    public bool See(ulong caller, int day)
    {
        if (_byCaller.TryGetValue(caller, out var known))
        {
            if (known.Value.Day >= day) return false;
            _byVersion.Remove(known);
        }
        else if (_byCaller.Count >= most)
        {
            // Who was seen the longest ago goes first.
            _byCaller.Remove(_byVersion.First!.Value.Caller);
            _byVersion.RemoveFirst();
        }
        _byCaller[caller] = _byVersion.AddLast(new Entry(caller, day, ++Version));
        return true;
    }

    /// <summary>Forgets those that were not seen for long; whether there were any.</summary>
    public bool Forget(int today)
    {
        var count = _byCaller.Count;
        for (var node = _byVersion.First; node is not null;)
        {
            var next = node.Next;
            if (today - node.Value.Day > days)
            {
                _byCaller.Remove(node.Value.Caller);
                _byVersion.Remove(node);
            }
            node = next;
        }
        return _byCaller.Count < count;
    }

    /// <summary>What changed after this version, the oldest first, and up to which.</summary>
    public (List<(ulong Caller, int Day)> Changed, long Version, bool More) Since(long version, int most)
    {
        var changed = new List<(ulong, int)>();
        var node = _byVersion.Last;
        while (node?.Previous is { } previous && previous.Value.Version > version) node = previous;
        for (; node is not null && changed.Count < most; node = node.Next)
        {
            if (node.Value.Version <= version) continue;
            changed.Add((node.Value.Caller, node.Value.Day));
            version = node.Value.Version;
        }
        return (changed, node is null ? Version : version, node is not null);
    }

    private readonly record struct Entry(ulong Caller, int Day, long Version);
}
