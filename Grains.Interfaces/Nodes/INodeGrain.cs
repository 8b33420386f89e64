using IvrActors.Grains.Interfaces.Operators;

namespace IvrActors.Grains.Interfaces.Nodes;

/// <summary>One process of the cluster, key <see cref="Key"/>: how much it still does, and whether it is to end. Nothing of it is stored: an order is for the process that runs, and not for the next one of its name.</summary>
[Alias("ivr.INodeGrain")]
public interface INodeGrain : IGrainWithStringKey
{
    static string Key(string node) => "node/" + node;

    /// <summary>Called every second by the node itself; takes orders back.</summary>
    [Requires(Permission.NodeReports), Alias("Report")]
    Task<NodeOrders> Report(NodeReport report);

    /// <summary>What it last said; null when it did not report lately and was not draining.</summary>
    [Requires(Permission.ViewEdges), Alias("GetReport")]
    Task<NodeReport?> GetReport();

    /// <summary>Has the process take nothing new, hand on what it has, and end. Audited. False when it did not report lately.</summary>
    /// <param name="deadline">Calls that an edge still has then are ended; calls of a silo go on at others at once.</param>
    [Requires(Permission.DrainNodes), Alias("Drain")]
    Task<bool> Drain(DateTimeOffset deadline);
}

/// <summary>A process of the cluster as it sees itself.</summary>
[GenerateSerializer, Immutable, Alias("ivr.NodeReport")]
public sealed class NodeReport
{
    /// <summary>Tells one run of the node's process from the next.</summary>
    [Id(0)] public required string Run { get; init; }
    [Id(1)] public required NodeState State { get; init; }

    /// <summary>Calls whose audio it carries: those of its edge.</summary>
    [Id(2)] public int Calls { get; init; }

    /// <summary>Calls that it controls: those whose grains are in its silo.</summary>
    [Id(3)] public int CallGrains { get; init; }
}

[GenerateSerializer, Alias("ivr.NodeState")]
public enum NodeState
{
    Serving = 0,

    /// <summary>Takes nothing new and is about to end.</summary>
    Draining = 1,
    Ended = 2,
}

[GenerateSerializer, Immutable, Alias("ivr.NodeOrders")]
public sealed class NodeOrders
{
    /// <summary>It is to drain, and to end the calls of its edge that are left then; null: it is to serve.</summary>
    [Id(0)] public DateTimeOffset? DrainBy { get; init; }
}
