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

    /// <summary>How long it may be until the edge says how it ended; zero where an edge says so within minutes whatever happens.</summary>
    [Id(3)] public TimeSpan Longest { get; init; }

    internal OutboundCall Lasting(TimeSpan longest) => new() { Id = Id, Trunk = Trunk, To = To, Longest = longest };
}
