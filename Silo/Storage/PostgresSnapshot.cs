using System.Data;
using Npgsql;
using NpgsqlTypes;

namespace IvrActors.Silo.Storage;

/// <summary>One transaction that reads one state of the database; the server keeps old versions of rows for it until it ends.</summary>
internal class PostgresSnapshot : IDatabaseSnapshot
{
    /// <summary>A server that says nothing for so long is not waited for. Who takes rows slowly may take them as slowly as they like.</summary>
    protected const int Patience = 300;

    // What a role's own settings end is short work of people: a backup is long, and waits for who takes it.
    private const string NoLimits =
        "SELECT set_config(name, '0', true) FROM pg_settings WHERE name IN ('statement_timeout', 'transaction_timeout', 'idle_in_transaction_session_timeout')";

    private readonly NpgsqlTransaction _transaction;

    protected PostgresSnapshot(NpgsqlConnection connection, NpgsqlTransaction transaction) => (Connection, _transaction) = (connection, transaction);

    public int Script { get; private set; }

    protected NpgsqlConnection Connection { get; }

    public static Task<PostgresSnapshot> Open(NpgsqlDataSource source) => Begin(source, IsolationLevel.RepeatableRead, "SET TRANSACTION READ ONLY", (connection, transaction) => new PostgresSnapshot(connection, transaction));

    public async IAsyncEnumerable<object[]> Rows(StoredTable table)
    {
        // Not buffered: the server sends on as rows are taken.
        await using var command = Command(table.Select);
        await using var reader = await command.ExecuteReaderAsync().ConfigureAwait(false);
        while (await reader.ReadAsync().ConfigureAwait(false)) yield return [.. table.Columns.Select((column, i) => ValueOf(reader, i, column.Kind))];
    }

    public async ValueTask DisposeAsync()
    {
        await _transaction.DisposeAsync().ConfigureAwait(false);
        await Connection.DisposeAsync().ConfigureAwait(false);
        GC.SuppressFinalize(this);
    }

    protected static async Task<T> Begin<T>(NpgsqlDataSource source, IsolationLevel isolation, string first, Func<NpgsqlConnection, NpgsqlTransaction, T> make) where T : PostgresSnapshot
    {
        var connection = await source.OpenConnectionAsync().ConfigureAwait(false);
        try
        {
            var transaction = await connection.BeginTransactionAsync(isolation).ConfigureAwait(false);
            var begun = make(connection, transaction);
            await begun.Execute(first).ConfigureAwait(false);
            await begun.Execute(NoLimits).ConfigureAwait(false);
            begun.Script = Migrations.Require(await begun.Scripts().ConfigureAwait(false), Migrations.Postgres);
            return begun;
        }
        catch
        {
            await connection.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

#pragma warning disable CA2100 // Made of constants only.
    protected NpgsqlCommand Command(string constant) => new(constant, Connection) { CommandTimeout = Patience };
#pragma warning restore CA2100

    protected Task CommitAll() => _transaction.CommitAsync();

    protected async Task Execute(string sql, params NpgsqlParameter[] parameters)
    {
        await using var command = Command(sql);
        command.Parameters.AddRange(parameters);
        await command.ExecuteNonQueryAsync().ConfigureAwait(false);
    }

    private async Task<List<string>> Scripts()
    {
        var scripts = new List<string>();
        await using (var exists = new NpgsqlCommand("SELECT to_regclass('schemaversions') IS NOT NULL", Connection))
        {
            if (!(bool)(await exists.ExecuteScalarAsync().ConfigureAwait(false))!) return scripts;
        }
        await using var command = new NpgsqlCommand("SELECT scriptname FROM schemaversions", Connection);
        await using var reader = await command.ExecuteReaderAsync().ConfigureAwait(false);
        while (await reader.ReadAsync().ConfigureAwait(false)) scripts.Add(reader.GetString(0));
        return scripts;
    }

    private static object ValueOf(NpgsqlDataReader row, int column, ColumnKind kind) => kind switch
    {
        ColumnKind.Text => row.GetString(column),
        ColumnKind.Bytes => row.GetFieldValue<byte[]>(column),
        ColumnKind.Number => row.GetInt64(column),
        _ => (long)row.GetInt32(column),
    };
}

/// <summary>The one transaction that fills a database, which nobody else writes to meanwhile.</summary>
internal sealed class PostgresLoad : PostgresSnapshot, IDatabaseLoad
{
    private PostgresLoad(NpgsqlConnection connection, NpgsqlTransaction transaction)
        : base(connection, transaction)
    {
    }

    public static Task<PostgresLoad> Begin(NpgsqlDataSource source, IEnumerable<StoredTable> tables) => Begin(
        source, IsolationLevel.ReadCommitted, $"LOCK TABLE {string.Join(", ", tables.Select(table => table.Name))} IN EXCLUSIVE MODE", (connection, transaction) => new PostgresLoad(connection, transaction));

    public async Task<long> Count(StoredTable table)
    {
        await using var command = Command(table.SelectCount);
        return (long)(await command.ExecuteScalarAsync().ConfigureAwait(false))!;
    }

    public async Task Add(StoredTable table, IAsyncEnumerable<object[]> rows)
    {
        // Disposed without being completed it undoes itself.
        var import = await Connection.BeginBinaryImportAsync($"COPY {table.Name} ({table.ColumnList}) FROM STDIN (FORMAT BINARY)").ConfigureAwait(false);
        await using (import.ConfigureAwait(false))
        {
            import.Timeout = TimeSpan.FromSeconds(Patience);
            await foreach (var row in rows.ConfigureAwait(false))
            {
                await import.StartRowAsync().ConfigureAwait(false);
                for (var i = 0; i < row.Length; i++) await Write(import, table.Columns[i].Kind, row[i]).ConfigureAwait(false);
            }
            await import.CompleteAsync().ConfigureAwait(false);
        }
    }

    public Task SetHead(object[] head) => Execute(
        "INSERT INTO audit_head (tenant, number, hash, mac) VALUES ($1, $2, $3, $4) ON CONFLICT (tenant) DO UPDATE SET number = excluded.number, hash = excluded.hash, mac = excluded.mac",
        [.. head.Select(value => new NpgsqlParameter { Value = value })]);

    public Task Commit() => CommitAll();

    private static Task Write(NpgsqlBinaryImporter import, ColumnKind kind, object value) => kind switch
    {
        ColumnKind.Text => import.WriteAsync((string)value, NpgsqlDbType.Text),
        ColumnKind.Bytes => import.WriteAsync((byte[])value, NpgsqlDbType.Bytea),
        ColumnKind.Number => import.WriteAsync((long)value, NpgsqlDbType.Bigint),
        _ => import.WriteAsync(checked((int)(long)value), NpgsqlDbType.Integer),
    };
}
