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
/// Durable writes a second, encrypted and plain, by as many writers as keep the machine busy, each of whom writes its grains one after the other. They take turns, each first in every other one, and what counts is the
/// median of the turns' ratios: a slow phase of the machine hits both. What a write takes of the processors is told as well; where the disk is what limits, threads that look for work in vain are part of it.
/// </summary>
internal sealed class StorageBench(IDatabase database, IGrainStorage encrypted)
{
    public const int Size = 500;

    private const int Writers = 100;
    private const int GrainsOfEach = 20;
    private const int Turns = 20;
    private static readonly TimeSpan s_turn = TimeSpan.FromSeconds(1);

    private static readonly ServiceProvider s_services = new ServiceCollection().AddSerializer().BuildServiceProvider();

    /// <summary>What others than this process took of the processors for the database.</summary>
    public Func<TimeSpan> ServerTime { get; init; } = () => TimeSpan.Zero;

    /// <summary>How much the database wrote into its log.</summary>
    public Func<long> LogSize { get; init; } = () => 0;

    public static void RunSqlite()
    {
        var folder = Directory.CreateTempSubdirectory("ivr-sqlite-bench-").FullName;
        try
        {
            using var database = new SqliteDatabase(Path.Combine(folder, "ivr.db"));
            database.Migrate();
            using var ring = KeyRing.Open(new FileKeyStore(Path.Combine(folder, "keys")), new RingProtection(CertificateKey.Generated(Path.Combine(folder, "certs"), true, DateTimeOffset.UtcNow)), "bench", mayCreate: true);
            Console.WriteLine($"{Environment.ProcessorCount} processors; states of {Size} bytes, synchronous=FULL.");
            new StorageBench(database, Encrypted(database.States, ring)).Compare().GetAwaiter().GetResult();
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    public static EncryptedGrainStorage Encrypted(IStateTable rows, KeyRing ring) => new(
        rows, new HashSet<string>(), ring.States, s_services.GetRequiredService<Serializer>(), s_services.GetRequiredService<IActivatorProvider>(), NullLogger<EncryptedGrainStorage>.Instance);

    public async Task Compare()
    {
        var plain = new Side("plain", new PlainGrainStorage(database.States, s_services.GetRequiredService<Serializer>()));
        var sealedSide = new Side("encrypted", encrypted);
        // These compile and fill the pages.
        for (var turn = 0; turn < 3; turn++)
        {
            await Rate(plain);
            await Rate(sealedSide);
        }
        var turns = new List<(Turn Plain, Turn Encrypted)>();
        for (var turn = 0; turn < Turns; turn++)
        {
            if (turn % 2 == 0) turns.Add((await Rate(plain), await Rate(sealedSide)));
            else turns.Add((await Rate(sealedSide), await Rate(plain)) is var (second, first) ? (first, second) : default);
        }
        Tell("plain", turns.Select(turn => turn.Plain));
        Tell("encrypted", turns.Select(turn => turn.Encrypted));
        var ratios = turns.Select(turn => turn.Encrypted.PerSecond / turn.Plain.PerSecond).ToList();
        Print($"ratio {Median(ratios):0.00}; turns {string.Join(' ', ratios.Select(ratio => ratio.ToString("0.00", CultureInfo.InvariantCulture)))}");
    }

    public static GrainState<byte[]> NewState() => new(RandomNumberGenerator.GetBytes(Size));

    private static void Tell(string name, IEnumerable<Turn> turns)
    {
        var all = turns.ToList();
        Print($"{name,-10} {Median(all.Select(turn => turn.PerSecond)),8:0} writes/s, {Median(all.Select(turn => turn.Processor)):0.0} µs of processors each ({Median(all.Select(turn => turn.OfSilo)):0.0} in the silo), {Median(all.Select(turn => turn.Log)):0} bytes of log");
    }

    private async Task<Turn> Rate(Side side)
    {
        var (silo, server, log) = (Environment.CpuUsage.TotalTime, ServerTime(), LogSize());
        var watch = Stopwatch.StartNew();
        var counts = await Task.WhenAll(Enumerable.Range(0, Writers).Select(i => Task.Run(async () =>
        {
            var count = 0;
            for (; watch.Elapsed < s_turn; count++) await side.Write(i);
            return count;
        })));
        var writes = (double)counts.Sum();
        var lasted = watch.Elapsed;
        var ofSilo = (Environment.CpuUsage.TotalTime - silo).TotalMicroseconds / writes;
        return new Turn(writes / lasted.TotalSeconds, ofSilo, ofSilo + (ServerTime() - server).TotalMicroseconds / writes, (LogSize() - log) / writes);
    }

    private static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return (sorted[sorted.Length / 2] + sorted[(sorted.Length - 1) / 2]) / 2;
    }

    private static void Print(FormattableString text) => Console.WriteLine(text.ToString(CultureInfo.InvariantCulture));

    /// <param name="OfSilo">Microseconds of processor for each write, of this process.</param>
    /// <param name="Processor">With the server's.</param>
    private sealed record Turn(double PerSecond, double OfSilo, double Processor, double Log);

    /// <summary>One of the two, with grains of its own.</summary>
    private sealed class Side(string name, IGrainStorage storage)
    {
        private readonly (GrainId Id, GrainState<byte[]> State)[][] _grains =
            [.. Enumerable.Range(0, Writers).Select(i => Enumerable.Range(0, GrainsOfEach).Select(j => (GrainId.Create("bench", $"{name}-{i}-{j}"), NewState())).ToArray())];

        // A state is another one each time: PostgreSQL leaves out of its log what a row has in common with the one before.
        private readonly byte[][] _contents = [.. Enumerable.Range(0, 7).Select(_ => RandomNumberGenerator.GetBytes(Size))];
        private readonly int[] _written = new int[Writers];

        public Task Write(int writer)
        {
            var count = _written[writer]++;
            var (id, state) = _grains[writer][count % GrainsOfEach];
            state.State = _contents[count % _contents.Length];
            return storage.WriteStateAsync(name, id, state);
        }
    }
}
