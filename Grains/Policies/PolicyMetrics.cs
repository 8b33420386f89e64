using Prometheus;

namespace IvrActors.Grains.Policies;

internal static class PolicyMetrics
{
    public static readonly Counter Lockouts = Metrics.CreateCounter("ivr_lockouts_total", "Locks that failed attempts brought.");

    public static readonly Gauge LockoutsActive = Metrics.CreateGauge("ivr_lockouts_active", "Locks that are on now.", "tenant");

    public static readonly Gauge SharedBlocks = Metrics.CreateGauge("ivr_shared_blocks", "Sources in the list that edges share.");

    private static readonly Counter s_decisions = Metrics.CreateCounter("ivr_limit_decisions_total", "Calls that a limit let in or not, by the row of the table and by what it said.", "scope", "result");

    public static void Decided(string scope, string result) => s_decisions.WithLabels(scope, result).Inc();
}
