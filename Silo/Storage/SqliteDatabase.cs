using System.Data.Common;
using Microsoft.Data.Sqlite;

namespace IvrActors.Silo.Storage;

/// <summary>
/// One SQLite file in WAL mode with one writer at a time. The driver is synchronous and SQLite has one write lock, so an
/// asynchronous gate of one keeps writers waiting as tasks instead of blocking threads of the pool in <c>busy_timeout</c>.
/// </summary>
public sealed class SqliteDatabase : IDisposable
{
    // Longer than any write of ours; only another process (the command line, a backup) can make us wait on the file itself.
    private const int BusyTimeoutMs = 5000;

    private readonly SemaphoreSlim _gate = new(1, 1);
    private readonly string _connectionString;

    public SqliteDatabase(string file)
    {
        File = Path.GetFullPath(file);
        Directory.CreateDirectory(Path.GetDirectoryName(File)!);
        PrivateFiles.CreateIfMissing(File);
        _connectionString = new SqliteConnectionStringBuilder { DataSource = File, Pooling = false }.ToString();
        Durable = new GatedDataSource(this, "FULL");
        Relaxed = new GatedDataSource(this, "NORMAL");
        using var connection = new SqliteConnection(_connectionString);
        connection.Open();
        Execute(connection, "PRAGMA journal_mode = WAL;");
    }

    public string File { get; }

    /// <summary>Commits survive a power cut: lockouts, credentials, operators, audit.</summary>
    public DbDataSource Durable { get; }

    /// <summary>Commits survive a crash of the process, but not always a power cut: state that dies with its call anyway.</summary>
    public DbDataSource Relaxed { get; }

    internal string ConnectionString => _connectionString;

    /// <summary>A connection for reading that does not wait for the writer's gate (WAL readers see the last commit). Dispose it.</summary>
    public SqliteConnection OpenReader()
    {
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = File, Pooling = false, Mode = SqliteOpenMode.ReadOnly }.ToString());
        connection.Open();
        Execute(connection, $"PRAGMA busy_timeout = {BusyTimeoutMs};");
        return connection;
    }

    /// <summary>Keys of the grains that have a row of this state, as the table holds them.</summary>
    public IReadOnlyList<string> KeysOf(string stateName)
    {
        using var connection = OpenReader();
        using var command = connection.CreateCommand();
        command.CommandText = "SELECT GrainIdExtensionString FROM OrleansStorage WHERE GrainTypeString = $state";
        command.Parameters.AddWithValue("$state", stateName);
        var keys = new List<string>();
        using var reader = command.ExecuteReader();
        while (reader.Read()) keys.Add(reader.GetString(0));
        return keys;
    }

    /// <summary>Removes these grains' rows of this state.</summary>
    public void RemoveStates(string stateName, IReadOnlyList<string> keys)
    {
        if (keys.Count == 0) return;
        using var connection = (SqliteConnection)Relaxed.OpenConnection();
        using var transaction = connection.BeginTransaction(deferred: false);
        using var command = connection.CreateCommand();
        command.CommandText = "DELETE FROM OrleansStorage WHERE GrainTypeString = $state AND GrainIdExtensionString = $key";
        command.Parameters.AddWithValue("$state", stateName);
        var key = command.Parameters.Add("$key", SqliteType.Text);
        foreach (var text in keys)
        {
            key.Value = text;
            command.ExecuteNonQuery();
        }
        transaction.Commit();
    }

    public void Dispose()
    {
        Durable.Dispose();
        Relaxed.Dispose();
        _gate.Dispose();
    }

    private static void Execute(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
#pragma warning disable CA2100 // Constant text of this class, no input in it.
        command.CommandText = sql;
#pragma warning restore CA2100
        command.ExecuteNonQuery();
    }

    /// <summary>Hands out its one connection, opened once with its own <c>synchronous</c> setting (which is per connection), to whoever holds the gate.</summary>
    private sealed class GatedDataSource(SqliteDatabase owner, string synchronous) : DbDataSource
    {
        private GatedConnection? _idle;

        public override string ConnectionString => owner._connectionString;

        // The provider asks for one only to see whose driver this is.
        protected override DbConnection CreateDbConnection() => new GatedConnection(this, owner._connectionString);

        protected override DbConnection OpenDbConnection()
        {
            owner._gate.Wait();
            return OpenBehindGate();
        }

        protected override async ValueTask<DbConnection> OpenDbConnectionAsync(CancellationToken cancellationToken = default)
        {
            await owner._gate.WaitAsync(cancellationToken).ConfigureAwait(false);
            return OpenBehindGate();
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing) Interlocked.Exchange(ref _idle, null)?.Discard();
            base.Dispose(disposing);
        }

        private GatedConnection OpenBehindGate()
        {
            try
            {
                var connection = Interlocked.Exchange(ref _idle, null) ?? Connect();
                connection.Lend();
                return connection;
            }
            catch
            {
                owner._gate.Release();
                throw;
            }
        }

        private GatedConnection Connect()
        {
            var connection = new GatedConnection(this, owner._connectionString);
            connection.Open();
            Execute(connection, $"PRAGMA busy_timeout = {BusyTimeoutMs}; PRAGMA synchronous = {synchronous};");
            return connection;
        }

        private void TakeBack(GatedConnection connection, bool usable)
        {
            if (usable) Interlocked.Exchange(ref _idle, connection)?.Discard();
            else connection.Discard();
            owner._gate.Release();
        }

        /// <summary>Goes back to its source when closed or disposed, outside any transaction: a failed script may have left one open, which would lock the file.</summary>
        private sealed class GatedConnection(GatedDataSource source, string connectionString) : SqliteConnection(connectionString)
        {
            private int _lent;

            public void Lend() => _lent = 1;

            public void Discard()
            {
                _lent = 0;
                base.Close();
            }

            public override void Close()
            {
                if (Interlocked.Exchange(ref _lent, 0) == 1) source.TakeBack(this, EndTransaction());
            }

            protected override void Dispose(bool disposing)
            {
                // The base class would tear the connection down: while it is lent, disposing means giving it back.
                if (disposing) Close();
            }

            private bool EndTransaction()
            {
                if (State != System.Data.ConnectionState.Open || Handle is not { } handle) return false;
                if (SQLitePCL.raw.sqlite3_get_autocommit(handle) != 0) return true;
                return SQLitePCL.raw.sqlite3_exec(handle, "ROLLBACK") == SQLitePCL.raw.SQLITE_OK;
            }
        }
    }
}
