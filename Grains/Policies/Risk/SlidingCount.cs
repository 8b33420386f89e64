namespace IvrActors.Grains.Policies.Risk;

/// <summary>Counts of one kind of event over a sliding window, in slots: exact but for the oldest slot, which goes as a whole.</summary>
internal sealed class SlidingCount(TimeSpan window, int slots)
{
    private readonly int[] _counts = new int[slots];
    private readonly long _slot = window.Ticks / slots;
    private long _newest;

    public void Add(TimeSpan now, int count = 1)
    {
        Advance(now);
        _counts[_newest % slots] += count;
    }

    /// <summary>Of the last so many slots; of all of them when none is named.</summary>
    public int Count(TimeSpan now, int last = int.MaxValue)
    {
        Advance(now);
        var sum = 0;
        for (var i = 0; i < Math.Min(last, slots) && i <= _newest; i++) sum += _counts[(_newest - i) % slots];
        return sum;
    }

    private void Advance(TimeSpan now)
    {
        var slot = Math.Max(_newest, now.Ticks / _slot);
        if (slot - _newest >= slots) Array.Clear(_counts);
        else
        {
            for (var i = _newest + 1; i <= slot; i++) _counts[i % slots] = 0;
        }
        _newest = slot;
    }
}
