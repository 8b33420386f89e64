using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using IvrActors.Grains.Interfaces.Recordings;

namespace IvrActors.Edge.Recording;

/// <summary>Why bytes are no recording.</summary>
public enum RecordingRejection
{
    None = 0,
    NotARecording,
    UnknownVersion,
    MalformedHeader,
}

/// <summary>
/// What stands at the beginning of a recording, in clear; nothing of it can be changed without breaking every chunk, because its SHA-256 is associated data of each.
/// <code>
///  0      6     7      8         9            17        18        19
/// +------+-----+------+---------+------------+---------+---------+----+-------------+
/// |IVRREC|  1  |codec |channels | start (ms) |id length|key len. | id | wrapped key |
/// +------+-----+------+---------+------------+---------+---------+----+-------------+
/// </code>
/// Numbers are big endian. Samples are G.711 at 8 kHz, interleaved: caller, then what the caller hears.
/// </summary>
public sealed class RecordingHeader
{
    public const int Channels = 2;

    /// <summary>Longest header.</summary>
    public const int MostBytes = Fixed + RecordingId.MostCharacters + byte.MaxValue;

    private const int Fixed = 19;
    private const byte Version = 1;

    public required RecordingId Recording { get; init; }

    public required bool ALaw { get; init; }

    /// <summary>When its first sample was heard, to the millisecond.</summary>
    public required DateTimeOffset Start { get; init; }

    /// <summary>The data key as the cluster wrapped it; at most 255 bytes.</summary>
    public required byte[] WrappedKey { get; init; }

    private static ReadOnlySpan<byte> Magic => "IVRREC"u8;

    public byte[] ToBytes()
    {
        var id = Encoding.ASCII.GetBytes(Recording.Value);
        var bytes = new byte[Fixed + id.Length + WrappedKey.Length];
        Magic.CopyTo(bytes);
        (bytes[6], bytes[7], bytes[8]) = (Version, ALaw ? (byte)1 : (byte)0, Channels);
        BinaryPrimitives.WriteInt64BigEndian(bytes.AsSpan(9), Start.ToUnixTimeMilliseconds());
        (bytes[17], bytes[18]) = (checked((byte)id.Length), checked((byte)WrappedKey.Length));
        id.CopyTo(bytes, Fixed);
        WrappedKey.CopyTo(bytes, Fixed + id.Length);
        return bytes;
    }

    /// <param name="length">Of the header: the first chunk follows.</param>
    public static RecordingRejection TryRead(ReadOnlySpan<byte> bytes, out RecordingHeader? header, out int length)
    {
        (header, length) = (null, 0);
        if (bytes.Length < Fixed || !bytes.StartsWith(Magic)) return RecordingRejection.NotARecording;
        if (bytes[6] != Version) return RecordingRejection.UnknownVersion;
        var (codec, channels, idLength, keyLength) = (bytes[7], bytes[8], (int)bytes[17], (int)bytes[18]);
        var start = BinaryPrimitives.ReadInt64BigEndian(bytes[9..]);
        if (codec > 1 || channels != Channels || bytes.Length < Fixed + idLength + keyLength || start is < 0 or > 253402300799999) return RecordingRejection.MalformedHeader;
        if (!RecordingId.TryParse(Encoding.ASCII.GetString(bytes.Slice(Fixed, idLength)), out var id)) return RecordingRejection.MalformedHeader;
        length = Fixed + idLength + keyLength;
        header = new RecordingHeader
        {
            Recording = id,
            ALaw = codec == 1,
            Start = DateTimeOffset.FromUnixTimeMilliseconds(start),
            WrappedKey = bytes[(Fixed + idLength)..length].ToArray(),
        };
        return RecordingRejection.None;
    }
}

/// <summary>What is to be known of one chunk.</summary>
[Flags]
public enum ChunkFlags
{
    None = 0,

    /// <summary>Silence, because a secret may have been keyed meanwhile.</summary>
    Secret = 1,

    /// <summary>The last one; without it the recording was cut short. It has no audio.</summary>
    Final = 2,
}

/// <summary>
/// A recording's chunks: at most a second each, AES-256-GCM (NIST SP 800-38D) under a key that is used for this recording only. The nonce is the sequence number; header, number,
/// flags and length are associated data, so that a chunk opens at its own place and nowhere else.
/// <code>
///  0        4          8       9
/// +--------+----------+-------+------------+----------+
/// | length | sequence | flags | ciphertext | tag (16) |
/// +--------+----------+-------+------------+----------+
/// </code>
/// </summary>
public sealed class RecordingCipher : IDisposable
{
    public const int KeySize = 32;

    /// <summary>One second of both sides.</summary>
    public const int MostAudio = 8000 * RecordingHeader.Channels;
    public const int HeadSize = 9;
    public const int MostChunk = HeadSize + MostAudio + TagSize;

    private const int TagSize = 16;
    private const int NonceSize = 12;

    private readonly AesGcm _gcm;
    private readonly byte[] _associated = new byte[SHA256.HashSizeInBytes + HeadSize];

    /// <param name="key">Copied; zero it afterwards.</param>
    public RecordingCipher(ReadOnlySpan<byte> key, ReadOnlySpan<byte> header)
    {
        _gcm = new AesGcm(key, TagSize);
        SHA256.HashData(header, _associated);
    }

    /// <summary>Writes a chunk into <paramref name="chunk"/>; its length is returned.</summary>
    public int Seal(uint sequence, ChunkFlags flags, ReadOnlySpan<byte> audio, Span<byte> chunk)
    {
        Span<byte> nonce = stackalloc byte[NonceSize];
        nonce.Clear();
        BinaryPrimitives.WriteUInt32BigEndian(nonce[8..], sequence);
        BinaryPrimitives.WriteInt32BigEndian(chunk, audio.Length);
        BinaryPrimitives.WriteUInt32BigEndian(chunk[4..], sequence);
        chunk[8] = (byte)flags;
        chunk[..HeadSize].CopyTo(_associated.AsSpan(SHA256.HashSizeInBytes));
        _gcm.Encrypt(nonce, audio, chunk.Slice(HeadSize, audio.Length), chunk.Slice(HeadSize + audio.Length, TagSize), _associated);
        return HeadSize + audio.Length + TagSize;
    }

    /// <summary>Bytes that follow a chunk's head, or null where that is none of the chunk with this number.</summary>
    public static int? LengthAfter(ReadOnlySpan<byte> head, uint sequence)
    {
        var length = BinaryPrimitives.ReadInt32BigEndian(head);
        if (length is < 0 or > MostAudio || length % RecordingHeader.Channels != 0 || BinaryPrimitives.ReadUInt32BigEndian(head[4..]) != sequence) return null;
        return head[8] > (byte)(ChunkFlags.Secret | ChunkFlags.Final) ? null : length + TagSize;
    }

    /// <summary>The audio of a whole chunk; false where a bit of it, of its place or of the header is not as it was written.</summary>
    public bool TryOpen(ReadOnlySpan<byte> chunk, Span<byte> audio, out ChunkFlags flags, out int length)
    {
        (flags, length) = ((ChunkFlags)chunk[8], chunk.Length - HeadSize - TagSize);
        Span<byte> nonce = stackalloc byte[NonceSize];
        nonce.Clear();
        chunk.Slice(4, 4).CopyTo(nonce[8..]);
        chunk[..HeadSize].CopyTo(_associated.AsSpan(SHA256.HashSizeInBytes));
        try
        {
            _gcm.Decrypt(nonce, chunk.Slice(HeadSize, length), chunk[^TagSize..], audio[..length], _associated);
            return true;
        }
        catch (CryptographicException)
        {
            audio[..length].Clear();
            return false;
        }
    }

    public void Dispose() => _gcm.Dispose();
}
