namespace IvrActors.Grains.Policies.Risk;

/// <summary>What an origin does.</summary>
internal enum OriginAct
{
    Calls,
    Fails,
    Succeeds,
}

/// <summary>What an act made of an origin: the accounts on which it failed, when they are more than honest ones fail on, and whether it calls too often.</summary>
/// <param name="Accounts">0: not too many.</param>
/// <param name="Calls">0: not too many.</param>
/// <param name="IsHopeless">It failed on many accounts and hardly ever succeeded.</param>
internal readonly record struct OriginFinding(int Accounts, int Calls, bool IsHopeless);

/// <summary>What each origin (a number in its class, the address of a caller's own, or all who show no number over a trunk) did in the last ten minutes. Bounded: when it is full, the origin that was quiet longest gives way.</summary>
internal sealed class OriginWatch(RiskPolicy policy)
{
    /// <summary>In one of <see cref="RiskShards.Count"/> shards: 131,072 in all.</summary>
    internal const int MostOrigins = 2048;

    /// <summary>Accounts of one origin that are counted exactly.</summary>
    internal const int MostAccounts = 64;

    /// <summary>Share of failures from which an origin is taken to have no honest caller.</summary>
    private const double Hopeless = 0.9;

    /// <summary>An origin that many share, such as a company's number, fails as its people do.</summary>
    private const double HonestOdds = FailureWatch.UsualOdds;

    private const int Slots = 10;

    internal static readonly TimeSpan Window = TimeSpan.FromMinutes(10);

    private readonly Dictionary<string, Origin> _origins = new(StringComparer.Ordinal);

    public int Count => _origins.Count;

    public OriginFinding Note(TimeSpan now, string key, OriginAct act, ulong account)
    {
        if (!_origins.TryGetValue(key, out var origin))
        {
            if (_origins.Count >= MostOrigins) MakeRoom(now);
            _origins[key] = origin = new Origin();
        }
        origin.Last = now;
        switch (act)
        {
            case OriginAct.Calls:
                origin.Calls.Add(now);
                break;
            case OriginAct.Succeeds:
                origin.Succeeded.Add(now);
                break;
            default:
                origin.Failed.Add(now);
                origin.Accounts.Add(now, account);
                break;
        }
        return Judge(now, origin);
    }

    private OriginFinding Judge(TimeSpan now, Origin origin)
    {
        var (accounts, failed, succeeded, calls) = (origin.Accounts.Count(now), origin.Failed.Count(now), origin.Succeeded.Count(now), origin.Calls.Count(now));
        // Failures of one account are one person's: what counts is how many accounts, of an origin that fails more than its people would.
        var isMany = accounts >= policy.AccountsOfOrigin && HonestFailures.AreExceeded(accounts, succeeded * HonestOdds, policy.AccountsOfOrigin);
        return new OriginFinding(
            isMany ? accounts : 0, calls > policy.CallsOfOrigin ? calls : 0, isMany && accounts >= policy.AccountsToBlock && failed >= Hopeless * (failed + succeeded));
    }

    private void MakeRoom(TimeSpan now)
    {
        foreach (var (key, origin) in _origins)
        {
            if (now - origin.Last > Window) _origins.Remove(key);
        }
        if (_origins.Count >= MostOrigins) _origins.Remove(_origins.MinBy(entry => entry.Value.Last).Key);
    }

    private sealed class Origin
    {
        public TimeSpan Last { get; set; }
        public SlidingCount Calls { get; } = new(Window, Slots);
        public SlidingCount Failed { get; } = new(Window, Slots);
        public SlidingCount Succeeded { get; } = new(Window, Slots);
        public DistinctAccounts Accounts { get; } = new(Window, MostAccounts);
    }
}
