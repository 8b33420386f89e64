using IvrActors.Edge.Sip.Transactions;

namespace IvrActors.Edge.Sip.Dialogs;

/// <summary>
/// A 2xx that was sent for an INVITE and is repeated until its ACK comes (RFC 3261 13.3.1.4): after T1, doubling to T2, for 64 T1. On
/// streams too, because a hop behind the next one may be UDP.
/// </summary>
public sealed class AckWait(uint sequence, byte[] answer, ServerTransaction transaction, long now)
{
    private readonly long _giveUpAt = now + SipTimes.TransactionTimeout;
    private long _interval = SipTimes.T1;
    private long _repeatAt = now + SipTimes.T1;

    /// <summary>CSeq number that the ACK must carry.</summary>
    public uint Sequence { get; } = sequence;

    /// <summary>The INVITE's.</summary>
    public ServerTransaction Transaction { get; } = transaction;

    public long NextDeadline => Math.Min(_repeatAt, _giveUpAt);

    /// <summary>What to send now, if anything, and whether to give up.</summary>
    public (byte[]? Send, bool GiveUp) Handle(long now)
    {
        if (now >= _giveUpAt) return (null, true);
        if (now < _repeatAt) return (null, false);
        _interval = Math.Min(2 * _interval, SipTimes.T2);
        _repeatAt = now + _interval;
        return (answer, false);
    }
}
