using IvrActors.Grains.Interfaces.Privacy;

namespace IvrActors.Grains.Interfaces.Calls;

/// <summary>What the edge tells the call grain. Numbered per call from 1: a repeated number is answered with the same reply again.</summary>
[GenerateSerializer, Immutable, Alias("ivr.CallEvent")]
public abstract class CallEvent
{
    [Id(0)] public required int Seq { get; init; }

    /// <summary>Which of the call's owners speaks: 0 is the edge at which it began, each that took it over has the next number. What a former owner says is not listened to.</summary>
    [Id(1)] public int Epoch { get; protected set; }

    /// <summary>The call's dialog where it is another than the cluster knows; else null.</summary>
    [Id(2)] public CallDialog? Dialog { get; protected set; }

    /// <summary>The same event, said by this owner of the call.</summary>
    public CallEvent From(int epoch, CallDialog? dialog)
    {
        var said = (CallEvent)MemberwiseClone();
        (said.Epoch, said.Dialog) = (epoch, dialog);
        return said;
    }
}

/// <summary>A new call stands at the edge; nothing was answered yet.</summary>
[GenerateSerializer, Immutable, Alias("ivr.CallEvent.Offered")]
public sealed class CallOffered : CallEvent
{
    [Id(0)] public required string Edge { get; init; }
    [Id(1)] public required string Tenant { get; init; }
    [Id(2)] public required string Trunk { get; init; }

    /// <summary>The number or user part that was called, which names the flow (<c>bank</c>).</summary>
    [Id(3)] public required string Called { get; init; }

    /// <summary>The calling number as signalled, or null when there is none.</summary>
    [Id(4)] public PhoneNumber? Calling { get; init; }

    [Id(5)] public required OriginClass Origin { get; init; }

    /// <summary>Whether signalling and media are both encrypted.</summary>
    [Id(6)] public required bool Encrypted { get; init; }

    /// <summary>Source address of the signalling, for audit and limits; never persisted in clear with the caller.</summary>
    [Id(7)] public required string SourceAddress { get; init; }

    /// <summary>What the edge found out about the calling number by STIR/SHAKEN.</summary>
    [Id(8)] public Attestation Attestation { get; init; }

    /// <summary>Whether it is a call of our own, by <see cref="Originate"/>, that was answered.</summary>
    [Id(9)] public bool Originated { get; init; }

    /// <summary>Whether the edge knows the caller by a good history, or takes the call for an emergency: then it may have what limits keep for such.</summary>
    [Id(10)] public bool Known { get; init; }

    /// <summary>The edge's life; empty from one of an older version, whose calls nobody takes over.</summary>
    [Id(11)] public string Incarnation { get; init; } = "";
}

/// <summary>How far the origin of a call can be believed; lockouts are kept per class so that a spoofed origin cannot lock the owner out.</summary>
[GenerateSerializer, Alias("ivr.OriginClass")]
public enum OriginClass
{
    /// <summary>Anybody can claim it: no trunk that is trusted for caller identity, no attestation.</summary>
    Unattested = 0,

    /// <summary>Came over a trunk whose caller identity is trusted.</summary>
    TrustedTrunk = 1,

    /// <summary>A provider that is trusted signed that the caller may use the number (full attestation, RFC 8588).</summary>
    Attested = 2,
}

/// <summary>The digits asked for by a <see cref="Collect"/> came in, or did not.</summary>
[GenerateSerializer, Immutable, Alias("ivr.CallEvent.DigitsCollected")]
public sealed class DigitsCollected : CallEvent
{
    [Id(0)] public required CollectOutcome Outcome { get; init; }

    /// <summary>The digits of a plain collect; null for a secret one.</summary>
    [Id(1)] public PersonalText? Digits { get; init; }

    /// <summary>The digits of a secret collect, sealed with the call id as context and the collect's name as purpose.</summary>
    [Id(2)] public SealedSecret? Sealed { get; init; }
}

[GenerateSerializer, Alias("ivr.CollectOutcome")]
public enum CollectOutcome
{
    /// <summary>Between the least and the most digits.</summary>
    Digits = 0,

    /// <summary>No key within the first-digit time-out.</summary>
    NoInput = 1,

    /// <summary>Keys came, fewer than the least.</summary>
    TooFew = 2,

    /// <summary>The key of <see cref="Collect.Skip"/> was pressed first.</summary>
    Skipped = 3,
}

/// <summary>The peer's answer to a <see cref="Transfer"/>.</summary>
[GenerateSerializer, Immutable, Alias("ivr.CallEvent.TransferEnded")]
public sealed class TransferEnded : CallEvent
{
    /// <summary>SIP status that closed the transfer: the last NOTIFY sipfrag, or the failure answer to the REFER; 408 when none came.</summary>
    [Id(0)] public required int Status { get; init; }
}

/// <summary>A <see cref="Bridge"/> came to nothing; the caller is still there.</summary>
[GenerateSerializer, Immutable, Alias("ivr.CallEvent.BridgeEnded")]
public sealed class BridgeEnded : CallEvent
{
    [Id(0)] public required BridgeResult Result { get; init; }
}

/// <summary>Whether a <see cref="Record"/> is under way.</summary>
[GenerateSerializer, Immutable, Alias("ivr.CallEvent.RecordingBegun")]
public sealed class RecordingBegun : CallEvent
{
    [Id(0)] public required bool Begun { get; init; }
}

/// <summary>A <see cref="TakeOver"/> is done: the caller hears this edge. What was asked of the edge before is to be asked again.</summary>
[GenerateSerializer, Immutable, Alias("ivr.CallEvent.Resumed")]
public sealed class CallResumed : CallEvent;

/// <summary>A <see cref="TakeOver"/> was not begun. One that was and failed is a <see cref="CallEnded"/>.</summary>
[GenerateSerializer, Immutable, Alias("ivr.CallEvent.TakeOverFailed")]
public sealed class TakeOverFailed : CallEvent
{
    [Id(0)] public required TakeOverFailure Why { get; init; }
}

[GenerateSerializer, Alias("ivr.TakeOverFailure")]
public enum TakeOverFailure
{
    /// <summary>This edge has no room or takes no calls: another may.</summary>
    NoRoom = 0,

    /// <summary>There is no way to the peer: its connection cannot be made anew, or it is nobody whom this edge knows.</summary>
    Unreachable = 1,
}

/// <summary>The call is over at the edge. The last event of every call.</summary>
[GenerateSerializer, Immutable, Alias("ivr.CallEvent.Ended")]
public sealed class CallEnded : CallEvent
{
    [Id(0)] public required CallEndReason Reason { get; init; }

    /// <summary>What became of the <see cref="Bridge"/> that was under way; null when there was none, or it had not begun.</summary>
    [Id(1)] public BridgeResult? Bridge { get; init; }

    /// <summary>How the caller's half of it sounded; null when nothing was heard.</summary>
    [Id(2)] public MediaQuality? Media { get; init; }

    /// <summary>Of a call by <see cref="Originate"/> what became of it; null of all others.</summary>
    [Id(3)] public BridgeResult? Originated { get; init; }
}

[GenerateSerializer, Alias("ivr.CallEndReason")]
public enum CallEndReason
{
    CallerHungUp = 0,
    FlowHungUp = 1,
    Cancelled = 2,
    Transferred = 3,
    MediaTimeout = 4,
    OperatorHungUp = 5,
    Failed = 6,
    Shutdown = 7,

    /// <summary>Whom the caller was connected with hung up.</summary>
    CalleeHungUp = 8,

    /// <summary>It lasted as long as a call may, or a bridged call has used up what was set aside for it.</summary>
    LimitReached = 9,

    /// <summary>Its edge is gone, and nobody could go on with it.</summary>
    EdgeLost = 10,
}
