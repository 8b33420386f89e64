using DbUp;
using Microsoft.Data.Sqlite;

namespace IvrActors.Silo.Storage;

/// <summary>One SQLite file in WAL mode: one writer (<see cref="Writer"/>), and readers that do not wait for it.</summary>
internal sealed class SqliteDatabase : IDatabase
{
    // Longer than any write of ours; only another process (the command line, a backup) can make us wait on the file itself.
    private const string BusyTimeout = "PRAGMA busy_timeout = 5000;";

    // A page that many commits change is copied from the log to the file once per checkpoint: 16 MB of log, where the default is 4 MB. 8 MB of cache hold the inner
    // pages of the indexes, where the default of 2 MB does not. What undoes a savepoint needs no file. What is replaced, such as a key that was destroyed, is overwritten.
    private const string WriterSettings = BusyTimeout + "PRAGMA wal_autocheckpoint = 4000; PRAGMA cache_size = -8000; PRAGMA temp_store = MEMORY; PRAGMA secure_delete = FAST;";

    private readonly Lock _reading = new();
    private SqliteSession? _reader;
    private bool _disposed;

    public SqliteDatabase(string file)
    {
        File = Path.GetFullPath(file);
        Directory.CreateDirectory(Path.GetDirectoryName(File)!);
        PrivateFiles.CreateIfMissing(File);
        ConnectionString = new SqliteConnectionStringBuilder { DataSource = File, Pooling = false }.ToString();
        using (new SqliteSession(ConnectionString, "PRAGMA journal_mode = WAL;"))
        {
            // The mode stays with the file.
        }
        Writer = new SqliteWriter(ConnectionString, WriterSettings);
        States = new SqliteStateTable(this);
        Audit = new SqliteAuditStore(this);
    }

    public string File { get; }

    public string ConnectionString { get; }

    public SqliteWriter Writer { get; }

    public IStateTable States { get; }

    public IAuditTable Audit { get; }

    /// <summary>Apart from the file: each is worthless without the other.</summary>
    public IKeyStore? Keys => null;

    public IReadOnlyList<StoredTable> Tables { get; } = [StoredTable.States, StoredTable.AuditHeads, StoredTable.AuditRecords];

    public bool IsNew => Read(session =>
    {
        var select = session.Statement("SELECT count(*) FROM sqlite_schema");
        select.Step();
        var tables = select.Long(0);
        select.Reset();
        return tables == 0;
    });

    private string ReadOnlyConnectionString => new SqliteConnectionStringBuilder { DataSource = File, Pooling = false, Mode = SqliteOpenMode.ReadOnly }.ToString();

    /// <summary>The file belongs to one silo: nobody else starts with it.</summary>
    public IDisposable? HoldStart() => null;

    public void Migrate() => Migrations.Run(DeployChanges.To.SqliteDatabase(ConnectionString), Migrations.Sqlite);

    public Task<IDatabaseSnapshot> OpenSnapshot() => Task.FromResult<IDatabaseSnapshot>(SqliteSnapshot.Open(ReadOnlyConnectionString, BusyTimeout));

    public Task<IDatabaseLoad> BeginLoad() => Task.FromResult<IDatabaseLoad>(SqliteLoad.Begin(ConnectionString, WriterSettings));

    /// <summary>A connection for reading (WAL readers see the last commit). Dispose it.</summary>
    public SqliteConnection OpenReader()
    {
        var connection = new SqliteConnection(ReadOnlyConnectionString);
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = BusyTimeout;
        command.ExecuteNonQuery();
        return connection;
    }

    /// <summary>A short read on the one connection whose statements stay prepared.</summary>
    public T Read<T>(Func<SqliteSession, T> work)
    {
        lock (_reading)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            return work(_reader ??= new SqliteSession(ReadOnlyConnectionString, BusyTimeout));
        }
    }

    public void Dispose()
    {
        Writer.Dispose();
        lock (_reading)
        {
            _disposed = true;
            _reader?.Dispose();
        }
    }
}
