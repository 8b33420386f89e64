using System.Buffers.Binary;
using System.Security.Cryptography;
using IvrActors.Edge.Media;

namespace IvrActors.Edge.Recording;

/// <summary>
/// A recording as a WAV file of 16-bit samples in stereo, left the caller, which every browser plays. It is on no disk: what is read is decrypted then, and a second of it is in
/// memory at a time. Reading what was altered throws <see cref="InvalidDataException"/>.
/// </summary>
public sealed class RecordingStream(RecordingChunks chunks) : Stream
{
    private const int HeaderSize = 44;

    /// <summary>Both sides at one moment.</summary>
    private const int BytesPerSample = sizeof(short) * RecordingHeader.Channels;

    private readonly byte[] _header = Head((uint)Math.Min(chunks.Samples * BytesPerSample, uint.MaxValue - HeaderSize));
    private readonly byte[] _coded = new byte[RecordingCipher.MostAudio];
    private readonly byte[] _linear = new byte[RecordingCipher.MostAudio * sizeof(short)];
    private int _chunk = -1;
    private int _filled;

    public override long Length { get; } = HeaderSize + chunks.Samples * BytesPerSample;

    public override long Position { get; set; }

    public override bool CanRead => true;

    public override bool CanSeek => true;

    public override bool CanWrite => false;

    public override int Read(Span<byte> buffer)
    {
        if (Position >= Length || buffer.IsEmpty) return 0;
        var piece = Position < HeaderSize ? _header.AsSpan((int)Position) : AudioAt(Position - HeaderSize);
        var count = Math.Min(piece.Length, buffer.Length);
        piece[..count].CopyTo(buffer);
        Position += count;
        return count;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    // The file is local, and a chunk of it is read and opened in well below a millisecond.
    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        cancellationToken.IsCancellationRequested ? ValueTask.FromCanceled<int>(cancellationToken) : ValueTask.FromResult(Read(buffer.Span));

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override long Seek(long offset, SeekOrigin origin) => Position = origin switch
    {
        SeekOrigin.Begin => offset,
        SeekOrigin.Current => Position + offset,
        _ => Length + offset,
    };

    public override void Flush()
    {
    }

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing) chunks.Dispose();
        CryptographicOperations.ZeroMemory(_coded);
        CryptographicOperations.ZeroMemory(_linear);
        base.Dispose(disposing);
    }

    private Span<byte> AudioAt(long at)
    {
        var wanted = chunks.ChunkAt(at / BytesPerSample);
        if (wanted != _chunk)
        {
            if (!chunks.TryRead(wanted, _coded, out var length, out _)) throw new InvalidDataException("a part of the recording was altered");
            for (var i = 0; i < length; i++)
            {
                BinaryPrimitives.WriteInt16LittleEndian(_linear.AsSpan(i * sizeof(short)), chunks.Header.ALaw ? G711.DecodeALaw(_coded[i]) : G711.DecodeMuLaw(_coded[i]));
            }
            (_chunk, _filled) = (wanted, length * sizeof(short));
        }
        return _linear.AsSpan((int)(at - chunks.FirstSampleOf(wanted) * BytesPerSample).._filled);
    }

    private static byte[] Head(uint size)
    {
        var header = new byte[HeaderSize];
        var span = header.AsSpan();
        "RIFF"u8.CopyTo(span);
        BinaryPrimitives.WriteUInt32LittleEndian(span[4..], HeaderSize - 8 + size);
        "WAVEfmt "u8.CopyTo(span[8..]);
        BinaryPrimitives.WriteInt32LittleEndian(span[16..], 16);
        BinaryPrimitives.WriteUInt16LittleEndian(span[20..], 1);
        BinaryPrimitives.WriteUInt16LittleEndian(span[22..], RecordingHeader.Channels);
        BinaryPrimitives.WriteInt32LittleEndian(span[24..], Telephone.SampleRate);
        BinaryPrimitives.WriteInt32LittleEndian(span[28..], Telephone.SampleRate * BytesPerSample);
        BinaryPrimitives.WriteUInt16LittleEndian(span[32..], BytesPerSample);
        BinaryPrimitives.WriteUInt16LittleEndian(span[34..], 8 * sizeof(short));
        "data"u8.CopyTo(span[36..]);
        BinaryPrimitives.WriteUInt32LittleEndian(span[40..], size);
        return header;
    }
}
