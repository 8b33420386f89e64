using IvrActors.Grains.Interfaces.Policies;

namespace IvrActors.Grains.Policies.Risk;

/// <summary>The signs of one tenant, each change with a number, so that a silo hears what is new to it only. Bounded: when it is full, the sign that was seen longest ago gives way, and a block to none.</summary>
internal sealed class RiskLedger(RiskPolicy policy)
{
    internal const int Most = 8192;

    /// <summary>Blocks among them: an attack from more origins than that is not stopped by blocking origins.</summary>
    internal const int MostBlocks = 4096;

    private readonly Dictionary<(string Subject, RiskReason Reason), (RiskSign Sign, long Version)> _signs = [];

    public long Version { get; private set; }

    public void Put(DateTimeOffset now, RiskSign sign)
    {
        var key = (sign.Subject, sign.Reason);
        if (_signs.TryGetValue(key, out var known))
        {
            // A block that is on stays on, however weak the sign is that follows it.
            if (known.Sign.BlockedUntil > now) sign = With(sign, known.Sign.BlockedUntil);
        }
        else if (_signs.Count >= Most)
        {
            Expire(now);
            if (_signs.Count >= Most) _signs.Remove(_signs.MinBy(entry => (entry.Value.Sign.BlockedUntil > now, entry.Value.Sign.At)).Key);
        }
        if (sign.BlockedUntil is not null && known.Sign?.BlockedUntil is null && _signs.Values.Count(entry => entry.Sign.BlockedUntil > now) >= MostBlocks) sign = With(sign, null);
        _signs[key] = (sign, ++Version);
    }

    public bool IsBlocked(string subject, DateTimeOffset now) => _signs.TryGetValue((subject, RiskReason.ManyAccounts), out var known) && known.Sign.BlockedUntil > now;

    /// <summary>Takes back all that is known against a subject.</summary>
    public void Lift(DateTimeOffset now, string subject)
    {
        foreach (var key in _signs.Keys.Where(key => key.Subject == subject).ToList())
            _signs[key] = (new RiskSign { Subject = key.Subject, Reason = key.Reason, At = now, Count = 0, IsLifted = true }, ++Version);
    }

    /// <summary>The oldest changes after <paramref name="version"/>, and the number up to which they go.</summary>
    public (List<RiskSign> Signs, long Version) Since(DateTimeOffset now, long version)
    {
        if (version >= Version) return ([], Version);
        Expire(now);
        var changed = _signs.Values.Where(entry => entry.Version > version).OrderBy(entry => entry.Version).Take(RiskNews.Most).ToList();
        return ([.. changed.Select(entry => entry.Sign)], changed.Count == RiskNews.Most ? changed[^1].Version : Version);
    }

    public List<RiskSign> Current(DateTimeOffset now)
    {
        Expire(now);
        return [.. _signs.Values.Where(entry => !entry.Sign.IsLifted).OrderByDescending(entry => entry.Version).Select(entry => entry.Sign)];
    }

    public List<RiskSign> Blocks(DateTimeOffset now) => [.. _signs.Values.Where(entry => entry.Sign.BlockedUntil > now).Select(entry => entry.Sign)];

    private void Expire(DateTimeOffset now)
    {
        foreach (var (key, entry) in _signs)
        {
            if (!RiskPicture.IsLive(entry.Sign, now, policy)) _signs.Remove(key);
        }
    }

    private static RiskSign With(RiskSign sign, DateTimeOffset? until) => new() { Subject = sign.Subject, Reason = sign.Reason, At = sign.At, Count = sign.Count, BlockedUntil = until };
}
