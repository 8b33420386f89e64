namespace IvrActors.Grains.Interfaces.Calls;

/// <summary>What became of one call out.</summary>
[GenerateSerializer, Immutable, Alias("ivr.BridgeResult")]
public sealed class BridgeResult
{
    [Id(0)] public required BridgeOutcome Outcome { get; init; }

    /// <summary>The final SIP status; 408 when none came in time, 0 when nothing was sent.</summary>
    [Id(1)] public int Status { get; init; }

    /// <summary>From the answer to the end.</summary>
    [Id(2)] public TimeSpan Talked { get; init; }
}

[GenerateSerializer, Alias("ivr.BridgeOutcome")]
public enum BridgeOutcome
{
    /// <summary>It was answered, and is over.</summary>
    Answered = 0,
    Busy = 1,
    NoAnswer = 2,

    /// <summary>The callee or its network does not want it, or there is no such number.</summary>
    Refused = 3,

    /// <summary>It could not be made: no way there, no room, an error on the way.</summary>
    Failed = 4,

    /// <summary>The caller hung up before anybody answered.</summary>
    Cancelled = 5,
}

public static class BridgeOutcomes
{
    /// <summary>What a final status other than 2xx says of the callee (RFC 3261 21).</summary>
    public static BridgeOutcome Of(int status) => status switch
    {
        486 or 600 => BridgeOutcome.Busy,
        408 or 480 or 487 => BridgeOutcome.NoAnswer,
        401 or 403 or 404 or 407 or 410 or 484 or 603 or 604 or 607 or 608 => BridgeOutcome.Refused,
        _ => BridgeOutcome.Failed,
    };

    /// <summary>A metric label and a word of audit records.</summary>
    public static string NameOf(BridgeOutcome outcome) => outcome switch
    {
        BridgeOutcome.Answered => "answered",
        BridgeOutcome.Busy => "busy",
        BridgeOutcome.NoAnswer => "no_answer",
        BridgeOutcome.Refused => "refused",
        BridgeOutcome.Cancelled => "cancelled",
        _ => "failed",
    };
}
