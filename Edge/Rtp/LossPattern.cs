namespace IvrActors.Edge.Rtp;

/// <summary>How losses lay in a stream, so far as it is decided.</summary>
/// <param name="BurstDensity">Fraction of the packets within bursts that were lost; <paramref name="GapDensity"/>: within gaps (RFC 3611 4.7.2).</param>
/// <param name="BurstPackets">Mean length of a burst in packets; <paramref name="GapPackets"/>: of a gap. 0 when there was none.</param>
/// <param name="BurstRatio">Mean run of losses in terms of what random loss has (ITU-T G.107 7.5): 1 for random loss, more for bursts.</param>
public readonly record struct LossSummary(
    long Packets, long Lost, double BurstDensity, double GapDensity, double BurstPackets, double GapPackets, double BurstRatio);

/// <summary>
/// Sorts losses into bursts and gaps (RFC 3611 4.7.2): a burst begins and ends with a lost packet and has fewer than <see cref="Gmin"/> received ones in a row between;
/// everything else is gap, a loss that stands alone among it. Late packets may fill a hole for <see cref="Window"/> packets; then the hole is a loss.
/// </summary>
public struct LossPattern
{
    /// <summary>RFC 3611 4.7.2: the recommended value, about the shortest pause between losses that a listener hears as one.</summary>
    public const int Gmin = 16;

    /// <summary>1.3 s of packets of 20 ms: what comes later than that was not played by anybody.</summary>
    private const int Window = 64;

    private ulong _arrived; // Bit n: the packet n before the newest came.
    private int _known;

    private long _packets;
    private long _lost;
    private long _runs;
    private bool _lastLost;

    // From a loss to the last loss after it that may be of the same burst.
    private int _openPackets;
    private int _openLost;
    private int _receivedSince;

    private long _bursts;
    private long _burstPackets;
    private long _burstLost;
    private bool _beganInBurst;

    /// <summary>The packet this many after the newest one came; those between did not, yet.</summary>
    public void Advance(int by)
    {
        for (; by > 0; by--)
        {
            if (_known == Window) Decide((_arrived >> (Window - 1)) == 0);
            else _known++;
            _arrived <<= 1;
        }
        _arrived |= 1;
    }

    /// <summary>The packet this many before the newest one came after all.</summary>
    public void Late(int behind)
    {
        if (behind < _known) _arrived |= 1UL << behind;
    }

    public readonly LossSummary Summarize()
    {
        var all = this;
        for (var i = all._known - 1; i >= 0; i--) all.Decide((all._arrived >> i & 1) == 0);
        var endsInBurst = all._openLost > 1 && all._receivedSince == 0;
        all.CloseRun();
        return all.Sum(endsInBurst);
    }

    private void Decide(bool lost)
    {
        _packets++;
        if (!lost)
        {
            _lastLost = false;
            if (++_receivedSince == Gmin) CloseRun();
            return;
        }
        _lost++;
        if (!_lastLost) _runs++;
        _lastLost = true;
        _openPackets += _openLost == 0 ? 1 : _receivedSince + 1;
        _openLost++;
        _receivedSince = 0;
    }

    private void CloseRun()
    {
        if (_openLost > 1)
        {
            _bursts++;
            _burstPackets += _openPackets;
            _burstLost += _openLost;
            _beganInBurst |= _bursts == 1 && _openPackets + _receivedSince == _packets;
        }
        _openPackets = 0;
        _openLost = 0;
    }

    private readonly LossSummary Sum(bool endsInBurst)
    {
        var gapPackets = _packets - _burstPackets;
        // Between two bursts lies a gap, and one before the first and behind the last, unless the stream begins or ends with a burst.
        var gaps = _bursts + 1 - (_beganInBurst ? 1 : 0) - (endsInBurst ? 1 : 0);
        var ratio = _runs == 0 ? 1 : Math.Max(1, (double)_lost / _runs * (1 - (double)_lost / _packets));
        return new LossSummary(
            _packets, _lost, Share(_burstLost, _burstPackets), Share(_lost - _burstLost, gapPackets), Share(_burstPackets, _bursts), Share(gapPackets, gaps), ratio);
    }

    private static double Share(long part, long whole) => whole == 0 ? 0 : (double)part / whole;
}
