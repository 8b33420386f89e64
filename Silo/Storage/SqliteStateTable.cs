namespace IvrActors.Silo.Storage;

/// <summary>
/// The table of grain states. A write is one statement that holds the optimistic check, so that of two writers one wins, and a stale writer does not bring a removed row
/// back; a conflict is a result, and takes nothing else of its transaction with it.
/// </summary>
internal sealed class SqliteStateTable(SqliteDatabase database) : IStateTable
{
    public bool IsShared => false;

    public Task<DateTimeOffset> Now(TimeProvider ours) => Task.FromResult(ours.GetUtcNow());

    // A read does not wait for writers, and not for the disk where the page was used before.
    public Task<StateRow?> Read(string state, string grain) => Task.FromResult(database.Read(session =>
    {
        var select = session.Statement("SELECT payload, version FROM grain_state WHERE state = ?1 AND grain = ?2").Bind(1, state).Bind(2, grain);
        StateRow? row = select.Step() ? new StateRow(select.Bytes(0), select.Long(1)) : null;
        select.Reset();
        return row;
    }));

    public Task<bool> Write(string state, string grain, byte[] payload, long expected, long version, bool durable) => database.Writer.Run(durable, session =>
    {
        var write = expected == 0
            ? session.Statement("INSERT INTO grain_state (state, grain, version, payload) VALUES (?1, ?2, ?5, ?3) ON CONFLICT DO NOTHING")
            : session.Statement("UPDATE grain_state SET payload = ?3, version = ?5 WHERE state = ?1 AND grain = ?2 AND version = ?4");
        write.Bind(1, state).Bind(2, grain).Bind(3, payload);
        if (expected != 0) write.Bind(4, expected);
        write.Bind(5, version).Run();
        return session.Changes == 1;
    });

    public Task<bool> Delete(string state, string grain, long expected, bool durable) => database.Writer.Run(durable, session =>
    {
        session.Statement("DELETE FROM grain_state WHERE state = ?1 AND grain = ?2 AND version = ?3").Bind(1, state).Bind(2, grain).Bind(3, expected).Run();
        return session.Changes == 1;
    });

    public Task<IReadOnlyList<string>> KeysOf(string state) => Task.FromResult<IReadOnlyList<string>>(database.Read(session =>
    {
        var select = session.Statement("SELECT grain FROM grain_state WHERE state = ?1").Bind(1, state);
        var keys = new List<string>();
        while (select.Step()) keys.Add(select.Text(0));
        select.Reset();
        return keys;
    }));

    public Task<IReadOnlyList<string>> LockoutsOfStrangers(string after, int most) => Task.FromResult<IReadOnlyList<string>>(database.Read(session =>
    {
        // lock-CALLER/CLASS: the caller's key stands from the sixth character to the slash.
        var select = session.Statement(
            """
            SELECT grain FROM grain_state AS one WHERE state = 'lockout' AND grain > ?1 AND NOT EXISTS
                (SELECT 1 FROM grain_state AS caller WHERE caller.state = 'caller' AND caller.grain = substr(one.grain, 6, instr(one.grain, '/') - 6))
            ORDER BY grain LIMIT ?2
            """).Bind(1, after).Bind(2, most);
        var keys = new List<string>();
        while (select.Step()) keys.Add(select.Text(0));
        select.Reset();
        return keys;
    }));

    public Task Remove(string state, IReadOnlyList<string> grains) => database.Writer.Run(durable: false, session =>
    {
        foreach (var grain in grains) session.Statement("DELETE FROM grain_state WHERE state = ?1 AND grain = ?2").Bind(1, state).Bind(2, grain).Run();
        return true;
    }, several: true);

    public Task<IReadOnlyList<RowHead>> Page(string afterState, string afterGrain, int most) => Task.FromResult<IReadOnlyList<RowHead>>(database.Read(session =>
    {
        var select = session.Statement("SELECT state, grain, version, substr(payload, 1, 20) FROM grain_state WHERE (state, grain) > (?1, ?2) ORDER BY state, grain LIMIT ?3")
            .Bind(1, afterState).Bind(2, afterGrain).Bind(3, most);
        var rows = new List<RowHead>(most);
        while (select.Step()) rows.Add(new RowHead(select.Text(0), select.Text(1), select.Long(2), select.Bytes(3)));
        select.Reset();
        return rows;
    }));

    public Task<bool> Rewrite(string state, string grain, long version, byte[] expected, byte[] payload) => database.Writer.Run(durable: true, session =>
    {
        session.Statement("UPDATE grain_state SET payload = ?5 WHERE state = ?1 AND grain = ?2 AND version = ?3 AND payload = ?4")
            .Bind(1, state).Bind(2, grain).Bind(3, version).Bind(4, expected).Bind(5, payload).Run();
        return session.Changes == 1;
    });
}
