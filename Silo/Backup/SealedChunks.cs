using System.Buffers.Binary;
using System.Security.Cryptography;

namespace IvrActors.Silo.Backup;

/// <summary>
/// A stream in chunks of AES-256-GCM, by the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár: Online Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance, 2015) as age
/// uses it: a chunk that is missing, moved, doubled or changed does not open, and neither does one that was not the last and stands at the end.
/// </summary>
/// <remarks>
/// <code>
/// chunk: ciphertext of 64 KiB, of the last one 0 to 64 KiB | tag (16)
/// nonce: 0 0 0 | number of the chunk (8, big endian) | 1 for the last chunk, else 0
/// </code>
/// One key is used for one stream.
/// </remarks>
internal static class SealedChunks
{
    public const int Size = 64 * 1024;
    public const int TagSize = 16;
    public const int NonceSize = 12;

    public static void WriteNonce(Span<byte> nonce, long number, bool last)
    {
        nonce.Clear();
        BinaryPrimitives.WriteInt64BigEndian(nonce[3..], number);
        nonce[^1] = last ? (byte)1 : (byte)0;
    }
}

/// <summary>Seals what is written to it. Without <see cref="Complete"/> there is no last chunk, and who reads it sees that.</summary>
internal sealed class SealingStream(Stream inner, byte[] key) : Stream
{
    private readonly AesGcm _cipher = new(key, SealedChunks.TagSize);
    private readonly byte[] _plain = new byte[SealedChunks.Size];
    private readonly byte[] _sealed = new byte[SealedChunks.Size + SealedChunks.TagSize];
    private int _filled;
    private long _number;

    public override bool CanRead => false;
    public override bool CanSeek => false;
    public override bool CanWrite => true;
    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        while (buffer.Length > 0)
        {
            // A full chunk is kept until more comes: it may be the last.
            if (_filled == _plain.Length) Seal(last: false);
            var length = Math.Min(buffer.Length, _plain.Length - _filled);
            buffer[..length].CopyTo(_plain.AsSpan(_filled));
            _filled += length;
            buffer = buffer[length..];
        }
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    /// <summary>Ends the stream. Nothing is written afterwards.</summary>
    public void Complete() => Seal(last: true);

    public override void Flush()
    {
        // A chunk goes out when it is full.
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        CryptographicOperations.ZeroMemory(_plain);
        if (disposing) _cipher.Dispose();
        base.Dispose(disposing);
    }

    private void Seal(bool last)
    {
        Span<byte> nonce = stackalloc byte[SealedChunks.NonceSize];
        SealedChunks.WriteNonce(nonce, _number++, last);
        _cipher.Encrypt(nonce, _plain.AsSpan(0, _filled), _sealed.AsSpan(0, _filled), _sealed.AsSpan(_filled, SealedChunks.TagSize));
        inner.Write(_sealed, 0, _filled + SealedChunks.TagSize);
        _filled = 0;
    }
}

/// <summary>Opens what <see cref="SealingStream"/> sealed, chunk by chunk: no byte is given out that was not authenticated.</summary>
internal sealed class OpeningStream(Stream inner, byte[] key) : Stream
{
    private const int Sealed = SealedChunks.Size + SealedChunks.TagSize;

    private readonly AesGcm _cipher = new(key, SealedChunks.TagSize);
    private readonly byte[] _plain = new byte[SealedChunks.Size];

    // With one byte of the next chunk: the last is the one that none follows.
    private readonly byte[] _sealed = new byte[Sealed + 1];
    private int _ahead;
    private int _read;
    private int _filled;
    private long _number;
    private bool _ended;

    public override bool CanRead => true;
    public override bool CanSeek => false;
    public override bool CanWrite => false;
    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <exception cref="BackupException">It ends before its end, or was changed.</exception>
    public override int Read(Span<byte> buffer)
    {
        if (_read == _filled && !Fill()) return 0;
        var length = Math.Min(buffer.Length, _filled - _read);
        _plain.AsSpan(_read, length).CopyTo(buffer);
        _read += length;
        return length;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override void Flush()
    {
        // Nothing is written.
    }

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        CryptographicOperations.ZeroMemory(_plain);
        if (disposing) _cipher.Dispose();
        base.Dispose(disposing);
    }

    private bool Fill()
    {
        if (_ended) return false;
        var present = _ahead + inner.ReadAtLeast(_sealed.AsSpan(_ahead), _sealed.Length - _ahead, throwOnEndOfStream: false);
        var last = present <= Sealed;
        var length = Math.Min(present, Sealed) - SealedChunks.TagSize;
        // An empty last chunk is the whole of an empty stream, or somebody put it there.
        if (length < 0 || (length == 0 && _number > 0)) throw CutOff();
        Open(length, last);
        (_read, _filled, _ended) = (0, length, last);
        _ahead = last ? 0 : 1;
        if (!last) _sealed[0] = _sealed[Sealed];
        return length > 0;
    }

    private void Open(int length, bool last)
    {
        Span<byte> nonce = stackalloc byte[SealedChunks.NonceSize];
        SealedChunks.WriteNonce(nonce, _number++, last);
        try
        {
            _cipher.Decrypt(nonce, _sealed.AsSpan(0, length), _sealed.AsSpan(length, SealedChunks.TagSize), _plain.AsSpan(0, length));
        }
        catch (AuthenticationTagMismatchException)
        {
            throw last ? CutOff() : new BackupException($"The backup was changed, between its bytes {(_number - 1) * Sealed} and {_number * Sealed} after the header.");
        }
    }

    private static BackupException CutOff() => new("The backup is cut off or its end was changed: it is not whole.");
}
