using IvrActors.Grains.Interfaces.Policies;

namespace IvrActors.Edge.Limits;

/// <summary>
/// The limits of cluster, tenants and trunks at this edge, as they are leased. A call is let in by all that stand above it or counts in none. One lock for all: what it guards takes less time than
/// two locks would. Any thread.
/// </summary>
public sealed class EdgeLimits
{
    private readonly Lock _lock = new();
    private readonly List<SharedLimit> _all = [];
    private readonly Dictionary<EdgeTrunk, SharedLimit[]> _ofTrunk = [];

    /// <param name="incarnation">Random number of this process.</param>
    public EdgeLimits(EdgeOptions options, long now, long incarnation)
    {
        ArgumentNullException.ThrowIfNull(options);
        var cluster = Add("cluster", ILimitGrain.ClusterKey, options.ClusterLimit);
        var tenants = options.Trunks.Select(trunk => trunk.Tenant).Distinct().ToDictionary(
            tenant => tenant, tenant => Add("tenant", ILimitGrain.TenantKey(tenant), options.TenantLimits.GetValueOrDefault(tenant)), StringComparer.Ordinal);
        foreach (var trunk in options.Trunks)
        {
            SharedLimit?[] limits = [cluster, tenants[trunk.Tenant], Add("trunk", ILimitGrain.TrunkKey(trunk.Tenant, trunk.Name), trunk.Limit)];
            _ofTrunk[trunk] = [.. limits.OfType<SharedLimit>()];
        }

        SharedLimit? Add(string scope, string key, LimitRule? rule)
        {
            if (rule is not { Bounds: true }) return null;
            var limit = new SharedLimit(scope, key, new LimitLease(now, rule, options.Name, incarnation));
            _all.Add(limit);
            return limit;
        }
    }

    /// <summary>Called when something should be asked of the cluster, often; must return at once.</summary>
    public Action RunsLow { get; set; } = () => { };

    public IReadOnlyList<SharedLimit> All => _all;

    /// <summary>Whether a first call finds a lease of each.</summary>
    public bool AreReady(long now)
    {
        lock (_lock) return _all.TrueForAll(limit => limit.Lease.IsReady(now));
    }

    /// <summary>Limits above calls of a trunk, the widest first.</summary>
    public IReadOnlyList<SharedLimit> Of(EdgeTrunk trunk) => _ofTrunk[trunk];

    /// <summary>Does something with leases under the lock.</summary>
    public T Locked<T>(Func<T> action)
    {
        ArgumentNullException.ThrowIfNull(action);
        lock (_lock) return action();
    }

    /// <summary>Counts one call in all of these limits, or in none; there must be a place for it in each.</summary>
    /// <param name="hasPlace">Whether places are asked for, too.</param>
    public LimitAnswer TryTake(long now, IReadOnlyList<SharedLimit> limits, bool isKnown, bool hasPlace = true)
    {
        ArgumentNullException.ThrowIfNull(limits);
        lock (_lock)
        {
            var answer = hasPlace ? HasPlace(now, limits, isKnown) : default;
            for (var i = 0; i < limits.Count && answer.Result == LimitResult.Allowed; i++)
            {
                var verdict = limits[i].Lease.TryTake(now, isKnown);
                if (verdict.Result == LimitResult.Allowed) continue;
                answer = new LimitAnswer(verdict.Result, limits[i].Scope, verdict.RetryAfter, false);
                while (--i >= 0) limits[i].Lease.PutBack();
                break;
            }
            Ask(now, limits);
            return answer;
        }
    }

    /// <summary>Takes a place in each of these limits, or in none.</summary>
    public LimitAnswer TryBegin(long now, IReadOnlyList<SharedLimit> limits, bool isKnown)
    {
        ArgumentNullException.ThrowIfNull(limits);
        lock (_lock)
        {
            var answer = HasPlace(now, limits, isKnown);
            if (answer.Result == LimitResult.Allowed)
            {
                foreach (var limit in limits) limit.Lease.Begin();
            }
            Ask(now, limits);
            return answer;
        }
    }

    /// <summary>Takes a place in each of these limits, whether there is one or not: the next call waits for two that end.</summary>
    public void Begin(IReadOnlyList<SharedLimit> limits)
    {
        ArgumentNullException.ThrowIfNull(limits);
        lock (_lock)
        {
            foreach (var limit in limits) limit.Lease.Begin();
        }
    }

    /// <summary>Gives back what <see cref="TryBegin"/> took.</summary>
    public void Ended(IReadOnlyList<SharedLimit> limits)
    {
        ArgumentNullException.ThrowIfNull(limits);
        lock (_lock)
        {
            foreach (var limit in limits) limit.Lease.Ended();
        }
    }

    private static LimitAnswer HasPlace(long now, IReadOnlyList<SharedLimit> limits, bool isKnown)
    {
        foreach (var limit in limits)
        {
            if (limit.Lease.HasPlace(now, isKnown) is { Result: not LimitResult.Allowed } verdict) return new LimitAnswer(verdict.Result, limit.Scope, verdict.RetryAfter, true);
        }
        return default;
    }

    private void Ask(long now, IReadOnlyList<SharedLimit> limits)
    {
        foreach (var limit in limits)
        {
            if (!limit.Lease.IsDue(now)) continue;
            RunsLow();
            return;
        }
    }
}
