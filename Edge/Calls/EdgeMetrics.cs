using IvrActors.Grains.Interfaces.Calls;
using Prometheus;

namespace IvrActors.Edge.Calls;

/// <summary>The call part of the edge's metrics. No label carries a caller, a number or a call id.</summary>
internal static class EdgeMetrics
{
    private static readonly double[] s_latencies = [0.0005, 0.001, 0.002, 0.005, 0.010, 0.020, 0.040, 0.060, 0.100, 0.250, 0.500, 1, 2.5, 5, 10];

    public static readonly Gauge Active = Metrics.CreateGauge("ivr_calls_active", "Calls at this edge.", "trunk");

    public static readonly Counter Admissions = Metrics.CreateCounter("ivr_call_admissions_total", "Calls answered.", "trunk");

    public static readonly Counter Rejections = Metrics.CreateCounter("ivr_call_rejections_total", "Calls not answered, by reason.", "reason");

    public static readonly Counter Ended = Metrics.CreateCounter("ivr_calls_ended_total", "Calls ended, by reason.", "reason");

    public static readonly Histogram Setup = Metrics.CreateHistogram(
        "ivr_call_setup_seconds", "INVITE in to 200 out.", new HistogramConfiguration { Buckets = s_latencies });

    public static readonly Histogram Step = Metrics.CreateHistogram(
        "ivr_call_step_seconds", "Event sent to the call grain to its reply.", new HistogramConfiguration { Buckets = s_latencies });

    public static readonly Histogram KeyToPrompt = Metrics.CreateHistogram(
        "ivr_key_to_prompt_seconds", "Last key of an input to the first RTP packet of the next prompt.", new HistogramConfiguration { Buckets = s_latencies });

    public static readonly Counter.Child InfoDigits =
        Metrics.CreateCounter("ivr_dtmf_digits_total", "Keys heard, by how they came.", "source").WithLabels("info");

    public static readonly Counter ReportsFailed = Metrics.CreateCounter("ivr_edge_reports_failed_total", "Reports to the cluster that failed.");

    public static string NameOf(CallEndReason reason) => reason switch
    {
        CallEndReason.CallerHungUp => "caller_hung_up",
        CallEndReason.FlowHungUp => "flow_hung_up",
        CallEndReason.Cancelled => "cancelled",
        CallEndReason.Transferred => "transferred",
        CallEndReason.MediaTimeout => "media_timeout",
        CallEndReason.OperatorHungUp => "operator_hung_up",
        CallEndReason.Shutdown => "shutdown",
        CallEndReason.CalleeHungUp => "callee_hung_up",
        CallEndReason.LimitReached => "limit_reached",
        CallEndReason.EdgeLost => "edge_lost",
        _ => "failed",
    };
}
