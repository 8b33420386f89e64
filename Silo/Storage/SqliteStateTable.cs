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

    /// <summary>Writes the row with the version after <paramref name="expected"/> (0: there must be none). False when another version is stored.</summary>
    public Task<bool> Write(string state, string grain, byte[] payload, long expected, bool durable) => database.Writer.Run(durable, session =>
    {
        var write = expected == 0
            ? session.Statement("INSERT INTO grain_state (state, grain, version, payload) VALUES (?1, ?2, ?4 + 1, ?3) ON CONFLICT DO NOTHING")
            : session.Statement("UPDATE grain_state SET payload = ?3, version = ?4 + 1 WHERE state = ?1 AND grain = ?2 AND version = ?4");
        write.Bind(1, state).Bind(2, grain).Bind(3, payload).Bind(4, expected).Run();
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

    /// <summary>Removes these grains' rows of this state, whatever their version.</summary>
    public Task Remove(string state, IReadOnlyList<string> grains) => database.Writer.Run(durable: false, session =>
    {
        foreach (var grain in grains) session.Statement("DELETE FROM grain_state WHERE state = ?1 AND grain = ?2").Bind(1, state).Bind(2, grain).Run();
        return true;
    }, several: true);
}
