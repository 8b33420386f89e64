using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace IvrActors.Silo.Storage;

/// <summary>One connection with statements that are prepared once. For one thread at a time.</summary>
internal sealed class SqliteSession : IDisposable
{
    private readonly SqliteConnection _connection;

    // By reference: the texts are constants.
    private readonly Dictionary<string, SqliteStatement> _statements = new(ReferenceEqualityComparer.Instance);

    public SqliteSession(string connectionString, string settings)
    {
        _connection = new SqliteConnection(connectionString);
        try
        {
            _connection.Open();
            Execute(settings);
        }
        catch
        {
            _connection.Dispose();
            throw;
        }
    }

    /// <summary>Rows that the last statement inserted, changed or deleted.</summary>
    public int Changes => raw.sqlite3_changes(_connection.Handle);

    public bool InTransaction => raw.sqlite3_get_autocommit(_connection.Handle) == 0;

    /// <summary>The statement of this constant text, without values. Use it up, or <see cref="SqliteStatement.Reset"/> it.</summary>
    public SqliteStatement Statement(string constant)
    {
        if (!_statements.TryGetValue(constant, out var statement)) _statements[constant] = statement = new SqliteStatement(_connection.Handle!, constant);
        return statement;
    }

    /// <summary>Runs statements that are seldom run.</summary>
    public void Execute(string sql) => SqliteException.ThrowExceptionForRC(raw.sqlite3_exec(_connection.Handle, sql), _connection.Handle);

    public void Dispose()
    {
        foreach (var statement in _statements.Values) statement.Dispose();
        _connection.Dispose();
    }
}

/// <summary>A prepared statement: bind, then <see cref="Run"/>, or <see cref="Step"/> and <see cref="Reset"/>.</summary>
internal sealed class SqliteStatement : IDisposable
{
    private readonly sqlite3 _database;
    private readonly sqlite3_stmt _statement;

    public SqliteStatement(sqlite3 database, string sql)
    {
        _database = database;
        SqliteException.ThrowExceptionForRC(raw.sqlite3_prepare_v3(database, sql, raw.SQLITE_PREPARE_PERSISTENT, out _statement), database);
    }

    /// <param name="index">From 1, as the statement numbers them: <c>?1</c>.</param>
    public SqliteStatement Bind(int index, string value) => Checked(raw.sqlite3_bind_text(_statement, index, value));

    public SqliteStatement Bind(int index, long value) => Checked(raw.sqlite3_bind_int64(_statement, index, value));

    public SqliteStatement Bind(int index, ReadOnlySpan<byte> value) => Checked(raw.sqlite3_bind_blob(_statement, index, value));

    /// <summary>Runs a statement that yields no rows.</summary>
    public void Run()
    {
        Step();
        Reset();
    }

    /// <summary>True when there is a row to read.</summary>
    public bool Step()
    {
        var result = raw.sqlite3_step(_statement);
        if (result == raw.SQLITE_ROW) return true;
        if (result == raw.SQLITE_DONE) return false;
        var error = Error(result);
        Reset();
        throw error;
    }

    public long Long(int column) => raw.sqlite3_column_int64(_statement, column);

    public string Text(int column) => raw.sqlite3_column_text(_statement, column).utf8_to_string();

    public byte[] Bytes(int column) => raw.sqlite3_column_blob(_statement, column).ToArray();

    /// <summary>Ends the read transaction that a row holds open, and lets go of the values.</summary>
    public void Reset()
    {
        // Its result repeats the error of the step, which was thrown.
        _ = raw.sqlite3_reset(_statement);
        _ = raw.sqlite3_clear_bindings(_statement);
    }

    public void Dispose() => _statement.Dispose();

    private SqliteStatement Checked(int result)
    {
        SqliteException.ThrowExceptionForRC(result, _database);
        return this;
    }

    private SqliteException Error(int result) => new(raw.sqlite3_errmsg(_database).utf8_to_string(), result, raw.sqlite3_extended_errcode(_database));
}
