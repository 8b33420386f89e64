namespace IvrActors.Edge.Admission;

/// <summary>
/// A set of hashes, each kept for some time. Of fixed size: in a full bucket the one that would go first gives way. The hashes must be keyed, so that
/// nobody can choose some that share a bucket. Any thread; never allocates.
/// </summary>
/// <param name="buckets">A power of two; four keys fit in each.</param>
/// <param name="life">Ticks of 100 ns.</param>
public sealed class RecentKeys(int buckets, long life)
{
    private const int Ways = 4;
    private const int Locks = 64;

    private readonly ulong[] _keys = new ulong[buckets * Ways];
    private readonly long[] _until = new long[buckets * Ways];
    private readonly Lock[] _locks = [.. Enumerable.Range(0, Locks).Select(_ => new Lock())];

    public bool Contains(long now, ulong key)
    {
        var bucket = (int)(key & (ulong)(buckets - 1));
        lock (_locks[bucket & (Locks - 1)])
        {
            for (var slot = bucket * Ways; slot < (bucket + 1) * Ways; slot++)
            {
                if (_keys[slot] == key && _until[slot] > now) return true;
            }
            return false;
        }
    }

    /// <summary>Adds a key, or keeps it for longer; whether it is new.</summary>
    public bool Add(long now, ulong key) => Add(now, key, life);

    /// <summary>As above, for another time than usual; never for a shorter one than it is kept already.</summary>
    public bool Add(long now, ulong key, long life)
    {
        var bucket = (int)(key & (ulong)(buckets - 1));
        lock (_locks[bucket & (Locks - 1)])
        {
            var oldest = bucket * Ways;
            var isNew = true;
            for (var slot = oldest; slot < (bucket + 1) * Ways; slot++)
            {
                if (_keys[slot] == key && _until[slot] != 0)
                {
                    (oldest, isNew) = (slot, _until[slot] <= now);
                    break;
                }
                if (_until[slot] < _until[oldest]) oldest = slot;
            }
            _until[oldest] = _keys[oldest] == key ? Math.Max(_until[oldest], now + life) : now + life;
            _keys[oldest] = key;
            return isNew;
        }
    }
}
