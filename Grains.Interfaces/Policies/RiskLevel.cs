namespace IvrActors.Grains.Interfaces.Policies;

/// <summary>What is known of fraud against a call or its account: how much more proof it takes. Ordered: more is worse.</summary>
[GenerateSerializer, Alias("ivr.RiskLevel")]
public enum RiskLevel
{
    None = 0,

    /// <summary>Something is unusual: a flow gets a step more of assurance than it asks for.</summary>
    Raised = 1,

    /// <summary>It looks like fraud: only what cannot be relayed, and is no number, counts as something that the caller has.</summary>
    High = 2,
}
