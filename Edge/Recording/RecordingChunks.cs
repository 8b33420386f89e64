namespace IvrActors.Edge.Recording;

/// <summary>
/// A recording that is read from any place of it. The clear heads of its chunks tell where each lies; what they say is believed only of a chunk that opens, because they are
/// associated data of it.
/// </summary>
public sealed class RecordingChunks : IDisposable
{
    private readonly Stream _file;
    private readonly byte[] _header;
    private readonly List<Chunk> _chunks = [];
    private readonly byte[] _sealed = new byte[RecordingCipher.MostChunk];
    private RecordingCipher? _cipher;
    private Chunk? _last;

    private RecordingChunks(Stream file, RecordingHeader header, byte[] bytes) => (_file, Header, _header) = (file, header, bytes);

    public RecordingHeader Header { get; }

    /// <summary>Chunks with audio.</summary>
    public int Count => _chunks.Count;

    /// <summary>Samples of one side, as far as the file goes.</summary>
    public long Samples => _chunks is [.., var last] ? last.FirstSample + last.Samples : 0;

    /// <summary>Whether a last chunk was written, and is genuine. Whether what comes before was altered shows when it is read.</summary>
    public RecordingCompleteness End { get; private set; } = RecordingCompleteness.CutShort;

    /// <summary>Takes the file over where it is a recording.</summary>
    public static RecordingRejection Open(Stream file, out RecordingChunks? chunks)
    {
        chunks = null;
        var bytes = new byte[RecordingHeader.MostBytes];
        var count = file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
        var rejection = RecordingHeader.TryRead(bytes.AsSpan(0, count), out var header, out var length);
        if (rejection != RecordingRejection.None) return rejection;
        chunks = new RecordingChunks(file, header!, bytes[..length]);
        chunks.Find(length);
        return RecordingRejection.None;
    }

    /// <summary>Gives the data key, which is copied.</summary>
    public void Unlock(ReadOnlySpan<byte> key)
    {
        _cipher?.Dispose();
        _cipher = new RecordingCipher(key, _header);
        if (_last is { } last && !TryRead(last, (uint)_chunks.Count, default, out _, out _)) End = RecordingCompleteness.Damaged;
    }

    /// <summary>The chunk that holds a sample.</summary>
    public int ChunkAt(long sample)
    {
        var (low, high) = (0, _chunks.Count - 1);
        while (low < high)
        {
            var middle = (low + high + 1) / 2;
            if (_chunks[middle].FirstSample <= sample) low = middle;
            else high = middle - 1;
        }
        return low;
    }

    public long FirstSampleOf(int chunk) => _chunks[chunk].FirstSample;

    /// <summary>One chunk's audio, as it is in the file; false where it was altered, or the key is another's.</summary>
    /// <param name="audio">Room for <see cref="RecordingCipher.MostAudio"/>.</param>
    public bool TryRead(int chunk, Span<byte> audio, out int length, out ChunkFlags flags) => TryRead(_chunks[chunk], (uint)chunk, audio, out length, out flags);

    public void Dispose()
    {
        _cipher?.Dispose();
        _file.Dispose();
    }

    private bool TryRead(Chunk chunk, uint sequence, Span<byte> audio, out int length, out ChunkFlags flags)
    {
        (length, flags) = (0, ChunkFlags.None);
        if (_cipher is not { } cipher) throw new InvalidOperationException("internal error: read before it was unlocked");
        _file.Position = chunk.Offset;
        var size = chunk.Size;
        return _file.ReadAtLeast(_sealed.AsSpan(0, size), size, throwOnEndOfStream: false) == size
            && RecordingCipher.LengthAfter(_sealed, sequence) == size - RecordingCipher.HeadSize
            && cipher.TryOpen(_sealed.AsSpan(0, size), audio, out flags, out length);
    }

    private void Find(long offset)
    {
        Span<byte> head = stackalloc byte[RecordingCipher.HeadSize];
        for (var size = _file.Length; offset + RecordingCipher.HeadSize <= size;)
        {
            _file.Position = offset;
            _file.ReadExactly(head);
            if (RecordingCipher.LengthAfter(head, (uint)_chunks.Count) is not { } rest)
            {
                End = RecordingCompleteness.Damaged;
                return;
            }
            var next = offset + RecordingCipher.HeadSize + rest;
            if (next > size) return;
            if (((ChunkFlags)head[8]).HasFlag(ChunkFlags.Final))
            {
                // It has no audio, and nothing follows it.
                var last = new Chunk(offset, (int)(next - offset), Samples);
                if (last.Samples == 0 && next == size) (_last, End) = (last, RecordingCompleteness.Complete);
                else End = RecordingCompleteness.Damaged;
                return;
            }
            _chunks.Add(new Chunk(offset, (int)(next - offset), Samples));
            offset = next;
        }
    }

    private readonly record struct Chunk(long Offset, int Size, long FirstSample)
    {
        public int Samples => (Size - RecordingCipher.MostChunk + RecordingCipher.MostAudio) / RecordingHeader.Channels;
    }
}
