using Prometheus;

namespace IvrActors.Grains.Calls;

/// <summary>What becomes of calls whose edge is gone.</summary>
internal static class TakeOverMetrics
{
    /// <summary>Another edge has it, and its caller is served there.</summary>
    public const string Resumed = "resumed";

    /// <summary>The peer refused, had no such call, did not answer, or hung up meanwhile.</summary>
    public const string Refused = "refused";

    /// <summary>The peer cannot be reached from another edge: a WebSocket, a stream to which nobody connects, a trunk that the edge does not have.</summary>
    public const string Transport = "transport";

    /// <summary>It was bridged, or being transferred.</summary>
    public const string Bridged = "bridged";

    /// <summary>A call of ours that nobody had answered yet.</summary>
    public const string NotAnswered = "not_answered";

    /// <summary>Its edge never said how its dialog stands: one of an older version.</summary>
    public const string NoDialog = "no_dialog";

    /// <summary>No other edge was there that takes calls and has the trunk.</summary>
    public const string NoEdge = "no_edge";

    private static readonly Counter s_over = Metrics.CreateCounter("ivr_takeovers_total", "Calls whose edge was lost, by what became of them.", "outcome");

    public static void Over(string outcome) => s_over.WithLabels(outcome).Inc();
}
