using IvrActors.Grains.Interfaces.Operators;

namespace IvrActors.Grains.Interfaces.Tracing;

/// <summary>
/// One trace of SIP messages, key <see cref="Key"/>: from the edges, which mask what they publish, to the one operator who started it. In memory only. It ends with its time,
/// when it has shown as many messages as were asked for, and when nobody reads it any more.
/// </summary>
[Alias("ivr.ITraceGrain")]
public interface ITraceGrain : IGrainWithStringKey
{
    /// <param name="id">Unguessable, chosen by who starts it.</param>
    static string Key(string id) => "trace/" + id;

    /// <summary>Starts it, once; who, what and for how long is in the cluster's audit records before any edge hears of it.</summary>
    [Requires(Permission.TraceCalls), Alias("Start")]
    Task<TraceStarted> Start(TraceRequest request);

    /// <summary>What came since; must be asked for every few seconds. What an earlier call returned is forgotten.</summary>
    [Requires(Permission.TraceCalls), Alias("Read")]
    Task<TraceView> Read();

    [Requires(Permission.TraceCalls), Alias("Stop")]
    Task Stop();

    /// <summary>Masked messages of one edge. False: nobody wants more.</summary>
    [Requires(Permission.EdgeReports), Alias("Publish")]
    Task<bool> Publish(TraceBatch batch);
}

/// <summary>The traces that run. One grain, key <see cref="Key"/>.</summary>
[Alias("ivr.ITraceDirectoryGrain")]
public interface ITraceDirectoryGrain : IGrainWithStringKey
{
    const string Key = "traces";

    /// <summary>Tells all edges; the names of those that took it, or null when too many traces run already.</summary>
    [Alias("Add")]
    Task<List<string>?> Add(TraceOrder order);

    [Alias("Remove")]
    Task Remove(string id);

    /// <summary>What an edge is to trace now.</summary>
    [Alias("Active")]
    Task<List<TraceOrder>> Active();
}

[GenerateSerializer, Immutable, Alias("ivr.TraceRequest")]
public sealed class TraceRequest
{
    [Id(0)] public required TraceFilter Filter { get; init; }

    /// <summary>How long at most.</summary>
    [Id(1)] public required TimeSpan Lasting { get; init; }
    [Id(2)] public required int MostMessages { get; init; }
}

[GenerateSerializer, Immutable, Alias("ivr.TraceStarted")]
public sealed class TraceStarted
{
    [Id(0)] public required TraceRefusal Refusal { get; init; }

    /// <summary>Edges that trace from now on; others join with their next report.</summary>
    [Id(1)] public required List<string> Edges { get; init; }
}

[GenerateSerializer, Alias("ivr.TraceRefusal")]
public enum TraceRefusal
{
    /// <summary>It runs.</summary>
    None = 0,

    /// <summary>The filter, the time or the number of messages is not one that can be asked for.</summary>
    BadRequest = 1,

    /// <summary>As many traces as are allowed run already.</summary>
    TooMany = 2,

    /// <summary>This trace was started before.</summary>
    Started = 3,
}

[GenerateSerializer, Immutable, Alias("ivr.TraceView")]
public sealed class TraceView
{
    /// <summary>In the order in which they came here.</summary>
    [Id(0)] public required List<TracedMessage> Messages { get; init; }

    /// <summary>Messages that were lost on the way since the trace began: an edge or this grain had no room for them.</summary>
    [Id(1)] public required long Dropped { get; init; }

    /// <summary>Why it is over, once nothing is left to read.</summary>
    [Id(2)] public required TraceEnd End { get; init; }
}

[GenerateSerializer, Alias("ivr.TraceEnd")]
public enum TraceEnd
{
    /// <summary>It goes on.</summary>
    None = 0,

    /// <summary>It was stopped.</summary>
    Stopped = 1,
    TimeOver = 2,

    /// <summary>As many messages as were asked for.</summary>
    Enough = 3,
    NobodyReads = 4,

    /// <summary>There is no such trace, or its silo is gone.</summary>
    Unknown = 5,
}

/// <summary>What the cluster asks of an edge.</summary>
[GenerateSerializer, Immutable, Alias("ivr.TraceOrder")]
public sealed class TraceOrder
{
    [Id(0)] public required string Id { get; init; }
    [Id(1)] public required TraceFilter Filter { get; init; }

    /// <summary>From when it is received: clocks of machines differ.</summary>
    [Id(2)] public required TimeSpan Left { get; init; }
}

[GenerateSerializer, Immutable, Alias("ivr.TraceBatch")]
public sealed class TraceBatch
{
    /// <summary>Above it a batch is refused: an edge sends several.</summary>
    public const int MostMessages = 200;

    [Id(0)] public required List<TracedMessage> Messages { get; init; }

    /// <summary>Messages that the edge could not keep since its last batch.</summary>
    [Id(1)] public required long Dropped { get; init; }
}
