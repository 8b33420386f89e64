namespace IvrActors.Edge.Recording;

/// <summary>How long a recording is, how much of that is silence for secrets, and whether all of it was written.</summary>
internal readonly record struct RecordingTotals(TimeSpan Length, TimeSpan Secret, bool Complete);

/// <summary>A recording on its way to the disk. Every chunk is with the operating system when <see cref="Drain"/> returns, so the end of this process loses nothing of it.</summary>
internal sealed class RecordingFile : IDisposable
{
    private readonly FileStream _file;
    private readonly RecordingCipher _cipher;
    private uint _next;
    private long _bytes;
    private long _secretBytes;

    /// <param name="key">Copied; zero it afterwards.</param>
    public RecordingFile(string path, RecordingHeader header, ReadOnlySpan<byte> key, CallRecording recording)
    {
        Recording = recording;
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, Share = FileShare.Read, BufferSize = 0 };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        _file = new FileStream(path, options);
        try
        {
            var bytes = header.ToBytes();
            _cipher = new RecordingCipher(key, bytes);
            _file.Write(bytes);
        }
        catch
        {
            _file.Dispose();
            throw;
        }
    }

    public CallRecording Recording { get; }

    /// <summary>Called once, when it is closed.</summary>
    public required Action<RecordingTotals> Closed { get; init; }

    /// <param name="isComplete">Whether all of it was written.</param>
    public RecordingTotals Totals(bool isComplete) => new(LengthOf(_bytes), LengthOf(_secretBytes), isComplete);

    /// <summary>Encrypts and writes what is there.</summary>
    /// <param name="audio">Room for <see cref="RecordingCipher.MostAudio"/>.</param>
    /// <param name="chunk">Room for <see cref="RecordingCipher.MostChunk"/>.</param>
    /// <returns>Whether that was the end of it.</returns>
    public bool Drain(Span<byte> audio, Span<byte> chunk)
    {
        // Asked first: what is added until then is read below.
        var isLast = Recording.IsFinished;
        for (int length; (length = Recording.Read(audio, out var secret)) > 0;)
        {
            _file.Write(chunk[.._cipher.Seal(_next++, secret ? ChunkFlags.Secret : ChunkFlags.None, audio[..length], chunk)]);
            _bytes += length;
            if (secret) _secretBytes += length;
        }
        if (isLast) _file.Write(chunk[.._cipher.Seal(_next++, ChunkFlags.Final, default, chunk)]);
        return isLast;
    }

    private static TimeSpan LengthOf(long bytes) => TimeSpan.FromSeconds((double)bytes / RecordingCipher.MostAudio);

    public void Dispose()
    {
        _cipher.Dispose();
        _file.Dispose();
    }
}
