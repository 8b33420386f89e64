using System.Data.Common;
using IvrActors.Grains;
using IvrActors.Grains.Audit;
using IvrActors.Grains.Interfaces.Audit;
using IvrActors.Grains.Interfaces.Flows;
using IvrActors.Grains.Interfaces.Operators;
using Microsoft.Data.Sqlite;

namespace IvrActors.Silo.Storage;

/// <summary>The audit table in SQLite. Appends commit to the disk before they answer; reads do not wait for writers.</summary>
internal sealed class SqliteAuditStore(SqliteDatabase database) : IAuditTable
{
    internal const int MostPerPage = 500;
    internal const string Columns = "number, at, actor, action, result, origin, object, detail, hash";

    public Task<AuditHead> ReadHead(string tenant)
    {
        using var connection = database.OpenReader();
        return Task.FromResult(ReadHead(connection, tenant));
    }

    public async Task Append(string tenant, AuditHead expected, IReadOnlyList<AuditRecord> records, AuditHead head)
    {
        try
        {
            await database.Writer.Run(durable: true, session =>
            {
                if (!IsHead(session, tenant, expected)) throw new AuditConflictException();
                foreach (var record in records) Insert(session, tenant, record);
                WriteHead(session, tenant, head);
                return true;
            }, several: true).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not AuditConflictException)
        {
            StorageMetrics.Errors.WithLabels("audit").Inc();
            // Two writers of one number end at the primary key: the same conflict, seen later.
            if (e is SqliteException { SqliteErrorCode: SQLitePCL.raw.SQLITE_CONSTRAINT }) throw new AuditConflictException();
            throw new StorageUnavailableException("Audit records could not be written.");
        }
    }

    public async IAsyncEnumerable<AuditRecord> Read(string tenant, long from)
    {
        using var connection = database.OpenReader();
        foreach (var record in Read(connection, tenant, from)) yield return record;
        await Task.CompletedTask.ConfigureAwait(false);
    }

    public Task<AuditPage> Search(string tenant, AuditQuery query)
    {
        using var connection = database.OpenReader();
        using var command = connection.CreateCommand();
        command.CommandText =
            $"""
            SELECT {Columns} FROM audit_record
            WHERE tenant = $tenant AND number < $before
              AND ($action IS NULL OR action = $action) AND ($actor IS NULL OR actor = $actor) AND ($object IS NULL OR object = $object)
              AND ($from IS NULL OR at >= $from) AND ($to IS NULL OR at < $to)
            ORDER BY number DESC LIMIT $limit
            """;
        var limit = Math.Clamp(query.Limit, 1, MostPerPage);
        command.Parameters.AddWithValue("$tenant", tenant);
        command.Parameters.AddWithValue("$before", query.Before ?? long.MaxValue);
        command.Parameters.AddWithValue("$action", (object?)query.Action ?? DBNull.Value);
        command.Parameters.AddWithValue("$actor", (object?)query.Actor ?? DBNull.Value);
        command.Parameters.AddWithValue("$object", (object?)query.Object ?? DBNull.Value);
        command.Parameters.AddWithValue("$from", (object?)query.From?.UtcTicks ?? DBNull.Value);
        command.Parameters.AddWithValue("$to", (object?)query.To?.UtcTicks ?? DBNull.Value);
        command.Parameters.AddWithValue("$limit", limit);
        var records = new List<AuditRecord>();
        using var reader = command.ExecuteReader();
        while (reader.Read()) records.Add(RecordOf(tenant, reader));
        return Task.FromResult(new AuditPage { Records = records, Next = records.Count == limit ? records[^1].Number : null });
    }

    public Task<IAuditSnapshot> OpenSnapshot(string tenant) => Task.FromResult<IAuditSnapshot>(new SqliteAuditSnapshot(database.OpenReader(), tenant));

    public Task<IReadOnlyList<string>> Tenants()
    {
        using var connection = database.OpenReader();
        using var command = connection.CreateCommand();
        command.CommandText = "SELECT tenant FROM audit_head UNION SELECT tenant FROM audit_record ORDER BY 1";
        var tenants = new List<string>();
        using var reader = command.ExecuteReader();
        while (reader.Read()) tenants.Add(reader.GetString(0));
        return Task.FromResult<IReadOnlyList<string>>(tenants);
    }

    public Task<bool> HasActed(string tenant)
    {
        using var connection = database.OpenReader();
        using var command = connection.CreateCommand();
        command.CommandText = "SELECT EXISTS (SELECT 1 FROM grain_state WHERE instr(grain, $key) > 0)";
        command.Parameters.AddWithValue("$key", KeyOfActed(tenant));
        return Task.FromResult((long)command.ExecuteScalar()! == 1);
    }

    /// <summary>What the key of a grain holds that was recorded before it was first written.</summary>
    internal static string KeyOfActed(string tenant) => tenant == IAuditGrain.Cluster ? IOperatorDirectoryGrain.Key : IFlowGrain.Key(tenant, "");

    internal static IEnumerable<AuditRecord> Read(SqliteConnection connection, string tenant, long from)
    {
        using var command = connection.CreateCommand();
        command.CommandText = $"SELECT {Columns} FROM audit_record WHERE tenant = $tenant AND number >= $from ORDER BY number";
        command.Parameters.AddWithValue("$tenant", tenant);
        command.Parameters.AddWithValue("$from", from);
        using var reader = command.ExecuteReader();
        while (reader.Read()) yield return RecordOf(tenant, reader);
    }

    internal static AuditHead ReadHead(SqliteConnection connection, string tenant)
    {
        using var command = connection.CreateCommand();
        command.CommandText = "SELECT number, hash, mac FROM audit_head WHERE tenant = $tenant";
        command.Parameters.AddWithValue("$tenant", tenant);
        using var reader = command.ExecuteReader();
        return reader.Read()
            ? new AuditHead { Number = reader.GetInt64(0), Hash = reader.GetFieldValue<byte[]>(1), Mac = reader.GetFieldValue<byte[]>(2) }
            : new AuditHead { Number = 0, Hash = [], Mac = [] };
    }

    private static bool IsHead(SqliteSession session, string tenant, AuditHead expected)
    {
        var select = session.Statement("SELECT hash FROM audit_head WHERE tenant = ?1").Bind(1, tenant);
        var same = select.Step() ? select.Bytes(0).AsSpan().SequenceEqual(expected.Hash) : expected.Hash.Length == 0;
        select.Reset();
        return same;
    }

    private static void Insert(SqliteSession session, string tenant, AuditRecord record) =>
        session.Statement(
            "INSERT INTO audit_record (tenant, number, at, actor, action, result, origin, object, detail, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)")
            .Bind(1, tenant).Bind(2, record.Number).Bind(3, record.At.UtcTicks).Bind(4, record.Entry.Actor).Bind(5, record.Entry.Action)
            .Bind(6, (int)record.Entry.Result).Bind(7, record.Entry.Origin).Bind(8, record.Entry.Object).Bind(9, record.Entry.Detail).Bind(10, record.Hash)
            .Run();

    private static void WriteHead(SqliteSession session, string tenant, AuditHead head) =>
        session.Statement(
            "INSERT INTO audit_head (tenant, number, hash, mac) VALUES (?1, ?2, ?3, ?4) " +
            "ON CONFLICT DO UPDATE SET number = excluded.number, hash = excluded.hash, mac = excluded.mac")
            .Bind(1, tenant).Bind(2, head.Number).Bind(3, head.Hash).Bind(4, head.Mac)
            .Run();

    /// <summary>A row of the columns that all stores of audit records select, in that order.</summary>
    internal static AuditRecord RecordOf(string tenant, DbDataReader reader) => new()
    {
        Tenant = tenant,
        Number = reader.GetInt64(0),
        At = new DateTimeOffset(reader.GetInt64(1), TimeSpan.Zero),
        Entry = new AuditEntry
        {
            Actor = reader.GetString(2),
            Action = reader.GetString(3),
            Result = (AuditResult)reader.GetInt32(4),
            Origin = reader.GetString(5),
            Object = reader.GetString(6),
            Detail = reader.GetString(7),
        },
        Hash = reader.GetFieldValue<byte[]>(8),
    };
}

/// <summary>One tenant's chain at one moment: a read transaction, which SQLite serves from one state of the file.</summary>
internal sealed class SqliteAuditSnapshot : IAuditSnapshot
{
    private readonly SqliteConnection _connection;
    private readonly SqliteTransaction _transaction;
    private readonly string _tenant;

    public SqliteAuditSnapshot(SqliteConnection connection, string tenant)
    {
        (_connection, _tenant) = (connection, tenant);
        _transaction = connection.BeginTransaction(deferred: true);
        Head = SqliteAuditStore.ReadHead(connection, tenant);
    }

    public AuditHead Head { get; }

    public async IAsyncEnumerable<AuditRecord> Records()
    {
        foreach (var record in SqliteAuditStore.Read(_connection, _tenant, AuditChain.First)) yield return record;
        await Task.CompletedTask.ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        await _transaction.DisposeAsync().ConfigureAwait(false);
        await _connection.DisposeAsync().ConfigureAwait(false);
    }
}
