using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;

namespace IvrActors.Edge.Sip.Dialogs;

/// <summary>
/// The INVITE that makes a call of ours (RFC 3261 13.2, 9.1): hop after hop, with credentials where asked, until a final answer, its time-out or
/// CANCEL. Of several forks that answer the first wins; every other one is acknowledged and ended. It outlives the decision as long as answers may come.
/// </summary>
internal sealed class ClientInvite : IResponseUser, ITimed
{
    private readonly UserAgent _agent;
    private readonly SipCall _call;
    private readonly OutboundInvite _order;
    private readonly List<SipUri> _tried = [];
    private SipUri _target;
    private readonly HopPlan _hops;
    private readonly Challenges _challenges;
    private readonly List<Fork> _forks = [];
    private uint _sequence = 1;
    private uint _leastSeconds;
    private SipReason? _reason;
    private SipRequest? _request;
    private Transaction? _transaction;
    private bool _proceeding;
    private bool _cancelling;
    private bool _cancelled;
    private bool _decided;
    private long _giveUpAt;

    public ClientInvite(UserAgent agent, SipCall call, OutboundInvite order, SipUri target, long now)
    {
        (_agent, _call, _order, _target) = (agent, call, order, target);
        _tried.Add(target);
        _hops = new HopPlan(order.Hops, agent.Rests, call.Dialog.IsSecure);
        _challenges = new Challenges(order.Credentials);
        _giveUpAt = now + order.Timeout;
    }

    public long NextDeadline => _giveUpAt;

    public long QueuedFor { get; set; } = SipTimes.Never;

    /// <summary>Sends the INVITE to the first hop that takes it, or refuses the call with 503.</summary>
    public void SendToNext(long now)
    {
        if (_hops.Next(now) is { } hop) Send(now, hop);
        else Decide(503);
    }

    /// <summary>Gives up: CANCEL as soon as it is allowed, which is after a provisional response (RFC 3261 9.1).</summary>
    public void Cancel(long now, SipReason? reason)
    {
        _decided = true;
        if (_cancelling) return;
        _reason = reason;
        _cancelling = true;
        _agent.Cancelling++;
        _giveUpAt = _proceeding ? now + SipTimes.TransactionTimeout : SipTimes.Never;
        if (_proceeding) _agent.SendCancel(now, _request!, _transaction!.Peer, _reason);
        _agent.Schedule(this);
    }

    /// <summary>The dialog of a fork.</summary>
    public Dialog? Find(DialogId id) => _forks.Find(fork => fork.Dialog.Id == id)?.Dialog;

    public void Tick(long now)
    {
        if (now < _giveUpAt) return;
        _giveUpAt = SipTimes.Never;
        if (!_cancelling)
        {
            _call.Refused(408, null);
            Cancel(now, SipReason.TimerExpired);
        }
        else if (_transaction is { } transaction)
        {
            _agent.Abandon(now, transaction);
            CancelIsOver();
        }
    }

    public void Responded(long now, Transaction transaction, SipResponse response)
    {
        if (transaction != _transaction) return;
        if (response.Status >= 200) CancelIsOver();
        if (response.Status < 200) Progressed(now, response);
        else if (response.Status < 300) Accepted(now, response);
        else Refused(now, transaction.Peer, response);
    }

    public void Failed(long now, Transaction transaction, int status)
    {
        if (transaction != _transaction) return;
        CancelIsOver();
        if (_decided || _cancelling) Decide(status);
        else if (transaction.Datagram is { } datagram) Send(now, datagram);
        else if (_hops.Next(now) is { } hop) Send(now, hop);
        else Decide(status);
    }

    private void CancelIsOver()
    {
        if (!_cancelling || _cancelled) return;
        _cancelled = true;
        _agent.Cancelling--;
    }

    private void Send(long now, SipPeer hop)
    {
        _forks.Clear();
        _proceeding = false;
        _request = Build(hop);
        _transaction = _agent.SendRequest(now, ref _request, hop, this);
        _call.DialsThrough(_transaction.Peer);
    }

    private SipRequest Build(SipPeer hop)
    {
        var (target, routes) = RouteSet.Apply(_target, _order.Routes);
        var request = new SipRequest(SipMethods.Invite, target);
        var headers = request.Headers;
        headers.Add(SipHeaderNames.Via, _agent.ViaFor(hop));
        foreach (var route in routes) headers.Add(SipHeaderNames.Route, route);
        headers.Add(SipHeaderNames.MaxForwards, _order.MaxForwards.ToString(System.Globalization.CultureInfo.InvariantCulture));
        headers.Add(SipHeaderNames.From, $"{_order.From};tag={_call.Dialog.Id.LocalTag}");
        headers.Add(SipHeaderNames.To, _order.To);
        headers.Add(SipHeaderNames.CallId, _call.Dialog.Id.CallId);
        headers.Add(SipHeaderNames.CSeq, new CSeq(_sequence, SipMethods.Invite).ToString());
        headers.Add(SipHeaderNames.Contact, _agent.ContactFor(hop, _call.Dialog.IsSecure));
        _call.DescribeUs(request, _leastSeconds);
        foreach (var header in _challenges.Answers) headers.Add(header.Key, header.Value);
        foreach (var header in _order.Headers) headers.Add(header.Key, header.Value);
        headers.Add(SipHeaderNames.ContentType, UserAgent.Sdp);
        request.Body = _order.Sdp;
        return request;
    }

    private void Progressed(long now, SipResponse response)
    {
        _proceeding = true;
        if (_cancelling)
        {
            if (_giveUpAt != SipTimes.Never) return;
            _giveUpAt = now + SipTimes.TransactionTimeout;
            _agent.SendCancel(now, _request!, _transaction!.Peer, _reason);
            _agent.Schedule(this);
            return;
        }
        if (response.Status == 100 || _decided) return;
        var sdp = UserAgent.SdpOf(response);
        // Without a tag it makes no dialog (RFC 3261 12.1), yet it is progress.
        if (response.To.Tag is not null)
        {
            if (ForkOf(response) is not { } fork) return;
            if (RAck.NumberOf(response) is { } number && !Acknowledge(now, fork, number)) return;
            // The first description is the answer, and what later ones say is ignored (RFC 3261 13.2.1).
            if (fork.Answer.IsEmpty) fork.Answer = sdp;
        }
        _call.Progressed(response.Status, sdp);
    }

    /// <summary>PRACK for a reliable provisional response in its order (RFC 3262 4). False for a repeat, and for one that overtook others: its sender repeats it.</summary>
    private bool Acknowledge(long now, Fork fork, uint number)
    {
        if (fork.LastNumber is { } last && number != last + 1) return false;
        fork.LastNumber = number;
        var ack = new RAck(number, _request!.CSeq);
        new DialogRequest(_agent, fork.Dialog, _transaction!.Peer, SipMethods.Prack, _order.Credentials, prack => prack.Headers.Add("RAck", ack.ToString()), static (_, _, _) => { }).Send(now);
        return true;
    }

    private void Accepted(long now, SipResponse response)
    {
        var fork = ForkOf(response, always: true)!;
        if (fork.Ack is { } again)
        {
            _agent.Send(fork.AckPeer!, again, SipMethods.Ack);
            return;
        }
        fork.Dialog.Confirm(response);
        Acknowledge(now, fork);
        var answer = fork.Answer.IsEmpty ? UserAgent.SdpOf(response) : fork.Answer;
        var wins = !_decided && !answer.IsEmpty;
        if (wins)
        {
            _decided = true;
            _giveUpAt = SipTimes.Never;
            _call.Accepted(now, fork.Dialog, response, answer);
        }
        else
        {
            _agent.SendBye(now, fork.Dialog, _transaction!.Peer, _order.Credentials);
            // A 2xx without the answer to our offer (RFC 3261 13.2.1): there is no session to be had.
            if (!_decided) Decide(488, response);
        }
    }

    private void Refused(long now, SipPeer hop, SipResponse response)
    {
        _agent.Rests.Note(hop, response, now);
        if (_decided || _cancelling) Decide(response.Status, response);
        else if (_challenges.TryAnswer(_request!, response, hop) || IsLonger(response) || IsFollowed(response))
        {
            _sequence++;
            Send(now, hop);
        }
        // The number stays: should the first hop have passed it on all the same, the callee knows a copy by it (RFC 3261 8.2.2.2).
        else if (response.Status == 503 && _hops.Next(now) is { } next) Send(now, next);
        else Decide(response.Status, response);
    }

    /// <summary>Whether a 422 is to be met with the interval that it asks for (RFC 4028 7.3); once, or it would go on for ever.</summary>
    private bool IsLonger(SipResponse response)
    {
        if (response.Status != 422 || _leastSeconds > 0) return false;
        _leastSeconds = SessionExpires.Minimum(response);
        return true;
    }

    /// <summary>
    /// Whether a redirection is followed: to the first address that was not tried, by way of the same hop (RFC 3261 8.1.3.4). Of 305 and 380 the contact
    /// is not the callee, and neither is one that asks for another method; and what was to be encrypted stays so.
    /// </summary>
    private bool IsFollowed(SipResponse response)
    {
        if (response.Status is < 300 or > 399 or 305 or 380 || _tried.Count > _order.MostRedirections) return false;
        foreach (var contact in response.Contacts)
        {
            if (!contact.Uri.IsSip || contact.Uri.Scheme != _target.Scheme || (contact.Uri.Parameters["method"] ?? SipMethods.Invite) != SipMethods.Invite) continue;
            var target = contact.Uri.AsRequestUri();
            if (_tried.Contains(target)) continue;
            _tried.Add(target);
            _target = target;
            return true;
        }
        return false;
    }

    /// <summary>Nothing more will come of this INVITE.</summary>
    private void Decide(int status, SipResponse? response = null)
    {
        _giveUpAt = SipTimes.Never;
        if (_decided) return;
        _decided = true;
        _call.Refused(status, response is null ? null : SipReason.Read(response));
    }

    /// <summary>The fork that a response belongs to, begun by it if it is new; null above the bound.</summary>
    private Fork? ForkOf(SipResponse response, bool always = false)
    {
        var tag = response.To.Tag ?? "";
        if (_forks.Find(fork => fork.Dialog.Id.RemoteTag == tag) is { } known) return known;
        // A 2xx that cannot be told from others any more still gets its ACK, or it would be repeated to us.
        if (_forks.Count >= _agent.Policy.MostForks && !always) return null;
        var fork = new Fork(Dialog.OfResponse(_request!, response, _call.Dialog.IsSecure));
        if (_forks.Count < _agent.Policy.MostForks) _forks.Add(fork);
        if (!_decided) _agent.Bind(fork.Dialog.Id, _call);
        return fork;
    }

    private void Acknowledge(long now, Fork fork)
    {
        var hop = _agent.HopOf(fork.Dialog, _transaction!.Peer);
        var ack = fork.Dialog.Acknowledge(_request!.CSeq.Number, _agent.ViaFor(hop), _agent.ContactFor(hop, fork.Dialog.IsSecure));
        foreach (var header in _challenges.Answers) ack.Headers.Add(header.Key, header.Value);
        (fork.Ack, fork.AckPeer) = (_agent.SendAck(now, ack, hop), hop);
    }

    /// <summary>One callee of several that an INVITE was forked to.</summary>
    private sealed class Fork(Dialog dialog)
    {
        public Dialog Dialog { get; } = dialog;

        /// <summary>RSeq of its last reliable provisional response, and the answer to our offer that came in a provisional one.</summary>
        public uint? LastNumber { get; set; }
        public ReadOnlyMemory<byte> Answer { get; set; }

        public byte[]? Ack { get; set; }

        public SipPeer? AckPeer { get; set; }
    }
}

/// <summary>Does not care what becomes of a request: CANCEL, and BYE of a fork that nobody waits for.</summary>
internal sealed class Unheard : IResponseUser
{
    public static readonly Unheard Instance = new();

    public void Responded(long now, Transaction transaction, SipResponse response)
    {
    }

    public void Failed(long now, Transaction transaction, int status)
    {
    }
}
