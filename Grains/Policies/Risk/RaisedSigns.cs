namespace IvrActors.Grains.Policies.Risk;

/// <summary>What a shard has told lately: a sign that goes on is told again now and then, not for each attempt. Bounded.</summary>
internal sealed class RaisedSigns
{
    internal const int Most = 2048;

    /// <summary>Short beside the half-life of a sign.</summary>
    internal static readonly TimeSpan Pause = TimeSpan.FromSeconds(10);

    private readonly Dictionary<string, TimeSpan> _told = new(StringComparer.Ordinal);

    /// <summary>Whether it is time to tell it.</summary>
    public bool IsDue(TimeSpan now, string sign)
    {
        if (_told.TryGetValue(sign, out var at) && now - at < Pause) return false;
        if (_told.Count >= Most)
        {
            foreach (var (old, told) in _told)
            {
                if (now - told >= Pause) _told.Remove(old);
            }
            // All of them are fresh: one that is told once too often does no harm.
            if (_told.Count >= Most) _told.Clear();
        }
        _told[sign] = now;
        return true;
    }
}
