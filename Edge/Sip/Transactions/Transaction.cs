using IvrActors.Edge.Sip.Message;

namespace IvrActors.Edge.Sip.Transactions;

/// <summary>What happens to a transaction.</summary>
public enum TransactionInputKind
{
    FromPeer,
    FromUser,
    Timer,
    TransportFailed,

    /// <summary>The user waits no longer: no final response 64 T1 after CANCEL (RFC 3261 9.1).</summary>
    Abandoned,
}

/// <param name="Message">What came from the peer or is to be sent for the user.</param>
/// <param name="Bytes">For messages of the user: as they go on the wire.</param>
public readonly record struct TransactionInput(TransactionInputKind Kind, SipMessage? Message, byte[]? Bytes)
{
    public static readonly TransactionInput Timer = new(TransactionInputKind.Timer, null, null);

    public static readonly TransactionInput TransportFailed = new(TransactionInputKind.TransportFailed, null, null);

    public static readonly TransactionInput Abandoned = new(TransactionInputKind.Abandoned, null, null);

    public static TransactionInput FromPeer(SipMessage message) => new(TransactionInputKind.FromPeer, message, null);

    public static TransactionInput FromUser(SipMessage message, byte[] bytes) => new(TransactionInputKind.FromUser, message, bytes);
}

/// <summary>What the transaction user is told.</summary>
public enum TransactionReport
{
    None,

    /// <summary>The message that came in is for the user.</summary>
    Deliver,
    TimedOut,
    TransportFailed,
}

/// <param name="Transmit">Bytes to send to the transaction's peer, or null.</param>
public readonly record struct TransactionOutcome(byte[]? Transmit, TransactionReport Report)
{
    public static readonly TransactionOutcome Nothing;

    public static readonly TransactionOutcome Deliver = new(null, TransactionReport.Deliver);

    public static TransactionOutcome Send(byte[]? bytes) => new(bytes, TransactionReport.None);
}

/// <summary>One of the four machines of RFC 3261 section 17: input and time in, bytes and a report out, and the next deadline.</summary>
public abstract class Transaction(TransactionKey key, SipPeer peer, string method) : ITimed
{
    private protected TimerTable Timers;

    public TransactionKey Key { get; } = key;

    /// <summary>Where its messages go. A server transaction whose stream broke may be given another way back (RFC 3261 18.2.2).</summary>
    public SipPeer Peer { get; internal set; } = peer;

    public string Method { get; } = method;

    public bool IsTerminated { get; private protected set; }

    public long NextDeadline => IsTerminated ? SipTimes.Never : Timers.Next;

    public long QueuedFor { get; set; } = SipTimes.Never;

    /// <summary>Whom a report concerns; kept for the user.</summary>
    public object? User { get; set; }

    /// <summary>
    /// Where the request would have gone by UDP, had it not been too large; null once there was a response. When the stream fails it is to be tried (RFC
    /// 3261 18.1.1).
    /// </summary>
    public SipPeer? Datagram { get; internal set; }

    public abstract TransactionOutcome Handle(long now, in TransactionInput input);

    private protected TransactionOutcome Terminate(TransactionReport report = TransactionReport.None)
    {
        IsTerminated = true;
        Timers.StopAll();
        return new TransactionOutcome(null, report);
    }
}

/// <summary>A transaction whose request came in.</summary>
public abstract class ServerTransaction(TransactionKey key, SipPeer peer, string method) : Transaction(key, peer, method)
{
    /// <summary>Under what a copy of the request that took another way is recognized (RFC 3261 8.2.2.2), when it can be.</summary>
    public MergeKey? Merge { get; init; }

    /// <summary>Where the sender of a request on a stream listens, by its Via; null over UDP and where nothing can be connected to.</summary>
    public SipUri? WayBack { get; internal set; }

    /// <summary>Whether a final response was sent.</summary>
    public abstract bool IsAnswered { get; }
}
