namespace IvrActors.Edge.Recording;

/// <summary>Puts the RTP timestamps of one stream (RFC 3550 5.1) onto a recording's own: loss and silence suppression leave gaps, and clocks that drift apart are joined anew.</summary>
internal struct Timeline
{
    /// <summary>Packets in a row that are too late, after which it is the clock that is, and not they.</summary>
    private const int MostLate = 5;

    private bool _runs;
    private uint _ssrc;
    private uint _timestamp;
    private long _at;
    private int _late;

    /// <param name="oldest">The first sample that is still open.</param>
    /// <param name="now">Where something belongs that is said now.</param>
    /// <param name="end">The first sample that is not open yet.</param>
    /// <param name="at">Where its first sample goes.</param>
    /// <returns>False: too late.</returns>
    public bool TryPlace(uint ssrc, uint timestamp, int length, long oldest, long now, long end, out long at)
    {
        at = _at + unchecked((int)(timestamp - _timestamp));
        if (_runs && ssrc == _ssrc && at < oldest && ++_late < MostLate) return false;
        if (!_runs || ssrc != _ssrc || at < oldest || at + length > end)
        {
            at = Math.Max(oldest, Math.Min(now, end - length));
            if (at + length > end) return false;
            (_runs, _ssrc, _timestamp, _at) = (true, ssrc, timestamp, at);
        }
        _late = 0;
        return true;
    }
}
