using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using IvrActors.Silo.Cluster;
using IvrActors.Silo.Storage;
using IvrActors.TestPostgres;
using Orleans;
using Orleans.Runtime;

namespace IvrActors.Bench;

/// <summary>
/// Durable writes to a PostgreSQL of its own, which waits for the disk: how many a second encrypted and plain, and how long a step takes that is durable before it is answered, at a steady
/// rate, from when it was due.
/// </summary>
internal static class PostgresBench
{
    private const int StepsPerSecond = 500;
    private const int Grains = 2000;
    private static readonly TimeSpan s_steady = TimeSpan.FromSeconds(30);

    public static void Run() => RunAsync().GetAwaiter().GetResult();

    private static async Task RunAsync()
    {
        var folder = Directory.CreateTempSubdirectory("ivr-postgres-bench-").FullName;
        await using var server = await PostgresServer.Start(durable: true);
        try
        {
            using var database = new PostgresDatabase(new PostgresSettings
            {
                Host = PostgresServer.Host,
                Port = server.Port,
                Database = await server.CreateDatabase(),
                User = PostgresServer.User,
                Password = new SecretSource(server.PasswordFile, null, "the database"),
                Tls = true,
                AuthorityFile = server.AuthorityFile,
                Pool = 20,
            });
            database.Migrate();
            using var ring = KeyRing.Open(new FileKeyStore(Path.Combine(folder, "keys")), new RingProtection(CertificateKey.Generated(Path.Combine(folder, "certs"), true, DateTimeOffset.UtcNow)), "bench", mayCreate: true);
            var storage = StorageBench.Encrypted(database.States, ring);
            Console.WriteLine($"{Environment.ProcessorCount} processors, also the server's; states of {StorageBench.Size} bytes, TLS, synchronous_commit on.");
            await new StorageBench(database, storage)
            {
                ServerTime = server.ProcessorTime,
                LogSize = () =>
                {
                    using var command = server.Administrator.CreateCommand("SELECT (pg_current_wal_lsn() - '0/0')::bigint");
                    return (long)command.ExecuteScalar()!;
                },
            }.Compare();
            await Steady(storage);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task Steady(EncryptedGrainStorage storage)
    {
        var idle = new ConcurrentQueue<(GrainId Id, GrainState<byte[]> State)>(Enumerable.Range(0, Grains).Select(i => (GrainId.Create("bench", $"s-{i}"), StorageBench.NewState())));
        var times = new ConcurrentBag<double>();
        var running = new List<Task>();
        var watch = Stopwatch.StartNew();
        for (var step = 0; watch.Elapsed < s_steady; step++)
        {
            var due = TimeSpan.FromSeconds((double)step / StepsPerSecond);
            while (watch.Elapsed < due) await Task.Delay(1);
            if (!idle.TryDequeue(out var grain)) throw new InvalidOperationException($"{Grains} steps are under way: this machine does not keep up");
            running.Add(Task.Run(async () =>
            {
                await storage.WriteStateAsync("step", grain.Id, grain.State);
                times.Add((watch.Elapsed - due).TotalMilliseconds);
                idle.Enqueue(grain);
            }));
        }
        await Task.WhenAll(running);
        var sorted = times.Order().ToArray();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{StepsPerSecond} durable steps/s for {s_steady.TotalSeconds:0} s: p50 {sorted[sorted.Length / 2]:0.0} ms, p99 {sorted[(int)(sorted.Length * 0.99)]:0.0} ms, longest {sorted[^1]:0.0} ms"));
    }
}
