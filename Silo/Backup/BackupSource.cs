using System.Reflection;
using System.Runtime.CompilerServices;
using IvrActors.Silo.Cluster;
using IvrActors.Silo.Storage;

namespace IvrActors.Silo.Backup;

/// <summary>
/// What a backup is made of: the database at one moment, and a key ring that opens all that stands in it then. Calls go on meanwhile.
/// </summary>
internal sealed class BackupSource : IAsyncDisposable
{
    private readonly IDatabaseSnapshot _snapshot;
    private readonly CopiedKeys _keys;
    private readonly BackupHeader _header;

    private BackupSource(ClusterFile cluster, IDatabaseSnapshot snapshot, CopiedKeys keys, string kind, DateTimeOffset now)
    {
        (_snapshot, _keys) = (snapshot, keys);
        var version = typeof(BackupSource).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";
        _header = new BackupHeader(BackupFormat.Number, cluster.Cluster, cluster.Service, now, version, $"{kind} {snapshot.Script:0000}");
    }

    /// <summary>Of a cluster that runs or not.</summary>
    /// <exception cref="DatabaseException">The database cannot be read, or its tables are not of this version.</exception>
    public static async Task<BackupSource> Open(ClusterFile cluster, IDatabase database, DateTimeOffset now)
    {
        if (database.Keys is null) return Open(cluster, await Locked(cluster, database.OpenSnapshot), now);
        var snapshot = await database.OpenSnapshot();
        try
        {
            // The same transaction sees both: a key was stored before the first row under it.
            var elements = await snapshot.Rows(StoredTable.KeyElements).ToListAsync();
            var secrets = await snapshot.Rows(StoredTable.KeySecrets).ToListAsync();
            var certificate = CertificateOf(cluster).Select(file => new object[] { file.Name, file.Content });
            return new BackupSource(cluster, snapshot, CopiedKeys.Of(elements, secrets, certificate), "postgresql", now);
        }
        catch
        {
            await snapshot.DisposeAsync();
            throw;
        }
    }

    /// <summary>Of a stopped node with SQLite, which cannot be started until it is disposed.</summary>
    /// <exception cref="DatabaseException">It runs, or as above.</exception>
    public static async Task<BackupSource> OpenAlone(ClusterFile cluster, SqliteSettings settings, DateTimeOffset now) =>
        Open(cluster, await Locked(cluster, () => Task.FromResult<IDatabaseSnapshot>(SqliteSnapshot.OpenAlone(settings.File))), now);

    /// <param name="output">Stays the caller's.</param>
    public async Task<BackupHeader> Write(Stream output, TransferProgress progress, CancellationToken cancellation)
    {
        var writer = new BackupWriter(output, progress);
        writer.Begin(_header);
        foreach (var table in BackupFormat.Tables) await writer.Add(table, Rows(table, cancellation));
        writer.End();
        return _header;
    }

    public ValueTask DisposeAsync() => _snapshot.DisposeAsync();

    private static BackupSource Open(ClusterFile cluster, (IDatabaseSnapshot Snapshot, CopiedKeys Keys) both, DateTimeOffset now) => new(cluster, both.Snapshot, both.Keys, "sqlite", now);

    /// <summary>The moment of the rows is taken while nobody can change the ring: no key is younger than a row under it, and none is revoked whose rows are seen before they were moved.</summary>
    private static async Task<(IDatabaseSnapshot, CopiedKeys)> Locked(ClusterFile cluster, Func<Task<IDatabaseSnapshot>> open)
    {
        var store = new FileKeyStore(cluster.KeyFolder);
        using var held = store.Lock();
        var snapshot = await open();
        try
        {
            return (snapshot, CopiedKeys.Of(store, CertificateOf(cluster)));
        }
        catch
        {
            await snapshot.DisposeAsync();
            throw;
        }
    }

    // One that is given stays with who gave it: the backup alone must not open what it protects.
    private static List<(string Name, byte[] Content)> CertificateOf(ClusterFile cluster) => cluster.Certificates.KeyRing.Key is null ? [.. Certificates.KeyProtectionFiles(cluster.CertificateFolder)] : [];

    private async IAsyncEnumerable<object[]> Rows(StoredTable table, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var rows = table == BackupFormat.Certificate || table == StoredTable.KeyElements || table == StoredTable.KeySecrets ? _keys.Rows(table).ToAsyncEnumerable() : _snapshot.Rows(table);
        await foreach (var row in rows.ConfigureAwait(false))
        {
            cancellation.ThrowIfCancellationRequested();
            yield return row;
        }
    }
}
