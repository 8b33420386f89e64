namespace IvrActors.Edge.Stir;

/// <summary>
/// Which PASSporT came with which call, for as long as it is fresh: one that was listened to and sent along with another call proves nothing (RFC 8224 12.1). Bounded: above the
/// bound the oldest are forgotten. Any thread.
/// </summary>
internal sealed class ReplayMemory(int most = ReplayMemory.MostMarks)
{
    /// <summary>Of 120 s: 500 calls/s, about 15 MB.</summary>
    private const int MostMarks = 65_536;

    /// <summary>A PASSporT may be as far ahead of our time as behind.</summary>
    private static readonly TimeSpan s_life = StirLimits.Freshness * 2;

    private readonly Dictionary<UInt128, string> _calls = [];
    private readonly Queue<(UInt128 Mark, DateTimeOffset Until)> _order = new();
    private readonly Lock _lock = new();

    /// <summary>Notes a PASSporT of a call; false when it came with another call before.</summary>
    /// <param name="call">What tells the call from all others, whoever sends them.</param>
    public bool TryUse(DateTimeOffset now, UInt128 mark, string call)
    {
        lock (_lock)
        {
            while (_order.TryPeek(out var oldest) && (oldest.Until < now || _order.Count >= most))
            {
                _order.Dequeue();
                _calls.Remove(oldest.Mark);
            }
            if (_calls.TryGetValue(mark, out var known)) return known == call;
            _calls[mark] = call;
            _order.Enqueue((mark, now + s_life));
            return true;
        }
    }
}
