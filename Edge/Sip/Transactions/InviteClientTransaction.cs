using IvrActors.Edge.Sip.Message;

namespace IvrActors.Edge.Sip.Transactions;

public enum InviteClientState
{
    Calling,
    Proceeding,
    Accepted,
    Completed,
    Terminated,
}

/// <summary>RFC 3261 17.1.1 with the Accepted state of RFC 6026 7.2. The first input is the request of the user; a 2xx is acknowledged by the user.</summary>
public sealed class InviteClientTransaction(TransactionKey key, SipPeer peer) : Transaction(key, peer, SipMethods.Invite)
{
    private SipRequest? _invite;
    private byte[]? _request;
    private byte[]? _ack;
    private long _interval = SipTimes.T1;

    public InviteClientState State { get; private set; }

    public override TransactionOutcome Handle(long now, in TransactionInput input) => input.Kind switch
    {
        TransactionInputKind.FromUser when _invite is null && !IsTerminated => Start((SipRequest)input.Message!, input.Bytes!, now),
        TransactionInputKind.FromPeer => Response((SipResponse)input.Message!, now),
        TransactionInputKind.Timer => Timer(now),
        TransactionInputKind.TransportFailed when State is InviteClientState.Calling or InviteClientState.Completed => End(TransactionReport.TransportFailed),
        TransactionInputKind.Abandoned when State is InviteClientState.Calling or InviteClientState.Proceeding => End(),
        _ => TransactionOutcome.Nothing,
    };

    private TransactionOutcome Start(SipRequest invite, byte[] bytes, long now)
    {
        (_invite, _request) = (invite, bytes);
        Timers.Set(SipTimer.B, now + SipTimes.TransactionTimeout);
        if (!Peer.Reliable) Timers.Set(SipTimer.A, now + _interval);
        return TransactionOutcome.Send(bytes);
    }

    private TransactionOutcome Response(SipResponse response, long now)
    {
        switch (State)
        {
            case InviteClientState.Calling or InviteClientState.Proceeding when response.Status < 200:
                State = InviteClientState.Proceeding;
                Timers.StopAll();
                Timers.Set(SipTimer.C, now + SipTimes.C);
                return TransactionOutcome.Deliver;
            case InviteClientState.Calling or InviteClientState.Proceeding when response.Status < 300:
                State = InviteClientState.Accepted;
                Timers.StopAll();
                Timers.Set(SipTimer.M, now + SipTimes.TransactionTimeout);
                return TransactionOutcome.Deliver;
            case InviteClientState.Calling or InviteClientState.Proceeding:
                State = InviteClientState.Completed;
                Timers.StopAll();
                _ack = SipWriter.ToBytes(Acknowledge(response));
                if (Peer.Reliable) End();
                else Timers.Set(SipTimer.D, now + SipTimes.D);
                return new TransactionOutcome(_ack, TransactionReport.Deliver);
            case InviteClientState.Accepted when response.Status is >= 200 and < 300:
                return TransactionOutcome.Deliver;
            case InviteClientState.Completed when response.Status >= 300:
                return TransactionOutcome.Send(_ack);
            default:
                return TransactionOutcome.Nothing;
        }
    }

    /// <summary>ACK of a failure, part of this transaction (RFC 3261 17.1.1.3).</summary>
    private SipRequest Acknowledge(SipResponse response)
    {
        var ack = new SipRequest(SipMethods.Ack, _invite!.RequestUri);
        ack.Headers.Add(SipHeaderNames.Via, _invite.TopVia.ToString());
        foreach (var route in _invite.Headers.All(SipHeaderNames.Route)) ack.Headers.Add(SipHeaderNames.Route, route);
        ack.Headers.Add(SipHeaderNames.MaxForwards, "70");
        ack.Headers.Add(SipHeaderNames.From, _invite.Headers.First(SipHeaderNames.From)!);
        ack.Headers.Add(SipHeaderNames.To, response.Headers.First(SipHeaderNames.To)!);
        ack.Headers.Add(SipHeaderNames.CallId, _invite.CallId);
        ack.Headers.Add(SipHeaderNames.CSeq, new CSeq(_invite.CSeq.Number, SipMethods.Ack).ToString());
        return ack;
    }

    private TransactionOutcome Timer(long now)
    {
        if (Timers.Fires(SipTimer.B, now) || Timers.Fires(SipTimer.C, now)) return End(TransactionReport.TimedOut);
        if (Timers.Fires(SipTimer.D, now) || Timers.Fires(SipTimer.M, now)) return End();
        if (!Timers.Fires(SipTimer.A, now)) return TransactionOutcome.Nothing;
        _interval *= 2;
        Timers.Set(SipTimer.A, now + _interval);
        return TransactionOutcome.Send(_request);
    }

    private TransactionOutcome End(TransactionReport report = TransactionReport.None)
    {
        State = InviteClientState.Terminated;
        return Terminate(report);
    }
}
