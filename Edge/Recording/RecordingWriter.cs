using System.Security.Cryptography;
using Microsoft.Extensions.Logging;

namespace IvrActors.Edge.Recording;

/// <summary>The one thread that encrypts and writes the recordings of this edge, four times a second. What happens to the disk happens to recordings only: no call waits for it.</summary>
internal sealed partial class RecordingWriter : IDisposable
{
    /// <summary>With <see cref="CallRecording.DelayFrames"/> it bounds what a killed process loses: less than a second.</summary>
    private static readonly TimeSpan s_period = TimeSpan.FromMilliseconds(250);

    /// <summary>How long a stopping process waits for a disk that hangs.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);

    private readonly ILogger<RecordingWriter> _log;
    private readonly Lock _lock = new();
    private readonly List<RecordingFile> _open = [];
    private readonly List<RecordingFile> _now = [];
    private readonly Dictionary<RecordingFile, long> _dropped = [];
    private readonly byte[] _audio = new byte[RecordingCipher.MostAudio];
    private readonly byte[] _chunk = new byte[RecordingCipher.MostChunk];
    private readonly ManualResetEventSlim _any = new();
    private readonly Thread? _thread;
    private volatile bool _stopping;

    public RecordingWriter(ILogger<RecordingWriter> log)
        : this(log, ownThread: true)
    {
    }

    /// <param name="ownThread">False in tests, which call <see cref="Drain"/>.</param>
    internal RecordingWriter(ILogger<RecordingWriter> log, bool ownThread)
    {
        _log = log;
        if (!ownThread) return;
        _thread = new Thread(Run) { IsBackground = true, Name = "recordings" };
        _thread.Start();
    }

    public void Add(RecordingFile file)
    {
        lock (_lock)
        {
            _open.Add(file);
            _any.Set();
        }
        RecordingMetrics.Active.Inc();
    }

    /// <summary>Writes what is there of all of them.</summary>
    internal void Drain()
    {
        lock (_lock) _now.AddRange(_open);
        foreach (var file in _now)
        {
            var (isOver, isComplete) = Drain(file);
            if (isOver) Close(file, isComplete);
        }
        _now.Clear();
        CryptographicOperations.ZeroMemory(_audio);
    }

    public void Dispose()
    {
        _stopping = true;
        _any.Set();
        if (_thread?.Join(s_patience) == false) return;
        // Their calls are over: what there is of them is whole.
        lock (_lock)
        {
            foreach (var file in _open) file.Recording.Finish();
        }
        Drain();
        _any.Dispose();
    }

    private (bool IsOver, bool IsComplete) Drain(RecordingFile file)
    {
        try
        {
            var isOver = file.Drain(_audio, _chunk);
            var dropped = file.Recording.Dropped;
            if (dropped > _dropped.GetValueOrDefault(file)) RecordingMetrics.Dropped.Inc(dropped - _dropped.GetValueOrDefault(file));
            _dropped[file] = dropped;
            return (isOver, dropped == 0);
        }
#pragma warning disable CA1031 // The disk is full, or gone, or whatever it is: the calls go on, this one without.
        catch (Exception e)
#pragma warning restore CA1031
        {
            Failed(_log, e.GetType().Name);
            return (true, false);
        }
    }

    private void Close(RecordingFile file, bool isComplete)
    {
        lock (_lock)
        {
            _open.Remove(file);
            if (_open.Count == 0 && !_stopping) _any.Reset();
        }
        _dropped.Remove(file);
        RecordingMetrics.Active.Dec();
        RecordingMetrics.Ended.WithLabels(isComplete ? "complete" : "incomplete").Inc();
        try
        {
            file.Dispose();
        }
#pragma warning disable CA1031 // As above.
        catch (Exception e)
#pragma warning restore CA1031
        {
            Failed(_log, e.GetType().Name);
        }
        file.Closed(file.Totals(isComplete));
    }

    private void Run()
    {
        while (!_stopping)
        {
            _any.Wait();
            Drain();
            Thread.Sleep(s_period);
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "a recording could not be written: {Error}")]
    private static partial void Failed(ILogger log, string error);
}
