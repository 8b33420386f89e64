namespace IvrActors.Grains.Policies;

/// <summary>A call out that money was set aside for.</summary>
[GenerateSerializer, Immutable, Alias("ivr.state.OutboundCall")]
public sealed class OutboundCall
{
    /// <summary>The name under which the spend grain knows it.</summary>
    [Id(0)] public required string Id { get; init; }
    [Id(1)] public required string Trunk { get; init; }

    /// <summary>Pseudonym of the number, or the name of the target.</summary>
    [Id(2)] public required string To { get; init; }
}
