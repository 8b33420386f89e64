using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace IvrActors.Grains.Interfaces.Policies;

/// <summary>
/// A GCRA limit whose calls are handed out in batches, pure. The bucket and all that is out never hold more than a burst together:
/// <code>level + out · T ≤ burst · T      (T: emission interval, all in ticks)</code>
/// Only time adds to the left side, at its own speed, and a call that is made takes T from it; so in no interval are more calls made than GCRA allows, however many edges make
/// them and whenever they do. What is given back goes back into the bucket; what lapses may have been used, and does not.
/// </summary>
public sealed class RateBank
{
    private readonly long _interval;
    private readonly long _size;
    private readonly int _kept;
    private readonly long _unknownUntil;
    private readonly Dictionary<(long Holder, long Seq), Batch> _grants = [];
    private readonly Queue<(long At, long Holder, long Seq)> _lapses = [];
    private long _unknown;
    private long _level;
    private long _at;
    private int _out;
    private int _knownOut;

    /// <param name="used">
    /// What of the bucket may have been used up at most by what an activation before this one granted. How much of that is still out at edges is not known: until they tell, or it
    /// lapses, the bucket does not fill in its place.
    /// </param>
    public RateBank(long now, RateLimit limit, int kept, TimeSpan used)
    {
        ArgumentNullException.ThrowIfNull(limit);
        _interval = limit.EmissionInterval.Ticks;
        _size = _interval * limit.Burst;
        _kept = Math.Min(kept, limit.Burst - 1);
        _level = Math.Clamp(_size - used.Ticks, 0, _size);
        _unknown = _size - _level;
        (_at, _unknownUntil) = (now, now + LeaseTimes.Lapse.Ticks);
    }

    /// <summary>Calls that are out and not known to be used.</summary>
    public int Out => _out;

    /// <summary>How long until the bucket is full again, if nothing more is granted.</summary>
    public TimeSpan Used => TimeSpan.FromTicks(_size - _level);

    /// <summary>An edge tells what became of a grant. Of one that lapsed, or was given back, nothing counts any more.</summary>
    public void Take(long now, long holder, LeaseNews news)
    {
        ArgumentNullException.ThrowIfNull(news);
        Advance(now);
        if (news is { Closed: false } and ({ OrdinaryLeft: > 0 } or { KnownLeft: > 0 })) Adopt(now, holder, news);
        ref var grant = ref CollectionsMarshal.GetValueRefOrNullRef(_grants, (holder, news.Seq));
        if (Unsafe.IsNullRef(ref grant)) return;
        Use(ref grant, news.OrdinaryUsed, news.KnownUsed);
        if (!news.Closed) return;
        _level += (grant.Ordinary + grant.Known) * _interval;
        Remove(holder, news.Seq, grant);
    }

    /// <summary>Grants as many as there are, or half of those where <paramref name="shared"/>, so that the first who asks does not have it all.</summary>
    public (int Ordinary, int Known) Grant(long now, long holder, long seq, int ordinary, int known, bool shared)
    {
        Advance(now);
        var forKnown = Granted(known, Free, shared);
        _level -= forKnown * _interval;
        _knownOut += forKnown;
        var forAll = Granted(ordinary, FreeForAll, shared);
        _level -= forAll * _interval;
        _out += forKnown + forAll;
        if (forKnown + forAll == 0) return default;
        _grants[(holder, seq)] = new Batch(forAll, forKnown);
        _lapses.Enqueue((now + LeaseTimes.Lapse.Ticks, holder, seq));
        return (forAll, forKnown);
    }

    /// <summary>How long until there is one call for everybody, and for known callers.</summary>
    public (TimeSpan Ordinary, TimeSpan Known) Until(long now)
    {
        Advance(now);
        var unknown = _unknown > 0 ? Math.Max(0, _unknownUntil - now) : 0;
        return (Wait(KeptInside), Wait(0));

        TimeSpan Wait(int keep) => TimeSpan.FromTicks(Math.Max(0, Math.Max((keep + 1) * _interval - _level, (keep + 1) * _interval > Cap ? unknown : 0)));
    }

    /// <summary>What was out without being known is out and known. Not of what is given back at once: a repetition of that would not be told from it.</summary>
    private void Adopt(long now, long holder, LeaseNews news)
    {
        var left = Math.Max(0, news.OrdinaryLeft) + Math.Max(0, news.KnownLeft);
        if (_grants.ContainsKey((holder, news.Seq)) || left * _interval > _unknown) return;
        _unknown -= left * _interval;
        _out += left;
        _knownOut += Math.Max(0, news.KnownLeft);
        _grants[(holder, news.Seq)] = new Batch(Math.Max(0, news.OrdinaryLeft), Math.Max(0, news.KnownLeft));
        _lapses.Enqueue((now + LeaseTimes.Lapse.Ticks, holder, news.Seq));
    }

    private long Cap => _size - _unknown - _out * _interval;

    private int Free => (int)Math.Max(0, _level / _interval);

    /// <summary>What is kept for known callers and not out with edges already.</summary>
    private int KeptInside => Math.Max(0, _kept - _knownOut);

    private int FreeForAll => Math.Max(0, Free - KeptInside);

    private static int Granted(int wanted, int free, bool shared) => Math.Clamp(wanted, 0, shared ? (free + 1) / 2 : free);

    private void Advance(long now)
    {
        if (now <= _at) return;
        // With what was out in between: the bucket fills no further than it was sure to be allowed to.
        _level = Math.Max(_level, Math.Min(_level + (now - _at), Cap));
        _at = now;
        if (now >= _unknownUntil) _unknown = 0;
        while (_lapses.TryPeek(out var next) && next.At <= now)
        {
            _lapses.Dequeue();
            if (_grants.TryGetValue((next.Holder, next.Seq), out var grant)) Remove(next.Holder, next.Seq, grant);
        }
    }

    private void Use(ref Batch grant, int ordinary, int known)
    {
        // Numbers only grow: an older request that comes late tells nothing new.
        var moreOrdinary = Math.Clamp(ordinary - grant.OrdinaryUsed, 0, grant.Ordinary);
        var moreKnown = Math.Clamp(known - grant.KnownUsed, 0, grant.Known);
        grant = new Batch(grant.Ordinary - moreOrdinary, grant.Known - moreKnown, grant.OrdinaryUsed + moreOrdinary, grant.KnownUsed + moreKnown);
        _out -= moreOrdinary + moreKnown;
        _knownOut -= moreKnown;
    }

    private void Remove(long holder, long seq, in Batch grant)
    {
        _out -= grant.Ordinary + grant.Known;
        _knownOut -= grant.Known;
        _grants.Remove((holder, seq));
    }

    /// <summary>Calls of a grant that are not known to be used, and those that are.</summary>
    private readonly record struct Batch(int Ordinary, int Known, int OrdinaryUsed = 0, int KnownUsed = 0);
}
