using IvrActors.Grains.Interfaces.Policies;
using Prometheus;

namespace IvrActors.Grains.Policies.Risk;

internal static class RiskMetrics
{
    public static readonly Counter Alarms = Metrics.CreateCounter("ivr_risk_alarms_total", "Alarms of attacks on factors.", "reason");

    public static readonly Counter Attempts = Metrics.CreateCounter("ivr_risk_attempts_total", "Attempts by their risk.", "level");

    public static readonly Counter Actions = Metrics.CreateCounter("ivr_risk_actions_total", "What was done because of risk.", "action");

    public static readonly Counter Unknown = Metrics.CreateCounter("ivr_risk_unknown_total", "Attempts and calls that were judged without what could not be asked in time.", "part");

    public static readonly Counter Dropped = Metrics.CreateCounter("ivr_risk_notes_dropped_total", "Notes of attempts that were over the bound of a second.");

    public static readonly Gauge Signs = Metrics.CreateGauge("ivr_risk_signs", "Signs of fraud that count still.", "tenant", "reason");

    public static readonly Gauge Blocked = Metrics.CreateGauge("ivr_risk_origins_blocked", "Origins that are kept out because they try many accounts.", "tenant");

    public static string NameOf(RiskReason reason) => reason switch
    {
        RiskReason.SprayedPin => "sprayed-pin",
        RiskReason.ManyAccounts => "many-accounts",
        RiskReason.MachineKeys => "machine-keys",
        RiskReason.Velocity => "velocity",
        RiskReason.ImpossibleTravel => "impossible-travel",
        RiskReason.FailureWave => "failure-wave",
        RiskReason.AttestationFailed => "attestation-failed",
        RiskReason.NewOrigin => "new-origin",
        _ => "other",
    };

    public static string NameOf(RiskLevel level) => level switch { RiskLevel.None => "none", RiskLevel.Raised => "raised", _ => "high" };
}
