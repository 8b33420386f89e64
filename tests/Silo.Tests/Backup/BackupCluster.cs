using System.Security.Cryptography;
using System.Text;
using IvrActors.Grains.Audit;
using IvrActors.Grains.Interfaces.Audit;
using IvrActors.Silo.Backup;
using IvrActors.Silo.Cluster;
using IvrActors.Silo.Storage;
using IvrActors.Silo.Tests.Cluster;
using IvrActors.Silo.Tests.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Orleans.Serialization;
using Orleans.Serialization.Serializers;
using Orleans.Storage;
using Xunit;

namespace IvrActors.Silo.Tests.Backup;

/// <summary>A cluster without processes: a folder with its <c>cluster.yaml</c>, and a database of either kind.</summary>
internal sealed class BackupCluster : IAsyncDisposable
{
    private static readonly ServiceProvider s_serializers = new ServiceCollection().AddSerializer().BuildServiceProvider();

    private readonly TestFolder _folder = new();

    private BackupCluster(bool postgres, TestDatabase? database)
    {
        Database = database ?? new TestSqlite(Path.Combine(_folder, "data"));
        IsPostgres = postgres;
        File.WriteAllText(YamlFile, StorageReaderTests.Section().Replace(ClusterFileTests.Text.Replace("port: 30000", $"port: {TestSilo.FreePort()}", StringComparison.Ordinal), Database.Yaml));
        var (cluster, errors) = ClusterFileReader.Read(YamlFile);
        Assert.Empty(errors);
        Cluster = cluster!;
    }

    public bool IsPostgres { get; }

    public TestDatabase Database { get; }

    public ClusterFile Cluster { get; private set; }

    public string Folder => _folder;

    public string YamlFile => Path.Combine(_folder, "cluster.yaml");

    public static async Task<BackupCluster> Create(bool postgres) => new(postgres, postgres ? await TestPostgresDatabase.Create() : null);

    /// <summary>As its first start leaves it.</summary>
    public static async Task<BackupCluster> Started(bool postgres)
    {
        var cluster = await Create(postgres);
        TestKeys.CopyCertificateTo(cluster.Cluster.DataFolder);
        ClusterVault.OpenOrCreate(cluster.Cluster, DateTimeOffset.UtcNow).Dispose();
        return cluster;
    }

    public ClusterVault Open() => ClusterVault.OpenExisting(Cluster, DateTimeOffset.UtcNow);

    public void Change(string text, string by)
    {
        File.WriteAllText(YamlFile, File.ReadAllText(YamlFile).Replace(text, by, StringComparison.Ordinal));
        Reread();
    }

    public void Reread() => Cluster = ClusterFileReader.Read(YamlFile).Cluster!;

    /// <summary>Callers with a text each, and the ledger of a tenant.</summary>
    public async Task Fill(int callers, int records)
    {
        using var vault = Open();
        var storage = Storage(vault);
        await Task.WhenAll(Enumerable.Range(0, callers).Select(i => Write(storage, i, $"text {i}")));
        await Append(vault, records);
    }

    public EncryptedGrainStorage Storage(ClusterVault vault) => new(
        vault.Database.States, new HashSet<string>(), vault.Ring.States, s_serializers.GetRequiredService<Serializer>(), s_serializers.GetRequiredService<IActivatorProvider>(),
        NullLogger<EncryptedGrainStorage>.Instance);

    public static async Task<GrainState<NoteState>> Write(EncryptedGrainStorage storage, int i, string text, GrainState<NoteState>? note = null)
    {
        note ??= new GrainState<NoteState>(new NoteState());
        note.State!.Text = text;
        await storage.WriteStateAsync("caller", GrainId.Create("caller", $"c-{i}"), note);
        return note;
    }

    public static async Task<string> Read(EncryptedGrainStorage storage, int i)
    {
        var note = new GrainState<NoteState>(new NoteState());
        await storage.ReadStateAsync("caller", GrainId.Create("caller", $"c-{i}"), note);
        return note.State!.Text;
    }

    public static async Task Append(ClusterVault vault, int records)
    {
        var chain = new AuditChain("demo", vault.Keys.AuditKey("demo").ToArray());
        var head = await vault.Database.Audit.ReadHead("demo");
        for (var i = 0; i < records; i++)
        {
            var record = chain.Next(head, DateTimeOffset.UtcNow, new AuditEntry { Actor = "ä", Action = "test", Result = AuditResult.Success, Origin = "", Object = $"o{i}", Detail = "" });
            await vault.Database.Audit.Append("demo", head, [record], head = chain.HeadAfter(record));
        }
    }

    public async Task<byte[]> Backup()
    {
        using var vault = Open();
        using var file = new MemoryStream();
        await using var source = await BackupSource.Open(Cluster, vault.Database, DateTimeOffset.UtcNow);
        await Backup(source, file);
        return file.ToArray();
    }

    public static async Task Backup(BackupSource source, Stream file)
    {
        using var chunks = BackupEnvelope.Write(file, [BackupEnvelopeTests.Password()]);
        await source.Write(chunks, new TransferProgress(null, TimeProvider.System), TestContext.Current.CancellationToken);
        chunks.Complete();
    }

    public Task<RestoreResult> Restore(byte[] file, bool withKeys = true) => Restore(new MemoryStream(file), withKeys);

    public async Task<RestoreResult> Restore(Stream file, bool withKeys = true)
    {
        await using var content = BackupEnvelope.Open(file, BackupEnvelopeTests.Password());
        return await new BackupRestore(Cluster, withKeys, new TransferProgress(null, TimeProvider.System), TimeProvider.System).Run(content, "backup.restored");
    }

    public async Task<RestoreResult> Verify(byte[] file, bool withKeys = true)
    {
        await using var content = BackupEnvelope.Open(new MemoryStream(file), BackupEnvelopeTests.Password());
        return await new BackupRestore(Cluster, withKeys, new TransferProgress(null, TimeProvider.System), TimeProvider.System).Verify(content);
    }

    /// <summary>All that stands in it, by tables.</summary>
    public async Task<Dictionary<string, string>> Digests()
    {
        using var database = Databases.Open(Cluster.Storage);
        await using var snapshot = await database.OpenSnapshot();
        var digests = new Dictionary<string, string>();
        foreach (var table in new[] { StoredTable.States, StoredTable.AuditHeads, StoredTable.AuditRecords }) digests[table.Name] = Convert.ToHexString((await TableSumming.Of(table, snapshot.Rows(table))).Digest);
        var keys = database.Keys ?? new FileKeyStore(Cluster.KeyFolder);
        digests["keys"] = Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n',
            keys.Elements().Select(element => element.Name + element.Xml).Concat(keys.Secrets("").Select(name => name + Convert.ToHexString(keys.Secret(name)!))).Order(StringComparer.Ordinal)))));
        return digests;
    }

    /// <summary>Fails unless a failed restore left nothing.</summary>
    public void HoldsNothing()
    {
        if (IsPostgres && Database.Scalar("SELECT count(*) FROM pg_tables WHERE tablename = 'grain_state'") > 0)
            Assert.Equal(0, Database.Scalar("SELECT (SELECT count(*) FROM grain_state) + (SELECT count(*) FROM audit_record) + (SELECT count(*) FROM audit_head) + (SELECT count(*) FROM key_element) + (SELECT count(*) FROM key_secret)"));
        Assert.Equal([YamlFile], Directory.GetFileSystemEntries(_folder, "*", SearchOption.AllDirectories));
    }

    public async ValueTask DisposeAsync()
    {
        await Database.DisposeAsync();
        _folder.Dispose();
    }
}
