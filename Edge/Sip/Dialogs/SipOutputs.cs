using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;

namespace IvrActors.Edge.Sip.Dialogs;

/// <summary>Bytes for a peer.</summary>
/// <param name="Method">Method of the request, or of the request that this answers.</param>
public readonly record struct SipSend(SipPeer Peer, byte[] Bytes, string Method);

public enum CallSignalKind
{
    /// <summary>A new call; <see cref="CallSignal.Body"/> is its SDP offer, empty when it has none.</summary>
    Offered,

    /// <summary>The caller gave up before the answer.</summary>
    Cancelled,

    /// <summary>The ACK came, or a PRACK with an answer; <see cref="CallSignal.Body"/> is the SDP answer to an offer of ours.</summary>
    Confirmed,

    /// <summary>A new SDP offer: answer it by <see cref="SipCall.AnswerOffer"/> or <see cref="SipCall.RefuseOffer"/>.</summary>
    Reoffered,

    /// <summary>A key came by INFO.</summary>
    Key,

    /// <summary>A REFER was decided; <see cref="CallSignal.Number"/> is the status.</summary>
    Referred,

    /// <summary>The peer sent BYE.</summary>
    HungUp,

    /// <summary>Our re-INVITE or UPDATE was accepted; <see cref="CallSignal.Body"/> is the SDP answer.</summary>
    ReofferAnswered,

    /// <summary>It was not; the session stays as it was. <see cref="CallSignal.Number"/> is the status.</summary>
    ReofferRefused,

    /// <summary>The peer asks us by REFER to call <see cref="CallSignal.Target"/>; only with <see cref="SipCall.TakesRefers"/>.</summary>
    ReferAsked,

    /// <summary>
    /// An INVITE with Replaces wants the place of this call: <see cref="CallSignal.Other"/> is the new call, <see cref="CallSignal.Body"/> its offer.
    /// When it is answered this one ends. Only with <see cref="SipCall.TakesReplacement"/>.
    /// </summary>
    ReplacedBy,

    /// <summary>A provisional answer to a call of ours: <see cref="CallSignal.Number"/> is the status, <see cref="CallSignal.Body"/> SDP for early media or empty.</summary>
    Progress,

    /// <summary>A call of ours was answered; <see cref="CallSignal.Body"/> is the SDP answer.</summary>
    Accepted,

    /// <summary>A call of ours came to nothing: <see cref="CallSignal.Number"/> is the final status, 408 for none in time, 503 when no hop could be reached.</summary>
    Refused,

    /// <summary>The signalling broke (no ACK, transport gone); BYE was sent where that makes sense.</summary>
    Lost,

    /// <summary>The call lasted as long as <see cref="UserAgentPolicy.MostCallLength"/>; BYE was sent.</summary>
    LimitReached,
}

/// <summary>What happened to a call. A key is in <see cref="Key"/> and is not printed.</summary>
public readonly struct CallSignal(SipCall call, CallSignalKind kind)
{
    public SipCall Call { get; } = call;

    public CallSignalKind Kind { get; } = kind;

    public ReadOnlyMemory<byte> Body { get; init; }

    public char Key { get; init; }

    /// <summary>Status of a REFER or of an answer, duration of a key in ms.</summary>
    public int Number { get; init; }

    /// <summary>Why the peer ended it, where it said so (RFC 3326).</summary>
    public SipReason? Reason { get; init; }

    /// <summary>Whom to call, of a <see cref="CallSignalKind.ReferAsked"/>. Personal.</summary>
    public SipUri? Target { get; init; }

    public SipCall? Other { get; init; }

    public override string ToString() => Kind.ToString();
}

/// <summary>What the machines want done: the owner sends and signals, then clears.</summary>
public sealed class SipOutputs
{
    public List<SipSend> Sends { get; } = [];

    public List<CallSignal> Signals { get; } = [];
}
