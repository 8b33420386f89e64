namespace IvrActors.Silo.Storage;

/// <summary>A stored state: ciphertext, and how often it was written.</summary>
internal readonly record struct StateRow(byte[] Payload, long Version);

/// <summary>
/// The table of grain states. A write is one statement that holds the optimistic check, so that of two writers one wins, and a stale writer does not bring a removed row
/// back; a conflict is a result, and takes nothing else of its transaction with it.
/// </summary>
internal sealed class SqliteStateTable(SqliteDatabase database)
{
    /// <summary>The row, or null when there is none.</summary>
    public StateRow? Read(string state, string grain) => database.Read(session =>
    {
        var select = session.Statement("SELECT payload, version FROM grain_state WHERE state = ?1 AND grain = ?2").Bind(1, state).Bind(2, grain);
        StateRow? row = select.Step() ? new StateRow(select.Bytes(0), select.Long(1)) : null;
        select.Reset();
        return row;
    });

    /// <summary>Writes the row with this version in place of <paramref name="expected"/> (0: there must be none). False when another version is stored.</summary>
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

    /// <summary>Removes the row. False when another version is stored, or none.</summary>
    public Task<bool> Delete(string state, string grain, long expected, bool durable) => database.Writer.Run(durable, session =>
    {
        session.Statement("DELETE FROM grain_state WHERE state = ?1 AND grain = ?2 AND version = ?3").Bind(1, state).Bind(2, grain).Bind(3, expected).Run();
        return session.Changes == 1;
    });

    /// <summary>Keys of the grains that have a row of this state.</summary>
    public IReadOnlyList<string> KeysOf(string state) => database.Read(session =>
    {
        var select = session.Statement("SELECT grain FROM grain_state WHERE state = ?1").Bind(1, state);
        var keys = new List<string>();
        while (select.Step()) keys.Add(select.Text(0));
        select.Reset();
        return keys;
    });

    /// <summary>
    /// Keys of lockouts, after this one and in order, whose caller has no row and had none: nobody enrolled this account, whatever was tried.
    /// </summary>
    public IReadOnlyList<string> LockoutsOfStrangers(string after, int most) => database.Read(session =>
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
    });

    /// <summary>Removes these grains' rows of this state, whatever their version.</summary>
    public Task Remove(string state, IReadOnlyList<string> grains) => database.Writer.Run(durable: false, session =>
    {
        foreach (var grain in grains) session.Statement("DELETE FROM grain_state WHERE state = ?1 AND grain = ?2").Bind(1, state).Bind(2, grain).Run();
        return true;
    }, several: true);

    /// <summary>The rows after this one, in the order of state and grain, with the beginning of their payload.</summary>
    public Task<IReadOnlyList<RowHead>> Page(string afterState, string afterGrain, int most) => Task.FromResult<IReadOnlyList<RowHead>>(database.Read(session =>
    {
        var select = session.Statement("SELECT state, grain, version, substr(payload, 1, 20) FROM grain_state WHERE (state, grain) > (?1, ?2) ORDER BY state, grain LIMIT ?3")
            .Bind(1, afterState).Bind(2, afterGrain).Bind(3, most);
        var rows = new List<RowHead>(most);
        while (select.Step()) rows.Add(new RowHead(select.Text(0), select.Text(1), select.Long(2), select.Bytes(3)));
        select.Reset();
        return rows;
    }));

    /// <summary>Replaces the payload and leaves the version, as long as both are what is expected. False when the row is another one by now.</summary>
    public Task<bool> Rewrite(string state, string grain, long version, byte[] expected, byte[] payload) => database.Writer.Run(durable: true, session =>
    {
        session.Statement("UPDATE grain_state SET payload = ?5 WHERE state = ?1 AND grain = ?2 AND version = ?3 AND payload = ?4")
            .Bind(1, state).Bind(2, grain).Bind(3, version).Bind(4, expected).Bind(5, payload).Run();
        return session.Changes == 1;
    });
}

/// <summary>A row without its state: where it is, its version, and the first bytes of its payload (<see cref="ProtectedPayload.HeaderSize"/>).</summary>
internal sealed record RowHead(string State, string Grain, long Version, byte[] Head);
