using Prometheus;

namespace IvrActors.Edge.Tracing;

internal static class TraceMetrics
{
    private static readonly Counter s_messages = Metrics.CreateCounter("ivr_trace_messages_total", "SIP messages that a trace asked for, by what became of them.", "result");

    public static readonly Counter.Child Shown = s_messages.WithLabels("shown");

    /// <summary>Malformed: only length and method were told.</summary>
    public static readonly Counter.Child NotShown = s_messages.WithLabels("not_shown");

    public static readonly Counter.Child Dropped = s_messages.WithLabels("dropped");
}
