using Prometheus;

namespace IvrActors.Grains.Policies;

internal static class PolicyMetrics
{
    public static readonly Counter Lockouts = Metrics.CreateCounter("ivr_lockouts_total", "Locks that failed attempts brought.");

    public static readonly Gauge LockoutsActive = Metrics.CreateGauge("ivr_lockouts_active", "Locks that are on now.", "tenant");

    public static readonly Gauge SharedBlocks = Metrics.CreateGauge("ivr_shared_blocks", "Sources in the list that edges share.");

    public static readonly Counter RateLimited = Metrics.CreateCounter("ivr_rate_limited_total", "Events over their rate limit.", "scope");
}
