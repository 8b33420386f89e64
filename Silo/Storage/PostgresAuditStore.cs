using System.Data;
using IvrActors.Grains;
using IvrActors.Grains.Audit;
using IvrActors.Grains.Interfaces.Audit;
using Npgsql;
using NpgsqlTypes;

namespace IvrActors.Silo.Storage;

/// <summary>The audit table in PostgreSQL. Appends commit to the disk before they answer.</summary>
internal sealed class PostgresAuditStore(PostgresDatabase database) : IAuditTable
{
    /// <summary>Records that are fetched together.</summary>
    private const int Page = 1000;

    private const string Columns = SqliteAuditStore.Columns;

    // One statement: records go in only where the head was the expected one, and the head goes on only with them.
    private const string Insert =
        $"""
        INSERT INTO audit_record (tenant, {Columns})
        SELECT head.tenant, record.* FROM head CROSS JOIN
            unnest($6::bigint[], $7::bigint[], $8::text[], $9::text[], $10::integer[], $11::text[], $12::text[], $13::text[], $14::bytea[]) AS record ({Columns})
        """;

    private const string AppendFirst = $"WITH head AS (INSERT INTO audit_head (tenant, number, hash, mac) SELECT $1, $2, $3, $4 WHERE $5 = ''::bytea ON CONFLICT DO NOTHING RETURNING tenant) {Insert}";

    private const string AppendNext = $"WITH head AS (UPDATE audit_head SET number = $2, hash = $3, mac = $4 WHERE tenant = $1 AND hash = $5 RETURNING tenant) {Insert}";

    public Task<AuditHead> ReadHead(string tenant) => Read(connection => ReadHead(connection, tenant));

    public async Task Append(string tenant, AuditHead expected, IReadOnlyList<AuditRecord> records, AuditHead head)
    {
        try
        {
            var written = await database.Writer.Run(durable: true, "", tenant, () => Appending(tenant, expected, records, head)).ConfigureAwait(false);
            if (written != records.Count) throw new AuditConflictException();
        }
        catch (Exception e) when (e is not AuditConflictException)
        {
            StorageMetrics.Errors.WithLabels("audit").Inc();
            // Two writers of one number end at the primary key: the same conflict, seen later.
            if (e is PostgresException { SqlState: PostgresErrorCodes.UniqueViolation }) throw new AuditConflictException();
            throw new StorageUnavailableException("Audit records could not be written.");
        }
    }

    /// <summary>In pages: whoever reads on slowly holds no connection.</summary>
    public async IAsyncEnumerable<AuditRecord> Read(string tenant, long from)
    {
        for (var next = from; ;)
        {
            var first = next;
            var page = await Read(connection => ReadPage(connection, tenant, first)).ConfigureAwait(false);
            foreach (var record in page) yield return record;
            if (IsLast(page)) yield break;
            next = page[^1].Number + 1;
        }
    }

    public Task<AuditPage> Search(string tenant, AuditQuery query) => Read(async connection =>
    {
        var limit = Math.Clamp(query.Limit, 1, SqliteAuditStore.MostPerPage);
        await using var command = new NpgsqlCommand(
            $"""
            SELECT {Columns} FROM audit_record
            WHERE tenant = $1 AND number < $2 AND ($3::text IS NULL OR action = $3) AND ($4::text IS NULL OR actor = $4) AND ($5::text IS NULL OR object = $5)
              AND ($6::bigint IS NULL OR at >= $6) AND ($7::bigint IS NULL OR at < $7)
            ORDER BY number DESC LIMIT $8
            """, connection)
        {
            Parameters =
            {
                Of(NpgsqlDbType.Text, tenant), Of(NpgsqlDbType.Bigint, query.Before ?? long.MaxValue), Of(NpgsqlDbType.Text, query.Action), Of(NpgsqlDbType.Text, query.Actor),
                Of(NpgsqlDbType.Text, query.Object), Of(NpgsqlDbType.Bigint, query.From?.UtcTicks), Of(NpgsqlDbType.Bigint, query.To?.UtcTicks), Of(NpgsqlDbType.Bigint, (long)limit),
            },
        };
        var records = await RecordsOf(command, tenant).ConfigureAwait(false);
        return new AuditPage { Records = records, Next = records.Count == limit ? records[^1].Number : null };
    });

    public async Task<IAuditSnapshot> OpenSnapshot(string tenant)
    {
        var connection = await database.Source.OpenConnectionAsync().ConfigureAwait(false);
        try
        {
            var transaction = await connection.BeginTransactionAsync(IsolationLevel.RepeatableRead).ConfigureAwait(false);
            return new Snapshot(connection, transaction, tenant, await ReadHead(connection, tenant).ConfigureAwait(false));
        }
        catch
        {
            await connection.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    public Task<IReadOnlyList<string>> Tenants() => Read<IReadOnlyList<string>>(async connection =>
    {
        await using var command = new NpgsqlCommand("SELECT tenant FROM audit_head UNION SELECT tenant FROM audit_record ORDER BY 1", connection);
        await using var reader = await command.ExecuteReaderAsync().ConfigureAwait(false);
        var tenants = new List<string>();
        while (await reader.ReadAsync().ConfigureAwait(false)) tenants.Add(reader.GetString(0));
        return tenants;
    });

    public Task<bool> HasActed(string tenant) => Read(async connection =>
    {
        await using var command = new NpgsqlCommand("SELECT EXISTS (SELECT FROM grain_state WHERE strpos(grain, $1) > 0)", connection) { Parameters = { Of(NpgsqlDbType.Text, SqliteAuditStore.KeyOfActed(tenant)) } };
        return (bool)(await command.ExecuteScalarAsync().ConfigureAwait(false))!;
    });

    /// <summary>As the database reads, but with no exception of the driver: a client has no type for it.</summary>
    private async Task<T> Read<T>(Func<NpgsqlConnection, Task<T>> work)
    {
        try
        {
            return await database.Read(work).ConfigureAwait(false);
        }
        catch (NpgsqlException)
        {
            StorageMetrics.Errors.WithLabels("audit").Inc();
            throw new StorageUnavailableException("Audit records could not be read.");
        }
    }

    private static NpgsqlBatchCommand Appending(string tenant, AuditHead expected, IReadOnlyList<AuditRecord> records, AuditHead head) => new(expected.Hash.Length == 0 ? AppendFirst : AppendNext)
    {
        Parameters =
        {
            Of(NpgsqlDbType.Text, tenant), Of(NpgsqlDbType.Bigint, head.Number), Of(NpgsqlDbType.Bytea, head.Hash), Of(NpgsqlDbType.Bytea, head.Mac), Of(NpgsqlDbType.Bytea, expected.Hash),
            Each(NpgsqlDbType.Bigint, records, record => record.Number),
            Each(NpgsqlDbType.Bigint, records, record => record.At.UtcTicks),
            Each(NpgsqlDbType.Text, records, record => record.Entry.Actor),
            Each(NpgsqlDbType.Text, records, record => record.Entry.Action),
            Each(NpgsqlDbType.Integer, records, record => (int)record.Entry.Result),
            Each(NpgsqlDbType.Text, records, record => record.Entry.Origin),
            Each(NpgsqlDbType.Text, records, record => record.Entry.Object),
            Each(NpgsqlDbType.Text, records, record => record.Entry.Detail),
            Each(NpgsqlDbType.Bytea, records, record => record.Hash),
        },
    };

    private static NpgsqlParameter Of(NpgsqlDbType type, object? value) => new() { NpgsqlDbType = type, Value = value ?? DBNull.Value };

    private static NpgsqlParameter Each<T>(NpgsqlDbType type, IReadOnlyList<AuditRecord> records, Func<AuditRecord, T> value) => Of(NpgsqlDbType.Array | type, records.Select(value).ToArray());

    private static async Task<AuditHead> ReadHead(NpgsqlConnection connection, string tenant)
    {
        await using var command = new NpgsqlCommand("SELECT number, hash, mac FROM audit_head WHERE tenant = $1", connection) { Parameters = { Of(NpgsqlDbType.Text, tenant) } };
        await using var reader = await command.ExecuteReaderAsync().ConfigureAwait(false);
        return await reader.ReadAsync().ConfigureAwait(false)
            ? new AuditHead { Number = reader.GetInt64(0), Hash = reader.GetFieldValue<byte[]>(1), Mac = reader.GetFieldValue<byte[]>(2) }
            : new AuditHead { Number = 0, Hash = [], Mac = [] };
    }

    private static async Task<List<AuditRecord>> ReadPage(NpgsqlConnection connection, string tenant, long from)
    {
        await using var command = new NpgsqlCommand($"SELECT {Columns} FROM audit_record WHERE tenant = $1 AND number >= $2 ORDER BY number LIMIT $3", connection)
        {
            Parameters = { Of(NpgsqlDbType.Text, tenant), Of(NpgsqlDbType.Bigint, from), Of(NpgsqlDbType.Bigint, (long)Page) },
        };
        return await RecordsOf(command, tenant).ConfigureAwait(false);
    }

    private static bool IsLast(List<AuditRecord> page) => page.Count < Page || page[^1].Number == long.MaxValue;

    private static async Task<List<AuditRecord>> RecordsOf(NpgsqlCommand command, string tenant)
    {
        var records = new List<AuditRecord>();
        await using var reader = await command.ExecuteReaderAsync().ConfigureAwait(false);
        while (await reader.ReadAsync().ConfigureAwait(false)) records.Add(SqliteAuditStore.RecordOf(tenant, reader));
        return records;
    }

    /// <summary>A transaction that reads one state of the database.</summary>
    private sealed class Snapshot(NpgsqlConnection connection, NpgsqlTransaction transaction, string tenant, AuditHead head) : IAuditSnapshot
    {
        public AuditHead Head => head;

        public async IAsyncEnumerable<AuditRecord> Records()
        {
            for (var from = AuditChain.First; ;)
            {
                var page = await ReadPage(connection, tenant, from).ConfigureAwait(false);
                foreach (var record in page) yield return record;
                if (IsLast(page)) yield break;
                from = page[^1].Number + 1;
            }
        }

        public async ValueTask DisposeAsync()
        {
            await transaction.DisposeAsync().ConfigureAwait(false);
            await connection.DisposeAsync().ConfigureAwait(false);
        }
    }
}
