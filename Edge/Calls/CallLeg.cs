using IvrActors.Edge.Media;
using IvrActors.Edge.Sip.Dialogs;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Flows;
using IvrActors.Grains.Interfaces.Privacy;

namespace IvrActors.Edge.Calls;

/// <summary>
/// One call: joins a SIP dialog, a media session and a call grain. A machine of the signalling thread: signals, media signals, replies and
/// time come in; orders go to the dialog and the session, and events for the grain come out by <see cref="TryTakeEvent"/>, one at a time.
/// </summary>
public sealed partial class CallLeg : ITimed
{
    /// <summary>Prompt for a caller whose call we cannot go on with.</summary>
    public const string ErrorPrompt = "error-polite";

    /// <summary>How long after an input of the most digits its terminator is still taken as part of it.</summary>
    private static readonly long s_swallowTime = TimeSpan.FromSeconds(2).Ticks;

    /// <summary>What still plays before a hang-up or transfer is given this long, in case its end is never reported; again and again while it does play.</summary>
    private static readonly long s_mostFarewell = TimeSpan.FromMinutes(2).Ticks;

    private const int MostFarewells = 16;

    private readonly SipCall _sip;
    private readonly IMediaSession _media;
    private byte[] _sdp;
    private readonly ILegObserver _observer;
    private readonly PlayQueue _plays;
    private readonly Queue<CallCommand> _commands = new();
    private readonly Queue<LegEvent> _events = new();
    private readonly KeyArbiter _arbiter = new();
    private readonly TypeAhead _typeAhead = new();
    private readonly long _offeredAt;
    private DigitCollector? _collector;
    private Collect? _collect;
    private int _collectPlay;
    private char? _swallow;
    private long _swallowUntil;
    private Action<long>? _whenSilent;
    private long _farewellDeadline = SipTimes.Never;
    private int _farewells;
    private long _lastKeyAt;
    private int _measuredPlay;
    private int _sequence;
    private bool _inFlight;
    private bool _transferring;
    private bool _transferred;

    /// <param name="answer">The media that was negotiated for it.</param>
    public CallLeg(long now, CallId id, SipCall sip, MediaAnswer answer, ILegObserver observer)
    {
        Id = id;
        _sip = sip;
        _media = answer.Session!;
        _sdp = answer.Sdp;
        _observer = observer;
        _plays = new PlayQueue(_media);
        _offeredAt = now;
    }

    public CallId Id { get; }

    /// <summary>Call-ID of its dialog, which the peer chose.</summary>
    public string SipCallId => _sip.Dialog.Id.CallId;

    /// <summary>When it came in.</summary>
    public DateTimeOffset Since { get; init; }

    /// <summary>What its caller is remembered by.</summary>
    public ulong Caller { get; init; }

    /// <summary>Whether the caller proved who they are.</summary>
    public bool IsVerified { get; private set; }

    /// <summary>Whether it was turned away because what it called is not there.</summary>
    public bool WasUnknown { get; private set; }

    /// <summary>Whether it was answered, its ACK came, and it ended as calls do.</summary>
    public bool WasCompleted => _sip.WasConfirmed && EndReason is CallEndReason.CallerHungUp or CallEndReason.FlowHungUp or CallEndReason.Transferred or CallEndReason.CalleeHungUp;

    public string Flow { get; private set; } = "";

    public string Step { get; private set; } = "";

    public SipPeer Peer => _sip.Peer;

    public IMediaSession Media => _media;

    /// <summary>Whether the call is over for the caller; its last event may still be on its way.</summary>
    public bool IsOver { get; private set; }

    public CallEndReason EndReason { get; private set; }

    /// <summary>Whether nothing is left to do: over, and the last event delivered or given up.</summary>
    public bool IsDone => IsOver && !_inFlight && _events.Count == 0;

    public long NextDeadline =>
        Math.Min(Math.Min(_collector?.NextDeadline ?? SipTimes.Never, Math.Min(Math.Min(_farewellDeadline, _hushedUntil), Math.Min(_recordingBy, Math.Min(_ringUntil, _earlyUntil)))), Math.Min(Math.Min(HoldAt, IsOver ? SipTimes.Never : EndBy), Math.Min(_arbiter.NextDeadline, _other?.NextDeadline ?? SipTimes.Never)));

    public long QueuedFor { get; set; } = SipTimes.Never;

    /// <summary>Begins: tells the grain of the call.</summary>
    public void Offer(Func<int, CallOffered> offered) => Raise(new LegEvent(offered(NextSequence())));

    /// <summary>The next event to deliver, when none is under way. Answer it by <see cref="Replied"/> or <see cref="Unreachable"/>.</summary>
    public bool TryTakeEvent(long now, out LegEvent legEvent)
    {
        legEvent = null!;
        HushWhereDue();
        if (_inFlight || !_events.TryDequeue(out var next)) return false;
        legEvent = Said(next);
        _askedAt = now;
        return _inFlight = true;
    }

    public void Replied(long now, CallReply reply)
    {
        _inFlight = false;
        if (reply.Gone) Disown(now);
        if (IsOver || reply.Seq != _sequence) return;
        EndHold();
        (Flow, Step) = (reply.Flow, reply.Step);
        IsVerified |= reply.Verified;
        foreach (var command in reply.Commands) _commands.Enqueue(command);
        Run(now);
    }

    /// <summary>The event could not be delivered: the caller is told politely, and the call ends.</summary>
    /// <param name="canApologize">Whether the catalogue has <see cref="ErrorPrompt"/>.</param>
    public void Unreachable(long now, bool canApologize)
    {
        _inFlight = false;
        if (IsOver) return;
        _commands.Clear();
        if (_sip.State == SipCallState.Offered)
        {
            _sip.Reject(now, 503, 5);
            _observer.Rejected("cluster_unreachable");
            End(now, CallEndReason.Failed);
            return;
        }
        EndHold();
        _plays.Clear();
        if (canApologize) _plays.Add([new PromptPart { Prompt = ErrorPrompt }], bargeIn: false);
        WhenSilent(now, at => HangUp(at, CallEndReason.Failed));
    }

    public void Signalled(long now, in CallSignal signal)
    {
        if (IsOver) return;
        switch (signal.Kind)
        {
            case CallSignalKind.ReofferAnswered or CallSignalKind.ReofferRefused when _isTakingOver:
                Reinvited(now, signal);
                break;
            // Ours is not answered yet, and theirs is for the edge that was.
            case CallSignalKind.Reoffered when _isTakingOver:
                _sip.RefuseOffer(now, 491);
                break;
            case CallSignalKind.Lost when _isTakingOver:
                End(now, CallEndReason.EdgeLost, signal.Reason);
                break;
            case CallSignalKind.Cancelled:
                _observer.Rejected("cancelled");
                End(now, CallEndReason.Cancelled);
                break;
            case CallSignalKind.HungUp:
                End(now, _transferring || _transferred ? CallEndReason.Transferred : CallEndReason.CallerHungUp, signal.Reason);
                break;
            case CallSignalKind.Lost:
                End(now, CallEndReason.Failed, signal.Reason);
                break;
            case CallSignalKind.LimitReached:
                End(now, CallEndReason.LimitReached, signal.Reason);
                break;
            case CallSignalKind.Confirmed:
                if (!signal.Body.IsEmpty && _media.Renegotiate(signal.Body.Span).Status != 0) HangUp(now, CallEndReason.Failed);
                else Run(now);
                break;
            case CallSignalKind.Reoffered:
                var answer = _media.Renegotiate(signal.Body.Span);
                if (answer.Status == 0) _sip.AnswerOffer(now, answer.Sdp);
                else _sip.RefuseOffer(now, answer.Status);
                _keepDue = answer.Status == 0;
                break;
            case CallSignalKind.Key:
                Key(now, signal.Key, KeySource.Info, _observer.Timestamp, signal.Number);
                break;
            case CallSignalKind.Referred:
                _transferring = false;
                _transferred = signal.Number is >= 200 and < 300;
                Raise(new LegEvent(new TransferEnded { Seq = NextSequence(), Status = signal.Number }));
                break;
        }
    }

    public void Heard(long now, in MediaSignal signal)
    {
        if (IsOver) return;
        switch (signal.Kind)
        {
            case MediaSignalKind.Key:
                Key(now, signal.Key, KeySource.Event, signal.Timestamp);
                break;
            case MediaSignalKind.Tone:
                Key(now, signal.Key, KeySource.Tone, signal.Timestamp);
                break;
            case MediaSignalKind.PlayStarted:
                if (_lastKeyAt != 0 && signal.PlayId >= _measuredPlay) _observer.PromptStarted(_lastKeyAt, signal.Timestamp);
                if (signal.PlayId >= _measuredPlay) _lastKeyAt = 0;
                break;
            case MediaSignalKind.PlayEnded:
                _plays.Ended(signal.PlayId);
                if (_collectPlay != 0 && signal.PlayId >= _collectPlay) PromptEnded(now);
                if (_plays.IsEmpty) Silent(now);
                break;
            case MediaSignalKind.TimedOut:
                HangUp(now, CallEndReason.MediaTimeout);
                break;
        }
    }

    /// <summary>Ends the call at once: an operator's order, or the edge stops.</summary>
    /// <param name="why">What the caller is told of it, and whom it is bridged with (RFC 3326).</param>
    public void HangUp(long now, CallEndReason reason, SipReason? why = null)
    {
        if (IsOver) return;
        why ??= reason == CallEndReason.Shutdown ? SipReason.NoLongerHere : null;
        try
        {
            _sip.HangUp(now, why);
        }
        finally
        {
            // Whatever became of the BYE, the ports come free.
            End(now, reason, why);
        }
    }

    public void Tick(long now)
    {
        if (_collector is { } collector && now >= collector.NextDeadline) Feed(now, collector, new CollectorInput(CollectorInputKind.Timer));
        _arbiter.Forget(now);
        EndHush(now);
        HoldWhenDue(now);
        if (now >= _recordingBy && _recordingAwaited is { } recording) RecordingBegan(recording, null);
        _other?.Tick(now);
        TickAnswer(now);
        TickOriginated(now);
        if (now < _farewellDeadline) return;
        if (_media.IsPlaying && _farewells++ < MostFarewells)
        {
            _farewellDeadline = now + s_mostFarewell;
            return;
        }
        _plays.Clear();
        Silent(now);
    }

    private void Run(long now)
    {
        while (!IsOver && _collector is null && _whenSilent is null && !_transferring && !_isBridging && _recordingAwaited is null && !AwaitsAnswer && _commands.TryDequeue(out var command))
        {
            switch (command)
            {
                case Reject reject:
                    Refuse(now, reject);
                    break;
                case Ring ring:
                    Ring(now, ring.Time);
                    break;
                case EarlyMedia early:
                    SpeakEarly(now, early.Most);
                    break;
                case Answer:
                    AnswerWhenHeard(now);
                    break;
                case Play play when play.Prompts.Count > 0:
                    _plays.Add(play.Prompts, play.BargeIn, play.Controls);
                    break;
                case Collect collect:
                    StartCollect(now, collect);
                    break;
                case Transfer transfer:
                    WhenSilent(now, at => Refer(at, transfer.Target));
                    break;
                case Bridge bridge:
                    WhenSilent(now, at => AskForBridge(at, bridge));
                    break;
                case Record record:
                    AskForRecording(now, record.Recording);
                    break;
                case StopRecording:
                    _media.Record(null);
                    break;
                case IvrActors.Grains.Interfaces.Calls.HangUp { AtOnce: true }:
                    HangUp(now, FlowReason());
                    break;
                case IvrActors.Grains.Interfaces.Calls.HangUp:
                    WhenSilent(now, at => HangUp(at, FlowReason()));
                    break;
            }
        }
    }

    private CallEndReason FlowReason() => _transferred ? CallEndReason.Transferred : CallEndReason.FlowHungUp;

    private void Refer(long now, string target)
    {
        if (_sip.State != SipCallState.Answered)
        {
            HangUp(now, CallEndReason.Failed);
            return;
        }
        _transferring = true;
        _sip.Refer(now, target);
    }

    private void StartCollect(long now, Collect collect)
    {
        _collect = collect;
        _collector = new DigitCollector(collect);
        if (!collect.BargeIn) _typeAhead.Clear();
        if (_typeAhead.Count == 0 && collect.Prompts.Count > 0)
        {
            _collectPlay = _plays.Add(collect.Prompts, collect.BargeIn);
            return;
        }
        // Typed ahead, or nothing to say: the collect's own prompt is skipped.
        _collectPlay = _plays.IsEmpty ? 0 : _plays.LastId;
        if (_collectPlay == 0 || _typeAhead.Count > 0) PromptEnded(now);
        while (_collector is { Outcome: null } collector && _typeAhead.TryTake(out var key))
            Feed(now, collector, new CollectorInput(CollectorInputKind.Key, key));
    }

    private void PromptEnded(long now)
    {
        _collectPlay = 0;
        _collector?.Handle(now, new CollectorInput(CollectorInputKind.PromptEnded));
    }

    private void Key(long now, char key, KeySource source, long timestamp, int heldMs = 0)
    {
        if (_sip.State != SipCallState.Answered || !_arbiter.Accept(now, key, source, heldMs)) return;
        var swallowed = _swallow == key && now < _swallowUntil;
        _swallow = null;
        // The rest of a secret that was too long, or a key that is for nothing: what it was meant for is not known.
        if (_hushedUntil != SipTimes.Never || (!_isBridging && (swallowed || !_plays.BargeIn))) SecretKeyed(now);
        if (_isBridging)
        {
            // What comes as RTP is passed on as RTP; the callee's side need not know INFO. Of a press that is reported by both, the RTP is enough.
            if (source == KeySource.Info && !_media.SendsKeys) _other?.Press(key);
            return;
        }
        if (swallowed || _plays.Control(key) || !_plays.BargeIn) return;
        _lastKeyAt = timestamp;
        _measuredPlay = _plays.LastId + 1;
        _plays.Interrupt();
        if (_collector is not { } collector)
        {
            _typeAhead.Add(key);
            if (_plays.IsEmpty) Silent(now);
            return;
        }
        if (_collectPlay != 0 && !_plays.Contains(_collectPlay)) PromptEnded(now);
        // It stopped a prompt before that of a collect without barge-in, which now plays: the key is none of its digits.
        if (_collectPlay != 0 && _collect is { BargeIn: false }) return;
        Feed(now, collector, new CollectorInput(CollectorInputKind.Key, key));
    }

    private void Feed(long now, DigitCollector collector, CollectorInput input)
    {
        if (collector.Handle(now, input) is not { } outcome || _collect is not { } collect) return;
        (_collector, _collect, _collectPlay) = (null, null, 0);
        // Who is used to press # after a PIN of fixed length must not answer the next question with it.
        (_swallow, _swallowUntil) = (collector.TerminatorMayFollow ? collect.Terminator : null, now + s_swallowTime);
        if (outcome == CollectOutcome.NoInput) _lastKeyAt = 0;
        if (collect.Secret) SecretKeyed(now);
        using (collector) Raise(Collected(collect, collector, outcome));
    }

    private LegEvent Collected(Collect collect, DigitCollector collector, CollectOutcome outcome)
    {
        if (outcome != CollectOutcome.Digits) return new LegEvent(new DigitsCollected { Seq = NextSequence(), Outcome = outcome });
        return collect.Secret
            ? new LegEvent(new DigitsCollected { Seq = NextSequence(), Outcome = outcome }) { Digits = collector.TakeSecret(), Purpose = collect.Name }
            : new LegEvent(new DigitsCollected { Seq = NextSequence(), Outcome = outcome, Digits = new PersonalText(collector.TakeDigits()) });
    }

    private void WhenSilent(long now, Action<long> act)
    {
        _whenSilent = act;
        (_farewellDeadline, _farewells) = (now + s_mostFarewell, 1);
        if (_plays.IsEmpty) Silent(now);
    }

    private void Silent(long now)
    {
        if (_whenSilent is not { } act) return;
        _whenSilent = null;
        _farewellDeadline = SipTimes.Never;
        act(now);
    }

    private int NextSequence() => ++_sequence;

    private void Raise(LegEvent legEvent) => _events.Enqueue(legEvent);

    private void End(long now, CallEndReason reason, SipReason? why = null)
    {
        if (IsOver) return;
        var quality = LegQuality.Of(_media.Statistics);
        var other = Stop(now, reason);
        Raise(new LegEvent(new CallEnded { Seq = NextSequence(), Reason = reason, Bridge = _bridged, Media = quality, Originated = OriginatedResult(now) }));
        _observer.Ended(reason);
        // Last: whatever becomes of it, nothing of this call is left behind.
        other?.Dismiss(now, why);
    }

    /// <summary>Nothing of the call goes on. Returns the other half of a bridge, whose peer is still to be told.</summary>
    private BridgedLeg? Stop(long now, CallEndReason reason)
    {
        IsOver = true;
        EndReason = reason;
        var other = EndBridge(now);
        _media.Dispose();
        _collector?.Dispose();
        _collector = null;
        _whenSilent = null;
        (_farewellDeadline, _hushedUntil, _ringUntil, _earlyUntil) = (SipTimes.Never, SipTimes.Never, SipTimes.Never, SipTimes.Never);
        _typeAhead.Clear();
        _arbiter.Clear();
        ForgetSdp();
        _commands.Clear();
        // What was not sent yet is overtaken by the end.
        while (_events.TryDequeue(out var unsent)) unsent.Digits?.Dispose();
        return other;
    }
}

/// <summary>What a leg tells those who count and measure. Never a key, a number or an address.</summary>
public interface ILegObserver
{
    /// <summary><c>TimeProvider</c> timestamp of now.</summary>
    long Timestamp { get; }

    /// <param name="setupTicks">INVITE in → 200 out, in ticks of 100 ns.</param>
    void Answered(long setupTicks);

    void Rejected(string reason);

    void Ended(CallEndReason reason);

    /// <summary>The first packet of the prompt that follows an input; both are <c>TimeProvider</c> timestamps.</summary>
    void PromptStarted(long keyTimestamp, long promptTimestamp);
}
