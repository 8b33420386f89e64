using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Grains.Interfaces.Privacy;
using IvrActors.Grains.Interfaces.Tracing;

namespace IvrActors.Grains.Interfaces.Edges;

/// <summary>One edge node as the cluster sees it, key <see cref="Key"/>: its calls, its load, and the way down to it.</summary>
[Alias("ivr.IEdgeGrain")]
public interface IEdgeGrain : IGrainWithStringKey
{
    static string Key(string edge) => "edge-node/" + edge;

    /// <summary>Called at start and then every few seconds: subscribes (or renews) the observer, reports, and takes orders back.</summary>
    [Requires(Permission.EdgeReports), Alias("Report")]
    Task<EdgeOrders> Report(EdgeReport report, IEdgeObserver observer);

    /// <summary>Called every second between reports. False: this life of the edge was taken for gone, and its calls are others' by now.</summary>
    [Requires(Permission.EdgeReports), Alias("Beat")]
    Task<bool> Beat(string incarnation);

    /// <summary>Asked by every silo every second: whether the edge is gone and its calls are to be seen to, which then is for whoever asked first. Null: nothing is to be done.</summary>
    [Alias("Watch")]
    Task<EdgeLoss?> Watch();

    /// <summary>The calls of a loss were all seen to.</summary>
    [Alias("Settled")]
    Task Settled(EdgeLoss loss);

    [Requires(Permission.ViewEdges), Alias("GetReport")]
    Task<EdgeReport?> GetReport();

    /// <summary>Has the edge take no new calls, until <see cref="Undrain"/>; calls that are left at the deadline are ended. Audited. False when it did not report lately: then it drains when it comes back.</summary>
    [Requires(Permission.DrainEdges), Alias("Drain")]
    Task<bool> Drain(DateTimeOffset deadline);

    /// <summary>Has it take calls again. Audited. False when it was not asked to drain.</summary>
    [Requires(Permission.DrainEdges), Alias("Undrain")]
    Task<bool> Undrain();

    /// <summary>Sends a command for one call down to the edge. False when no edge is attached.</summary>
    [Alias("Send")]
    Task<bool> Send(CallId call, CallCommand command);

    /// <summary>Tells the edge at once what to trace from now on: these and nothing else. False when no edge is attached; it hears of them with its next report.</summary>
    [Alias("Trace")]
    Task<bool> Trace(List<TraceOrder> orders);
}

/// <summary>The edges that reported lately. One grain, key <c>edges</c>.</summary>
[Alias("ivr.IEdgeDirectoryGrain")]
public interface IEdgeDirectoryGrain : IGrainWithStringKey
{
    const string Key = "edges";

    /// <summary>Names of the edges, for <see cref="IEdgeGrain.Key"/>.</summary>
    [Requires(Permission.ViewEdges), Alias("List")]
    Task<List<string>> List();

    [Alias("Add")]
    Task Add(string edge);
}

/// <summary>What an edge hears from the cluster unasked.</summary>
[Alias("ivr.IEdgeObserver")]
public interface IEdgeObserver : IGrainObserver
{
    [Alias("Order")]
    Task Order(CallId call, CallCommand command);

    /// <summary>What to trace from now on: these and nothing else.</summary>
    [Alias("Trace")]
    Task Trace(List<TraceOrder> orders);
}

/// <summary>The state of an edge: counts, and its live calls (at most <see cref="MostCalls"/> of them, newest first).</summary>
[GenerateSerializer, Immutable, Alias("ivr.EdgeReport")]
public sealed class EdgeReport
{
    public const int MostCalls = 500;

    [Id(0)] public required string Edge { get; init; }
    [Id(1)] public required DateTimeOffset At { get; init; }
    [Id(2)] public required int ActiveCalls { get; init; }
    [Id(3)] public required List<CallSummary> Calls { get; init; }

    /// <summary>Its trunks, in the order of cluster.yaml; empty from an edge of an older version.</summary>
    [Id(12)] public List<TrunkSummary> Trunks { get; init; } = [];

    [Id(13)] public EdgeDrain Drain { get; init; }

    /// <summary>Strongest of its measured loads in terms of its limit: above 1 it turns calls away. And the share of new calls that it lets in.</summary>
    [Id(14)] public double Pressure { get; init; }
    [Id(15)] public double Accepted { get; init; } = 1;

    /// <summary>The edge's life: random, and another one for each start; empty from an edge of an older version, which nobody watches.</summary>
    [Id(16)] public string Incarnation { get; init; } = "";
    [Id(17)] public EdgeBirth Birth { get; init; }
}

[GenerateSerializer, Alias("ivr.EdgeBirth")]
public enum EdgeBirth
{
    /// <summary>A report of this life was answered before.</summary>
    Known = 0,

    /// <summary>The first of a process.</summary>
    New = 1,

    /// <summary>A life of the same process before was taken for gone: this one gives way to another process of the same name.</summary>
    Again = 2,

    /// <summary>The last of a process that stops in order.</summary>
    Ended = 3,
}

/// <summary>Lives of an edge that are over, while their calls may not be.</summary>
[GenerateSerializer, Immutable, Alias("ivr.EdgeLoss")]
public sealed class EdgeLoss
{
    [Id(0)] public required string Edge { get; init; }
    [Id(1)] public required List<string> Lost { get; init; }

    /// <summary>The edge's life now; empty when it has none.</summary>
    [Id(2)] public required string Alive { get; init; }

    /// <summary>Edges that the cluster has, whether they are there or not.</summary>
    [Id(3)] public List<string> Others { get; init; } = [];

    /// <summary>Whether a call that no edge takes now is to end.</summary>
    [Id(4)] public bool IsLast { get; init; }
}

[GenerateSerializer, Immutable, Alias("ivr.EdgeOrders")]
public sealed class EdgeOrders
{
    /// <summary>The key to which secret digits are sealed now.</summary>
    [Id(0)] public required SealingKey SealingKey { get; init; }

    /// <summary>What to trace: these and nothing else; empty from a silo of an older version.</summary>
    [Id(1)] public List<TraceOrder> Traces { get; init; } = [];

    /// <summary>The edge is to take no new calls, and end those that are left then; null: it is to take calls.</summary>
    [Id(2)] public DateTimeOffset? DrainUntil { get; init; }

    /// <summary>Whether it is to drain could not be read: it goes on as it does now.</summary>
    [Id(3)] public bool DrainUnknown { get; init; }

    /// <summary>This life of the edge was taken for gone: its calls are others' by now.</summary>
    [Id(4)] public bool Superseded { get; init; }
}

[GenerateSerializer, Alias("ivr.EdgeDrain")]
public enum EdgeDrain
{
    /// <summary>Takes calls.</summary>
    None = 0,

    /// <summary>Takes no new ones and goes on with those that it has.</summary>
    Draining = 1,

    /// <summary>Has none left.</summary>
    Drained = 2,
}

/// <summary>One live call as an operator may see it: nothing personal.</summary>
[GenerateSerializer, Immutable, Alias("ivr.CallSummary")]
public sealed class CallSummary
{
    [Id(0)] public required CallId Call { get; init; }
    [Id(1)] public required string Tenant { get; init; }
    [Id(2)] public required string Trunk { get; init; }
    [Id(3)] public required string Flow { get; init; }
    [Id(4)] public required string Step { get; init; }
    [Id(5)] public required DateTimeOffset Since { get; init; }
    [Id(6)] public required string Codec { get; init; }
    [Id(7)] public required string Transport { get; init; }
    [Id(8)] public required bool Srtp { get; init; }

    /// <summary>Fraction of received packets lost (0 to 1) and interarrival jitter in ms (RFC 3550 6.4.1).</summary>
    [Id(9)] public double Loss { get; init; }
    [Id(10)] public double JitterMs { get; init; }

    /// <summary>Both directions, round trip and opinion; null when nothing was heard yet, and from an edge of an older version.</summary>
    [Id(11)] public MediaQuality? Quality { get; init; }
}

/// <summary>What one edge knows of one trunk.</summary>
[GenerateSerializer, Immutable, Alias("ivr.TrunkSummary")]
public sealed class TrunkSummary
{
    [Id(0)] public required string Tenant { get; init; }
    [Id(1)] public required string Trunk { get; init; }

    /// <summary>Calls of this edge over it, in either direction.</summary>
    [Id(2)] public required int Calls { get; init; }

    /// <summary>Whether this edge is registered with the trunk's registrar.</summary>
    [Id(3)] public required TrunkRegistration Registration { get; init; }

    /// <summary>Until when; null when it is not.</summary>
    [Id(4)] public DateTimeOffset? RegisteredUntil { get; init; }

    /// <summary>Since when attempts fail, and the status of the last answer (408: none came); null and 0 when they do not or none was made.</summary>
    [Id(5)] public DateTimeOffset? FailingSince { get; init; }
    [Id(6)] public int LastStatus { get; init; }

    /// <summary>Whether its proxy answers OPTIONS.</summary>
    [Id(7)] public required TrunkProxy Proxy { get; init; }

    /// <summary>Contacts that its phones registered with this edge.</summary>
    [Id(8)] public required int Contacts { get; init; }
}

[GenerateSerializer, Alias("ivr.TrunkRegistration")]
public enum TrunkRegistration
{
    /// <summary>Not wanted, not tried yet, or taken back.</summary>
    None = 0,
    Registered = 1,

    /// <summary>The last attempt failed; an earlier one may still hold.</summary>
    Failing = 2,
}

[GenerateSerializer, Alias("ivr.TrunkProxy")]
public enum TrunkProxy
{
    /// <summary>Not asked, or not answered yet.</summary>
    Unknown = 0,
    Up = 1,

    /// <summary>Several answers in a row did not come, or said 503.</summary>
    Down = 2,
}
