using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using IvrActors.Grains.Interfaces;
using IvrActors.Silo.Backup;
using IvrActors.Silo.Cluster;
using IvrActors.Silo.Storage;
using IvrActors.TestPostgres;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Orleans;
using Orleans.Runtime;
using Orleans.Serialization;
using Orleans.Serialization.Serializers;

namespace IvrActors.Bench;

/// <summary>Backup, check and restore of 200,000 rows on SQLite and on a PostgreSQL of its own.</summary>
internal static partial class BackupBench
{
    private const int Rows = 200_000;
    private const int Size = 300;
    private const int InFlight = 500;

    public static void Run() => RunAsync().GetAwaiter().GetResult();

    private static async Task RunAsync()
    {
        var folder = Directory.CreateTempSubdirectory("ivr-backup-bench-").FullName;
        await using var server = await PostgresServer.Start(durable: true);
        try
        {
            var sqlite = ClusterIn(Path.Combine(folder, "sqlite"), "storage: { kind: sqlite, file: ivr.db }");
            await Fill(sqlite);
            var file = Path.Combine(folder, "sqlite.backup");
            await Backup(sqlite, file);
            await Restore("check", file, sqlite, verify: true);
            var postgres = ClusterIn(Path.Combine(folder, "postgres"), await StorageOf(server));
            await Restore("restore into postgresql", file, postgres, verify: false);
            file = Path.Combine(folder, "postgres.backup");
            await Backup(postgres, file);
            await Restore("restore into sqlite", file, ClusterIn(Path.Combine(folder, "again"), "storage: { kind: sqlite, file: ivr.db }"), verify: false);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<string> StorageOf(PostgresServer server) =>
        $"storage: {{ kind: postgresql, host: {PostgresServer.Host}, port: {server.Port}, database: {await server.CreateDatabase()}, user: {PostgresServer.User}, password_file: {server.PasswordFile}, ca: {server.AuthorityFile} }}";

    private static ClusterFile ClusterIn(string folder, string storage)
    {
        Directory.CreateDirectory(folder);
        var file = Path.Combine(folder, "cluster.yaml");
        File.WriteAllText(file, StorageSection().Replace(File.ReadAllText(Path.Combine(Root(), "cluster.yaml")), storage + "\n"));
        var (cluster, errors) = ClusterFileReader.Read(file);
        return cluster ?? throw new InvalidOperationException(string.Join('\n', errors));
    }

    private static string Root()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "IvrActors.slnx"))) folder = folder.Parent ?? throw new InvalidOperationException("this does not run from inside the repository");
        return folder.FullName;
    }

    [GeneratedRegex(@"storage:\n  kind: sqlite.*\n  file: ivr\.db\n")]
    private static partial Regex StorageSection();

    private static async Task Fill(ClusterFile cluster)
    {
        using var vault = ClusterVault.OpenOrCreate(cluster, DateTimeOffset.UtcNow);
        await using var services = new ServiceCollection().AddSerializer().BuildServiceProvider();
        var storage = new EncryptedGrainStorage(
            vault.Database.States, new HashSet<string> { "caller" }, vault.Ring.States, services.GetRequiredService<Serializer>(), services.GetRequiredService<IActivatorProvider>(), NullLogger<EncryptedGrainStorage>.Instance);
        foreach (var together in Enumerable.Range(0, Rows).Chunk(InFlight))
            await Task.WhenAll(together.Select(i => storage.WriteStateAsync("caller", GrainId.Create("caller", $"c-{i:x16}"), new GrainState<byte[]>(RandomNumberGenerator.GetBytes(Size)))));
    }

    private static PasswordLock Password() => new(new Secret<char>("a long enough password".ToCharArray()), PasswordCost.Default);

    private static async Task Backup(ClusterFile cluster, string file)
    {
        using var vault = ClusterVault.OpenExisting(cluster, DateTimeOffset.UtcNow);
        var (watch, before) = (Stopwatch.StartNew(), Environment.CpuUsage.TotalTime);
        await using (var output = BackupOutput.Create(file))
        {
            await using var source = await BackupSource.Open(cluster, vault.Database, DateTimeOffset.UtcNow);
            using var chunks = BackupEnvelope.Write(output.Stream, [Password()]);
            await source.Write(chunks, new TransferProgress(null, TimeProvider.System), CancellationToken.None);
            chunks.Complete();
            output.Keep();
        }
        Tell($"backup of {(cluster.Storage is SqliteSettings ? "sqlite" : "postgresql")}", watch.Elapsed, Environment.CpuUsage.TotalTime - before, new FileInfo(file).Length);
    }

    private static async Task Restore(string what, string file, ClusterFile cluster, bool verify)
    {
        var (watch, before) = (Stopwatch.StartNew(), Environment.CpuUsage.TotalTime);
        await using var input = File.OpenRead(file);
        await using var content = BackupEnvelope.Open(input, Password());
        var restore = new BackupRestore(cluster, withKeys: true, new TransferProgress(null, TimeProvider.System), TimeProvider.System);
        _ = verify ? await restore.Verify(content) : await restore.Run(content, "backup.restored");
        Tell(what, watch.Elapsed, Environment.CpuUsage.TotalTime - before, input.Length);
    }

    private static void Tell(string what, TimeSpan taken, TimeSpan processor, long bytes) => Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
        $"{what,-26} {taken.TotalSeconds,6:F1} s {Rows / taken.TotalSeconds,9:F0} rows/s {bytes / 1e6 / taken.TotalSeconds,7:F1} MB/s, {processor.TotalSeconds:F1} s of processor ({bytes / 1e6:F1} MB)"));
}
