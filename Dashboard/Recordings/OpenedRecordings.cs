using IvrActors.Grains.Interfaces;
using IvrActors.Grains.Interfaces.Recordings;

namespace IvrActors.Dashboard.Recordings;

/// <summary>
/// Keys of recordings that operators opened, each for the one who did, in memory and for a quarter of an hour: a browser asks for parts of a recording again and again, and only the
/// opening stands in the ledger.
/// </summary>
internal sealed class OpenedRecordings(TimeProvider time) : IDisposable
{
    public static readonly TimeSpan Longest = TimeSpan.FromMinutes(15);

    private const int Most = 64;

    private readonly Lock _lock = new();
    private readonly Dictionary<(string Operator, RecordingId Recording), Opened> _opened = [];

    /// <summary>Takes the key over.</summary>
    public void Add(string name, RecordingId recording, Secret<byte> key)
    {
        lock (_lock)
        {
            Forget(name, recording);
            DropOld();
            // Whoever opened theirs first opens it again, and is in the ledger for it.
            if (_opened.Count >= Most && _opened.MinBy(opened => opened.Value.Until).Key is var oldest) Forget(oldest.Operator, oldest.Recording);
            _opened[(name, recording)] = new Opened(key, time.GetUtcNow() + Longest);
        }
    }

    public bool Has(string name, RecordingId recording)
    {
        lock (_lock)
        {
            DropOld();
            return _opened.ContainsKey((name, recording));
        }
    }

    /// <summary>Unlocks the file. False: this operator did not open it, or not lately.</summary>
    public bool TryUnlock(string name, RecordingId recording, IRecordingFile file)
    {
        lock (_lock)
        {
            DropOld();
            if (!_opened.TryGetValue((name, recording), out var opened)) return false;
            file.Unlock(opened.Key.Expose());
            return true;
        }
    }

    public void Close(string name, RecordingId recording)
    {
        lock (_lock) Forget(name, recording);
    }

    public void Dispose()
    {
        lock (_lock)
        {
            foreach (var (name, recording) in _opened.Keys.ToList()) Forget(name, recording);
        }
    }

    private void DropOld()
    {
        var now = time.GetUtcNow();
        foreach (var ((name, recording), _) in _opened.Where(opened => opened.Value.Until <= now).ToList()) Forget(name, recording);
    }

    private void Forget(string name, RecordingId recording)
    {
        if (_opened.Remove((name, recording), out var opened)) opened.Key.Dispose();
    }

    private sealed class Opened(Secret<byte> key, DateTimeOffset until)
    {
        public Secret<byte> Key => key;

        public DateTimeOffset Until => until;
    }
}
