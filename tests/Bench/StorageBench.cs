using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using IvrActors.Silo.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Orleans;
using Orleans.Runtime;
using Orleans.Serialization;
using Orleans.Serialization.Serializers;
using Orleans.Storage;

namespace IvrActors.Bench;

/// <summary>
/// Durable writes a second, encrypted and plain, by as many writers as keep the machine busy. They take turns, each first in every other one, and what counts is the median of the ratios of the turns: a slow phase of
/// the machine hits both.
/// </summary>
internal static class StorageBench
{
    public const int Size = 500;

    private const int InFlight = 100;
    private const int Turns = 10;
    private static readonly TimeSpan s_turn = TimeSpan.FromSeconds(2);

    private static readonly ServiceProvider s_services = new ServiceCollection().AddSerializer().BuildServiceProvider();

    public static void RunSqlite()
    {
        var folder = Directory.CreateTempSubdirectory("ivr-sqlite-bench-").FullName;
        try
        {
            using var database = new SqliteDatabase(Path.Combine(folder, "ivr.db"));
            database.Migrate();
            using var ring = KeyRing.Open(new FileKeyStore(Path.Combine(folder, "keys")), new RingProtection(CertificateKey.Generated(Path.Combine(folder, "certs"), true, DateTimeOffset.UtcNow)), "bench", mayCreate: true);
            Console.WriteLine($"{Environment.ProcessorCount} processors; states of {Size} bytes, synchronous=FULL.");
            Compare(database, Encrypted(database, ring)).GetAwaiter().GetResult();
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    public static EncryptedGrainStorage Encrypted(IDatabase database, KeyRing ring) => new(
        database.States, new HashSet<string>(), ring.States, s_services.GetRequiredService<Serializer>(), s_services.GetRequiredService<IActivatorProvider>(), NullLogger<EncryptedGrainStorage>.Instance);

    public static async Task Compare(IDatabase database, IGrainStorage encrypted)
    {
        var sides = new[] { Writer(new PlainGrainStorage(database.States, s_services.GetRequiredService<Serializer>()), "plain"), Writer(encrypted, "encrypted") };
        // These compile and fill the pages.
        foreach (var side in sides) await Rate(side);
        var turns = new List<(double Plain, double Encrypted)>();
        for (var turn = 0; turn < Turns; turn++)
        {
            var (first, second) = turn % 2 == 0 ? (0, 1) : (1, 0);
            var rates = new double[2];
            rates[first] = await Rate(sides[first]);
            rates[second] = await Rate(sides[second]);
            turns.Add((rates[0], rates[1]));
        }
        var ratios = turns.Select(turn => turn.Encrypted / turn.Plain).ToList();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{InFlight} at once: {Median(turns.Select(turn => turn.Plain)):0} writes/s plain, {Median(turns.Select(turn => turn.Encrypted)):0} encrypted; ratio {Median(ratios):0.00}, of each turn {string.Join(' ', ratios.Select(ratio => ratio.ToString("0.00", CultureInfo.InvariantCulture)))}"));
    }

    public static GrainState<byte[]> NewState() => new(RandomNumberGenerator.GetBytes(Size));

    private static Func<int, Task> Writer(IGrainStorage storage, string name)
    {
        var states = Enumerable.Range(0, InFlight).Select(i => (Id: GrainId.Create("bench", $"{name}-{i}"), State: NewState())).ToArray();
        return i => storage.WriteStateAsync(name, states[i].Id, states[i].State);
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

    private static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return (sorted[sorted.Length / 2] + sorted[(sorted.Length - 1) / 2]) / 2;
    }
}
