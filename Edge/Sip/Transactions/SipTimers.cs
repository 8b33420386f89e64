using System.Runtime.CompilerServices;

namespace IvrActors.Edge.Sip.Transactions;

/// <summary>The timers of RFC 3261 table 4, and L and M of RFC 6026.</summary>
public enum SipTimer
{
    /// <summary>INVITE request retransmit, UDP only.</summary>
    A,

    /// <summary>INVITE transaction time-out.</summary>
    B,

    /// <summary>Silence after a provisional response. A proxy's in the standard (16.6); here too, so that no INVITE waits for ever.</summary>
    C,

    /// <summary>Wait for response retransmits after a failure answer to INVITE.</summary>
    D,

    /// <summary>Non-INVITE request retransmit, UDP only.</summary>
    E,

    /// <summary>Non-INVITE transaction time-out.</summary>
    F,

    /// <summary>INVITE response retransmit, UDP only.</summary>
    G,

    /// <summary>Wait for ACK.</summary>
    H,

    /// <summary>Wait for ACK retransmits.</summary>
    I,

    /// <summary>Wait for non-INVITE request retransmits.</summary>
    J,

    /// <summary>Wait for non-INVITE response retransmits.</summary>
    K,

    /// <summary>Wait for INVITE retransmits after a 2xx was sent (RFC 6026).</summary>
    L,

    /// <summary>Wait for 2xx retransmits after a 2xx came (RFC 6026).</summary>
    M,
}

/// <summary>Durations of RFC 3261 table 4, in ticks of 100 ns.</summary>
public static class SipTimes
{
    public const long Never = long.MaxValue;

    /// <summary>Round-trip estimate.</summary>
    public const long T1 = 500 * TimeSpan.TicksPerMillisecond;

    /// <summary>Most between retransmissions.</summary>
    public const long T2 = 4 * TimeSpan.TicksPerSecond;

    /// <summary>How long a message may stay in the network.</summary>
    public const long T4 = 5 * TimeSpan.TicksPerSecond;

    public const long TransactionTimeout = 64 * T1;

    /// <summary>Timer C: above three minutes. A callee that lets us wait says so every minute (RFC 3261 13.3.1.1).</summary>
    public const long C = 200 * TimeSpan.TicksPerSecond;

    /// <summary>Timer D: at least 32 s.</summary>
    public const long D = 32 * TimeSpan.TicksPerSecond;
}

/// <summary>Deadlines of one transaction by timer; 0 is off.</summary>
public struct TimerTable
{
    private Slots _deadlines;

    /// <summary>The earliest deadline, or <see cref="SipTimes.Never"/>.</summary>
    public readonly long Next
    {
        get
        {
            var next = SipTimes.Never;
            foreach (var deadline in (ReadOnlySpan<long>)_deadlines)
            {
                if (deadline != 0 && deadline < next) next = deadline;
            }
            return next;
        }
    }

    public void Set(SipTimer timer, long deadline) => _deadlines[(int)timer] = Math.Max(1, deadline);

    public void Stop(SipTimer timer) => _deadlines[(int)timer] = 0;

    public void StopAll() => _deadlines = default;

    /// <summary>Whether this timer fires now; a timer that fires is off.</summary>
    public bool Fires(SipTimer timer, long now)
    {
        var deadline = _deadlines[(int)timer];
        if (deadline == 0 || deadline > now) return false;
        _deadlines[(int)timer] = 0;
        return true;
    }

    [InlineArray((int)SipTimer.M + 1)]
    private struct Slots
    {
        private long _first;
    }
}
