using IvrActors.Edge.Sip.Message;

namespace IvrActors.Edge.Sip.Transactions;

public enum InviteServerState
{
    Proceeding,
    Accepted,
    Completed,
    Confirmed,
    Terminated,
}

/// <summary>RFC 3261 17.2.1 with the Accepted state of RFC 6026 7.1.</summary>
public sealed class InviteServerTransaction(TransactionKey key, SipPeer peer) : ServerTransaction(key, peer, SipMethods.Invite)
{
    private byte[]? _last;
    private long _interval;

    public InviteServerState State { get; private set; }

    public override bool IsAnswered => State != InviteServerState.Proceeding;

    public override TransactionOutcome Handle(long now, in TransactionInput input) => input.Kind switch
    {
        TransactionInputKind.FromPeer => Request((SipRequest)input.Message!, now),
        TransactionInputKind.FromUser => Response((SipResponse)input.Message!, input.Bytes!, now),
        TransactionInputKind.Timer => Timer(now),
        TransactionInputKind.TransportFailed when State is InviteServerState.Proceeding or InviteServerState.Completed => End(TransactionReport.TransportFailed),
        _ => TransactionOutcome.Nothing,
    };

    private TransactionOutcome Request(SipRequest request, long now)
    {
        if (request.Method == SipMethods.Ack)
        {
            if (State == InviteServerState.Accepted) return TransactionOutcome.Deliver;
            if (State == InviteServerState.Completed) Confirm(now);
            return TransactionOutcome.Nothing;
        }
        // In Accepted the 2xx is repeated by the user alone (RFC 6026 7.1).
        return State is InviteServerState.Proceeding or InviteServerState.Completed ? TransactionOutcome.Send(_last) : TransactionOutcome.Nothing;
    }

    private void Confirm(long now)
    {
        State = InviteServerState.Confirmed;
        _last = null;
        Timers.StopAll();
        if (Peer.Reliable) End();
        else Timers.Set(SipTimer.I, now + SipTimes.T4);
    }

    private TransactionOutcome Response(SipResponse response, byte[] bytes, long now)
    {
        if (State == InviteServerState.Accepted && response.Status is >= 200 and < 300) return TransactionOutcome.Send(bytes);
        if (State != InviteServerState.Proceeding) return TransactionOutcome.Nothing;
        if (response.Status < 200)
        {
            _last = bytes;
        }
        else if (response.Status < 300)
        {
            State = InviteServerState.Accepted;
            _last = null;
            Timers.Set(SipTimer.L, now + SipTimes.TransactionTimeout);
        }
        else
        {
            State = InviteServerState.Completed;
            _last = bytes;
            Timers.Set(SipTimer.H, now + SipTimes.TransactionTimeout);
            _interval = SipTimes.T1;
            if (!Peer.Reliable) Timers.Set(SipTimer.G, now + _interval);
        }
        return TransactionOutcome.Send(bytes);
    }

    private TransactionOutcome Timer(long now)
    {
        if (Timers.Fires(SipTimer.H, now)) return End(TransactionReport.TimedOut);
        if (Timers.Fires(SipTimer.I, now) || Timers.Fires(SipTimer.L, now)) return End();
        if (!Timers.Fires(SipTimer.G, now)) return TransactionOutcome.Nothing;
        _interval = Math.Min(2 * _interval, SipTimes.T2);
        Timers.Set(SipTimer.G, now + _interval);
        return TransactionOutcome.Send(_last);
    }

    private TransactionOutcome End(TransactionReport report = TransactionReport.None)
    {
        State = InviteServerState.Terminated;
        return Terminate(report);
    }
}
