using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;

namespace IvrActors.Edge.Sip.Dialogs;

/// <summary>
/// Provisional responses of ours that are sent reliably (RFC 3262 3): numbered, one at a time, repeated after T1, doubling, until PRACK or 64 T1.
/// </summary>
/// <param name="first">The first RSeq, 1 to 2^31 - 1.</param>
/// <param name="invite">CSeq of the INVITE.</param>
public sealed class ReliableProvisionals(uint first, CSeq invite)
{
    /// <summary>Responses that wait for the PRACK of the one before; more are dropped, as an unreliable one may be.</summary>
    public const int MostWaiting = 4;

    private readonly Queue<(int Status, byte[]? Sdp)> _waiting = [];
    private uint _number = first - 1;
    private byte[]? _sent;
    private long _interval;
    private long _repeatAt = SipTimes.Never;
    private long _giveUpAt = SipTimes.Never;

    /// <summary>Whether one waits for its PRACK.</summary>
    public bool IsPending => _sent is not null;

    /// <summary>Whether that one has SDP: no 2xx may be sent before its PRACK.</summary>
    public bool HoldsAnswer { get; private set; }

    public long NextDeadline => Math.Min(_repeatAt, _giveUpAt);

    /// <summary>The number of the next response.</summary>
    public uint Next() => ++_number;

    public void Sent(long now, byte[] response, bool hasSdp)
    {
        (_sent, HoldsAnswer) = (response, hasSdp);
        _interval = SipTimes.T1;
        (_repeatAt, _giveUpAt) = (now + _interval, now + SipTimes.TransactionTimeout);
    }

    public void Wait(int status, byte[]? sdp)
    {
        if (_waiting.Count < MostWaiting) _waiting.Enqueue((status, sdp));
    }

    public bool TryTakeWaiting(out (int Status, byte[]? Sdp) next) => _waiting.TryDequeue(out next);

    /// <summary>Whether this PRACK is that of the response under way.</summary>
    public bool Acknowledge(RAck? prack)
    {
        if (_sent is null || prack is not { } ack || ack.Number != _number || ack.CSeq != invite) return false;
        Stop();
        return true;
    }

    /// <summary>What to repeat now, if anything, and whether the PRACK did not come in time.</summary>
    public (byte[]? Send, bool GiveUp) Handle(long now)
    {
        if (_sent is null || now < NextDeadline) return (null, false);
        if (now >= _giveUpAt)
        {
            Stop();
            return (null, true);
        }
        _interval *= 2;
        _repeatAt = now + _interval;
        return (_sent, false);
    }

    /// <summary>A final response ends the repeating.</summary>
    public void Stop() => (_sent, HoldsAnswer, _repeatAt, _giveUpAt) = (null, false, SipTimes.Never, SipTimes.Never);
}
