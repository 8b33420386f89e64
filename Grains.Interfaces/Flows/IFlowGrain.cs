using IvrActors.Grains.Interfaces.Operators;

namespace IvrActors.Grains.Interfaces.Flows;

/// <summary>One flow of one tenant: its published versions. Key: <see cref="Key"/>.</summary>
[Alias("ivr.IFlowGrain")]
public interface IFlowGrain : IGrainWithStringKey
{
    static string Key(string tenant, string flow) => $"flow-{tenant}/{flow}";

    /// <summary>The version that new calls run, or null when none was published.</summary>
    [Requires(Permission.ViewFlows), Alias("GetPublished")]
    Task<FlowVersion?> GetPublished();

    /// <summary>Name of the version that new calls run, or null: light, asked for every call.</summary>
    [Requires(Permission.ViewFlows), Alias("GetPublishedVersion")]
    Task<string?> GetPublishedVersion();

    /// <summary>A version that is published or was lately (running calls keep theirs), or null when it is not kept.</summary>
    [Requires(Permission.ViewFlows), Alias("GetVersion")]
    Task<FlowVersion?> GetVersion(string version);

    /// <summary>Validates the document and makes it the version that new calls run. Calls that run keep theirs.</summary>
    [Requires(Permission.PublishFlows), Alias("Publish")]
    Task<PublishResult> Publish(string fileName, string yaml);

    /// <summary>The published flow as a graph to draw, or null.</summary>
    [Requires(Permission.ViewFlows), Alias("GetGraph")]
    Task<FlowGraph?> GetGraph();
}

[GenerateSerializer, Immutable, Alias("ivr.FlowVersion")]
public sealed class FlowVersion
{
    [Id(0)] public required string Flow { get; init; }

    /// <summary>SHA-256 of the document in hex: the version's name.</summary>
    [Id(1)] public required string Version { get; init; }
    [Id(2)] public required string FileName { get; init; }
    [Id(3)] public required string Yaml { get; init; }
    [Id(4)] public required DateTimeOffset PublishedAt { get; init; }
}

[GenerateSerializer, Immutable, Alias("ivr.PublishResult")]
public sealed class PublishResult
{
    /// <summary>The version now published, or null when there were errors.</summary>
    [Id(0)] public string? Version { get; init; }
    [Id(1)] public required List<FlowError> Errors { get; init; }
}

/// <summary>One finding of the flow check.</summary>
[GenerateSerializer, Immutable, Alias("ivr.FlowError")]
public sealed class FlowError
{
    [Id(0)] public required string File { get; init; }

    /// <summary>1-based.</summary>
    [Id(1)] public required int Line { get; init; }

    /// <summary>1-based.</summary>
    [Id(2)] public required int Column { get; init; }
    [Id(3)] public required string Message { get; init; }

    public override string ToString() => $"{File}:{Line}:{Column}: {Message}";
}

/// <summary>Steps and the edges among them.</summary>
[GenerateSerializer, Immutable, Alias("ivr.FlowGraph")]
public sealed class FlowGraph
{
    [Id(0)] public required string Flow { get; init; }
    [Id(1)] public required string Version { get; init; }
    [Id(2)] public required List<FlowGraphStep> Steps { get; init; }
    [Id(3)] public required List<FlowGraphEdge> Edges { get; init; }
}

[GenerateSerializer, Immutable, Alias("ivr.FlowGraphStep")]
public sealed class FlowGraphStep
{
    [Id(0)] public required string Name { get; init; }

    /// <summary>The step's kind: play, collect, verify, menu, say, transfer, hang-up …</summary>
    [Id(1)] public required string Kind { get; init; }

    /// <summary>Whether the step takes or needs a secret or a verified caller.</summary>
    [Id(2)] public bool Secret { get; init; }
}

[GenerateSerializer, Immutable, Alias("ivr.FlowGraphEdge")]
public sealed class FlowGraphEdge
{
    [Id(0)] public required string From { get; init; }
    [Id(1)] public required string To { get; init; }

    /// <summary>What leads along it: a key, <c>no input</c>, <c>failed</c>, <c>locked</c>, <c>next</c>.</summary>
    [Id(2)] public required string Label { get; init; }
}
