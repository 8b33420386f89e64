namespace IvrActors.Edge.Dtmf;

/// <summary>
/// Turns telephone-event packets into key presses (RFC 4733 2.5): each press once, on the first packet of it that arrives, whichever that is.
/// A press is known by its RTP timestamp, which all of its packets share.
/// </summary>
public struct DtmfReceiver
{
    /// <summary>A timestamp at most this far back (16 s) is a late packet of an earlier press; further back the source has restarted its clock.</summary>
    private const uint LateWindow = 16 * 8000;

    /// <summary>A press that reached this duration may go on in a new segment (RFC 4733 2.5.1.3): the last 400 ms before 16 bits are full.</summary>
    private const uint LongDuration = 0xFFFF - 3200;

    private bool _any;
    private byte _event;
    private bool _ended;
    private uint _timestamp;
    private ushort _duration;

    /// <summary>The key that this packet reveals for the first time, or null.</summary>
    /// <param name="clock">What the source's clock was divided by to come to 8 kHz: its durations fill 16 bits that much sooner.</param>
    public char? Receive(uint timestamp, TelephoneEvent packet, uint clock = 1)
    {
        if (TelephoneEvent.KeyOf(packet.Event) is not { } key) return null;
        if (_any)
        {
            var behind = _timestamp - timestamp;
            if (behind is > 0 and < LateWindow) return null;
            if (behind == 0 && (packet.Event == _event || !_ended))
            {
                _ended |= packet.End;
                _duration = Math.Max(_duration, packet.Duration);
                return null;
            }
            if (IsNextSegment(timestamp, packet, clock))
            {
                Remember(timestamp, packet);
                return null;
            }
        }
        Remember(timestamp, packet);
        return key;
    }

    /// <summary>Forgets the last press: the source (SSRC) changed and with it the clock.</summary>
    public void Reset() => this = default;

    private readonly bool IsNextSegment(uint timestamp, TelephoneEvent packet, uint clock)
    {
        var ahead = timestamp - _timestamp;
        return packet.Event == _event && !_ended && _duration >= LongDuration / clock && ahead + 1 >= _duration && ahead <= 0x10000 / clock + 1; // One: what division takes away.
    }

    private void Remember(uint timestamp, TelephoneEvent packet)
    {
        _any = true;
        _event = packet.Event;
        _ended = packet.End;
        _timestamp = timestamp;
        _duration = packet.Duration;
    }
}
