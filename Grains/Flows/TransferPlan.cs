using IvrActors.Grains.Policies;

namespace IvrActors.Grains.Flows;

/// <summary>What the cluster's configuration lets the flows of a tenant transfer to, and by what.</summary>
public sealed class TransferPlan
{
    /// <summary>Names → SIP URI, or number in E.164.</summary>
    public required IReadOnlyDictionary<string, string> Targets { get; init; }

    /// <summary>Trunks with a way out.</summary>
    public IReadOnlyCollection<string> Trunks { get; init; } = [];

    /// <summary>Whether the tenant may call out at all.</summary>
    public bool CallsOut { get; init; }

    public static TransferPlan Of(TenantPolicy tenant) => new()
    {
        Targets = tenant.TransferTargets,
        Trunks = [.. tenant.Trunks.Values.Where(trunk => trunk.WayOut is not null).Select(trunk => trunk.Name)],
        CallsOut = tenant.Outbound is not null,
    };

    public static bool IsNumber(string target) => target.StartsWith('+');
}
