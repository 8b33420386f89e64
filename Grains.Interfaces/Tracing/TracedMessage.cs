namespace IvrActors.Grains.Interfaces.Tracing;

/// <summary>One SIP message as an edge saw it, masked there.</summary>
[GenerateSerializer, Immutable, Alias("ivr.TracedMessage")]
public sealed class TracedMessage
{
    [Id(0)] public required string Edge { get; init; }

    /// <summary>By the edge's clock.</summary>
    [Id(1)] public required DateTimeOffset At { get; init; }

    [Id(2)] public required TraceDirection Direction { get; init; }

    /// <summary>UDP, TCP, TLS, WS or WSS.</summary>
    [Id(3)] public required string Transport { get; init; }

    /// <summary>Address and port of the edge; the port of a connection that the edge opened is not the real one.</summary>
    [Id(4)] public required string Local { get; init; }
    [Id(5)] public required string Remote { get; init; }

    /// <summary>"" of a stranger.</summary>
    [Id(6)] public required string Trunk { get; init; }

    /// <summary>The call as the dashboard and the audit records name it; "" when it is not known, or the message belongs to none.</summary>
    [Id(7)] public required string Call { get; init; }

    /// <summary>The masked message: printable ASCII and line ends. Empty when it was malformed: then only the length of it, its method and what was wrong are told.</summary>
    [Id(8)] public required string Text { get; init; }
    [Id(9)] public required int Length { get; init; }
    [Id(10)] public required string Method { get; init; }
    [Id(11)] public required string Fault { get; init; }

    /// <summary>Whether it belongs to a connection that the edge opened.</summary>
    [Id(12)] public bool OpenedByEdge { get; init; }
}

[GenerateSerializer, Alias("ivr.TraceDirection")]
public enum TraceDirection
{
    Received = 0,
    Sent = 1,

    /// <summary>Came from a source that is not listened to, and got no answer but perhaps a bare 403.</summary>
    NotListenedTo = 2,
}
