using System.Globalization;
using IvrActors.SystemTests.Harness;

namespace IvrActors.SystemTests;

/// <summary>What a call costs each part of a cluster with one, two and three silos. Run by <c>tests/Load/run --scaling</c>.</summary>
public sealed class ClusterByNumberOfSilos
{
    private const int Callers = 240, Held = 1500;
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(5);

    [Fact(Explicit = true)]
    public Task One_silo() => Measure(1);

    [Fact(Explicit = true)]
    public Task Two_silos() => Measure(2);

    [Fact(Explicit = true)]
    public Task Three_silos() => Measure(3);

    private static async Task Measure(int silos)
    {
        var names = Enumerable.Range(1, silos).Select(silo => $"silo-{silo}").ToArray();
        // One silo could do with SQLite; it has the same database, so that the number of silos is all that differs.
        await using var cluster = await IvrCluster.Create("scaling", [.. names.Select(silo => (silo, "silo")), ("edge-1", "edge")], calls: 2000, onPostgres: true);
        await cluster.Start();
        var folder = cluster["edge-1"].Folder;
        var callers = await LoadGenerator.MakeCallers(Callers, folder);
        await cluster["silo-1"].Ivr(["caller", "add"], string.Join('\n', callers) + "\n");
        var file = Path.Combine(folder, "callers");
        await File.WriteAllLinesAsync(file, callers);

        // What is compiled at first calls is not what is measured.
        await Run(cluster, names, file, "warm", "setup:rate=40,seconds=10", 400, say: false);
        await Run(cluster, names, file, "warm", "keys:at-once=20,calls=20,rate=20", 20, say: false);
        await Run(cluster, names, file, "set-up, 200 ms, BYE", "setup:rate=60,seconds=30,hold=200", 1800, say: true);
        await Run(cluster, names, file, "account, PIN, code, balance", $"keys:at-once={Callers / 2},calls={Callers / 2},rate=6", Callers / 2, say: true);

        var before = Usages(cluster, names);
        await using var held = new LoadGenerator(cluster["edge-1"], file, "127.0.1.1", $"setup:rate=75,seconds={Held / 75},hold=60000");
        await Eventually.Holds(async () => await cluster["edge-1"].Metric("ivr_calls_active") >= Held, "all are up", () => held.Output);
        var kilobytes = Usages(cluster, names).Zip(before, (now, then) => (now - then).Megabytes * 1024 / Held).ToArray();
        Say($"{silos} silos | held calls | {Held} | {Text(kilobytes[0])} KB silos | {Text(kilobytes[1])} KB edge | {Text(kilobytes[2])} KB PostgreSQL, of each call");
    }

    private static async Task Run(IvrCluster cluster, string[] silos, string callers, string what, string scenario, int calls, bool say)
    {
        var before = Usages(cluster, silos);
        var watch = System.Diagnostics.Stopwatch.StartNew();
        await using (var generator = new LoadGenerator(cluster["edge-1"], callers, "127.0.1.1", scenario)) await generator.Succeeds(s_limit);
        var seconds = watch.Elapsed.TotalSeconds;
        if (!say) return;
        var used = Usages(cluster, silos).Zip(before, (now, then) => (now - then).CpuSeconds).ToArray();
        Say($"{silos.Length} silos | {what} | {Text(calls / seconds)}/s | CPU a call: {Text(1000 * used[0] / calls)} ms silos, {Text(1000 * used[1] / calls)} ms edge, {Text(1000 * used[2] / calls)} ms PostgreSQL | {Text(calls / used[0])} calls/s of a silo's core");
    }

    /// <summary>Of all silos, of the edge, of PostgreSQL.</summary>
    private static Usage[] Usages(IvrCluster cluster, string[] silos) =>
        [silos.Select(silo => Usage.Of(cluster[silo].ProcessId)).Aggregate((one, other) => one + other), Usage.Of(cluster["edge-1"].ProcessId), Usage.Of(cluster.Postgres.ProcessId)];

    private static string Text(double value) => value.ToString("0.0", CultureInfo.InvariantCulture);

    private static void Say(string what) => TestContext.Current.TestOutputHelper?.WriteLine(what);
}
