using IvrActors.Edge.Dtmf;
using IvrActors.Edge.Rtp;

namespace IvrActors.Edge.Media;

/// <summary>Hears keys in one caller's RTP audio, whose packets it puts in order. Those that are lost are skipped over, so that a key which was pressed across them stays one key.</summary>
internal sealed class ToneListener
{
    /// <summary>Keys that one packet can complete: with those that waited for it, seven at most, and no key with its pause is shorter than 80 ms of 160 at most.</summary>
    public const int MostKeys = 16;

    /// <summary>Packets in a row that may be missing; behind more of them a press begins anew.</summary>
    private const int MostLost = 3;

    private readonly JitterBuffer _order = new();
    private readonly ToneDetector _detector = new();
    private readonly short[] _samples = GC.AllocateArray<short>(160, pinned: true);
    private uint _ssrc;
    private uint _timestamp;
    private ushort _sequence;
    private bool _any;

    /// <summary>Writes the keys that this packet completes to <paramref name="keys"/> (room for <see cref="MostKeys"/>) and returns how many. A packet that comes too late is not heard.</summary>
    public int Hear(in RtpHeader header, ReadOnlySpan<byte> payload, bool aLaw, Span<char> keys)
    {
        var count = 0;
        _order.Add(header, payload);
        while (_order.TryTake(out var next, out var audio)) HearNext(next, audio, aLaw, keys, ref count);
        return count;
    }

    private void HearNext(in RtpHeader header, ReadOnlySpan<byte> payload, bool aLaw, Span<char> keys, ref int count)
    {
        var ahead = (short)(header.Sequence - _sequence);
        // Without a loss a jump in time is a pause that was not sent (RFC 3551 4.1).
        var goesOn = _any && header.Ssrc == _ssrc && ahead is >= 0 and <= MostLost && (ahead > 0 || header.Timestamp == _timestamp);
        if (!goesOn) _detector.Reset();
        (_any, _ssrc, _sequence, _timestamp) = (true, header.Ssrc, (ushort)(header.Sequence + 1), header.Timestamp + (uint)payload.Length);

        while (!payload.IsEmpty)
        {
            var part = payload[..Math.Min(payload.Length, _samples.Length)];
            payload = payload[part.Length..];
            for (var i = 0; i < part.Length; i++) _samples[i] = aLaw ? G711.DecodeALaw(part[i]) : G711.DecodeMuLaw(part[i]);
            ReadOnlySpan<short> samples = _samples.AsSpan(0, part.Length);
            while (_detector.TryTake(ref samples, out var key))
            {
                if (count < keys.Length) keys[count++] = key;
            }
        }
    }

    /// <summary>Forgets what it heard, and what it was heard in.</summary>
    public void Clear()
    {
        _order.Clear();
        Array.Clear(_samples);
        _detector.Reset();
        _any = false;
    }
}
