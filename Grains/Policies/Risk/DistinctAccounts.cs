namespace IvrActors.Grains.Policies.Risk;

/// <summary>
/// How many different accounts there were in a sliding window: exactly up to <paramref name="most"/>, beyond that by adaptive sampling (Flajolet 1990: of 2^level accounts one is
/// kept, told by its tag, which is uniform because it is keyed). Never more memory than that; the error of an estimate is about 1/√most.
/// </summary>
internal sealed class DistinctAccounts(TimeSpan window, int most)
{
    private readonly Dictionary<ulong, TimeSpan> _last = [];
    private int _level;

    /// <summary>Entries in memory.</summary>
    public int Kept => _last.Count;

    public void Add(TimeSpan now, ulong account)
    {
        if (!IsKept(account)) return;
        _last[account] = now;
        if (_last.Count <= most) return;
        Forget(now);
        while (_last.Count > most)
        {
            _level++;
            foreach (var other in _last.Keys.Where(other => !IsKept(other)).ToList()) _last.Remove(other);
        }
    }

    public int Count(TimeSpan now)
    {
        Forget(now);
        var count = _last.Count << _level;
        // A coarse sample of little would see one account as many. What was left out before is missing for a window: too few, never too many.
        while (_level > 0 && _last.Count < most / 4) _level--;
        return count;
    }

    private bool IsKept(ulong account) => (account & ((1UL << _level) - 1)) == 0;

    private void Forget(TimeSpan now)
    {
        foreach (var (account, last) in _last)
        {
            if (now - last > window) _last.Remove(account);
        }
    }
}
