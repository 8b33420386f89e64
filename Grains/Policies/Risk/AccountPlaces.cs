namespace IvrActors.Grains.Policies.Risk;

/// <summary>Where a trunk takes its calls in, as <c>cluster.yaml</c> says it, in degrees.</summary>
public readonly record struct GeoPoint(double Latitude, double Longitude)
{
    private const double EarthRadiusKm = 6371;

    /// <summary>Great-circle distance (haversine).</summary>
    public double KilometresTo(GeoPoint other)
    {
        static double Radians(double degrees) => degrees * Math.PI / 180;
        var (north, east) = (Radians(other.Latitude - Latitude), Radians(other.Longitude - Longitude));
        var h = Math.Pow(Math.Sin(north / 2), 2) + Math.Cos(Radians(Latitude)) * Math.Cos(Radians(other.Latitude)) * Math.Pow(Math.Sin(east / 2), 2);
        return 2 * EarthRadiusKm * Math.Asin(Math.Min(1, Math.Sqrt(h)));
    }
}

/// <summary>From where an account, or a number, was verified: the last few origins, and the last place. Bounded: when it is full, what was quiet longest gives way.</summary>
internal sealed class AccountPlaces
{
    /// <summary>In one of <see cref="RiskShards.Count"/> shards: 262,144 in all.</summary>
    internal const int MostAccounts = 4096;

    /// <summary>Telephones that a person calls from.</summary>
    internal const int MostOrigins = 4;

    /// <summary>Faster than an airliner.</summary>
    internal const double MostKmPerHour = 1000;

    /// <summary>Carriers hand calls over in one city or the next: that is no journey.</summary>
    internal const double NearKm = 100;

    internal static readonly TimeSpan Memory = TimeSpan.FromDays(7);

    private readonly Dictionary<string, Known> _accounts = new(StringComparer.Ordinal);

    public int Count => _accounts.Count;

    /// <summary>Whether an account that is known is called for from an origin from which it never was; and whether nobody could have come here since the last time.</summary>
    public (bool IsNew, bool IsImpossible) Look(TimeSpan now, string account, string? origin, GeoPoint? place)
    {
        if (!_accounts.TryGetValue(account, out var known) || now - known.Last > Memory) return default;
        return (origin is not null && known.Origins.Count > 0 && !known.Origins.Contains(origin), known.Place is { } before && place is { } here && IsImpossible(now - known.PlaceAt, before, here));
    }

    public void Verified(TimeSpan now, string account, string? origin, GeoPoint? place)
    {
        if (!_accounts.TryGetValue(account, out var known))
        {
            if (_accounts.Count >= MostAccounts) MakeRoom(now);
            _accounts[account] = known = new Known();
        }
        known.Last = now;
        if (place is not null) (known.Place, known.PlaceAt) = (place, now);
        if (origin is null) return;
        known.Origins.Remove(origin);
        if (known.Origins.Count == MostOrigins) known.Origins.RemoveAt(0);
        known.Origins.Add(origin);
    }

    internal static bool IsImpossible(TimeSpan since, GeoPoint before, GeoPoint here)
    {
        var distance = before.KilometresTo(here);
        return distance > NearKm && distance > MostKmPerHour * since.TotalHours;
    }

    private void MakeRoom(TimeSpan now)
    {
        foreach (var (account, known) in _accounts)
        {
            if (now - known.Last > Memory) _accounts.Remove(account);
        }
        if (_accounts.Count < MostAccounts) return;
        foreach (var account in _accounts.OrderBy(entry => entry.Value.Last).Take(MostAccounts / 16).Select(entry => entry.Key).ToList()) _accounts.Remove(account);
    }

    private sealed class Known
    {
        public TimeSpan Last { get; set; }
        public GeoPoint? Place { get; set; }
        public TimeSpan PlaceAt { get; set; }
        public List<string> Origins { get; } = [];
    }
}
