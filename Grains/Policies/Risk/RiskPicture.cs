using System.Collections.Concurrent;
using IvrActors.Grains.Interfaces.Policies;

namespace IvrActors.Grains.Policies.Risk;

/// <summary>
/// What this silo knows of the risk, kept up by its collector: attempts are judged by it without asking anybody, so that judging takes as long for each and a PIN that is tried everywhere makes no
/// grain hot. From any thread.
/// </summary>
internal sealed class RiskPicture
{
    private readonly ConcurrentDictionary<string, TenantView> _tenants = new(StringComparer.Ordinal);

    public TenantView Of(string tenant) => _tenants.GetOrAdd(tenant, static _ => new TenantView());

    /// <summary>Of one tenant. One collector writes; many read.</summary>
    internal sealed class TenantView
    {
        private ConcurrentDictionary<(string Subject, RiskReason Reason), RiskSign> _signs = new();

        /// <summary>From the last news.</summary>
        public long Epoch { get; private set; }
        public long Version { get; private set; }
        public ExpectedFailures Expected { get; private set; }

        /// <summary>When the last news came, by a monotonic clock; null: never.</summary>
        public TimeSpan? HeardAt { get; private set; }

        public int Count => _signs.Count;

        public void Take(TimeSpan uptime, DateTimeOffset now, RiskPolicy policy, RiskNews news)
        {
            if (news.Epoch != Epoch) _signs = new();
            foreach (var sign in news.Signs)
            {
                if (sign.IsLifted) _signs.TryRemove((sign.Subject, sign.Reason), out _);
                else _signs[(sign.Subject, sign.Reason)] = sign;
            }
            foreach (var (key, sign) in _signs)
            {
                if (!IsLive(sign, now, policy)) _signs.TryRemove(key, out _);
            }
            Expected = new ExpectedFailures(news.ExpectedShort, news.ExpectedDay);
            (Epoch, Version, HeardAt) = (news.Epoch, news.Version, uptime);
        }

        /// <summary>How strong a sign is now, 0 when there is none.</summary>
        public double Strength(string? subject, RiskReason reason, DateTimeOffset now, RiskPolicy policy) =>
            subject is not null && _signs.TryGetValue((subject, reason), out var sign) ? RiskScore.StrengthAfter(policy, now - sign.At) : 0;

        /// <summary>How many accounts an origin failed on when it was last seen to.</summary>
        public int AccountsOf(string? subject) => subject is not null && _signs.TryGetValue((subject, RiskReason.ManyAccounts), out var sign) ? sign.Count : 0;

        public bool IsBlocked(string? subject, DateTimeOffset now) => subject is not null && BlockedUntil(subject) > now;

        public DateTimeOffset BlockedUntil(string subject) =>
            _signs.TryGetValue((subject, RiskReason.ManyAccounts), out var sign) && sign.BlockedUntil is { } until ? until : DateTimeOffset.MinValue;
    }

    /// <summary>Whether a sign still weighs, or still keeps somebody out.</summary>
    public static bool IsLive(RiskSign sign, DateTimeOffset now, RiskPolicy policy) =>
        sign.BlockedUntil > now || RiskScore.StrengthAfter(policy, now - sign.At) >= RiskScore.Faintest;
}
