using IvrActors.Silo.Storage;

namespace IvrActors.Silo.Backup;

/// <summary>Where a backup goes. A file has its name when it is whole, and is gone when it is not.</summary>
/// <param name="stream">Disposed with this.</param>
internal sealed class BackupOutput(Stream stream, string? file = null) : IAsyncDisposable
{
    private bool _kept;

    public Stream Stream => stream;

    /// <exception cref="BackupException">There is one of this name.</exception>
    public static BackupOutput Create(string file)
    {
        if (File.Exists(file)) throw new BackupException($"There is a file '{file}' already: a backup overwrites nothing.");
        var temporary = TemporaryOf(file);
        // Of one that was killed: ciphertext without an end.
        File.Delete(temporary);
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = PrivateFiles.PrivateFile;
        return new BackupOutput(new FileStream(temporary, options), file);
    }

    /// <summary>It is whole: on the disk, and under its name.</summary>
    public void Keep()
    {
        if (stream is FileStream disk) disk.Flush(flushToDisk: true);
        else stream.Flush();
        if (file is not null) File.Move(TemporaryOf(file), file, overwrite: false);
        _kept = true;
    }

    public async ValueTask DisposeAsync()
    {
        await stream.DisposeAsync();
        if (!_kept && file is not null) File.Delete(TemporaryOf(file));
    }

    private static string TemporaryOf(string file) => file + ".part";
}
