using IvrActors.Edge.Media;
using IvrActors.Edge.Sip.Dialogs;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;
using IvrActors.Grains.Interfaces.Calls;

namespace IvrActors.Edge.Calls;

/// <summary>What a bridged leg tells those who count.</summary>
public interface IBridgeObserver
{
    /// <param name="ringTicks">INVITE out → 200 in.</param>
    void Answered(long ringTicks);

    /// <summary>The last of all.</summary>
    void Ended(BridgeResult result);
}

/// <summary>
/// The callee's half of a bridged call: joins a call of ours, its media and the caller's leg. A machine of the signalling thread: signals of its dialog and its media and
/// time come in. Offers of either side are answered here, for that side alone: hold, new addresses and keys never cross over.
/// </summary>
/// <param name="rings">Whether the caller hears ringback; something else is heard otherwise.</param>
public sealed class BridgedLeg(CallLeg caller, IMediaSession media, TimeSpan mostTalk, IBridgeObserver observer, bool rings = true)
{
    /// <summary>A key that came by INFO is sent on for so long.</summary>
    private const int KeyMs = 160;

    private IMediaSession _media = media;
    private SipCall? _sip;
    private long _dialledAt;
    private long _answeredAt;
    private long _endBy = SipTimes.Never;
    private bool _isAnswered;
    private bool _rings = !rings;

    public CallLeg Caller => caller;

    public IMediaSession Media => _media;

    /// <summary>Call-ID of its dialog; null until it is dialled.</summary>
    public string? SipCallId => _sip?.Dialog.Id.CallId;

    public bool IsOver { get; private set; }

    /// <summary>When what was set aside for the call is used up.</summary>
    public long NextDeadline => _endBy;

    /// <summary>Asked when the callee's side refuses our media (488): another try with other media, which calls <see cref="Dialled"/>; false when there is none.</summary>
    public Func<long, bool>? Fallback { get; set; }

    /// <summary>The INVITE is on its way, with the offer of these media.</summary>
    public void Dialled(long now, SipCall sip, IMediaSession session)
    {
        if (session != _media) _media.Dispose();
        (_sip, _media, _dialledAt) = (sip, session, now);
        sip.User = this;
    }

    public void Signalled(long now, in CallSignal signal)
    {
        if (IsOver || signal.Call != _sip) return;
        switch (signal.Kind)
        {
            case CallSignalKind.Progress:
                Progressed(signal.Number, signal.Body);
                break;
            case CallSignalKind.Accepted:
                Accepted(now, signal.Body);
                break;
            case CallSignalKind.Refused when signal.Number is 488 or 606 && Fallback is { } fallback:
                Fallback = null;
                if (!fallback(now)) Over(now, signal.Number, CallEndReason.Failed, signal.Reason);
                break;
            case CallSignalKind.Refused:
                Over(now, signal.Number, CallEndReason.Failed, signal.Reason);
                break;
            case CallSignalKind.HungUp:
                Over(now, 200, CallEndReason.CalleeHungUp, signal.Reason);
                break;
            case CallSignalKind.Lost:
                Over(now, 503, CallEndReason.Failed, signal.Reason);
                break;
            case CallSignalKind.LimitReached:
                Over(now, 200, CallEndReason.LimitReached, signal.Reason);
                break;
            case CallSignalKind.Confirmed when !signal.Body.IsEmpty:
                // RFC 3261 14.2: a re-INVITE without an offer got ours, and this is the answer to it.
                if (_media.TakeAnswer(signal.Body.Span) != 0) HangUp(now, CallEndReason.Failed, null);
                break;
            case CallSignalKind.Reoffered:
                var answer = _media.Renegotiate(signal.Body.Span);
                if (answer.Status == 0) _sip.AnswerOffer(now, answer.Sdp);
                else _sip.RefuseOffer(now, answer.Status);
                break;
        }
    }

    public void Heard(long now, in MediaSignal signal)
    {
        // Before the answer nobody need be heard: how long it may ring is bounded otherwise.
        if (signal.Kind == MediaSignalKind.TimedOut && _isAnswered && !IsOver) HangUp(now, CallEndReason.MediaTimeout, null);
    }

    public void Tick(long now)
    {
        if (!IsOver && now >= _endBy) HangUp(now, CallEndReason.LimitReached, SipReason.NormalClearing);
    }

    /// <summary>A key of the caller that did not come as RTP.</summary>
    public void Press(char key)
    {
        if (_isAnswered && !IsOver) _media.Press(key, KeyMs);
    }

    /// <summary>The caller's half is over, and so is this one. Whoever ends it so owes the callee a <see cref="Dismiss"/>.</summary>
    public BridgeResult End(long now)
    {
        var result = new BridgeResult { Outcome = _isAnswered ? BridgeOutcome.Answered : BridgeOutcome.Cancelled, Status = _isAnswered ? 200 : 487, Talked = Talked(now) };
        if (!IsOver) Close(result);
        return result;
    }

    /// <summary>Tells the callee's side: CANCEL, or BYE; nothing where it knows.</summary>
    public void Dismiss(long now, SipReason? why) => _sip?.HangUp(now, why);

    /// <summary>Its dialog, once it is answered.</summary>
    internal CallDialog? Dialog(DateTimeOffset since) => _isAnswered && !IsOver ? CallDialogs.Of(_sip!, _media, since, null) : null;

    private void Progressed(int status, ReadOnlyMemory<byte> sdp)
    {
        if (!sdp.IsEmpty && _media.TakeAnswer(sdp.Span) == 0) Join();
        // RFC 3960 3.2: our ringback, until something of the callee's side is heard.
        if (status is not (180 or 181 or 182) || _rings) return;
        _rings = true;
        caller.Media.Ring();
    }

    private void Accepted(long now, ReadOnlyMemory<byte> sdp)
    {
        if (_media.TakeAnswer(sdp.Span) is var status && status != 0)
        {
            Over(now, status, CallEndReason.Failed, null);
            Dismiss(now, null);
            return;
        }
        _isAnswered = true;
        _answeredAt = now;
        _endBy = now + mostTalk.Ticks;
        observer.Answered(now - _dialledAt);
        caller.Media.Stop();
        Join();
        caller.OtherAnswered();
    }

    private void Join()
    {
        _media.Start();
        caller.Media.SendOnTo(_media);
        _media.SendOnTo(caller.Media);
    }

    private void HangUp(long now, CallEndReason reason, SipReason? why)
    {
        try
        {
            Over(now, 200, reason, why);
        }
        finally
        {
            // Whatever became of the caller's BYE.
            Dismiss(now, why);
        }
    }

    private void Over(long now, int status, CallEndReason reason, SipReason? why)
    {
        if (IsOver) return;
        var result = new BridgeResult { Outcome = _isAnswered ? BridgeOutcome.Answered : BridgeOutcomes.Of(status), Status = status, Talked = Talked(now) };
        Close(result);
        if (_isAnswered) caller.BridgeOver(now, result, reason, why);
        else caller.BridgeFailed(result);
    }

    private void Close(BridgeResult result)
    {
        IsOver = true;
        _endBy = SipTimes.Never;
        observer.Ended(result);
        _media.Dispose();
    }

    private TimeSpan Talked(long now) => _isAnswered ? TimeSpan.FromTicks(now - _answeredAt) : TimeSpan.Zero;
}
