namespace IvrActors.Grains.Interfaces.Tracing;

/// <summary>Which SIP messages a trace shows: those that meet everything that is given here; all of the trunks' when nothing is.</summary>
[GenerateSerializer, Immutable, Alias("ivr.TraceFilter")]
public sealed class TraceFilter
{
    /// <summary>A SIP Call-ID, exactly.</summary>
    [Id(0)] public string? SipCallId { get; init; }

    /// <summary>Name of a trunk.</summary>
    [Id(1)] public string? Trunk { get; init; }

    /// <summary>An address or a network such as 192.0.2.0/24: the far end, in both directions. Only so is shown what comes from it and is not listened to.</summary>
    [Id(2)] public string? Source { get; init; }

    /// <summary>A call as the dashboard and the audit records name it, with all of its SIP dialogs.</summary>
    [Id(3)] public string? Call { get; init; }
}
