using IvrActors.Edge.Sdp;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;

namespace IvrActors.Edge.Sip.Dialogs;

/// <summary>What a re-INVITE or UPDATE of ours is for.</summary>
internal enum OfferPurpose
{
    /// <summary>The user changes the session.</summary>
    Change,

    /// <summary>The session timer wants a refresh.</summary>
    Refresh,
}

/// <summary>
/// A re-INVITE or UPDATE of ours (RFC 3261 14.1, RFC 3311 5.1): sent again after a random pause when it met one of the peer (491), with a longer
/// interval (422) or credentials. A re-INVITE is acknowledged, and cancelled when nobody answers it.
/// </summary>
/// <param name="sdp">The offer; empty asks the peer for one (re-INVITE), or only refreshes (UPDATE).</param>
internal sealed class OutgoingOffer(UserAgent agent, SipCall call, string method, byte[] sdp, OfferPurpose purpose, IChallengeResponder? credentials) : IResponseUser
{
    /// <summary>A person may have to agree, but not for long.</summary>
    private const long MostWait = 60 * TimeSpan.TicksPerSecond;

    private readonly Challenges _challenges = new(credentials);
    private SipRequest? _request;
    private Transaction? _transaction;
    private uint _minimum;
    private int _tries;
    private bool _cancelled;
    private bool _proceeding;
    private byte[]? _ack;
    private SipPeer? _ackPeer;
    private ReadOnlyMemory<byte> _theirs;

    public string Method => method;

    public OfferPurpose Purpose => purpose;

    public bool HasOffer => sdp.Length > 0;

    /// <summary>Whether an answer is outstanding; after a 491 it waits for its next try.</summary>
    public bool IsUnderWay { get; private set; }

    /// <summary>Whether the 2xx had the offer that we asked for, and the ACK with our answer is due.</summary>
    public bool OwesAck { get; private set; }

    public long NextDeadline { get; private set; } = SipTimes.Never;

    public void Send(long now) => Send(now, agent.HopOf(call.Dialog, call.Peer));

    public void Tick(long now)
    {
        if (now < NextDeadline) return;
        NextDeadline = SipTimes.Never;
        if (!IsUnderWay)
        {
            call.TryAgain(now, this);
        }
        else if (_cancelled)
        {
            agent.Abandon(now, _transaction!);
            Finish(now, 408, null);
        }
        else
        {
            _cancelled = true;
            NextDeadline = now + SipTimes.TransactionTimeout;
            if (_proceeding) agent.SendCancel(now, _request!, _transaction!.Peer);
        }
    }

    /// <summary>Waits before it is tried (again).</summary>
    /// <returns>False when it was tried too often.</returns>
    public bool Postpone(long now)
    {
        if (++_tries > Glare.MostTries) return false;
        NextDeadline = now + Glare.Delay(call.Dialog.IsCaller, agent.Chance());
        return true;
    }

    /// <summary>The ACK with our answer to the offer in the 2xx (RFC 3261 13.2.2.4).</summary>
    public void Acknowledge(long now, byte[] answer)
    {
        OwesAck = false;
        _ackPeer = agent.HopOf(call.Dialog, call.Peer);
        var ack = call.Dialog.Acknowledge(_request!.CSeq.Number, agent.ViaFor(_ackPeer), agent.ContactFor(_ackPeer, call.Dialog.IsSecure));
        foreach (var header in _challenges.Answers) ack.Headers.Add(header.Key, header.Value);
        if (answer.Length > 0) ack.Headers.Add(SipHeaderNames.ContentType, UserAgent.Sdp);
        ack.Body = answer;
        _ack = agent.SendAck(now, ack, _ackPeer);
    }

    /// <summary>The ACK when their offer cannot be had: with a valid answer that takes none of it, and a BYE is to follow (RFC 3261 13.2.2.4).</summary>
    public void Decline(long now) => Acknowledge(now, SdpWriter.Decline(_theirs.Span, agent.HostFor(call.Peer)));

    public void Responded(long now, Transaction transaction, SipResponse response)
    {
        if (transaction != _transaction) return;
        if (response.Status < 200)
        {
            _proceeding = true;
            return;
        }
        if (response.Status < 300)
        {
            Accepted(now, response);
            return;
        }
        if (!_cancelled && _challenges.TryAnswer(_request!, response, transaction.Peer)) Send(now, transaction.Peer);
        else if (response.Status == 422 && _minimum == 0 && !_cancelled)
        {
            _minimum = SessionExpires.Minimum(response);
            Send(now, transaction.Peer);
        }
        else if (response.Status == 491 && Postpone(now))
        {
            IsUnderWay = false;
            call.Postponed(this);
        }
        else Finish(now, response.Status, response);
    }

    public void Failed(long now, Transaction transaction, int status)
    {
        if (transaction != _transaction) return;
        if (transaction.Datagram is { } datagram && !_cancelled) Send(now, datagram);
        else Finish(now, status, null);
    }

    private void Accepted(long now, SipResponse response)
    {
        if (method == SipMethods.Invite && !IsUnderWay)
        {
            // A repeat of the 2xx.
            if (_ack is not null) agent.Send(_ackPeer!, _ack, SipMethods.Ack);
            return;
        }
        call.Dialog.Refresh(response);
        _theirs = UserAgent.SdpOf(response);
        OwesAck = method == SipMethods.Invite && !HasOffer && !_theirs.IsEmpty;
        if (method == SipMethods.Invite && !OwesAck) Acknowledge(now, []);
        // The call ended meanwhile: its BYE is under way.
        else if (OwesAck && call.State != SipCallState.Answered) Decline(now);
        Finish(now, response.Status, response);
    }

    private void Send(long now, SipPeer hop)
    {
        IsUnderWay = true;
        NextDeadline = method == SipMethods.Invite ? now + MostWait : SipTimes.Never;
        _request = call.Dialog.NextRequest(method, agent.ViaFor(hop), agent.ContactFor(hop, call.Dialog.IsSecure));
        foreach (var header in _challenges.Answers) _request.Headers.Add(header.Key, header.Value);
        call.DescribeUs(_request, _minimum);
        if (HasOffer)
        {
            _request.Headers.Add(SipHeaderNames.ContentType, UserAgent.Sdp);
            _request.Body = sdp;
        }
        _transaction = agent.SendRequest(now, ref _request, hop, this);
    }

    private void Finish(long now, int status, SipResponse? response)
    {
        IsUnderWay = false;
        NextDeadline = SipTimes.Never;
        call.OfferFinished(now, this, status, response);
    }
}
