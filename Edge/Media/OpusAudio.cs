using Concentus;
using Concentus.Enums;

namespace IvrActors.Edge.Media;

/// <summary>
/// Opus (RFC 6716, 7587) of telephone audio: mono, 8 kHz, frames of 20 ms at a constant 24 kbit/s. Constant, because under SRTP the length of a packet can be seen, and with a varying rate it tells what is
/// said (RFC 6562).
/// </summary>
internal static class OpusAudio
{
    /// <summary>RTP timestamps count 48 kHz, whatever the audio has (RFC 7587 4.1): ticks for each sample of ours.</summary>
    public const int ClockFactor = 6;

    /// <summary>Of each frame.</summary>
    public const int FrameBytes = 60;

    /// <summary>Samples at 8 kHz of the longest packet, 120 ms (RFC 6716 3.2.5).</summary>
    public const int MostSamples = 960;

    private const int BitRate = FrameBytes * 8 * 1000 / Telephone.FrameMs;

    /// <summary>For prompts, which are encoded once; and for streams, which cost their time again for each packet.</summary>
    private const int Thorough = 10, Quick = 3;

    static OpusAudio()
    {
        // First of all: no native library that happens to be there reads what strangers send, and the bits are the same everywhere.
        OpusCodecFactory.AttemptToUseNativeLibrary = false;
        Silence = Encode(Enumerable.Repeat(G711.MuLawSilence, 2 * Telephone.FrameSamples).ToArray())[FrameBytes..];
    }

    public static byte[] Silence { get; }

    /// <summary>Frames one behind the other; the last one is filled up with silence.</summary>
    public static byte[] Encode(ReadOnlySpan<byte> muLaw)
    {
        using var encoder = NewEncoder(Thorough);
        var frames = new byte[(muLaw.Length + Telephone.FrameSamples - 1) / Telephone.FrameSamples * FrameBytes];
        Span<short> samples = stackalloc short[Telephone.FrameSamples];
        for (var at = 0; at < frames.Length; at += FrameBytes)
        {
            var part = muLaw[..Math.Min(muLaw.Length, samples.Length)];
            samples.Clear();
            for (var i = 0; i < part.Length; i++) samples[i] = G711.DecodeMuLaw(part[i]);
            muLaw = muLaw[part.Length..];
            encoder.Encode(samples, samples.Length, frames.AsSpan(at, FrameBytes), FrameBytes);
        }
        return frames;
    }

    public static IOpusEncoder NewStream() => NewEncoder(Quick);

    public static IOpusDecoder NewDecoder() => OpusCodecFactory.CreateDecoder(Telephone.SampleRate, 1);

    private static IOpusEncoder NewEncoder(int complexity)
    {
        var encoder = OpusCodecFactory.CreateEncoder(Telephone.SampleRate, 1, OpusApplication.OPUS_APPLICATION_VOIP);
        encoder.Bitrate = BitRate;
        encoder.UseVBR = false;
        encoder.Complexity = complexity;
        encoder.SignalType = OpusSignal.OPUS_SIGNAL_VOICE;
        return encoder;
    }
}

/// <summary>One stream from Opus to G.711 and one back, for what a call needs beside prompts: recordings, keys in the audio, and the other leg of a bridge.</summary>
internal sealed class OpusBridge : IDisposable
{
    private readonly IOpusDecoder _decoder = OpusAudio.NewDecoder();
    private readonly IOpusEncoder _encoder = OpusAudio.NewStream();
    private readonly short[] _samples = GC.AllocateArray<short>(OpusAudio.MostSamples, pinned: true);
    private int _credit = MostCredit;

    /// <summary>A second of audio at once; on the whole twice as much as time goes by, in both directions together four times. More is nobody's voice, but work that others wait for.</summary>
    private const int MostCredit = 8000, CreditOfFrame = 4 * Telephone.FrameSamples;

    /// <summary>20 ms have gone by.</summary>
    public void Refill() => _credit = Math.Min(MostCredit, _credit + CreditOfFrame);

    /// <summary>Decodes a packet of the peer into mu-law; 0 for one that is no Opus, or more of it than a voice.</summary>
    public int Decode(ReadOnlySpan<byte> packet, Span<byte> muLaw)
    {
        int count;
        if (_credit <= 0) return 0;
        // What cannot be decoded costs most.
        _credit -= Telephone.FrameSamples;
        try
        {
            count = packet.IsEmpty ? 0 : _decoder.Decode(packet, _samples, _samples.Length, decode_fec: false);
        }
#pragma warning disable CA1031 // The library throws what it likes at bytes of a stranger.
        catch (Exception)
#pragma warning restore CA1031
        {
            return 0;
        }
        count = Math.Clamp(count, 0, muLaw.Length);
        _credit -= Math.Max(0, count - Telephone.FrameSamples);
        for (var i = 0; i < count; i++) muLaw[i] = G711.EncodeMuLaw(_samples[i]);
        return count;
    }

    /// <summary>Encodes G.711 into one packet and gives its length; 0 for a length that Opus has no packet of (RFC 6716 2.1.4: 2.5, 5, 10, 20, 40 or 60 ms).</summary>
    public int Encode(ReadOnlySpan<byte> audio, bool aLaw, Span<byte> packet)
    {
        if (_credit <= 0 || audio.Length is not (20 or 40 or 80 or 160 or 320 or 480)) return 0;
        _credit -= Math.Max(Telephone.FrameSamples / 2, audio.Length);
        for (var i = 0; i < audio.Length; i++) _samples[i] = aLaw ? G711.DecodeALaw(audio[i]) : G711.DecodeMuLaw(audio[i]);
        return _encoder.Encode(_samples.AsSpan(0, audio.Length), audio.Length, packet, Math.Min(packet.Length, OpusAudio.FrameBytes * audio.Length / Telephone.FrameSamples));
    }

    public void Dispose()
    {
        Array.Clear(_samples);
        _decoder.Dispose();
        _encoder.Dispose();
    }
}

/// <summary>Turns the 48 kHz timestamps of Opus into ours of 8 kHz, also where they wrap.</summary>
internal struct OpusClock
{
    private bool _runs;
    private uint _last;
    private long _ticks;

    public uint ToTelephone(uint timestamp)
    {
        if (!_runs) (_runs, _last, _ticks) = (true, timestamp, timestamp);
        _ticks += unchecked((int)(timestamp - _last));
        _last = timestamp;
        return (uint)(_ticks / OpusAudio.ClockFactor);
    }
}
