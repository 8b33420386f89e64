using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;

namespace IvrActors.Edge.Sip.Dialogs;

public enum SipCallState
{
    /// <summary>A call of ours without a final answer.</summary>
    Dialing,

    /// <summary>The INVITE has no final answer yet.</summary>
    Offered,

    /// <summary>Answered by 2xx; the ACK may be outstanding.</summary>
    Answered,

    /// <summary>BYE is due as soon as the ACK came, or gave up (RFC 3261 15).</summary>
    Ending,
    Ended,
}

/// <summary>One call, of either direction: its dialog, its offers, its session timer and its REFERs. Orders are methods; what happens comes as <see cref="CallSignal"/>.</summary>
public sealed partial class SipCall : ITimed
{
    /// <summary>A caller who is kept waiting is told so this often, or proxies give up (RFC 3261 13.3.1.1).</summary>
    private const long WaitingInterval = 60 * TimeSpan.TicksPerSecond;

    private readonly UserAgent _agent;
    private readonly IChallengeResponder? _credentials;
    private readonly OfferAnswer _offers = new();
    private readonly SessionTimer _session = new();
    private readonly ClientInvite? _dialing;
    private SipRequest? _invite;
    private InviteServerTransaction? _transaction;
    private AckWait? _ackWait;
    private ReliableProvisionals? _reliable;
    private bool _answerDue;
    private OutgoingOffer? _offer;
    private SipReason? _reason;
    private SipCall? _replaces;
    private long _endsAt = SipTimes.Never;
    private long _waitingAt = SipTimes.Never;
    private int _progress = 183;
    private bool _ackCarriesAnswer;
    private bool _peerTakesUpdate;

    /// <summary>A call that came in.</summary>
    internal SipCall(UserAgent agent, SipRequest invite, InviteServerTransaction transaction, SipPeer peer, string localTag, SipCall? replaces, long now)
    {
        (_agent, _invite, _transaction, _replaces) = (agent, invite, transaction, replaces);
        Peer = peer;
        Dialog = Dialog.OfInvite(invite, localTag);
        State = SipCallState.Offered;
        _waitingAt = now + WaitingInterval;
        Learn(invite);
        if (!UserAgent.SdpOf(invite).IsEmpty) _offers.Receive();
    }

    /// <summary>A call of ours.</summary>
    internal SipCall(UserAgent agent, Dialog dialog, OutboundInvite invite, SipUri target, long now)
    {
        (_agent, Dialog, Peer, _credentials) = (agent, dialog, invite.Hops[0], invite.Credentials);
        State = SipCallState.Dialing;
        _offers.TrySend();
        _dialing = new ClientInvite(agent, this, invite, target, now);
    }

    /// <summary>A call that another edge had, answered and confirmed as far as we know.</summary>
    internal SipCall(UserAgent agent, Dialog dialog, SipPeer peer, IChallengeResponder? credentials, long endsAt)
    {
        (_agent, Dialog, Peer, _credentials, _endsAt) = (agent, dialog, peer, credentials, endsAt);
        State = SipCallState.Answered;
    }

    /// <summary>Of a call of ours without a tag of the peer until it is answered.</summary>
    public Dialog Dialog { get; private set; }

    public SipCallState State { get; private set; }

    /// <summary>Whether an ACK of the peer came: it hears what we send, so its source is not forged.</summary>
    public bool WasConfirmed { get; private set; }

    /// <summary>Where the peer's last request came from, or where we dialled.</summary>
    public SipPeer Peer
    {
        get;
        private set
        {
            if (field is not null) _agent.Moved(this, field, value);
            field = value;
        }
    }

    /// <summary>The INVITE until it is answered; null afterwards, so that it is not kept for the call's life.</summary>
    public SipRequest? Invite => _invite;

    /// <summary>Whether the peer may ask by REFER that we call somebody, or by an INVITE with Replaces take this call over. Off: a stranger's wish moves no call.</summary>
    public bool TakesRefers { get; set; }
    public bool TakesReplacement { get; set; }

    /// <summary>Whether an offer of the peer is to be answered: then a provisional response may bring the answer (RFC 3261 13.2.1).</summary>
    public bool HasOffer => _offers.State == OfferState.Theirs;

    /// <summary>Whose call it is; kept for the user.</summary>
    public object? User { get; set; }

    public long NextDeadline
    {
        get
        {
            var next = Math.Min(_ackWait?.NextDeadline ?? SipTimes.Never, _referDeadline);
            next = Math.Min(next, Math.Min(_reliable?.NextDeadline ?? SipTimes.Never, _session.NextDeadline));
            next = Math.Min(next, Math.Min(_offer?.NextDeadline ?? SipTimes.Never, _referAsked?.NextDeadline ?? SipTimes.Never));
            return Math.Min(next, Math.Min(_endsAt, _waitingAt));
        }
    }

    public long QueuedFor { get; set; } = SipTimes.Never;

    /// <summary>
    /// Answers the INVITE provisionally: 180, 183 …, with SDP for early media. Reliably (RFC 3262) when the peer knows how; then it is
    /// sent when the PRACK of the one before came. The first reliable one to an INVITE without an offer must bring ours (RFC 3262 5): without it, it is sent as of old, or not at
    /// all where the peer takes no other.
    /// </summary>
    public void Progress(long now, int status, byte[]? sdp = null)
    {
        if (State != SipCallState.Offered || _answerDue) return;
        (_progress, _waitingAt) = (status, now + WaitingInterval);
        if (_reliable is null && !TakesReliable(sdp is { Length: > 0 }, out var takesOthers))
        {
            if (takesOthers) SendProgress(now, status, sdp, null);
            else _agent.Schedule(this);
            return;
        }
        _reliable ??= new ReliableProvisionals(1 + (uint)(_agent.Chance() * int.MaxValue / 2), _invite!.CSeq);
        if (_reliable.IsPending) _reliable.Wait(status, sdp is null ? null : [.. sdp]);
        else SendProgress(now, status, sdp, _reliable);
        _agent.Schedule(this);
    }

    /// <summary>Answers the INVITE with 200 and SDP; when SDP went out reliably before, with 200 alone and not before its PRACK.</summary>
    /// <param name="sdp">The answer; our offer where the INVITE had none, and the ACK then carries the answer.</param>
    public void Answer(long now, byte[] sdp)
    {
        if (State != SipCallState.Offered || _answerDue) return;
        if (_reliable is { HoldsAnswer: true })
        {
            _answerDue = true;
            return;
        }
        _reliable?.Stop();
        State = SipCallState.Answered;
        _waitingAt = SipTimes.Never;
        _endsAt = now + _agent.Policy.MostCallLength;
        var (invite, transaction) = (_invite!, _transaction!);
        (_invite, _transaction) = (null, null);
        Accept(now, invite, transaction, _offers.Established ? [] : sdp);
        if (_replaces is { } replaced) replaced.HangUp(now);
        _replaces = null;
    }

    /// <summary>Refuses the INVITE with 3xx to 6xx.</summary>
    /// <param name="phrase">Reason phrase; null: the status' own.</param>
    public void Reject(long now, int status, int? retryAfter, string? phrase = null)
    {
        if (State != SipCallState.Offered) return;
        var response = SipResponses.For(_invite!, status, Dialog.Id.LocalTag, phrase);
        if (retryAfter is { } seconds) response.Headers.Add("Retry-After", seconds.ToString(System.Globalization.CultureInfo.InvariantCulture));
        _agent.Respond(now, _transaction!, response);
        Close();
    }

    /// <summary>Gives up a call of ours before its final answer: CANCEL, and BYE should it be answered all the same. Nothing more is signalled.</summary>
    public void Cancel(long now, SipReason? reason = null)
    {
        if (State != SipCallState.Dialing) return;
        Close();
        _dialing!.Cancel(now, reason);
    }

    /// <summary>Ends the call: BYE now or as soon as RFC 3261 15 allows it; an unanswered one gets 480, one of ours CANCEL.</summary>
    public void HangUp(long now, SipReason? reason = null)
    {
        if (State == SipCallState.Offered) Reject(now, 480, null);
        if (State == SipCallState.Dialing) Cancel(now, reason);
        if (State != SipCallState.Answered) return;
        State = SipCallState.Ending;
        _reason = reason;
        if (_ackWait is null) SendBye(now);
    }

    /// <summary>It is another edge's by now: nothing more is sent for it or signalled. What the peer still sends here gets 481.</summary>
    public void Abandon()
    {
        if (State == SipCallState.Ended) return;
        (_invite, _transaction) = (null, null);
        Close();
    }

    /// <summary>Changes the session by re-INVITE: hold, other media, another address. Ends in <see cref="CallSignalKind.ReofferAnswered"/> or <see cref="CallSignalKind.ReofferRefused"/>.</summary>
    /// <param name="sdp">The offer; empty asks the peer for one, which then comes as <see cref="CallSignalKind.Reoffered"/>.</param>
    public void Reinvite(long now, byte[] sdp) => Reoffer(now, new OutgoingOffer(_agent, this, SipMethods.Invite, sdp, OfferPurpose.Change, _credentials));

    /// <summary>As <see cref="Reinvite"/> by UPDATE (RFC 3311), which the peer answers at once; also before the call is answered, once there is a session.</summary>
    public void Update(long now, byte[] sdp) => Reoffer(now, new OutgoingOffer(_agent, this, SipMethods.Update, sdp, OfferPurpose.Change, _credentials));

    /// <summary>Accepts a <see cref="CallSignalKind.Reoffered"/> with an SDP answer (or, when it had no offer, with ours).</summary>
    public void AnswerOffer(long now, byte[] sdp)
    {
        if (_offer is { OwesAck: true } offer)
        {
            _offer = null;
            _offers.Answered();
            offer.Acknowledge(now, sdp);
            return;
        }
        if (_invite is { } invite && _transaction is { } transaction && State != SipCallState.Offered)
        {
            (_invite, _transaction) = (null, null);
            Dialog.Refresh(invite);
            Learn(invite);
            Accept(now, invite, transaction, sdp);
        }
        else if (TakeOpen() is { } open)
        {
            if (open.Request.Method == SipMethods.Update) Dialog.Refresh(open.Request);
            Learn(open.Request);
            _offers.Answered();
            Grant(now, open.Request, open.Transaction, sdp);
        }
    }

    /// <summary>Refuses a <see cref="CallSignalKind.Reoffered"/>; the session stays as it was (RFC 3261 14.2).</summary>
    public void RefuseOffer(long now, int status)
    {
        if (_offer is { OwesAck: true })
        {
            // There is no way to refuse an offer in a 2xx: the session cannot go on.
            Lose(now, null);
            return;
        }
        if (_invite is { } invite && _transaction is { } transaction && State != SipCallState.Offered)
        {
            (_invite, _transaction) = (null, null);
            _offers.Dropped();
            _agent.Respond(now, transaction, SipResponses.For(invite, status, Dialog.Id.LocalTag));
        }
        else if (TakeOpen() is { } open)
        {
            _offers.Dropped();
            _agent.Respond(now, open.Transaction, open.Request, status);
        }
    }

    internal void Tick(long now)
    {
        if (_ackWait is { } wait)
        {
            var (send, giveUp) = wait.Handle(now);
            if (send is not null) _agent.Send(wait.Transaction.Peer, send, SipMethods.Invite);
            if (giveUp) Lose(now, null);
        }
        if (_reliable is { } reliable)
        {
            var (send, giveUp) = reliable.Handle(now);
            if (send is not null) _agent.Send(_transaction!.Peer, send, SipMethods.Invite);
            if (giveUp) UnheardOf(now);
        }
        TickRefers(now);
        _offer?.Tick(now);
        if (now >= _waitingAt) Progress(now, _progress);
        if (now >= _endsAt) Expire(now, CallSignalKind.LimitReached);
        switch (_session.Handle(now))
        {
            case SessionDue.Refresh:
                RefreshSession(now);
                break;
            case SessionDue.Expired:
                Expire(now, CallSignalKind.Lost);
                break;
        }
    }

    /// <summary>What a request of ours says of us: what we serve and know, and the session timer that we ask for.</summary>
    internal void DescribeUs(SipRequest request, uint leastSeconds)
    {
        _agent.DescribeUs(request);
        var refresher = !_session.IsOn ? Refresher.Unsaid : _session.WeRefresh ? Refresher.Uac : Refresher.Uas;
        var seconds = Math.Max(_session.IsOn ? _session.Seconds : _agent.Policy.SessionSeconds, leastSeconds);
        request.Headers.Add(SessionExpires.Name, new SessionExpires(seconds, refresher).ToString());
        if (leastSeconds > 0) request.Headers.Add(SessionExpires.MinimumName, leastSeconds.ToString(System.Globalization.CultureInfo.InvariantCulture));
    }

    /// <summary>Whether a provisional response to the INVITE is sent reliably; if not, whether it is sent.</summary>
    private bool TakesReliable(bool hasSdp, out bool takesOthers)
    {
        takesOthers = !_invite!.Lists(SipHeaderNames.Require, OptionTags.Reliable);
        if (takesOthers && !_invite!.Lists(SipHeaderNames.Supported, OptionTags.Reliable)) return false;
        return HasOffer || hasSdp;
    }

    private void SendProgress(long now, int status, byte[]? sdp, ReliableProvisionals? reliable)
    {
        // Once there was an answer, no response to the INVITE may have another offer (RFC 3261 13.2.1).
        if (_offers.Established) sdp = null;
        var response = SipResponses.For(_invite!, status, Dialog.Id.LocalTag);
        response.Headers.Add(SipHeaderNames.Contact, _agent.ContactFor(Peer, Dialog.IsSecure));
        response.Headers.Add(SipHeaderNames.Allow, _agent.Allow);
        if (sdp is { Length: > 0 })
        {
            response.Headers.Add(SipHeaderNames.ContentType, UserAgent.Sdp);
            response.Body = sdp;
        }
        if (reliable is not null)
        {
            response.Headers.Add(SipHeaderNames.Require, OptionTags.Reliable);
            response.Headers.Add("RSeq", reliable.Next().ToString(System.Globalization.CultureInfo.InvariantCulture));
            // The answer, or an offer of ours whose answer the PRACK brings (RFC 3262 5).
            if (sdp is { Length: > 0 } && _offers.State == OfferState.Theirs) _offers.Answered();
            else if (sdp is { Length: > 0 }) _offers.TrySend();
        }
        var bytes = _agent.Respond(now, _transaction!, response);
        reliable?.Sent(now, bytes, sdp is { Length: > 0 });
        _agent.Schedule(this);
    }

    private void Accept(long now, SipRequest invite, InviteServerTransaction transaction, byte[] sdp)
    {
        var response = Granted(now, invite, sdp);
        _ackCarriesAnswer = false;
        if (sdp.Length > 0 && _offers.State == OfferState.Theirs) _offers.Answered();
        else if (sdp.Length > 0) _ackCarriesAnswer = _offers.TrySend();
        var bytes = _agent.Respond(now, transaction, response);
        _ackWait = new AckWait(invite.CSeq.Number, bytes, transaction, now);
        _agent.Schedule(this);
    }

    /// <summary>Answers UPDATE or PRACK with 200.</summary>
    private void Grant(long now, SipRequest request, ServerTransaction transaction, byte[] sdp)
    {
        _agent.Respond(now, transaction, Granted(now, request, sdp));
        _agent.Schedule(this);
    }

    private SipResponse Granted(long now, SipRequest request, byte[] sdp)
    {
        var response = SipResponses.For(request, 200, Dialog.Id.LocalTag);
        if (request.Method != SipMethods.Prack)
        {
            response.Headers.Add(SipHeaderNames.Contact, _agent.ContactFor(Peer, Dialog.IsSecure));
            response.Headers.Add(SipHeaderNames.Allow, _agent.Allow);
            response.Headers.Add(SipHeaderNames.Supported, OptionTags.All);
            AgreeSession(now, request, response);
        }
        if (sdp.Length > 0)
        {
            response.Headers.Add(SipHeaderNames.ContentType, UserAgent.Sdp);
            response.Body = sdp;
        }
        return response;
    }

    private void AgreeSession(long now, SipRequest request, SipResponse response)
    {
        // An UPDATE before the answer sets no timer: there is no session yet (RFC 4028 9).
        if (State is SipCallState.Offered or SipCallState.Dialing) return;
        var agreed = SessionTimer.Answer(request, _agent.Policy);
        _session.Agreed(now, agreed, weAsked: false);
        if (agreed is not { } session) return;
        response.Headers.Add(SessionExpires.Name, session.ToString());
        if (session.Refresher == Refresher.Uac) response.Headers.Add(SipHeaderNames.Require, OptionTags.Timer);
    }

    private void Learn(SipMessage message)
    {
        if (message.Headers.Contains(SipHeaderNames.Allow)) _peerTakesUpdate = message.Lists(SipHeaderNames.Allow, SipMethods.Update);
    }

    private void Request(long now, string method, Action<SipRequest>? fill, Action<long, int, SipResponse?> done) =>
        new DialogRequest(_agent, Dialog, Peer, method, _credentials, fill, done).Send(now);

    /// <summary>The call outlived its session timer, or the longest time that a call may last.</summary>
    private void Expire(long now, CallSignalKind kind)
    {
        if (State is not (SipCallState.Answered or SipCallState.Ending)) return;
        _reason = SipReason.TimerExpired;
        Lose(now, SipReason.TimerExpired, kind);
    }

    /// <summary>No ACK, or the peer lost the dialog: it is told by BYE all the same (RFC 3261 13.3.1.4), once.</summary>
    private void Lose(long now, SipReason? reason, CallSignalKind kind = CallSignalKind.Lost)
    {
        if (State == SipCallState.Ended) return;
        var tell = State < SipCallState.Ending;
        _ackWait = null;
        SendBye(now);
        if (tell) _agent.Signal(new CallSignal(this, kind) { Reason = reason });
    }

    /// <summary>What the peer waits for is answered before the dialog ends (RFC 3261 15.1.2), and a 2xx that had an offer acknowledged (13.2.2.4).</summary>
    private void AnswerPending(long now)
    {
        if (_transaction is { } pending && _invite is { } invite) _agent.Respond(now, pending, SipResponses.For(invite, 487, Dialog.Id.LocalTag));
        if (TakeOpen() is { } open) _agent.Respond(now, open.Transaction, open.Request, 487);
        if (_referAsked is { IsAccepted: false } refer) _agent.Respond(now, refer.Transaction, refer.Refer, 487);
        if (_offer is { OwesAck: true } offer) offer.Decline(now);
        (_invite, _transaction, _referAsked, _offer) = (null, null, null, null);
    }

    private void SendBye(long now)
    {
        AnswerPending(now);
        Request(now, SipMethods.Bye, bye => _reason?.AddTo(bye), static (_, _, _) => { });
        Close();
    }

    private void Close()
    {
        State = SipCallState.Ended;
        (_ackWait, _offer, _open, _referAsked, _reliable, _replaces) = (null, null, null, null, null, null);
        (_invite, _transaction) = (null, null);
        (_referDeadline, _endsAt, _waitingAt) = (SipTimes.Never, SipTimes.Never, SipTimes.Never);
        _session.Stop();
        _agent.Forget(this);
    }
}
