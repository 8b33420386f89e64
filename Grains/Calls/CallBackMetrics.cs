using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Calls;
using Prometheus;

namespace IvrActors.Grains.Calls;

/// <summary>What becomes of call-backs: whether they are ordered, and how those that are ended before or with the answer.</summary>
internal static class CallBackMetrics
{
    private static readonly Counter s_results = Metrics.CreateCounter("ivr_callbacks_total", "Call-backs by what became of them: once when they are asked for, and once when they are answered or not.", "result");

    public static void Ordered(CallBackOutcome outcome) => s_results.WithLabels(outcome switch
    {
        CallBackOutcome.Ordered => "ordered",
        CallBackOutcome.Refused => "refused",
        CallBackOutcome.Limited => "limited",
        _ => "unavailable",
    }).Inc();

    public static void Answered() => s_results.WithLabels("answered").Inc();

    /// <param name="result">Null when it is not known.</param>
    public static void NotAnswered(BridgeResult? result) => s_results.WithLabels(result?.Outcome switch
    {
        BridgeOutcome.Busy => "busy",
        BridgeOutcome.NoAnswer => "no_answer",
        BridgeOutcome.Refused => "rejected",
        BridgeOutcome.Cancelled => "cancelled",
        BridgeOutcome.Failed => "failed",
        // Answered after it had expired, or its edge was not heard of again.
        _ => "lost",
    }).Inc();
}
