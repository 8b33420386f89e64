using IvrActors.Edge.Admission;
using Prometheus;

namespace IvrActors.Edge.Calls;

/// <summary>What the gate does with new calls, and why.</summary>
internal static class AdmissionMetrics
{
    private static readonly Gauge s_accepted = Metrics.CreateGauge("ivr_admission_accepted_share", "Share of new calls that load lets in, 0 to 1.");
    private static readonly Gauge s_pressure = Metrics.CreateGauge("ivr_admission_pressure", "Strongest of the measured loads in terms of its limit: above 1 calls are turned away.");
    private static readonly Counter s_shed = Metrics.CreateCounter("ivr_calls_shed_total", "New calls turned away without a transaction, by reason and by who called.", "reason", "class");

    public static readonly Counter AcksAbsorbed = Metrics.CreateCounter("ivr_sip_stateless_acks_total", "ACKs to answers without a transaction.");

    public static void Show(AdmissionState state)
    {
        s_accepted.Set(state.Accepted);
        s_pressure.Set(state.Pressure);
    }

    public static void Shed(in GateVerdict verdict)
    {
        s_shed.WithLabels(verdict.Reason, NameOf(verdict.Class)).Inc();
        EdgeMetrics.Rejections.WithLabels(verdict.Reason).Inc();
    }

    private static string NameOf(CallClass kind) => kind switch { CallClass.Emergency => "emergency", CallClass.Known => "known", _ => "ordinary" };
}
