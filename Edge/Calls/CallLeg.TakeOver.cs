using IvrActors.Edge.Sip.Dialogs;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;
using IvrActors.Grains.Interfaces.Calls;

namespace IvrActors.Edge.Calls;

/// <summary>A call that goes from one edge to another: what the cluster is told of its dialog meanwhile, how it begins at the new edge, and how it ends at the old one.</summary>
public sealed partial class CallLeg
{
    private (string Target, SipPeer Peer, int Version)? _told;
    private bool _isTakingOver;
    private bool _keepDue;

    /// <summary>Which of the call's owners this edge is.</summary>
    public int Epoch { get; init; }

    /// <summary>When a call of our own has used up what was set aside for it, by the clock.</summary>
    public DateTimeOffset? EndByTime { get; init; }

    /// <summary>Goes on with a call of another edge: the peer is told by a re-INVITE where we are, and what its media are now.</summary>
    internal void TakeOver(long now, TakeOver order)
    {
        _sequence = order.Seq - 1;
        (Flow, Step, IsVerified, _isTakingOver) = (order.Flow, order.Step, order.Verified, true);
        _sip.Reinvite(now, _sdp);
    }

    /// <summary>The call is another edge's by now: it ends here, and neither its peer nor the cluster hears of that. Whom it was bridged with was this edge's only.</summary>
    public void Disown(long now)
    {
        if (IsOver) return;
        _sip.Abandon();
        Stop(now, CallEndReason.EdgeLost)?.Dismiss(now, SipReason.NoLongerHere);
        _observer.Ended(CallEndReason.EdgeLost);
    }

    /// <summary>The call's dialogs, when they changed while nothing else is due to be told.</summary>
    internal bool TryTakeKeep(out CallDialog dialog, out CallDialog? other)
    {
        var isDue = _keepDue && !IsOver && _sip.State == SipCallState.Answered;
        _keepDue = false;
        (dialog, other) = isDue ? (Dialogs(), _other?.Dialog(Since)) : (null!, null);
        return isDue;
    }

    /// <summary>The cluster did not take them: the next event brings them.</summary>
    internal void NotKept() => _told = null;

    /// <summary>The other half of a bridge has a dialog of its own now.</summary>
    internal void OtherAnswered() => _keepDue = true;

    private void Reinvited(long now, in CallSignal signal)
    {
        _isTakingOver = false;
        ForgetSdp();
        if (signal.Kind == CallSignalKind.ReofferAnswered && !signal.Body.IsEmpty && _media.TakeAnswer(signal.Body.Span) == 0)
        {
            _media.Start();
            Raise(new LegEvent(new CallResumed { Seq = NextSequence() }));
            return;
        }
        // Where the peer has no such call BYE is sent all the same, and answered with 481 (RFC 3261 12.2.1.2).
        HangUp(now, CallEndReason.EdgeLost);
    }

    /// <summary>The next event as it is told: by whom, and with the dialog where that is another than it was.</summary>
    private LegEvent Said(LegEvent legEvent)
    {
        CallDialog? dialog = null;
        if (legEvent.Event is not CallEnded)
        {
            var isTold = _told is { } told && told.Target == _sip.Dialog.Target && told.Version == _media.Origin.Version && Same(told.Peer, _sip.Peer);
            if (!isTold) dialog = Dialogs();
        }
        return new LegEvent(legEvent.Event.From(Epoch, dialog)) { Digits = legEvent.Digits, Purpose = legEvent.Purpose };
    }

    private CallDialog Dialogs()
    {
        _told = (_sip.Dialog.Target, _sip.Peer, _media.Origin.Version);
        return CallDialogs.Of(_sip, _media, Since, EndByTime);
    }

    private static bool Same(SipPeer one, SipPeer other) => one.Transport == other.Transport && one.EndPoint.Equals(other.EndPoint) && one.Trunk == other.Trunk;
}
