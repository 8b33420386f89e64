using IvrActors.Grains.Interfaces.Recordings;

namespace IvrActors.Dashboard.Recordings;

/// <summary>The recordings whose files this machine has. Given by the composition root of a process that has any.</summary>
public interface IRecordingFiles
{
    /// <summary>Null: no file of this name is here.</summary>
    IRecordingFile? Open(RecordingId recording);
}

/// <summary>One recording's file, encrypted as it is on the disk; what is read of it is decrypted then, and written nowhere.</summary>
public interface IRecordingFile : IDisposable
{
    /// <summary>What the cluster takes the data key out of.</summary>
    byte[] WrappedKey { get; }

    /// <summary>Gives the data key, which is copied.</summary>
    void Unlock(ReadOnlySpan<byte> key);

    /// <summary>As a WAV file that can be read from any place. Takes this file over.</summary>
    Stream Play();

    /// <summary>How it looks, in so many columns.</summary>
    RecordingOutline Outline(int columns);
}

/// <summary>The loudest sample (0 to 255) of either side in each column of equal time, and the stretches that are silent for secrets, as seconds from and to.</summary>
public sealed class RecordingOutline
{
    public required double Seconds { get; init; }
    public required IReadOnlyList<int> Caller { get; init; }
    public required IReadOnlyList<int> Heard { get; init; }
    public required IReadOnlyList<double[]> Secret { get; init; }

    /// <summary>What is to be said of its end; null when it is whole.</summary>
    public string? Warning { get; init; }
}

/// <summary>This machine has none.</summary>
internal sealed class NoRecordingFiles : IRecordingFiles
{
    public IRecordingFile? Open(RecordingId recording) => null;
}
