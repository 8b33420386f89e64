using Prometheus;

namespace IvrActors.Edge.Limits;

/// <summary>What limits let in, and what is leased of them.</summary>
internal static class LimitMetrics
{
    private static readonly Counter s_decisions = Metrics.CreateCounter("ivr_limit_decisions_total", "Calls that a limit let in or not, by the row of the table and by what it said.", "scope", "result");
    private static readonly Counter s_asks = Metrics.CreateCounter("ivr_limit_asks_total", "Requests of this edge for leases of a limit.", "scope", "result");
    private static readonly Gauge s_calls = Metrics.CreateGauge("ivr_limit_leased_calls", "Calls that this edge may let in without asking.", "limit");
    private static readonly Gauge s_places = Metrics.CreateGauge("ivr_limit_leased_places", "Calls at once that this edge may have without asking.", "limit");
    private static readonly Gauge s_inUse = Metrics.CreateGauge("ivr_limit_places_in_use", "Calls that are not over, of those that a limit counts.", "limit");

    public static readonly Gauge Known = Metrics.CreateGauge("ivr_known_callers", "Callers with a good history that this edge knows.");

    public static void Decided(string scope, string result) => s_decisions.WithLabels(scope, result).Inc();

    public static void Asked(string scope, string result) => s_asks.WithLabels(scope, result).Inc();

    public static void Show(EdgeLimits limits, long now)
    {
        foreach (var limit in limits.All)
        {
            var (left, places, inUse) = limits.Locked(() => (limit.Lease.Left(now), limit.Lease.Places, limit.Lease.InUse));
            s_calls.WithLabels(limit.Key).Set(left);
            s_places.WithLabels(limit.Key).Set(places);
            s_inUse.WithLabels(limit.Key).Set(inUse);
        }
    }

    public static void Clear(EdgeLimits limits)
    {
        foreach (var limit in limits.All)
        {
            foreach (var gauge in new[] { s_calls, s_places, s_inUse }) gauge.RemoveLabelled(limit.Key);
        }
    }
}
