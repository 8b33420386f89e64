using IvrActors.Grains.Audit;
using IvrActors.Silo.Cluster;

namespace IvrActors.Silo.Storage;

/// <summary>Where the rows of a cluster are: the one kind of storage that <c>cluster.yaml</c> names, opened.</summary>
internal interface IDatabase : IDisposable
{
    IStateTable States { get; }

    IAuditTable Audit { get; }

    /// <summary>The key ring, where it rests with the rows; null where it has files of its own.</summary>
    IKeyStore? Keys { get; }

    /// <summary>The tables that a backup holds; what else is in the database is made anew by those who run.</summary>
    IReadOnlyList<StoredTable> Tables { get; }

    /// <summary>Whether no cluster was ever started with it: it holds nothing, and needs no keys of before.</summary>
    bool IsNew { get; }

    /// <summary>Lets other processes that start with this database wait here until it is disposed; null where there are no others.</summary>
    IDisposable? HoldStart();

    /// <summary>Brings the tables to what this version needs.</summary>
    /// <exception cref="DatabaseException">A newer version than the next one wrote them, or it did not work.</exception>
    void Migrate();

    /// <exception cref="DatabaseException">Its tables are of another version, or it cannot be reached.</exception>
    Task<IDatabaseSnapshot> OpenSnapshot();

    /// <exception cref="DatabaseException">As above.</exception>
    Task<IDatabaseLoad> BeginLoad();
}

/// <summary>The table of grain states. Of two writers of one version one wins; a conflict is a result, and takes nothing else with it.</summary>
internal interface IStateTable
{
    /// <summary>Whether several silos write to it.</summary>
    bool IsShared { get; }

    /// <summary>The time by the one clock that all who write to it have in common.</summary>
    /// <param name="ours">The clock of this process.</param>
    Task<DateTimeOffset> Now(TimeProvider ours);

    /// <summary>The row, or null when there is none.</summary>
    Task<StateRow?> Read(string state, string grain);

    /// <summary>Writes the row with this version in place of <paramref name="expected"/> (0: there must be none). False when another version is stored.</summary>
    /// <param name="durable">Whether the commit survives a power cut. Without it, it survives a crash of this process.</param>
    Task<bool> Write(string state, string grain, byte[] payload, long expected, long version, bool durable);

    /// <summary>Removes the row. False when another version is stored, or none.</summary>
    Task<bool> Delete(string state, string grain, long expected, bool durable);

    /// <summary>Keys of the grains that have a row of this state.</summary>
    Task<IReadOnlyList<string>> KeysOf(string state);

    /// <summary>Keys of lockouts, after this one and in order, whose caller has no row and had none: nobody enrolled this account, whatever was tried.</summary>
    Task<IReadOnlyList<string>> LockoutsOfStrangers(string after, int most);

    /// <summary>Removes these grains' rows of this state, whatever their version.</summary>
    Task Remove(string state, IReadOnlyList<string> grains);

    /// <summary>The rows after this one, in the order of state and grain, with the beginning of their payload.</summary>
    Task<IReadOnlyList<RowHead>> Page(string afterState, string afterGrain, int most);

    /// <summary>Replaces the payload and leaves the version, as long as both are what is expected. False when the row is another one by now.</summary>
    Task<bool> Rewrite(string state, string grain, long version, byte[] expected, byte[] payload);
}

/// <summary>A stored state: ciphertext, and how often it was written.</summary>
internal readonly record struct StateRow(byte[] Payload, long Version);

/// <summary>A row without its state: where it is, its version, and the first bytes of its payload (<see cref="ProtectedPayload.HeaderSize"/>).</summary>
internal sealed record RowHead(string State, string Grain, long Version, byte[] Head);

/// <summary>The audit records, and what is asked about them from outside of grains.</summary>
internal interface IAuditTable : IAuditStore
{
    /// <summary>Head and records as they stood at one moment, whatever is appended meanwhile. For checks from outside the silo.</summary>
    Task<IAuditSnapshot> OpenSnapshot(string tenant);

    /// <summary>Tenants that have records or a head.</summary>
    Task<IReadOnlyList<string>> Tenants();

    /// <summary>Whether something is stored that is recorded before it is stored: then a ledger without a record is one that was emptied.</summary>
    Task<bool> HasActed(string tenant);
}

/// <summary>One tenant's chain at one moment.</summary>
internal interface IAuditSnapshot : IAsyncDisposable
{
    AuditHead Head { get; }

    IAsyncEnumerable<Grains.Interfaces.Audit.AuditRecord> Records();
}

/// <summary>The database cannot be used, and why. The process stops.</summary>
internal sealed class DatabaseException(string message) : Exception(message);

internal static class Databases
{
    /// <summary>Opens the database that these settings name, and makes nothing in it but SQLite's empty file.</summary>
    public static IDatabase Open(StorageSettings settings) => settings switch
    {
        SqliteSettings sqlite => new SqliteDatabase(sqlite.File),
        PostgresSettings postgres => new PostgresDatabase(postgres),
        _ => throw new InvalidOperationException("internal error: a kind of storage that nothing opens"),
    };

    /// <summary>Opens what a running or stopped cluster left.</summary>
    /// <exception cref="DatabaseException">The cluster was never started, or the database cannot be reached.</exception>
    public static IDatabase OpenExisting(StorageSettings settings)
    {
        if (settings is SqliteSettings { File: var file } && !File.Exists(file)) throw new DatabaseException($"There is no database at '{file}': this cluster was never started.");
        var database = Open(settings);
        if (!database.IsNew) return database;
        database.Dispose();
        throw new DatabaseException("The database holds nothing: this cluster was never started.");
    }
}
