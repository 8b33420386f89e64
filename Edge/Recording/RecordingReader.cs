using IvrActors.Grains.Interfaces.Recordings;

namespace IvrActors.Edge.Recording;

/// <summary>How a recording ends.</summary>
public enum RecordingCompleteness
{
    /// <summary>It goes on.</summary>
    More = 0,
    Complete,

    /// <summary>Whoever wrote it did not come to the end; what was read is genuine.</summary>
    CutShort,

    /// <summary>What follows was altered, or the key is another's; what was read before is genuine.</summary>
    Damaged,
}

/// <summary>Reads a recording chunk by chunk, so that hours of it need no memory.</summary>
public sealed class RecordingReader : IDisposable
{
    private readonly Stream _file;
    private readonly byte[] _header;
    private readonly byte[] _chunk = new byte[RecordingCipher.MostChunk];
    private RecordingCipher? _cipher;
    private uint _next;

    private RecordingReader(Stream file, RecordingHeader header, byte[] bytes) => (_file, Header, _header) = (file, header, bytes);

    public RecordingHeader Header { get; }

    public RecordingCompleteness End { get; private set; }

    /// <summary>Takes the file over where it is a recording.</summary>
    public static RecordingRejection Open(Stream file, out RecordingReader? reader)
    {
        reader = null;
        var bytes = new byte[RecordingHeader.MostBytes];
        var count = file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
        var rejection = RecordingHeader.TryRead(bytes.AsSpan(0, count), out var header, out var length);
        if (rejection != RecordingRejection.None) return rejection;
        file.Position = length;
        reader = new RecordingReader(file, header!, bytes[..length]);
        return RecordingRejection.None;
    }

    /// <summary>Gives the data key.</summary>
    public void Unlock(ReadOnlySpan<byte> key) => _cipher = new RecordingCipher(key, _header);

    /// <summary>The next chunk's audio; false at the end, of which <see cref="End"/> tells.</summary>
    /// <param name="audio">Room for <see cref="RecordingCipher.MostAudio"/>.</param>
    public bool TryNext(Span<byte> audio, out int length, out ChunkFlags flags)
    {
        (length, flags) = (0, ChunkFlags.None);
        if (_cipher is not { } cipher) throw new InvalidOperationException("internal error: read before it was unlocked");
        if (End != RecordingCompleteness.More) return false;
        if (_file.ReadAtLeast(_chunk.AsSpan(0, RecordingCipher.HeadSize), RecordingCipher.HeadSize, throwOnEndOfStream: false) < RecordingCipher.HeadSize)
            return Ends(RecordingCompleteness.CutShort);
        if (RecordingCipher.LengthAfter(_chunk, _next) is not { } rest) return Ends(RecordingCompleteness.Damaged);
        if (_file.ReadAtLeast(_chunk.AsSpan(RecordingCipher.HeadSize, rest), rest, throwOnEndOfStream: false) < rest) return Ends(RecordingCompleteness.CutShort);
        if (!cipher.TryOpen(_chunk.AsSpan(0, RecordingCipher.HeadSize + rest), audio, out flags, out length)) return Ends(RecordingCompleteness.Damaged);
        _next++;
        if (!flags.HasFlag(ChunkFlags.Final)) return true;
        // Nothing follows the end.
        return Ends(_file.ReadByte() < 0 ? RecordingCompleteness.Complete : RecordingCompleteness.Damaged);
    }

    public void Dispose()
    {
        _cipher?.Dispose();
        _file.Dispose();
    }

    private bool Ends(RecordingCompleteness how)
    {
        End = how;
        return false;
    }
}

/// <summary>Where a recording lies.</summary>
public static class RecordingNames
{
    public const string Extension = ".ivrrec";

    public static string PathOf(string folder, RecordingId id) => Path.Combine(folder, id.Value + Extension);
}
