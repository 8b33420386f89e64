using IvrActors.Grains.Interfaces.Policies;

namespace IvrActors.Edge.Net;

/// <summary>
/// GCRA per source prefix, before anything is parsed or allocated. The table has a fixed size: in a full bucket the source that is furthest
/// from its limit gives way, which forgets a source that is quiet before one that floods.
/// </summary>
internal sealed class SourceLimiter(RateLimit limit)
{
    private const int Ways = 4;
    private const int Buckets = 16_384;
    private const int Locks = 64;

    private readonly UInt128[] _prefixes = new UInt128[Buckets * Ways];
    private readonly long[] _arrivals = new long[Buckets * Ways];
    private readonly Lock[] _locks = [.. Enumerable.Range(0, Locks).Select(_ => new Lock())];

    /// <summary>Takes one message of this source. Never allocates.</summary>
    /// <param name="now">Ticks of 100 ns.</param>
    public bool Allow(long now, UInt128 prefix) => Take(now, prefix).Allowed;

    /// <summary>As <see cref="Allow"/>, with the time until one message would be allowed.</summary>
    public GcraDecision Take(long now, UInt128 prefix)
    {
        // HashCode is seeded by process: nobody can choose sources that share a bucket.
        var bucket = HashCode.Combine((ulong)(prefix >> 64), (ulong)prefix) & (Buckets - 1);
        lock (_locks[bucket & (Locks - 1)])
        {
            var slot = Slot(bucket * Ways, prefix);
            var decision = Gcra.Decide(now, limit, _arrivals[slot]);
            _arrivals[slot] = decision.TheoreticalArrival;
            return decision;
        }
    }

    private int Slot(int first, UInt128 prefix)
    {
        var quietest = first;
        for (var slot = first; slot < first + Ways; slot++)
        {
            if (_prefixes[slot] == prefix && _arrivals[slot] != 0) return slot;
            if (_arrivals[slot] < _arrivals[quietest]) quietest = slot;
        }
        _prefixes[quietest] = prefix;
        _arrivals[quietest] = 0;
        return quietest;
    }
}
