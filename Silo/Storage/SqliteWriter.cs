using System.Diagnostics;
using Microsoft.Data.Sqlite;

namespace IvrActors.Silo.Storage;

/// <summary>
/// The one thread that writes to the file, with group commit: all that waits goes into one transaction and is answered after it. SQLite has one write lock and the driver
/// is synchronous, so nobody else waits for the disk, and while a commit is under way the next batch gathers.
/// </summary>
internal sealed class SqliteWriter : IDisposable
{
    /// <summary>Writes of one transaction: bounds how long the first one waits for the others.</summary>
    private const int MostBatch = 256;

    /// <summary>Writes that may wait: seconds of work. Above it a write fails at once.</summary>
    private const int MostWaiting = 16_384;

    /// <summary>
    /// From one commit's begin to the next one's: a lone write is committed at once; of many, those that come within this time share a transaction, an fsync and a wake-up.
    /// </summary>
    private static readonly TimeSpan s_pace = TimeSpan.FromMilliseconds(4);

    private readonly string _connectionString;
    private readonly string _settings;
    private readonly Lock _lock = new();
    private readonly Queue<Write> _waiting = new();
    private readonly AutoResetEvent _arrived = new(false);
    private readonly Thread _thread;
    private SqliteSession? _session;
    private bool _sleeping;
    private bool _stopping;
    private bool? _durable;

    public SqliteWriter(string connectionString, string settings)
    {
        (_connectionString, _settings) = (connectionString, settings);
        _thread = new Thread(Loop) { IsBackground = true, Name = "sqlite-writer" };
        _thread.Start();
    }

    /// <summary>
    /// Runs <paramref name="work"/> in the next transaction; done when that is committed. When it throws, its own changes are undone and the others' stay.
    /// </summary>
    /// <param name="durable">Whether the commit survives a power cut. Without it, it survives a crash of the process.</param>
    /// <param name="work">Runs on the writer's thread. What comes of one statement that fails is undone by SQLite; with more than one, say so by <paramref name="several"/>.</param>
    public Task<T> Run<T>(bool durable, Func<SqliteSession, T> work, bool several = false)
    {
        var write = new Write<T>(durable, several, work);
        bool wake;
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_stopping, this);
            if (_waiting.Count >= MostWaiting) throw new InvalidOperationException("too many writes wait for the database");
            _waiting.Enqueue(write);
            wake = _sleeping;
            _sleeping = false;
        }
        if (wake) _arrived.Set();
        return write.Done;
    }

    /// <summary>Writes what waits, and closes the connection.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            if (_stopping) return;
            _stopping = true;
        }
        _arrived.Set();
        _thread.Join();
        _session?.Dispose();
        _arrived.Dispose();
    }

    private void Loop()
    {
        var batch = new List<Write>(MostBatch);
        var began = 0L;
        while (Await())
        {
            var rest = s_pace - Stopwatch.GetElapsedTime(began);
            if (rest > TimeSpan.Zero) Thread.Sleep(rest);
            began = Stopwatch.GetTimestamp();
            lock (_lock)
            {
                while (batch.Count < MostBatch && _waiting.TryDequeue(out var write)) batch.Add(write);
            }
            Commit(batch);
            batch.Clear();
        }
    }

    /// <summary>Sleeps until something waits; false when it is time to stop and nothing waits.</summary>
    private bool Await()
    {
        while (true)
        {
            lock (_lock)
            {
                if (_waiting.Count > 0) return true;
                if (_stopping) return false;
                _sleeping = true;
            }
            _arrived.WaitOne();
        }
    }

    private void Commit(List<Write> batch)
    {
        var committed = false;
        Exception? failure = null;
        try
        {
            _session ??= new SqliteSession(_connectionString, _settings);
            SetDurability(batch.Exists(write => write.Durable));
            _session.Statement("BEGIN IMMEDIATE").Run();
            foreach (var write in batch) Perform(write);
            _session.Statement("COMMIT").Run();
            committed = true;
        }
#pragma warning disable CA1031 // The thread must live; who waits is told.
        catch (Exception e)
#pragma warning restore CA1031
        {
            failure = e;
            Abandon();
        }
        foreach (var write in batch) write.Finish(committed ? null : failure);
    }

    private void Perform(Write write)
    {
        if (write.Several) _session!.Statement("SAVEPOINT one").Run();
        try
        {
            write.Perform(_session!);
        }
        catch (Exception e) when (_session!.InTransaction)
        {
            // When SQLite gave up the whole transaction (disk full, I/O error), all of the batch fails instead.
            write.Fail(e);
            if (write.Several) _session.Statement("ROLLBACK TO one").Run();
        }
        if (write.Several) _session!.Statement("RELEASE one").Run();
    }

    // Not a prepared statement: this one acts when it is prepared. It must stand outside of transactions.
    private void SetDurability(bool durable)
    {
        if (_durable == durable) return;
        _session!.Execute(durable ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
        _durable = durable;
    }

    /// <summary>Ends a transaction that failed, which would lock the file; with the connection, if need be.</summary>
    private void Abandon()
    {
        try
        {
            if (_session is { InTransaction: true }) _session.Execute("ROLLBACK");
        }
        catch (SqliteException)
        {
            _session?.Dispose();
            (_session, _durable) = (null, null);
        }
    }

    private abstract class Write(bool durable, bool several)
    {
        public bool Durable => durable;

        public bool Several => several;

        public abstract void Perform(SqliteSession session);

        public abstract void Fail(Exception failure);

        public abstract void Finish(Exception? batchFailure);
    }

    private sealed class Write<T>(bool durable, bool several, Func<SqliteSession, T> work) : Write(durable, several)
    {
        private readonly TaskCompletionSource<T> _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private T _result = default!;
        private Exception? _failure;

        public Task<T> Done => _done.Task;

        public override void Perform(SqliteSession session) => _result = work(session);

        public override void Fail(Exception failure) => _failure = failure;

        public override void Finish(Exception? batchFailure)
        {
            if ((batchFailure ?? _failure) is { } failure) _done.SetException(failure);
            else _done.SetResult(_result);
        }
    }
}
