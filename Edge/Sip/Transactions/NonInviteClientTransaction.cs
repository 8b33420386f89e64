using IvrActors.Edge.Sip.Message;

namespace IvrActors.Edge.Sip.Transactions;

public enum NonInviteClientState
{
    Trying,
    Proceeding,
    Completed,
    Terminated,
}

/// <summary>RFC 3261 17.1.2. The first input is the request of the user.</summary>
public sealed class NonInviteClientTransaction(TransactionKey key, SipPeer peer, string method) : Transaction(key, peer, method)
{
    private byte[]? _request;
    private long _interval = SipTimes.T1;

    public NonInviteClientState State { get; private set; }

    public override TransactionOutcome Handle(long now, in TransactionInput input) => input.Kind switch
    {
        TransactionInputKind.FromUser when _request is null && !IsTerminated => Start(input.Bytes!, now),
        TransactionInputKind.FromPeer => Response(((SipResponse)input.Message!).Status, now),
        TransactionInputKind.Timer => Timer(now),
        TransactionInputKind.TransportFailed when State < NonInviteClientState.Completed => End(TransactionReport.TransportFailed),
        _ => TransactionOutcome.Nothing,
    };

    private TransactionOutcome Start(byte[] request, long now)
    {
        _request = request;
        Timers.Set(SipTimer.F, now + SipTimes.TransactionTimeout);
        if (!Peer.Reliable) Timers.Set(SipTimer.E, now + _interval);
        return TransactionOutcome.Send(request);
    }

    private TransactionOutcome Response(int status, long now)
    {
        if (State >= NonInviteClientState.Completed) return TransactionOutcome.Nothing;
        if (status < 200)
        {
            State = NonInviteClientState.Proceeding;
            _interval = SipTimes.T2;
            return TransactionOutcome.Deliver;
        }
        State = NonInviteClientState.Completed;
        Timers.StopAll();
        if (Peer.Reliable) End();
        else Timers.Set(SipTimer.K, now + SipTimes.T4);
        return TransactionOutcome.Deliver;
    }

    private TransactionOutcome Timer(long now)
    {
        if (Timers.Fires(SipTimer.F, now)) return End(TransactionReport.TimedOut);
        if (Timers.Fires(SipTimer.K, now)) return End();
        if (!Timers.Fires(SipTimer.E, now)) return TransactionOutcome.Nothing;
        _interval = State == NonInviteClientState.Proceeding ? SipTimes.T2 : Math.Min(2 * _interval, SipTimes.T2);
        Timers.Set(SipTimer.E, now + _interval);
        return TransactionOutcome.Send(_request);
    }

    private TransactionOutcome End(TransactionReport report = TransactionReport.None)
    {
        State = NonInviteClientState.Terminated;
        return Terminate(report);
    }
}
