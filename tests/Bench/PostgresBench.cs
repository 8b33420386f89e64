using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
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

/// <summary>
/// Durable writes to a PostgreSQL of its own, which waits for the disk: how many a second encrypted and plain, in turns so that a slow phase of the machine hits both; and
/// how long a step takes that is durable before it is answered, at a steady rate, from when it was due.
/// </summary>
internal static class PostgresBench
{
    private const int Size = 500;
    private const int InFlight = 100;
    private const int Turns = 5;
    private const int StepsPerSecond = 500;
    private const int Grains = 2000;
    private static readonly TimeSpan s_turn = TimeSpan.FromSeconds(3);
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
            var services = new ServiceCollection().AddSerializer().BuildServiceProvider();
            var serializer = services.GetRequiredService<Serializer>();
            var storage = new EncryptedGrainStorage(database.States, new HashSet<string>(), "bench", ring.Protection, serializer, services.GetRequiredService<IActivatorProvider>(), NullLogger<EncryptedGrainStorage>.Instance);
            Console.WriteLine($"{Environment.ProcessorCount} processors, also the server's; states of {Size} bytes, TLS, synchronous_commit on.");
            await Compare(database, storage, serializer);
            await Steady(storage);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task Compare(PostgresDatabase database, EncryptedGrainStorage storage, Serializer serializer)
    {
        var versions = new long[InFlight];
        var states = Enumerable.Range(0, InFlight).Select(i => (Id: GrainId.Create("bench", $"e-{i}"), State: NewState())).ToArray();
        async Task Plain(int i)
        {
            if (!await database.States.Write("plain", $"p-{i}", serializer.SerializeToArray(states[i].State.State), versions[i], versions[i] + 1, durable: true)) throw new InvalidOperationException("a conflict");
            versions[i]++;
        }
        Task Encrypted(int i) => storage.WriteStateAsync("encrypted", states[i].Id, states[i].State);
        var (plain, encrypted) = (new List<double>(), new List<double>());
        // The first turns compile and fill the pages.
        for (var turn = -1; turn < Turns; turn++)
        {
            var rates = (await Rate(Plain), await Rate(Encrypted));
            if (turn < 0) continue;
            plain.Add(rates.Item1);
            encrypted.Add(rates.Item2);
        }
        var ratios = plain.Zip(encrypted, (p, e) => e / p).Order().ToArray();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{InFlight} at once: {Median(plain):0} writes/s plain, {Median(encrypted):0} encrypted; ratio {ratios[Turns / 2]:0.00} ({ratios[0]:0.00} to {ratios[^1]:0.00} in {Turns} turns)"));
    }

    private static async Task<double> Rate(Func<int, Task> write)
    {
        var watch = Stopwatch.StartNew();
        var counts = await Task.WhenAll(Enumerable.Range(0, InFlight).Select(i => Task.Run(async () =>
        {
            var count = 0;
            for (; watch.Elapsed < s_turn; count++) await write(i);
            return count;
        })));
        return counts.Sum() / watch.Elapsed.TotalSeconds;
    }

    private static async Task Steady(EncryptedGrainStorage storage)
    {
        var idle = new ConcurrentQueue<(GrainId Id, GrainState<byte[]> State)>(Enumerable.Range(0, Grains).Select(i => (GrainId.Create("bench", $"s-{i}"), NewState())));
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

    private static GrainState<byte[]> NewState() => new(RandomNumberGenerator.GetBytes(Size));

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);
}
