using System.Diagnostics;
using System.Globalization;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Grains.Interfaces.Privacy;
using IvrActors.Grains.Policies;

namespace IvrActors.Bench;

/// <summary>Lockout decisions through grains, each durable and encrypted before it is answered: how many a second, and how many for each second of a processor.</summary>
internal static class LockoutBench
{
    private const int Accounts = 20_000;
    private const int InFlight = 1024;
    private static readonly TimeSpan s_warm = TimeSpan.FromSeconds(4);
    private static readonly TimeSpan s_measured = TimeSpan.FromSeconds(10);

    public static void Run() => RunAsync().GetAwaiter().GetResult();

    private static async Task RunAsync()
    {
        var folder = Directory.CreateTempSubdirectory("ivr-lockout-bench-").FullName;
        try
        {
            await using var silo = await LockoutSilo.Start(folder, new LockoutRule());
            var key = new byte[32];
            var grains = Enumerable.Range(0, Accounts)
                .Select(i => silo.Grains.GetGrain<ILockoutGrain>(ILockoutGrain.Key(CallerKey.ForAccount(key, LockoutSilo.Tenant, i.ToString(CultureInfo.InvariantCulture)), OriginClass.Unattested)))
                .ToArray();
            Console.WriteLine($"{Environment.ProcessorCount} processors, {Accounts} accounts, {InFlight} in flight. A decision is one Reserve: read, counted, encrypted, on the disk, answered.");
            Console.WriteLine($"{"what",-28} {"decisions/s",12} {"cores",6} {"per core",9} {"p50 ms",7} {"p99 ms",7}");
            // First to last: a wrong answer (the failure stands), a right one (taken back by a second write), and what is locked.
            await Measure("reserve, wrong", grains, async (grain, id) =>
            {
                await grain.Reserve(LockoutSilo.Tenant, id);
                await grain.Fail(id);
            });
            await Measure("reserve, right (2 writes)", grains, async (grain, id) =>
            {
                await grain.Reserve(LockoutSilo.Tenant, id);
                await grain.Succeed(id, complete: true);
            });
            await Measure("reserve alone", grains, (grain, id) => grain.Reserve(LockoutSilo.Tenant, id));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task Measure(string name, ILockoutGrain[] grains, Func<ILockoutGrain, string, Task> decide)
    {
        var ends = DateTime.MaxValue;
        var isMeasured = false;
        var number = 0;
        var times = new List<double>();
        var workers = Enumerable.Range(0, InFlight).Select(_ => Task.Run(async () =>
        {
            var own = new List<double>();
            while (DateTime.UtcNow < ends)
            {
                var n = Interlocked.Increment(ref number);
                var began = Stopwatch.GetTimestamp();
                await decide(grains[n % grains.Length], $"{name}-{n}");
                if (Volatile.Read(ref isMeasured)) own.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
            }
            lock (times) times.AddRange(own);
        })).ToList();
        await Task.Delay(s_warm);
        var process = Process.GetCurrentProcess();
        var (cpu, from, watch) = (process.TotalProcessorTime, Volatile.Read(ref number), Stopwatch.StartNew());
        Volatile.Write(ref isMeasured, true);
        await Task.Delay(s_measured);
        process.Refresh();
        var (seconds, used, done) = (watch.Elapsed.TotalSeconds, (process.TotalProcessorTime - cpu).TotalSeconds, Volatile.Read(ref number) - from);
        ends = DateTime.MinValue;
        await Task.WhenAll(workers);
        times.Sort();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{name,-28} {done / seconds,12:0} {used / seconds,6:0.00} {done / used,9:0} {times[times.Count / 2],7:0.0} {times[(int)(times.Count * 0.99)],7:0.0}"));
    }
}
