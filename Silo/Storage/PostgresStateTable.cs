using Npgsql;
using NpgsqlTypes;

namespace IvrActors.Silo.Storage;

/// <summary>
/// The table of grain states in PostgreSQL. A write is one statement that holds the optimistic check, so that of two writers, on whatever silos, one wins, and a stale
/// writer does not bring a removed row back.
/// </summary>
internal sealed class PostgresStateTable(PostgresDatabase database) : IStateTable
{
    public bool IsShared => true;

    public Task<DateTimeOffset> Now(TimeProvider ours) => database.Read(async connection =>
    {
        await using var command = new NpgsqlCommand("SELECT clock_timestamp()", connection);
        return new DateTimeOffset((DateTime)(await command.ExecuteScalarAsync().ConfigureAwait(false))!, TimeSpan.Zero);
    });

    public Task<StateRow?> Read(string state, string grain) => database.Read<StateRow?>(async connection =>
    {
        await using var command = new NpgsqlCommand("SELECT payload, version FROM grain_state WHERE state = $1 AND grain = $2", connection) { Parameters = { Text(state), Text(grain) } };
        await using var reader = await command.ExecuteReaderAsync().ConfigureAwait(false);
        return await reader.ReadAsync().ConfigureAwait(false) ? new StateRow(reader.GetFieldValue<byte[]>(0), reader.GetInt64(1)) : null;
    });

    public async Task<bool> Write(string state, string grain, byte[] payload, long expected, long version, bool durable) =>
        await database.Writer.Run(durable, state, grain, () => expected == 0
            ? new("INSERT INTO grain_state (state, grain, version, payload) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING")
            {
                Parameters = { Text(state), Text(grain), Number(version), Bytes(payload) },
            }
            : new("UPDATE grain_state SET version = $3, payload = $4 WHERE state = $1 AND grain = $2 AND version = $5")
            {
                Parameters = { Text(state), Text(grain), Number(version), Bytes(payload), Number(expected) },
            }).ConfigureAwait(false) == 1;

    public async Task<bool> Delete(string state, string grain, long expected, bool durable) =>
        await database.Writer.Run(durable, state, grain, () => new("DELETE FROM grain_state WHERE state = $1 AND grain = $2 AND version = $3")
        {
            Parameters = { Text(state), Text(grain), Number(expected) },
        }).ConfigureAwait(false) == 1;

    public Task<IReadOnlyList<string>> KeysOf(string state) =>
        Keys(connection => new NpgsqlCommand("SELECT grain FROM grain_state WHERE state = $1", connection) { Parameters = { Text(state) } });

    // lock-CALLER/CLASS: the caller's key stands from the sixth character to the slash.
    public Task<IReadOnlyList<string>> LockoutsOfStrangers(string after, int most) => Keys(connection => new NpgsqlCommand(
        """
        SELECT grain FROM grain_state AS one WHERE state = 'lockout' AND grain > $1 AND NOT EXISTS
            (SELECT FROM grain_state AS caller WHERE caller.state = 'caller' AND caller.grain = split_part(substr(one.grain, 6), '/', 1))
        ORDER BY grain LIMIT $2
        """, connection)
    {
        Parameters = { Text(after), Number(most) },
    });

    public Task Remove(string state, IReadOnlyList<string> grains) =>
        database.Writer.Run(durable: false, state, "", () => new("DELETE FROM grain_state WHERE state = $1 AND grain = ANY ($2)")
        {
            Parameters = { Text(state), new NpgsqlParameter<string[]> { TypedValue = [.. grains], NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text } },
        });

    public Task<IReadOnlyList<RowHead>> Page(string afterState, string afterGrain, int most) => database.Read<IReadOnlyList<RowHead>>(async connection =>
    {
        await using var command = new NpgsqlCommand("SELECT state, grain, version, substr(payload, 1, 20) FROM grain_state WHERE (state, grain) > ($1, $2) ORDER BY state, grain LIMIT $3", connection)
        {
            Parameters = { Text(afterState), Text(afterGrain), Number(most) },
        };
        await using var reader = await command.ExecuteReaderAsync().ConfigureAwait(false);
        var rows = new List<RowHead>(most);
        while (await reader.ReadAsync().ConfigureAwait(false)) rows.Add(new RowHead(reader.GetString(0), reader.GetString(1), reader.GetInt64(2), reader.GetFieldValue<byte[]>(3)));
        return rows;
    });

    public async Task<bool> Rewrite(string state, string grain, long version, byte[] expected, byte[] payload) =>
        await database.Writer.Run(durable: true, state, grain, () => new("UPDATE grain_state SET payload = $5 WHERE state = $1 AND grain = $2 AND version = $3 AND payload = $4")
        {
            Parameters = { Text(state), Text(grain), Number(version), Bytes(expected), Bytes(payload) },
        }).ConfigureAwait(false) == 1;

    private Task<IReadOnlyList<string>> Keys(Func<NpgsqlConnection, NpgsqlCommand> select) => database.Read<IReadOnlyList<string>>(async connection =>
    {
        await using var command = select(connection);
        await using var reader = await command.ExecuteReaderAsync().ConfigureAwait(false);
        var keys = new List<string>();
        while (await reader.ReadAsync().ConfigureAwait(false)) keys.Add(reader.GetString(0));
        return keys;
    });

    private static NpgsqlParameter<string> Text(string value) => new() { TypedValue = value, NpgsqlDbType = NpgsqlDbType.Text };

    private static NpgsqlParameter<long> Number(long value) => new() { TypedValue = value, NpgsqlDbType = NpgsqlDbType.Bigint };

    private static NpgsqlParameter<byte[]> Bytes(byte[] value) => new() { TypedValue = value, NpgsqlDbType = NpgsqlDbType.Bytea };
}
