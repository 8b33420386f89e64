namespace IvrActors.Edge.Dtmf;

/// <summary>One packet of a press that is being sent.</summary>
/// <param name="Marker">Set on the first packet of the press (RFC 4733 2.5.1.1).</param>
/// <param name="IsRepeat">Whether it repeats the end packet.</param>
public readonly record struct DtmfPacket(TelephoneEvent Event, bool Marker, bool IsRepeat);

/// <summary>The packets of one press of a key, as a telephone sends them: one each 20 ms with a growing duration, then the end three times.</summary>
public struct DtmfPress
{
    private const int FrameUnits = 160;

    /// <summary>RFC 4733 2.5.1.4: the end packet is sent three times in all.</summary>
    private const int EndPackets = 3;

    private readonly byte _event;
    private readonly byte _volume;
    private readonly int _frames;
    private int _next;

    /// <param name="key">0-9, *, #, A-D.</param>
    /// <param name="durationMs">Rounded up to 20 ms; at most 8 s, the longest single segment.</param>
    public DtmfPress(char key, int durationMs, byte volume = 10)
    {
        _event = TelephoneEvent.NumberOf(key) ?? throw new ArgumentOutOfRangeException(nameof(key));
        _volume = volume;
        _frames = Math.Clamp((durationMs + 19) / 20, 1, 400);
    }

    /// <summary>The next packet; false when the press is over. All of them carry the timestamp of the first.</summary>
    public bool TryNext(out DtmfPacket packet)
    {
        packet = default;
        if (_next >= _frames - 1 + EndPackets) return false;
        var end = _next >= _frames - 1;
        var duration = (ushort)(Math.Min(_next + 1, _frames) * FrameUnits);
        packet = new DtmfPacket(new TelephoneEvent(_event, end, _volume, duration), _next == 0, _next >= _frames);
        _next++;
        return true;
    }
}
