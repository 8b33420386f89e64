namespace IvrActors.Grains.Interfaces.Calls;

/// <summary>Names one call in the cluster. Random, made by the edge, never the SIP Call-ID (which the peer chooses).</summary>
[GenerateSerializer, Immutable, Alias("ivr.CallId")]
public readonly record struct CallId([property: Id(0)] string Value)
{
    public static CallId New() => new("call-" + Guid.NewGuid().ToString("N"));

    public override string ToString() => Value;
}
