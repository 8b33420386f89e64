namespace IvrActors.Grains.Interfaces.Policies;

/// <summary>What one edge process may hold at once.</summary>
/// <param name="Edge">Its name.</param>
/// <param name="Incarnation">As in <see cref="LimitAsk.Incarnation"/>.</param>
public readonly record struct PlaceHolder(string Edge, long Incarnation);

/// <summary>
/// Calls at once, handed out as places, pure. What is noted of an edge is never less than what it may use: it lowers itself before it says so, and rises only when it is answered. An
/// edge that is not heard of keeps its places, because its calls may go on: until <c>longest_call</c> is over, or until the next process of its name is there and it was silent for the
/// life of a lease, because calls end with their process.
/// </summary>
public sealed class PlaceBank(int places, TimeSpan longestCall)
{
    private readonly long _forgotten = (LeaseTimes.Lapse + longestCall + LeaseTimes.AroundCall).Ticks;
    private readonly Dictionary<PlaceHolder, Holding> _holdings = [];

    /// <summary>Places that edges have.</summary>
    public int Held { get; private set; }

    public IEnumerable<(PlaceHolder Holder, int Places)> Holdings => _holdings.Select(held => (held.Key, held.Value.Places));

    /// <summary>An activation before this one let an edge have so many at most.</summary>
    public void Restore(long now, PlaceHolder holder, int most) => Set(now, holder, most);

    /// <summary>An edge goes on with <paramref name="held"/> places and wants so many; answered is what it has from now on. Half of what is free where <paramref name="shared"/>.</summary>
    public int Ask(long now, PlaceHolder holder, int held, int wanted, bool shared)
    {
        Forget(now, holder);
        held = Math.Max(0, held);
        Set(now, holder, held);
        var free = Math.Max(0, places - Held);
        var granted = held + Math.Clamp(wanted - held, 0, shared ? (free + 1) / 2 : free);
        Set(now, holder, granted);
        return granted;
    }

    /// <summary>An edge is gone, and others go on with its calls: what its processes had is free. One that was heard just now is another one of its name.</summary>
    public void EdgeGone(long now, string edge)
    {
        foreach (var (holder, holding) in _holdings)
        {
            if (holder.Edge != edge || now - holding.HeardAt < LeaseTimes.Lapse.Ticks) continue;
            Held -= holding.Places;
            _holdings.Remove(holder);
        }
    }

    private void Forget(long now, PlaceHolder asking)
    {
        foreach (var (holder, holding) in _holdings)
        {
            var silent = now - holding.HeardAt;
            var isReplaced = holder.Edge == asking.Edge && holder.Incarnation != asking.Incarnation && silent >= LeaseTimes.Lapse.Ticks;
            if (!isReplaced && silent < _forgotten) continue;
            Held -= holding.Places;
            _holdings.Remove(holder);
        }
    }

    private void Set(long now, PlaceHolder holder, int count)
    {
        Held += count - (_holdings.TryGetValue(holder, out var before) ? before.Places : 0);
        // An edge that has none is worth remembering no longer.
        if (count == 0) _holdings.Remove(holder);
        else _holdings[holder] = new Holding(count, now);
    }

    private readonly record struct Holding(int Places, long HeardAt);
}
