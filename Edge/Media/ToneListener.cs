using IvrActors.Edge.Dtmf;
using IvrActors.Edge.Rtp;

namespace IvrActors.Edge.Media;

/// <summary>Hears keys in one caller's RTP audio. Packets that are lost are skipped over, so that a key which was pressed across them stays one key.</summary>
internal sealed class ToneListener
{
    /// <summary>Keys that one packet can complete: the longest packet that is taken is 180 ms of audio, and a key with its pause 80 ms.</summary>
    public const int MostKeys = 4;

    /// <summary>Packets in a row that may be missing; behind more of them a press begins anew.</summary>
    private const int MostLost = 3;

    private readonly ToneDetector _detector = new();
    private readonly short[] _samples = GC.AllocateArray<short>(160, pinned: true);
    private uint _ssrc;
    private uint _timestamp;
    private ushort _sequence;
    private bool _any;

    /// <summary>Writes the keys that this packet completes to <paramref name="keys"/> (room for <see cref="MostKeys"/>) and returns how many. A packet that comes too late is not heard.</summary>
    public int Hear(in RtpHeader header, ReadOnlySpan<byte> payload, bool aLaw, Span<char> keys)
    {
        var ahead = (short)(header.Sequence - _sequence);
        if (_any && header.Ssrc == _ssrc && ahead < 0 && ahead > -MostLost - 1) return 0;
        // Without a loss a jump in time is a pause that was not sent (RFC 3551 4.1).
        var goesOn = _any && header.Ssrc == _ssrc && ahead is >= 0 and <= MostLost && (ahead > 0 || header.Timestamp == _timestamp);
        if (!goesOn) _detector.Reset();
        (_any, _ssrc, _sequence, _timestamp) = (true, header.Ssrc, (ushort)(header.Sequence + 1), header.Timestamp + (uint)payload.Length);

        var count = 0;
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
        return count;
    }

    /// <summary>Forgets what it heard, and what it was heard in.</summary>
    public void Clear()
    {
        Array.Clear(_samples);
        _detector.Reset();
        _any = false;
    }
}
