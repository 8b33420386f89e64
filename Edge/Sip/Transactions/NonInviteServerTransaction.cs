using IvrActors.Edge.Sip.Message;

namespace IvrActors.Edge.Sip.Transactions;

public enum NonInviteServerState
{
    Trying,
    Proceeding,
    Completed,
    Terminated,
}

/// <summary>RFC 3261 17.2.2.</summary>
public sealed class NonInviteServerTransaction(TransactionKey key, SipPeer peer, string method) : ServerTransaction(key, peer, method)
{
    private byte[]? _last;

    public NonInviteServerState State { get; private set; }

    public override bool IsAnswered => State >= NonInviteServerState.Completed;

    public override TransactionOutcome Handle(long now, in TransactionInput input)
    {
        switch (input.Kind)
        {
            case TransactionInputKind.FromPeer:
                return TransactionOutcome.Send(_last);
            case TransactionInputKind.FromUser when !IsAnswered:
                return Response(((SipResponse)input.Message!).Status, input.Bytes!, now);
            case TransactionInputKind.Timer when Timers.Fires(SipTimer.J, now):
                return End();
            case TransactionInputKind.TransportFailed when State != NonInviteServerState.Terminated:
                return End(TransactionReport.TransportFailed);
            default:
                return TransactionOutcome.Nothing;
        }
    }

    private TransactionOutcome Response(int status, byte[] bytes, long now)
    {
        _last = bytes;
        if (status < 200)
        {
            State = NonInviteServerState.Proceeding;
        }
        else
        {
            State = NonInviteServerState.Completed;
            if (Peer.Reliable) End();
            else Timers.Set(SipTimer.J, now + SipTimes.TransactionTimeout);
        }
        return TransactionOutcome.Send(bytes);
    }

    private TransactionOutcome End(TransactionReport report = TransactionReport.None)
    {
        State = NonInviteServerState.Terminated;
        return Terminate(report);
    }
}
