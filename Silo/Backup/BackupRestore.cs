using IvrActors.Grains.Interfaces.Audit;
using IvrActors.Silo.Cluster;
using IvrActors.Silo.Storage;

namespace IvrActors.Silo.Backup;

/// <summary>What was restored or checked.</summary>
internal sealed record RestoreResult(BackupHeader Header, IReadOnlyDictionary<StoredTable, TableSum> Tables);

/// <summary>
/// Reads a backup into an empty database, in one transaction that is committed when all of it was checked: on the way in each row and the ledger, and afterwards that the database holds what the
/// backup says. Before that nothing is kept.
/// </summary>
/// <param name="withKeys">Whether rows and ledger are checked by the keys; needs what protects the key ring.</param>
internal sealed class BackupRestore(ClusterFile cluster, bool withKeys, TransferProgress progress, TimeProvider time)
{
    private readonly Dictionary<StoredTable, TableSum> _sums = [];

    /// <summary>Checks a backup without a database.</summary>
    /// <exception cref="BackupException">It cannot be restored.</exception>
    public async Task<RestoreResult> Verify(Stream input)
    {
        var reader = new BackupReader(input, progress);
        var header = Begin(reader);
        var keys = await KeysOf(reader);
        using var check = withKeys ? BackupCheck.Open(cluster, keys, time.GetUtcNow()) : null;
        foreach (var table in BackupFormat.Tables.Skip(3)) await foreach (var _ in Checked(reader, table, check)) { }
        check?.End();
        reader.End();
        return new RestoreResult(header, _sums);
    }

    /// <param name="action">What the cluster's ledger says was done, where its keys are at hand.</param>
    /// <exception cref="BackupException">It cannot be restored, or not there.</exception>
    /// <exception cref="DatabaseException">The database cannot be used.</exception>
    public async Task<RestoreResult> Run(Stream input, string action)
    {
        var reader = new BackupReader(input, progress);
        var header = Begin(reader);
        var keys = await KeysOf(reader);
        using var place = new EmptyPlace(cluster);
        using var check = withKeys ? BackupCheck.Open(cluster, keys, time.GetUtcNow()) : null;
        using (var database = place.Open())
        {
            using var held = database.HoldStart();
            using var files = new RestoredKeyFiles(cluster, keys, inDatabase: database.Keys is not null);
            if (database.IsNew) database.Migrate();
            await using (var load = await database.BeginLoad())
            {
                await RequireEmpty(database, load);
                foreach (var table in database.Tables.Except(BackupFormat.Tables.Skip(3))) await load.Add(table, keys.Rows(table).ToAsyncEnumerable());
                foreach (var table in BackupFormat.Tables.Skip(3)) await load.Add(table, Checked(reader, table, check));
                check?.End();
                reader.End();
                foreach (var table in database.Tables) await RequireSame(table, load);
                if (check is not null) await Record(load, check, action, header);
                files.Put();
                await load.Commit();
                files.Keep();
            }
        }
        place.Keep();
        return new RestoreResult(header, _sums);
    }

    private BackupHeader Begin(BackupReader reader)
    {
        var header = reader.Begin();
        if (header.Service == cluster.Service && header.Cluster == cluster.Cluster) return header;
        throw new BackupException(
            $"The backup is of the cluster '{header.Cluster}' with the service '{header.Service}', and {Path.GetFileName(cluster.Path)} describes '{cluster.Cluster}' with '{cluster.Service}'. " +
            "Rows open only under the service that wrote them: restore it with its own cluster.yaml.");
    }

    private async Task<CopiedKeys> KeysOf(BackupReader reader)
    {
        var rows = new List<List<object[]>>();
        foreach (var table in BackupFormat.Tables.Take(3)) rows.Add(await reader.Rows(table, sum => _sums[table] = sum).ToListAsync());
        try
        {
            return CopiedKeys.Of(elements: rows[1], secrets: rows[2], certificate: rows[0]);
        }
        catch (Exception e) when (e is System.Xml.XmlException or ArgumentException)
        {
            throw new BackupException("The key ring in the backup is not one.");
        }
    }

    private async IAsyncEnumerable<object[]> Checked(BackupReader reader, StoredTable table, BackupCheck? check)
    {
        await foreach (var row in reader.Rows(table, sum => _sums[table] = sum))
        {
            if (table == StoredTable.States) check?.State(row);
            else if (table == StoredTable.AuditHeads) check?.Head(row);
            else check?.Record(row);
            yield return row;
        }
    }

    private async Task RequireEmpty(IDatabase database, IDatabaseLoad load)
    {
        var found = new List<string>();
        foreach (var table in database.Tables)
        {
            if (await load.Count(table) is > 0 and var count) found.Add($"{count} rows in {table.Name}");
        }
        if (found.Count > 0) throw new BackupException($"The database of {Path.GetFileName(cluster.Path)} is not empty ({string.Join(", ", found)}): a restore overwrites nothing. Nothing was changed.");
    }

    private async Task RequireSame(StoredTable table, IDatabaseLoad load)
    {
        var (expected, found) = (_sums[table], await TableSumming.Of(table, load.Rows(table)));
        if (expected.Rows != found.Rows || !expected.Digest.AsSpan().SequenceEqual(found.Digest)) throw new BackupException($"The database holds other rows of {table.Name} than were given to it. Nothing was kept.");
    }

    private async Task Record(IDatabaseLoad load, BackupCheck check, string action, BackupHeader header)
    {
        var entry = new AuditEntry { Actor = "command-line", Action = action, Result = AuditResult.Success, Origin = "terminal", Object = "", Detail = $"as of {header.At.UtcDateTime:yyyy-MM-ddTHH:mm:ssZ}" };
        var (record, head) = check.Next(entry, time.GetUtcNow());
        await load.Add(StoredTable.AuditRecords, AsyncEnumerable.Repeat(record, 1));
        await load.SetHead(head);
    }

    /// <summary>Where the restored cluster is to stand: what is made there is taken away again, unless it is kept.</summary>
    private sealed class EmptyPlace(ClusterFile cluster) : IDisposable
    {
        private readonly string? _file = cluster.Storage is SqliteSettings { File: var file } && !File.Exists(file) ? file : null;
        private readonly string[] _folders = [.. new[] { cluster.CertificateFolder, cluster.DataFolder }.Where(folder => !Directory.Exists(folder))];
        private bool _kept;

        public IDatabase Open()
        {
            PrivateFiles.CreateFolder(cluster.DataFolder);
            return Databases.Open(cluster.Storage);
        }

        public void Keep() => _kept = true;

        public void Dispose()
        {
            if (_kept) return;
            if (_file is not null) foreach (var file in new[] { _file, _file + "-wal", _file + "-shm" }) File.Delete(file);
            foreach (var folder in _folders)
            {
                if (Directory.Exists(folder) && !Directory.EnumerateFileSystemEntries(folder).Any()) Directory.Delete(folder);
            }
        }
    }
}
