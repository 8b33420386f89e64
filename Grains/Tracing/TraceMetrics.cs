using Prometheus;

namespace IvrActors.Grains.Tracing;

internal static class TraceMetrics
{
    public static readonly Gauge Active = Metrics.CreateGauge("ivr_traces_active", "Traces of SIP messages that run in the cluster.");

    public static readonly Counter Started = Metrics.CreateCounter("ivr_traces_total", "Traces that operators asked for, by result.", "result");
}
