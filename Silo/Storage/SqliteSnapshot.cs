using Microsoft.Data.Sqlite;

namespace IvrActors.Silo.Storage;

/// <summary>One read transaction: SQLite serves it from one state of the file, and writers go on in the log behind it, which is not cut back until it ends.</summary>
internal class SqliteSnapshot : IDatabaseSnapshot
{
    /// <param name="begin">The statement that begins the transaction.</param>
    protected SqliteSnapshot(string connectionString, string settings, string begin)
    {
        Session = new SqliteSession(connectionString, settings);
        try
        {
            Session.Execute(begin);
            // The first read is what takes the place in the log.
            Script = Migrations.Require(Scripts(), Migrations.Sqlite);
        }
        catch
        {
            Session.Dispose();
            throw;
        }
    }

    public int Script { get; }

    protected SqliteSession Session { get; }

    public static SqliteSnapshot Open(string connectionString, string settings) => new(connectionString, settings, "BEGIN");

    /// <summary>Of a database that nobody else has open, and that nobody opens until it is disposed.</summary>
    /// <exception cref="DatabaseException">Somebody has.</exception>
    public static SqliteSnapshot OpenAlone(string file)
    {
        try
        {
            // In this mode the first read of a database with a log takes the lock that every other connection holds a share of, for as long as it is open.
            return new(new SqliteConnectionStringBuilder { DataSource = file, Pooling = false, Mode = SqliteOpenMode.ReadWrite }.ToString(), "PRAGMA locking_mode = EXCLUSIVE;", "BEGIN");
        }
        catch (SqliteException e) when (e.SqliteErrorCode == SQLitePCL.raw.SQLITE_BUSY)
        {
            throw new DatabaseException($"The database '{file}' is in use: stop the node first.");
        }
    }

    public async IAsyncEnumerable<object[]> Rows(StoredTable table)
    {
        var select = Session.Statement(table.Select);
        try
        {
            while (select.Step()) yield return [.. table.Columns.Select((column, i) => ValueOf(select, i, column.Kind))];
        }
        finally
        {
            select.Reset();
        }
        await Task.CompletedTask.ConfigureAwait(false);
    }

    public ValueTask DisposeAsync()
    {
        Session.Dispose();
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }

    private List<string> Scripts()
    {
        var scripts = new List<string>();
        if (Number("SELECT count(*) FROM sqlite_schema WHERE name = 'SchemaVersions'") == 0) return scripts;
        var select = Session.Statement("SELECT ScriptName FROM SchemaVersions");
        while (select.Step()) scripts.Add(select.Text(0));
        select.Reset();
        return scripts;
    }

    protected long Number(string constant)
    {
        var select = Session.Statement(constant);
        select.Step();
        var number = select.Long(0);
        select.Reset();
        return number;
    }

    private static object ValueOf(SqliteStatement row, int column, ColumnKind kind) => kind switch
    {
        ColumnKind.Text => row.Text(column),
        ColumnKind.Bytes => row.Bytes(column),
        _ => row.Long(column),
    };
}

/// <summary>The one write transaction that fills a file: on the disk when it is committed.</summary>
internal sealed class SqliteLoad : SqliteSnapshot, IDatabaseLoad
{
    private readonly Dictionary<StoredTable, string> _inserts = [];

    private SqliteLoad(string connectionString, string settings)
        : base(connectionString, settings, "BEGIN IMMEDIATE")
    {
    }

    public static SqliteLoad Begin(string connectionString, string settings) => new(connectionString, settings + "PRAGMA synchronous = FULL;");

    public Task<long> Count(StoredTable table) => Task.FromResult(Number(table.SelectCount));

    public async Task Add(StoredTable table, IAsyncEnumerable<object[]> rows)
    {
        if (!_inserts.TryGetValue(table, out var insert))
            _inserts[table] = insert = $"INSERT INTO {table.Name} ({table.ColumnList}) VALUES ({string.Join(", ", Enumerable.Range(1, table.Columns.Count).Select(i => $"?{i}"))})";
        await foreach (var row in rows.ConfigureAwait(false)) Bound(insert, row).Run();
    }

    public Task SetHead(object[] head)
    {
        Bound("UPDATE audit_head SET number = ?2, hash = ?3, mac = ?4 WHERE tenant = ?1", head).Run();
        if (Session.Changes == 0) Bound("INSERT INTO audit_head (tenant, number, hash, mac) VALUES (?1, ?2, ?3, ?4)", head).Run();
        return Task.CompletedTask;
    }

    public Task Commit()
    {
        Session.Execute("COMMIT");
        return Task.CompletedTask;
    }

    private SqliteStatement Bound(string statement, object[] row)
    {
        var bound = Session.Statement(statement);
        for (var i = 0; i < row.Length; i++)
        {
            switch (row[i])
            {
                case string text: bound.Bind(i + 1, text); break;
                case byte[] bytes: bound.Bind(i + 1, bytes); break;
                case long number: bound.Bind(i + 1, number); break;
                default: throw new InvalidOperationException("internal error: a value of no column");
            }
        }
        return bound;
    }
}
