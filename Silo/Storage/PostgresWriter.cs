using System.Diagnostics;
using Npgsql;

namespace IvrActors.Silo.Storage;

/// <summary>
/// Writes with group commit: all that waits goes as one batch in one transaction, in one round trip, and is answered after the commit. While the few connections are busy
/// with their batches the next one gathers, so that batches grow with the load.
/// </summary>
internal sealed class PostgresWriter : IDisposable
{
    /// <summary>Batches at once. One would wait for the network and the disk; many would each be small.</summary>
    public const int Lines = 4;

    /// <summary>Writes of one transaction: bounds how long the first one waits for the others.</summary>
    private const int MostBatch = 256;

    /// <summary>Writes that may wait: seconds of work. Above it a write fails at once.</summary>
    private const int MostWaiting = 16_384;

    private readonly Lock _lock = new();
    private readonly Queue<Write> _waiting = new();

    // The one that was used last is used next: at a low rate one connection does it all.
    private readonly Stack<PostgresLine> _free = new();
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _stopping;

    public PostgresWriter(NpgsqlDataSource source)
    {
        for (var i = 0; i < Lines; i++) _free.Push(new PostgresLine(source));
    }

    /// <summary>Runs one statement in the next transaction; the number of rows that it changed, when that is committed. When it fails, the others of its batch do not.</summary>
    /// <param name="durable">Whether the commit survives a power cut. Without it, it survives a crash of this process.</param>
    /// <param name="table">With <paramref name="key"/>: which row it locks, so that batches lock rows in one order.</param>
    /// <param name="statement">Makes the statement, which may be run again after a batch that failed.</param>
    public Task<int> Run(bool durable, string table, string key, Func<NpgsqlBatchCommand> statement)
    {
        var write = new Write(durable, table, key, statement);
        PostgresLine? line;
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_stopping, this);
            if (_waiting.Count >= MostWaiting) throw new InvalidOperationException("too many writes wait for the database");
            _waiting.Enqueue(write);
            _free.TryPop(out line);
        }
        // Without what flows with the caller: the line serves others as well.
        if (line is not null) ThreadPool.UnsafeQueueUserWorkItem(static pair => _ = pair.Writer.Serve(pair.Line), (Writer: this, Line: line), preferLocal: false);
        return write.Done;
    }

    /// <summary>Writes what waits, and closes the connections.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            if (_stopping) return;
            _stopping = true;
            if (_free.Count == Lines) _ended.SetResult();
        }
        _ended.Task.GetAwaiter().GetResult();
        foreach (var line in _free) line.Dispose();
    }

    /// <summary>Commits batches until nothing waits.</summary>
    private async Task Serve(PostgresLine line)
    {
        var batch = new List<Write>(MostBatch);
        while (Take(batch, line))
        {
            await line.Commit(batch).ConfigureAwait(false);
            batch.Clear();
        }
    }

    private bool Take(List<Write> batch, PostgresLine line)
    {
        lock (_lock)
        {
            while (batch.Count < MostBatch && _waiting.TryDequeue(out var write)) batch.Add(write);
            if (batch.Count > 0) return true;
            _free.Push(line);
            if (_stopping && _free.Count == Lines) _ended.TrySetResult();
            return false;
        }
    }

    /// <summary>One statement, and who waits for it.</summary>
    internal sealed class Write(bool durable, string table, string key, Func<NpgsqlBatchCommand> statement)
    {
        private readonly TaskCompletionSource<int> _done = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public bool Durable => durable;

        public Task<int> Done => _done.Task;

        public NpgsqlBatchCommand Statement() => statement();

        public void Finish(int rows) => _done.SetResult(rows);

        public void Fail(Exception failure) => _done.SetException(failure);

        public int CompareTo(Write other) => string.CompareOrdinal(table, other.Table) is var order && order != 0 ? order : string.CompareOrdinal(key, other.Key);

        private string Table => table;

        private string Key => key;
    }
}

/// <summary>One connection of the writer. For one batch at a time.</summary>
internal sealed class PostgresLine(NpgsqlDataSource source) : IDisposable
{
    // The server may have gone since: asked before a write whose fate would then be unknown is sent.
    private static readonly TimeSpan s_fresh = TimeSpan.FromSeconds(1);

    // With synchronous_commit off for all, a commit would be answered before it is on the disk. A stronger setting than the default stays.
    private const string Settings = "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";

    private NpgsqlConnection? _connection;
    private long _used;

    /// <summary>Answers each of these: after the commit, or with the failure. Never throws.</summary>
    public async Task Commit(List<PostgresWriter.Write> batch)
    {
        // Batches of several connections that lock rows in one order do not wait for each other in a circle.
        batch.Sort(static (one, other) => one.CompareTo(other));
        try
        {
            var connection = await Open().ConfigureAwait(false);
            try
            {
                var rows = await Execute(connection, batch).ConfigureAwait(false);
                for (var i = 0; i < batch.Count; i++) batch[i].Finish(rows[i]);
            }
            catch (Exception e) when (IsOfOne(e, connection))
            {
                await End(connection).ConfigureAwait(false);
                if (batch.Count == 1) batch[0].Fail(e);
                // One of them is at fault, or two batches locked rows in a circle all the same: each in a transaction of its own.
                else foreach (var write in batch) await CommitOne(connection, write).ConfigureAwait(false);
            }
            _used = Stopwatch.GetTimestamp();
        }
#pragma warning disable CA1031 // Who waits is told.
        catch (Exception e)
#pragma warning restore CA1031
        {
            // Whether it was committed may be unknown: it failed, and who wrote reads again. What was answered above is not answered twice.
            foreach (var write in batch.Where(write => !write.Done.IsCompleted)) write.Fail(e);
            await Abandon().ConfigureAwait(false);
        }
    }

    public void Dispose() => _connection?.Dispose();

    private async Task CommitOne(NpgsqlConnection connection, PostgresWriter.Write write)
    {
        try
        {
            write.Finish((await Execute(connection, [write]).ConfigureAwait(false))[0]);
        }
        catch (Exception e) when (IsOfOne(e, connection))
        {
            write.Fail(e);
            await End(connection).ConfigureAwait(false);
        }
    }

    /// <summary>One transaction in one round trip; rows that each statement changed.</summary>
    private static async Task<int[]> Execute(NpgsqlConnection connection, IReadOnlyList<PostgresWriter.Write> writes)
    {
        await using var batch = new NpgsqlBatch(connection);
        batch.BatchCommands.Add(new("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"));
        if (writes.All(write => !write.Durable)) batch.BatchCommands.Add(new("SET LOCAL synchronous_commit TO off"));
        var first = batch.BatchCommands.Count;
        foreach (var write in writes) batch.BatchCommands.Add(write.Statement());
        batch.BatchCommands.Add(new("COMMIT"));
        await batch.ExecuteNonQueryAsync().ConfigureAwait(false);
        var rows = new int[writes.Count];
        for (var i = 0; i < rows.Length; i++) rows[i] = batch.BatchCommands[first + i].RecordsAffected;
        return rows;
    }

    /// <summary>
    /// Whether a statement is at fault (or was not even sent), so that nothing of its batch was committed and the connection goes on; not the server, which has no room, is
    /// read-only or ends, and would fail the others as well.
    /// </summary>
    private static bool IsOfOne(Exception failure, NpgsqlConnection connection) => connection.FullState == System.Data.ConnectionState.Open && failure switch
    {
        PostgresException { SqlState: var state } => state[..2] is not ("25" or "53" or "57" or "58" or "XX"),
        NpgsqlException => false,
        _ => true,
    };

    /// <summary>Ends a transaction that failed; without one it does nothing.</summary>
    private static async Task End(NpgsqlConnection connection)
    {
        await using var command = new NpgsqlCommand("ROLLBACK", connection);
        await command.ExecuteNonQueryAsync().ConfigureAwait(false);
    }

    private async Task<NpgsqlConnection> Open()
    {
        if (_connection is not null && Stopwatch.GetElapsedTime(_used) < s_fresh) return _connection;
        // A connection of the pool can be of a server that has gone, too; the first that breaks empties the pool.
        for (var tried = 1; ; tried++)
        {
            try
            {
                _connection ??= await source.OpenConnectionAsync().ConfigureAwait(false);
                await using var command = new NpgsqlCommand(Settings, _connection);
                await command.ExecuteNonQueryAsync().ConfigureAwait(false);
                return _connection;
            }
            catch (NpgsqlException) when (tried < 3 && _connection is not null)
            {
                await Abandon().ConfigureAwait(false);
            }
        }
    }

    /// <summary>Closes the connection. The pool keeps it, its transaction undone, unless it is broken.</summary>
    private async Task Abandon()
    {
        var connection = _connection;
        _connection = null;
        if (connection is null) return;
        try
        {
            await connection.DisposeAsync().ConfigureAwait(false);
        }
#pragma warning disable CA1031 // It undoes a transaction first, which a server that has gone does not answer. Whoever waited is told of what was before.
        catch (Exception)
#pragma warning restore CA1031
        {
            // It is closed all the same.
        }
    }
}
