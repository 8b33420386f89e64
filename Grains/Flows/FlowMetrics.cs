using Prometheus;

namespace IvrActors.Grains.Flows;

/// <summary>Counters of flows. Labels: names of published flows and kinds of steps only.</summary>
internal static class FlowMetrics
{
    public static readonly Counter Steps = Metrics.CreateCounter("ivr_flow_steps_total", "Flow steps entered, by flow and kind of step.", "flow", "kind");
}
