using System.Runtime.InteropServices;
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

/// <summary>One call, of either direction: its dialog, its open INVITE and its REFER. Orders are methods; what happens comes as <see cref="CallSignal"/>.</summary>
public sealed class SipCall : ITimed
{
    /// <summary>A peer that took a REFER has this long to report its end.</summary>
    private const long ReferTimeout = 60 * TimeSpan.TicksPerSecond;

    private readonly UserAgent _agent;
    private SipRequest? _invite;
    private InviteServerTransaction? _transaction;
    private AckWait? _ackWait;
    private long _referDeadline = SipTimes.Never;
    private bool _ackCarriesAnswer;
    private ClientInvite? _dialing;
    private readonly IChallengeResponder? _credentials;

    internal SipCall(UserAgent agent, SipRequest invite, InviteServerTransaction transaction, SipPeer peer, string localTag)
    {
        _agent = agent;
        _invite = invite;
        _transaction = transaction;
        Peer = peer;
        Dialog = Dialog.OfInvite(invite, localTag);
        State = SipCallState.Offered;
    }

    /// <summary>A call of ours.</summary>
    internal SipCall(UserAgent agent, Dialog dialog, SipPeer firstHop, IChallengeResponder? credentials)
    {
        (_agent, Dialog, Peer, _credentials) = (agent, dialog, firstHop, credentials);
        State = SipCallState.Dialing;
    }

    /// <summary>Of a call of ours without a tag of the peer until it is answered.</summary>
    public Dialog Dialog { get; private set; }

    public SipCallState State { get; private set; }

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

    /// <summary>Whether a REFER was sent and is undecided.</summary>
    public bool IsReferring => _referDeadline != SipTimes.Never;

    /// <summary>Whose call it is; kept for the user.</summary>
    public object? User { get; set; }

    public long NextDeadline => Math.Min(_ackWait?.NextDeadline ?? SipTimes.Never, _referDeadline);

    public long QueuedFor { get; set; } = SipTimes.Never;

    /// <summary>Answers the INVITE with 200 and SDP.</summary>
    /// <param name="answersOffer">False when the INVITE had no offer and the SDP is ours: the ACK then carries the answer.</param>
    public void Answer(long now, byte[] sdp, bool answersOffer)
    {
        if (State != SipCallState.Offered) return;
        State = SipCallState.Answered;
        _ackCarriesAnswer = !answersOffer;
        Accept(now, _invite!, _transaction!, sdp);
        _invite = null;
        _transaction = null;
    }

    /// <summary>Refuses the INVITE with 3xx to 6xx.</summary>
    public void Reject(long now, int status, int? retryAfter)
    {
        if (State != SipCallState.Offered) return;
        State = SipCallState.Ended;
        var response = SipResponses.For(_invite!, status, Dialog.Id.LocalTag);
        if (retryAfter is { } seconds) response.Headers.Add("Retry-After", seconds.ToString(System.Globalization.CultureInfo.InvariantCulture));
        _agent.Respond(now, _transaction!, response);
        _invite = null;
        _transaction = null;
        _agent.Forget(this);
    }

    /// <summary>Gives up a call of ours before its final answer: CANCEL, and BYE should it be answered all the same. Nothing more is signalled.</summary>
    public void Cancel(long now)
    {
        if (State != SipCallState.Dialing) return;
        Close();
        _dialing!.Cancel(now);
    }

    /// <summary>Ends the call: BYE now or as soon as RFC 3261 15 allows it; an unanswered one gets 480, one of ours CANCEL.</summary>
    public void HangUp(long now)
    {
        if (State == SipCallState.Offered) Reject(now, 480, null);
        if (State == SipCallState.Dialing) Cancel(now);
        if (State != SipCallState.Answered) return;
        State = SipCallState.Ending;
        if (_ackWait is null) SendBye(now);
    }

    /// <summary>Asks the caller's side to call <paramref name="target"/> instead (RFC 3515).</summary>
    public void Refer(long now, string target)
    {
        if (State != SipCallState.Answered || IsReferring) return;
        _referDeadline = now + ReferTimeout;
        Request(now, SipMethods.Refer, refer => refer.Headers.Add("Refer-To", $"<{target}>"), ReferAnswered);
        _agent.Schedule(this);
    }

    /// <summary>Accepts a <see cref="CallSignalKind.Reoffered"/> with an SDP answer.</summary>
    public void AnswerOffer(long now, byte[] sdp)
    {
        if (_invite is null || _transaction is null || State == SipCallState.Offered) return;
        Dialog.Refresh(_invite);
        Accept(now, _invite, _transaction, sdp);
        (_invite, _transaction) = (null, null);
    }

    /// <summary>Refuses a <see cref="CallSignalKind.Reoffered"/>; the session stays as it was (RFC 3261 14.2).</summary>
    public void RefuseOffer(long now, int status)
    {
        if (_invite is null || _transaction is null || State == SipCallState.Offered) return;
        _agent.Respond(now, _transaction, SipResponses.For(_invite, status, Dialog.Id.LocalTag));
        (_invite, _transaction) = (null, null);
    }

    internal void Cancelled(long now)
    {
        if (State != SipCallState.Offered) return;
        Reject(now, 487, null);
        _agent.Signal(new CallSignal(this, CallSignalKind.Cancelled));
    }

    /// <summary>The connection of an INVITE is gone before its answer: nobody is there to be answered.</summary>
    internal void InviteLost(Transaction transaction)
    {
        if (State != SipCallState.Offered || transaction != _transaction) return;
        (_invite, _transaction) = (null, null);
        Close();
        _agent.Signal(new CallSignal(this, CallSignalKind.Lost));
    }

    internal void Dial(long now, ClientInvite invite)
    {
        _dialing = invite;
        invite.SendToNext(now);
        _agent.Schedule(invite);
    }

    internal void DialsThrough(SipPeer hop)
    {
        if (State == SipCallState.Dialing) Peer = hop;
    }

    internal void Progressed(int status, ReadOnlyMemory<byte> sdp) =>
        _agent.Signal(new CallSignal(this, CallSignalKind.Progress) { Number = status, Body = sdp });

    internal void Accepted(Dialog dialog, ReadOnlyMemory<byte> answer)
    {
        Dialog = dialog;
        _agent.Keep(this);
        State = SipCallState.Answered;
        _agent.Signal(new CallSignal(this, CallSignalKind.Accepted) { Body = answer });
    }

    internal void Refused(int status)
    {
        if (State != SipCallState.Dialing) return;
        Close();
        _agent.Signal(new CallSignal(this, CallSignalKind.Refused) { Number = status });
    }

    /// <summary>A request inside the dialog, other than ACK and CANCEL.</summary>
    internal void Receive(long now, SipRequest request, ServerTransaction transaction, SipPeer peer)
    {
        var dialog = _dialing?.Find(DialogId.Of(request)!.Value) ?? Dialog;
        if (dialog.Take(request.CSeq) == SequenceCheck.TooLow)
        {
            _agent.Respond(now, transaction, request, 500);
            return;
        }
        if (State == SipCallState.Dialing)
        {
            // A callee ends its early dialog by a final response, not by BYE (RFC 3261 15).
            if (request.Method == SipMethods.Options) _agent.RespondToOther(now, request, transaction);
            else _agent.Respond(now, transaction, request, 403);
            return;
        }
        Peer = peer;
        switch (request.Method)
        {
            case SipMethods.Bye:
                Bye(now, request, transaction);
                break;
            case SipMethods.Invite:
                Reinvite(now, request, (InviteServerTransaction)transaction);
                break;
            case SipMethods.Info:
                Info(now, request, transaction);
                break;
            case SipMethods.Notify:
                Notify(now, request, transaction);
                break;
            default:
                _agent.RespondToOther(now, request, transaction);
                break;
        }
    }

    internal void Acknowledged(long now, SipRequest ack)
    {
        if (_ackWait is null || ack.CSeq.Number != _ackWait.Sequence) return;
        _ackWait = null;
        if (State == SipCallState.Ending)
        {
            SendBye(now);
            return;
        }
        var answer = UserAgent.SdpOf(ack);
        if (_ackCarriesAnswer && answer.IsEmpty)
        {
            // RFC 3261 13.2.2.4 owes us the answer to our offer: without one there is no media, and nothing would ever end the call.
            Lose(now);
            return;
        }
        _agent.Signal(new CallSignal(this, CallSignalKind.Confirmed) { Body = _ackCarriesAnswer ? answer : default });
        _ackCarriesAnswer = false;
    }

    /// <summary>Whether a 2xx that was sent in this transaction is still repeated.</summary>
    internal bool AwaitsAckOf(ServerTransaction transaction) => _ackWait is not null && _ackWait.Transaction == transaction;

    internal void Tick(long now)
    {
        if (_ackWait is { } wait)
        {
            var (send, giveUp) = wait.Handle(now);
            if (send is not null) _agent.Send(wait.Transaction.Peer, send, SipMethods.Invite);
            if (giveUp) Lose(now);
        }
        if (now >= _referDeadline) Referred(408);
    }

    private void ReferAnswered(long now, int status, SipResponse? response)
    {
        if (State >= SipCallState.Ending || status is >= 200 and < 300) return;
        Referred(status);
        // RFC 3261 12.2.1.2: these mean that the other side has no such dialog any more.
        if (status is 481 or 408) Lose(now);
    }

    private void Request(long now, string method, Action<SipRequest>? fill, Action<long, int, SipResponse?> done) =>
        new DialogRequest(_agent, Dialog, Peer, method, _credentials, fill, done).Send(now);

    private void Accept(long now, SipRequest invite, InviteServerTransaction transaction, byte[] sdp)
    {
        var response = SipResponses.For(invite, 200, Dialog.Id.LocalTag);
        response.Headers.Add(SipHeaderNames.Contact, _agent.ContactFor(Peer, Dialog.IsSecure));
        response.Headers.Add(SipHeaderNames.Allow, _agent.Allow);
        response.Headers.Add(SipHeaderNames.Supported, _agent.Supported);
        response.Headers.Add(SipHeaderNames.ContentType, UserAgent.Sdp);
        response.Body = sdp;
        var bytes = _agent.Respond(now, transaction, response);
        _ackWait = new AckWait(invite.CSeq.Number, bytes, transaction, now);
        _agent.Schedule(this);
    }

    private void Bye(long now, SipRequest request, ServerTransaction transaction)
    {
        // RFC 3261 15.1.2: what is pending gets 487.
        if (_transaction is { } pending && _invite is { } invite) _agent.Respond(now, pending, SipResponses.For(invite, 487, Dialog.Id.LocalTag));
        (_invite, _transaction) = (null, null);
        _agent.Respond(now, transaction, request, 200);
        var tell = State < SipCallState.Ending;
        Close();
        if (tell) _agent.Signal(new CallSignal(this, CallSignalKind.HungUp));
    }

    private void Reinvite(long now, SipRequest request, InviteServerTransaction transaction)
    {
        if (State == SipCallState.Offered || _transaction is not null)
        {
            // RFC 3261 14.2: a second INVITE before the first was answered.
            var early = SipResponses.For(request, 500, Dialog.Id.LocalTag);
            early.Headers.Add("Retry-After", "2");
            _agent.Respond(now, transaction, early);
            return;
        }
        // An offer of ours, or an answer whose ACK is on its way, is still open.
        if (_ackWait is not null || State == SipCallState.Ending)
        {
            _agent.Respond(now, transaction, request, State == SipCallState.Ending ? 481 : 491);
            return;
        }
        (_invite, _transaction) = (request, transaction);
        var offer = UserAgent.SdpOf(request);
        _ackCarriesAnswer = offer.IsEmpty;
        _agent.Signal(new CallSignal(this, CallSignalKind.Reoffered) { Body = offer });
    }

    private void Info(long now, SipRequest request, ServerTransaction transaction)
    {
        var type = request.Headers.First(SipHeaderNames.ContentType);
        var isKey = DtmfInfo.TryRead(type, request.Body.Span, out var key, out var duration);
        _agent.Respond(now, transaction, request, request.Body.IsEmpty || isKey ? 200 : 400);
        // The key may be one of a PIN: the message must not keep it until it is collected.
        if (isKey && MemoryMarshal.TryGetArray(request.Body, out var body)) body.AsSpan().Clear();
        if (isKey && State == SipCallState.Answered) _agent.Signal(new CallSignal(this, CallSignalKind.Key) { Key = key, Number = duration });
    }

    private void Notify(long now, SipRequest request, ServerTransaction transaction)
    {
        var package = request.Headers.First("Event").AsSpan();
        var end = package.IndexOf(';');
        if (!(end < 0 ? package : package[..end]).Trim().Equals("refer", StringComparison.OrdinalIgnoreCase))
        {
            _agent.Respond(now, transaction, request, 489);
            return;
        }
        if (!IsReferring)
        {
            _agent.Respond(now, transaction, request, 481);
            return;
        }
        _agent.Respond(now, transaction, request, 200);
        var status = Sipfrag.StatusOf(request.Body.Span);
        var terminated = request.Headers.First("Subscription-State").AsSpan().TrimStart().StartsWith("terminated", StringComparison.OrdinalIgnoreCase);
        if (status >= 200) Referred(status.Value);
        else if (terminated) Referred(408);
    }

    private void Referred(int status)
    {
        if (!IsReferring) return;
        _referDeadline = SipTimes.Never;
        _agent.Signal(new CallSignal(this, CallSignalKind.Referred) { Number = status });
    }

    /// <summary>No ACK, or the peer lost the dialog: it is told by BYE all the same (RFC 3261 13.3.1.4), once.</summary>
    private void Lose(long now)
    {
        var tell = State < SipCallState.Ending;
        _ackWait = null;
        SendBye(now);
        if (tell) _agent.Signal(new CallSignal(this, CallSignalKind.Lost));
    }

    private void SendBye(long now)
    {
        Request(now, SipMethods.Bye, null, static (_, _, _) => { });
        Close();
    }

    private void Close()
    {
        State = SipCallState.Ended;
        _ackWait = null;
        _referDeadline = SipTimes.Never;
        _agent.Forget(this);
    }
}
