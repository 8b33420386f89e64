using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace IvrActors.Edge.Media;

/// <summary>Why bytes are no WAV file that can be played.</summary>
public enum WavRejection
{
    None = 0,
    NotWav,
    NoFormat,
    UnsupportedFormat,
    NotMono,
    NoData,

    /// <summary>It has less audio than it announces.</summary>
    Truncated,
}

/// <summary>Mono audio read from a WAV file: 16-bit linear samples at <see cref="SampleRate"/>.</summary>
public sealed class WavFile
{
    private const ushort Pcm = 1, ALaw = 6, MuLaw = 7, Extensible = 0xFFFE;

    /// <summary>G.711's rate up to studio rate; what a telephone can use lies at the lower end.</summary>
    private const int LeastRate = 8000, MostRate = 48000;

    public required int SampleRate { get; init; }

    public required short[] Samples { get; init; }

    /// <summary>What writers of a stream claim whose length they do not know: 0x7FFFF000 and the like, or all ones.</summary>
    private const uint LeastUnknown = 0x7FFF_0000;

    /// <summary>Reads 16-bit PCM, G.711 mu-law or A-law. A data chunk that claims more than there is (a stream of unknown length) ends with the file.</summary>
    /// <param name="whole">Whether one that claims a length which it does not have is <see cref="WavRejection.Truncated"/>.</param>
    public static WavRejection TryRead(ReadOnlySpan<byte> file, out WavFile? wav, bool whole = false)
    {
        wav = null;
        if (file.Length < 12 || !file[..4].SequenceEqual("RIFF"u8) || !file[8..12].SequenceEqual("WAVE"u8)) return WavRejection.NotWav;
        file = file[12..];

        ushort format = 0, channels = 0, bits = 0;
        var rate = 0;
        while (file.Length >= 8)
        {
            var id = file[..4];
            var claimed = BinaryPrimitives.ReadUInt32LittleEndian(file[4..]);
            file = file[8..];
            var size = (int)Math.Min(claimed, (uint)file.Length);
            if (id.SequenceEqual("fmt "u8) && size >= 16)
            {
                format = BinaryPrimitives.ReadUInt16LittleEndian(file);
                channels = BinaryPrimitives.ReadUInt16LittleEndian(file[2..]);
                rate = BinaryPrimitives.ReadInt32LittleEndian(file[4..]);
                bits = BinaryPrimitives.ReadUInt16LittleEndian(file[14..]);
                if (format == Extensible && size >= 26) format = BinaryPrimitives.ReadUInt16LittleEndian(file[24..]);
            }
            else if (id.SequenceEqual("data"u8))
            {
                if (whole && claimed > size && claimed < LeastUnknown) return WavRejection.Truncated;
                return Decode(file[..size], format, channels, bits, rate, out wav);
            }
            file = file[Math.Min(file.Length, size + (size & 1))..];
        }
        return format == 0 ? WavRejection.NoFormat : WavRejection.NoData;
    }

    private static WavRejection Decode(ReadOnlySpan<byte> data, ushort format, ushort channels, ushort bits, int rate, out WavFile? wav)
    {
        wav = null;
        if (format == 0) return WavRejection.NoFormat;
        if (channels != 1) return WavRejection.NotMono;
        if (rate is < LeastRate or > MostRate) return WavRejection.UnsupportedFormat;
        short[] samples;
        switch (format, bits)
        {
            case (Pcm, 16):
                samples = new short[data.Length / 2];
                for (var i = 0; i < samples.Length; i++) samples[i] = BinaryPrimitives.ReadInt16LittleEndian(data[(2 * i)..]);
                break;
            case (MuLaw, 8):
                samples = new short[data.Length];
                for (var i = 0; i < samples.Length; i++) samples[i] = G711.DecodeMuLaw(data[i]);
                break;
            case (ALaw, 8):
                samples = new short[data.Length];
                for (var i = 0; i < samples.Length; i++) samples[i] = G711.DecodeALaw(data[i]);
                break;
            default:
                return WavRejection.UnsupportedFormat;
        }
        wav = new WavFile { SampleRate = rate, Samples = samples };
        return samples.Length == 0 ? WavRejection.NoData : WavRejection.None;
    }

    /// <summary>Writes 16-bit PCM.</summary>
    public byte[] ToBytes()
    {
        var file = new byte[44 + 2 * Samples.Length];
        var span = file.AsSpan();
        "RIFF"u8.CopyTo(span);
        BinaryPrimitives.WriteInt32LittleEndian(span[4..], file.Length - 8);
        "WAVEfmt "u8.CopyTo(span[8..]);
        BinaryPrimitives.WriteInt32LittleEndian(span[16..], 16);
        BinaryPrimitives.WriteUInt16LittleEndian(span[20..], Pcm);
        BinaryPrimitives.WriteUInt16LittleEndian(span[22..], 1);
        BinaryPrimitives.WriteInt32LittleEndian(span[24..], SampleRate);
        BinaryPrimitives.WriteInt32LittleEndian(span[28..], 2 * SampleRate);
        BinaryPrimitives.WriteUInt16LittleEndian(span[32..], 2);
        BinaryPrimitives.WriteUInt16LittleEndian(span[34..], 16);
        "data"u8.CopyTo(span[36..]);
        BinaryPrimitives.WriteInt32LittleEndian(span[40..], 2 * Samples.Length);
        MemoryMarshal.AsBytes(Samples.AsSpan()).CopyTo(span[44..]);
        return file;
    }

    /// <summary>The same audio at 8 kHz, band-limited below 3.7 kHz before it is decimated.</summary>
    public WavFile ToTelephoneRate() => SampleRate == Telephone.SampleRate
        ? this
        : new WavFile { SampleRate = Telephone.SampleRate, Samples = Resampler.Resample(Samples, SampleRate, Telephone.SampleRate, 3700) };
}

/// <summary>The numbers of G.711 over RTP: 8 kHz, 20 ms, one byte a sample.</summary>
public static class Telephone
{
    public const int SampleRate = 8000, FrameMs = 20, FrameSamples = SampleRate * FrameMs / 1000;
}
