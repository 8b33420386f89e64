using System.Buffers.Binary;
using System.Security.Cryptography;
using IvrActors.Edge.Media;

namespace IvrActors.Edge.Recording;

/// <summary>What became of a recording that was opened.</summary>
public readonly record struct RecordingExport(RecordingCompleteness End, TimeSpan Length, TimeSpan Secret);

/// <summary>Turns a recording into a stereo WAV file of the same G.711 samples: format 7 (mu-law) or 6 (A-law); left is the caller.</summary>
public static class RecordingWav
{
    private const int HeaderSize = 58;
    private const int BytesPerSecond = Telephone.SampleRate * RecordingHeader.Channels;

    /// <param name="output">Seekable: the lengths in its header are known at the end.</param>
    public static RecordingExport Write(RecordingReader reader, Stream output)
    {
        var audio = new byte[RecordingCipher.MostAudio];
        long total = 0, secret = 0;
        output.Write(new byte[HeaderSize]);
        while (reader.TryNext(audio, out var length, out var flags))
        {
            output.Write(audio.AsSpan(0, length));
            total += length;
            if (flags.HasFlag(ChunkFlags.Secret)) secret += length;
        }
        CryptographicOperations.ZeroMemory(audio);
        output.Position = 0;
        output.Write(Header(reader.Header.ALaw, (uint)Math.Min(total, uint.MaxValue - HeaderSize)));
        output.Flush();
        return new RecordingExport(reader.End, TimeSpan.FromSeconds((double)total / BytesPerSecond), TimeSpan.FromSeconds((double)secret / BytesPerSecond));
    }

    private static byte[] Header(bool aLaw, uint size)
    {
        var header = new byte[HeaderSize];
        var span = header.AsSpan();
        "RIFF"u8.CopyTo(span);
        BinaryPrimitives.WriteUInt32LittleEndian(span[4..], HeaderSize - 8 + size);
        "WAVEfmt "u8.CopyTo(span[8..]);
        BinaryPrimitives.WriteInt32LittleEndian(span[16..], 18);
        BinaryPrimitives.WriteUInt16LittleEndian(span[20..], aLaw ? (ushort)6 : (ushort)7);
        BinaryPrimitives.WriteUInt16LittleEndian(span[22..], RecordingHeader.Channels);
        BinaryPrimitives.WriteInt32LittleEndian(span[24..], Telephone.SampleRate);
        BinaryPrimitives.WriteInt32LittleEndian(span[28..], BytesPerSecond);
        BinaryPrimitives.WriteUInt16LittleEndian(span[32..], RecordingHeader.Channels);
        BinaryPrimitives.WriteUInt16LittleEndian(span[34..], 8);
        // A format that is not PCM has its size extension (empty), and the number of samples in a chunk of its own.
        "fact"u8.CopyTo(span[38..]);
        BinaryPrimitives.WriteInt32LittleEndian(span[42..], 4);
        BinaryPrimitives.WriteUInt32LittleEndian(span[46..], size / RecordingHeader.Channels);
        "data"u8.CopyTo(span[50..]);
        BinaryPrimitives.WriteUInt32LittleEndian(span[54..], size);
        return header;
    }
}
