using IvrActors.Grains.Interfaces.Policies;
using Prometheus;

namespace IvrActors.Grains.Policies;

/// <summary>What is decided on calls out. No label carries a number.</summary>
internal static class OutboundMetrics
{
    private static readonly Counter s_refused = Metrics.CreateCounter("ivr_outbound_refused_total", "Calls out that were not made, by reason.", "tenant", "reason");

    public static readonly Counter Permitted = Metrics.CreateCounter("ivr_outbound_permitted_total", "Calls out that might be made.", "tenant");

    public static readonly Counter Charged = Metrics.CreateCounter("ivr_outbound_charged_minor_total", "What calls out have cost by their prices, in minor units.", "tenant");

    private static readonly Gauge s_spent = Metrics.CreateGauge("ivr_outbound_spent_minor", "Spent in the last hour or day and set aside now, in minor units.", "tenant", "window");

    private static readonly Gauge s_cap = Metrics.CreateGauge("ivr_outbound_cap_minor", "What may be spent in an hour or day, in minor units.", "tenant", "window");

    public static void Refused(string tenant, OutboundRefusal refusal) => s_refused.WithLabels(tenant, OutboundRefusals.NameOf(refusal)).Inc();

    public static void Show(string tenant, SpendRule rule, SpendSummary summary)
    {
        s_spent.WithLabels(tenant, "hour").Set(summary.Hour);
        s_spent.WithLabels(tenant, "day").Set(summary.Day);
        s_cap.WithLabels(tenant, "hour").Set(rule.PerHour);
        s_cap.WithLabels(tenant, "day").Set(rule.PerDay);
    }

    /// <summary>Another silo shows this tenant from now on.</summary>
    public static void Forget(string tenant)
    {
        foreach (var window in new[] { "hour", "day" })
        {
            s_spent.RemoveLabelled(tenant, window);
            s_cap.RemoveLabelled(tenant, window);
        }
    }
}
