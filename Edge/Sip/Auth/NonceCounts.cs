namespace IvrActors.Edge.Sip.Auth;

/// <summary>
/// Which counts (nc) of which nonces were used: each once, and none that is far below the highest, so that what was heard on the wire cannot be
/// sent again (RFC 7616 3.4). Only proven credentials come here, so who has no password takes no room.
/// </summary>
/// <param name="lifetime">For how long what was used can come again, in ticks.</param>
internal sealed class NonceCounts(long lifetime)
{
    /// <summary>Nonces in use at once: a thousand proven requests a second for as long as a nonce lives.</summary>
    public const int Most = 65_536;

    /// <summary>Counts below the highest that may still come, out of order.</summary>
    private const int Window = 64;

    private readonly Dictionary<UInt128, Used> _used = [];
    private readonly Queue<(long Until, UInt128 Id)> _order = new();

    public int Count => _used.Count;

    /// <summary>Takes a count. False when it was used before, is too low, or the table is full: then a new nonce is due.</summary>
    public bool TryUse(long now, UInt128 id, uint count)
    {
        while (_order.TryPeek(out var oldest) && oldest.Until < now)
        {
            _order.Dequeue();
            _used.Remove(oldest.Id);
        }
        if (count == 0) return false;
        if (!_used.TryGetValue(id, out var used))
        {
            if (_used.Count >= Most) return false;
            _order.Enqueue((now + lifetime, id));
            _used[id] = new Used(count, 1);
            return true;
        }
        if (count > used.Highest)
        {
            var shift = count - used.Highest;
            _used[id] = new Used(count, shift >= Window ? 1 : (used.Seen << (int)shift) | 1);
            return true;
        }
        var behind = used.Highest - count;
        if (behind >= Window || (used.Seen & (1UL << (int)behind)) != 0) return false;
        _used[id] = used with { Seen = used.Seen | (1UL << (int)behind) };
        return true;
    }

    /// <param name="Seen">Bit n: the count n below the highest was used.</param>
    private readonly record struct Used(uint Highest, ulong Seen);
}
