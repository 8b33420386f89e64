namespace IvrActors.Grains.Policies.Risk;

/// <summary>What honest callers of a tenant are expected to fail, in ten minutes and in a day.</summary>
internal readonly record struct ExpectedFailures(double Short, double Day);

/// <summary>
/// On how many accounts each PIN failed (security.md 1: a spray tries one PIN on many). PINs are keyed tags, accounts too. Bounded: when it is full, the PIN with the fewest
/// accounts that failed longest ago gives way, so that a storm of random PINs does not push out one that is being sprayed.
/// </summary>
internal sealed class PinSpray
{
    /// <summary>In one of <see cref="RiskShards.Count"/> shards: 32,768 in all, so every PIN of four digits has its place.</summary>
    internal const int MostPins = 512;

    /// <summary>Accounts of one PIN that are counted exactly.</summary>
    internal const int MostAccounts = 128;

    /// <summary>Fewest accounts in ten minutes, and in a day, that look like a spray where hardly anybody calls: a family's habit is no spray.</summary>
    internal const int FewestShort = 12, FewestDay = 40;

    internal static readonly TimeSpan Short = TimeSpan.FromMinutes(10), Day = TimeSpan.FromHours(24);

    private readonly Dictionary<ulong, Tried> _pins = [];

    public int Count => _pins.Count;

    /// <summary>Counts one failure. Answers with the number of accounts when the PIN is being sprayed, else 0.</summary>
    public int Fail(TimeSpan now, ulong pin, ulong account, ExpectedFailures expected)
    {
        if (!_pins.TryGetValue(pin, out var tried))
        {
            if (_pins.Count >= MostPins) MakeRoom(now);
            _pins[pin] = tried = new Tried();
        }
        tried.Last = now;
        tried.Lately.Add(now, account);
        tried.Today.Add(now, account);
        var lately = tried.Lately.Count(now);
        if (HonestFailures.AreExceeded(lately, expected.Short * HonestFailures.ShareOfOnePin, FewestShort)) return lately;
        var today = tried.Today.Count(now);
        return HonestFailures.AreExceeded(today, expected.Day * HonestFailures.ShareOfOnePin, FewestDay) ? today : 0;
    }

    private void MakeRoom(TimeSpan now)
    {
        foreach (var (pin, tried) in _pins)
        {
            if (now - tried.Last > Day) _pins.Remove(pin);
        }
        if (_pins.Count >= MostPins) _pins.Remove(_pins.MinBy(entry => (entry.Value.Today.Kept, entry.Value.Last)).Key);
    }

    private sealed class Tried
    {
        public TimeSpan Last { get; set; }
        public DistinctAccounts Lately { get; } = new(Short, MostAccounts);
        public DistinctAccounts Today { get; } = new(Day, MostAccounts);
    }
}
