using System.Runtime.CompilerServices;

namespace IvrActors.Edge.Rtp;

/// <summary>What we sent so far, to hold a report against it.</summary>
public readonly record struct SentStream(ushort FirstSequence, ushort LastSequence, uint Packets);

/// <summary>
/// What the peer's reports say of our stream (RFC 3550 6.4.1). A report comes from outside: one that speaks of packets which were never sent, or of a jitter that no
/// call has, changes nothing, and a round trip is measured by our own clock alone.
/// </summary>
public struct PeerReports
{
    /// <summary>A peer may be this many packets behind: a minute. Ahead of us it cannot be.</summary>
    private const int MostBehind = 3000;

    /// <summary>10 s at 8 kHz.</summary>
    private const uint MostJitter = 80_000;

    private RoundTrips _senderReports;

    /// <summary>Whether any report was believed.</summary>
    public bool Any { get; private set; }

    /// <summary>Fraction of our stream that the peer did not get: in all, and since its report before.</summary>
    public double Loss { get; private set; }

    public double RecentLoss { get; private set; }

    /// <summary>In timestamp units.</summary>
    public uint Jitter { get; private set; }

    /// <summary>An SR of ours leaves.</summary>
    public void Sent(uint compactNtp, TimeSpan now) => _senderReports.Sent(compactNtp, now);

    /// <summary>Takes what the peer says of us; false when it cannot be. <paramref name="roundTrip"/> is what it measures, if it does.</summary>
    /// <param name="clock">Timestamp units for each sample at 8 kHz.</param>
    public bool Take(in ReportBlock block, in SentStream sent, TimeSpan now, out TimeSpan? roundTrip, uint clock = 1)
    {
        roundTrip = null;
        if (sent.Packets == 0 || block.Jitter / clock > MostJitter || (ushort)(sent.LastSequence - (ushort)block.HighestSequence) > MostBehind) return false;
        var lost = (uint)Math.Max(0, block.CumulativeLost);
        // What the peer expected, unless it began to count anew: then what was sent stands for it.
        var expected = block.HighestSequence - sent.FirstSequence + 1;
        if (expected == 0 || expected > 2 * (ulong)sent.Packets + MostBehind) expected = sent.Packets;
        if (lost > Math.Max(expected, sent.Packets)) return false;
        (Any, Jitter) = (true, block.Jitter);
        Loss = Math.Min(1, (double)lost / expected);
        RecentLoss = block.FractionLost / 256.0;
        roundTrip = _senderReports.Measure(block.LastSenderReport, block.DelaySinceLastSenderReport, now);
        return true;
    }
}

/// <summary>
/// Round trips by time stamps of ours that come back (RFC 3550 6.4.1: LSR and DLSR; RFC 3611 4.5: LRR and DLRR). Only stamps that were sent lately count, and the time
/// since then is taken from our monotonic clock, so neither the peer nor a step of the wall clock makes one up.
/// </summary>
public struct RoundTrips
{
    /// <summary>A peer answers the last one or the one before; some repeat an older one for a while.</summary>
    private const int Remembered = 4;

    /// <summary>Longer than any path that a conversation stands.</summary>
    private static readonly TimeSpan s_longest = TimeSpan.FromSeconds(10);

    private Stamps _stamps;
    private int _next;

    public void Sent(uint stamp, TimeSpan now)
    {
        _stamps[_next] = (stamp, now);
        _next = (_next + 1) % Remembered;
    }

    /// <param name="delay">How long the peer held it, in 1/65536 s.</param>
    public readonly TimeSpan? Measure(uint stamp, uint delay, TimeSpan now)
    {
        if (stamp == 0) return null;
        foreach (var (sent, at) in _stamps)
        {
            if (sent != stamp) continue;
            var roundTrip = now - at - TimeSpan.FromSeconds(delay / 65536.0);
            // RFC 3550 6.4.1: clocks of different speed and the resolution of 1/65536 s may make it slightly negative; a peer that held it longer than it was away lies.
            if (roundTrip > s_longest || roundTrip < TimeSpan.FromMilliseconds(-50)) return null;
            return roundTrip < TimeSpan.Zero ? TimeSpan.Zero : roundTrip;
        }
        return null;
    }

    [InlineArray(Remembered)]
    private struct Stamps
    {
        private (uint Stamp, TimeSpan At) _first;
    }
}
