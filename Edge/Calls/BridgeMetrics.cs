using IvrActors.Grains.Interfaces.Calls;
using Prometheus;

namespace IvrActors.Edge.Calls;

/// <summary>Calls out as the edge makes them. No label carries a number.</summary>
internal static class BridgeMetrics
{
    public static readonly Gauge Active = Metrics.CreateGauge("ivr_bridges_active", "Calls out that are being made or talked in.", "trunk");

    private static readonly Counter s_ended = Metrics.CreateCounter("ivr_bridges_ended_total", "Calls out that are over, by outcome.", "trunk", "outcome");

    private static readonly Counter s_talk = Metrics.CreateCounter("ivr_bridge_talk_seconds_total", "Talk time of calls out that are over.", "trunk");

    public static readonly Histogram Answer = Metrics.CreateHistogram(
        "ivr_bridge_answer_seconds", "INVITE out to 200 in.", new HistogramConfiguration { Buckets = [0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120] });

    public static void Ended(string trunk, BridgeResult result)
    {
        s_ended.WithLabels(trunk, BridgeOutcomes.NameOf(result.Outcome)).Inc();
        s_talk.WithLabels(trunk).Inc(result.Talked.TotalSeconds);
    }
}
