using IvrActors.Edge.Media;
using IvrActors.Edge.Sip.Dialogs;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;
using IvrActors.Grains.Interfaces.Calls;

namespace IvrActors.Edge.Calls;

/// <summary>What a call of our own has done for it. On the signalling thread.</summary>
public interface IOriginator
{
    /// <summary>Takes a place for one more call and dials: answered by <see cref="OriginatedCall.Dialled"/>, <see cref="OriginatedCall.NotDialled"/> or <see cref="OriginatedCall.NotYet"/>, perhaps later.</summary>
    void Dial(long now, OriginatedCall call);

    /// <summary>Offers other media to the same callee, without encryption, within the place that is taken; answered as <see cref="Dial"/>.</summary>
    void DialInClear(long now, OriginatedCall call);

    /// <summary>Gives the place back.</summary>
    void Release(OriginatedCall call);

    /// <summary>Somebody answered, and takes the place over: dialog and media are a call like any other from now on.</summary>
    void Answered(long now, OriginatedCall call, SipCall sip, IMediaSession media);

    /// <summary>The last of all: it came to nothing.</summary>
    void Over(OriginatedCall call, BridgeResult result);
}

/// <summary>
/// A call of our own until it is answered: waits, dials, dials again where it was busy, and hands over. A machine of the signalling thread: signals of its dialog and time
/// come in. What the callee's side sends before the answer is listened to by nobody.
/// </summary>
public sealed class OriginatedCall(CallId id, Originate order, IOriginator originator) : ITimed
{
    private static readonly TimeSpan s_soon = TimeSpan.FromMilliseconds(10);

    private SipCall? _sip;
    private IMediaSession? _media;
    private long _dialAt = SipTimes.Never;
    private long _waitsSince = SipTimes.Never;
    private int _tries;
    private bool _holdsPlace;
    private bool _mayFallBack;

    public CallId Id => id;

    public Originate Order => order;

    public bool IsOver { get; private set; }

    /// <summary>Call-ID of its dialog; null until it is dialled.</summary>
    public string? SipCallId => _sip?.Dialog.Id.CallId;

    public long NextDeadline => _dialAt;

    public long QueuedFor { get; set; } = SipTimes.Never;

    public void Begin(long now) => _dialAt = now + Math.Max(0, order.After.Ticks);

    public void Tick(long now)
    {
        if (IsOver || now < _dialAt) return;
        _dialAt = SipTimes.Never;
        _tries++;
        _holdsPlace = true;
        originator.Dial(now, this);
    }

    /// <summary>The INVITE is on its way, with the offer of these media.</summary>
    /// <param name="mayFallBack">Whether a callee who refuses encryption is asked without.</param>
    public void Dialled(SipCall sip, IMediaSession media, bool mayFallBack)
    {
        (_sip, _media, _mayFallBack, _waitsSince) = (sip, media, mayFallBack, SipTimes.Never);
        sip.User = this;
    }

    /// <summary>There may be room in a moment: dials again soon, without counting a try, and has failed with <paramref name="status"/> when it waited for <paramref name="patience"/>.</summary>
    public void NotYet(long now, TimeSpan patience, int status)
    {
        _holdsPlace = false;
        if (_waitsSince == SipTimes.Never) _waitsSince = now;
        if (now - _waitsSince >= patience.Ticks)
        {
            _waitsSince = SipTimes.Never;
            Failed(now, status);
            return;
        }
        _tries--;
        _dialAt = now + s_soon.Ticks;
    }

    /// <summary>It was not dialled: no way there, no room, no media.</summary>
    public void NotDialled(long now, int status) => Failed(now, status);

    public void Signalled(long now, in CallSignal signal)
    {
        if (IsOver || signal.Call != _sip) return;
        switch (signal.Kind)
        {
            case CallSignalKind.Accepted:
                Accepted(now, signal.Body);
                break;
            case CallSignalKind.Refused when signal.Number is 488 or 606 && _mayFallBack:
                Drop();
                originator.DialInClear(now, this);
                break;
            case CallSignalKind.Refused:
                Failed(now, signal.Number);
                break;
            case CallSignalKind.HungUp:
                Failed(now, 480);
                break;
            case CallSignalKind.Lost or CallSignalKind.LimitReached:
                Failed(now, 503);
                break;
        }
    }

    /// <summary>Nobody waits for it any more: CANCEL where it rings.</summary>
    public void Cancel(long now, BridgeOutcome outcome, int status, SipReason? why = null)
    {
        if (IsOver) return;
        var sip = _sip;
        try
        {
            Over(outcome, status);
        }
        finally
        {
            sip?.HangUp(now, why);
        }
    }

    private void Accepted(long now, ReadOnlyMemory<byte> answer)
    {
        var (sip, media) = (_sip!, _media!);
        if (media.TakeAnswer(answer.Span) is var status && status != 0)
        {
            Cancel(now, BridgeOutcome.Failed, status);
            return;
        }
        IsOver = true;
        (_media, _holdsPlace) = (null, false);
        originator.Answered(now, this, sip, media);
    }

    private void Failed(long now, int status)
    {
        if (IsOver) return;
        var outcome = BridgeOutcomes.Of(status);
        if (outcome != BridgeOutcome.Busy || _tries >= order.Tries)
        {
            Over(outcome, status);
            return;
        }
        Drop();
        Release();
        _dialAt = now + Math.Max(0, order.Pause.Ticks);
    }

    private void Over(BridgeOutcome outcome, int status)
    {
        IsOver = true;
        _dialAt = SipTimes.Never;
        Drop();
        Release();
        originator.Over(this, new BridgeResult { Outcome = outcome, Status = status });
    }

    private void Drop()
    {
        _media?.Dispose();
        (_media, _sip, _mayFallBack) = (null, null, false);
    }

    private void Release()
    {
        if (!_holdsPlace) return;
        _holdsPlace = false;
        originator.Release(this);
    }
}
