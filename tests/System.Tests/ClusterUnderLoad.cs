using System.Globalization;
using IvrActors.SystemTests.Harness;

namespace IvrActors.SystemTests;

/// <summary>
/// What a cluster of two edges and three silos over PostgreSQL does under calls when parts of it go away. Minutes long, and wants the machine for itself: run by
/// <c>tests/Load/run --cluster</c>, not with the other tests.
/// </summary>
public sealed class ClusterUnderLoad
{
    private const int Calls = 200;
    private static readonly string[] s_edges = ["edge-1", "edge-2"];
    private static readonly string[] s_silos = ["silo-1", "silo-2", "silo-3"];
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(6);

    /// <summary>Half of the calls at each edge, all of which answer within the marks when a silo dies.</summary>
    private static string Keys(int calls) => $"keys:at-once={Calls / 2},calls={calls},rate=7,answer=40,silence=1000,control=5000";

    [Theory(Explicit = true)]
    [InlineData("any")]
    [InlineData("the one with most calls")]
    [InlineData("two, 20 s apart")]
    public async Task Silos_that_are_killed_while_200_calls_key_PINs_lose_no_call_and_no_digit(string which)
    {
        await using var cluster = await Begin();
        var two = which.StartsWith("two", StringComparison.Ordinal);
        // Of two deaths the second must find as many calls as the first.
        await using var generators = await Generators.Start(cluster, Keys(two ? Calls : Calls / 2));
        await AllCallsAreUp(cluster, generators);
        var byCalls = await SilosByCalls(cluster);
        await Kill(cluster, which == "any" ? byCalls[^1] : byCalls[0]);
        if (two)
        {
            await Task.Delay(TimeSpan.FromSeconds(20));
            var left = s_silos.Where(silo => silo != byCalls[0].Name).ToArray();
            await Kill(cluster, (await SilosByCalls(cluster, left))[0]);
        }
        await generators.Succeed(s_limit);
        await CheckBooks(cluster);
    }

    [Fact(Explicit = true)]
    public async Task A_rolling_restart_of_all_silos_fails_no_call_of_50_a_second()
    {
        await using var cluster = await Begin();
        await using var generators = await Generators.Start(cluster, "setup:rate=25,seconds=180,hold=2000");
        await Task.Delay(TimeSpan.FromSeconds(10));
        foreach (var silo in s_silos)
        {
            var from = DateTime.UtcNow;
            await cluster[silo].Stop();
            Say($"{silo} was drained and ended within {(DateTime.UtcNow - from).TotalSeconds:0.0} s");
            await cluster[silo].Start();
            Say($"{silo} is ready again {(DateTime.UtcNow - from).TotalSeconds:0.0} s after it was asked to stop");
            await Task.Delay(TimeSpan.FromSeconds(10));
        }
        await generators.Succeed(s_limit);
        await CheckBooks(cluster);
    }

    [Fact(Explicit = true)]
    public async Task A_database_that_is_gone_for_20_s_fails_no_call_and_loses_nothing()
    {
        await using var cluster = await Begin();
        await using var generators = await Generators.Start(cluster, $"keys:at-once={Calls / 2},calls={Calls},rate=7,answer=60,silence=1000");
        await AllCallsAreUp(cluster, generators);
        await cluster.Postgres.Stop(immediate: true);
        Say("PostgreSQL was killed");
        await Task.Delay(TimeSpan.FromSeconds(20));
        await cluster.Postgres.Resume();
        Say("PostgreSQL runs again");
        await generators.Succeed(s_limit);
        await CheckBooks(cluster);
    }

    [Fact(Explicit = true)]
    public async Task A_silo_that_stands_still_for_30_s_does_no_harm_when_it_comes_back()
    {
        await using var cluster = await Begin();
        await using var generators = await Generators.Start(cluster, Keys(Calls));
        await AllCallsAreUp(cluster, generators);
        // Somebody guesses the PIN of one account all the while: before, when the silo that may hold its lockout stands still, and when it is back and knows less than the others.
        var victim = new TestCaller();
        var frozen = (await SilosByCalls(cluster))[0].Name;
        await cluster[s_silos.First(silo => silo != frozen)].Enrol(victim, "1.00");
        var guesses = new List<Task> { Guess(cluster["edge-1"], victim) };
        await Task.Delay(TimeSpan.FromSeconds(8));
        await cluster[frozen].Signal("STOP");
        Say($"{frozen} stands still");
        for (var second = 0; second < 30; second += 10)
        {
            guesses.Add(Guess(cluster["edge-1"], victim));
            await Task.Delay(TimeSpan.FromSeconds(10));
        }
        await cluster[frozen].Signal("CONT");
        Say($"{frozen} goes on");
        guesses.Add(Guess(cluster["edge-2"], victim));
        await Task.WhenAll(guesses);
        await generators.Succeed(s_limit);
        var survivor = s_silos.First(silo => silo != frozen);
        var locks = await cluster[survivor].Ivr(["lockout", "list", "--node", survivor]);
        Say(locks);
        // As many as the lock allows were looked at, whoever counted them, and none twice.
        Assert.Matches($@"(?m)^\S*{victim.Account}\S*\s+3\s", locks);
        // It was declared dead meanwhile, and ends itself when it learns so.
        await Eventually.Holds(() => Task.FromResult(cluster[frozen].HasEnded), $"{frozen} ended itself", () => cluster[frozen].Output);
        await CheckBooks(cluster, refused: 3);
    }

    [Fact(Explicit = true)]
    public async Task A_silo_whose_clock_is_off_by_5_minutes_decides_nothing()
    {
        var library = Directory.EnumerateFiles("/usr/lib", "libfaketime.so.1", SearchOption.AllDirectories).FirstOrDefault();
        if (library is null) Programs.Lack("faketime is not installed: apt-get install faketime");
        await using var cluster = await Create();
        var offset = Path.Combine(cluster[s_silos[0]].Folder, "offset");
        var environment = new Dictionary<string, string>
        {
            ["LD_PRELOAD"] = library!,
            ["FAKETIME_TIMESTAMP_FILE"] = offset,
            ["FAKETIME_NO_CACHE"] = "1",
            // Only the clock that is set; waits go by the other.
            ["FAKETIME_DONT_FAKE_MONOTONIC"] = "1",
            ["FAKETIME_FORCE_MONOTONIC_FIX"] = "0",
        };
        foreach (var node in cluster.Nodes.Skip(1)) await node.Start();
        await File.WriteAllTextAsync(offset, "+300");
        Assert.Contains("ahead of the database's", Shown(await cluster[s_silos[0]].IsRefused(environment)), StringComparison.Ordinal);
        await File.WriteAllTextAsync(offset, "-300");
        Assert.Contains("behind the database's", Shown(await cluster[s_silos[0]].IsRefused(environment)), StringComparison.Ordinal);

        await File.WriteAllTextAsync(offset, "+0");
        await cluster[s_silos[0]].Start(environment: environment);
        await using var generators = await Generators.Start(cluster, "setup:rate=10,seconds=40,hold=5000");
        await Eventually.Holds(async () => (await SilosByCalls(cluster, [s_silos[0]]))[0].Calls > 0, "the silo holds calls", () => generators.Output);
        await File.WriteAllTextAsync(offset, "+300");
        Say("the clock of silo-1 was set 5 minutes ahead");
        await Eventually.Holds(() => Task.FromResult(cluster[s_silos[0]].HasEnded), "silo-1 ended itself", () => cluster[s_silos[0]].Output);
        Say("silo-1 has ended: " + Shown(cluster[s_silos[0]].Output));
        await generators.Succeed(s_limit);
        await CheckBooks(cluster);
    }

    /// <summary>Three wrong PINs by somebody who knows the number; however the call ends is right.</summary>
    private static async Task Guess(IvrServer edge, TestCaller victim)
    {
        await using var phone = new RtpListener();
        var again = TimeSpan.FromSeconds(6);
        await using var call = await Sipp.Call(edge, phone.Port,
            [new(TimeSpan.FromSeconds(1.2), victim.Account + "#"), new(TimeSpan.FromSeconds(1.2), victim.WrongPin + "#"), new(again, victim.WrongPin + "#"), new(again, victim.WrongPin + "#")], SippEnd.AwaitBye);
        await call.WaitForExit(TimeSpan.FromMinutes(3));
    }

    private static string Shown(string output) => output.Split('\n').LastOrDefault(line => line.Contains("The clock of this node", StringComparison.Ordinal)) ?? output;

    private static async Task<IvrCluster> Begin()
    {
        var cluster = await Create();
        try
        {
            await cluster.Start();
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    private static Task<IvrCluster> Create() => IvrCluster.Create("load", [.. s_silos.Select(silo => (silo, "silo")), .. s_edges.Select(edge => (edge, "edge"))], calls: 1000);

    /// <summary>The last ones begin 14 s after the first, when those in the middle key their PINs and the first have the menu.</summary>
    private static Task AllCallsAreUp(IvrCluster cluster, Generators generators) =>
        Eventually.Holds(async () => await cluster.Sum(s_edges, "ivr_calls_active", "") >= Calls, $"{Calls} calls are up", () => generators.Output);

    /// <summary>Who holds most calls comes first.</summary>
    private static async Task<(string Name, double Calls)[]> SilosByCalls(IvrCluster cluster, string[]? of = null)
    {
        var silos = new List<(string Name, double Calls)>();
        foreach (var silo in of ?? s_silos) silos.Add((silo, await cluster[silo].Metric("microsoft_orleans_orleans_catalog_activations", "grain_type=\"call\"")));
        return [.. silos.OrderByDescending(silo => silo.Calls)];
    }

    private static async Task Kill(IvrCluster cluster, (string Name, double Calls) silo)
    {
        Assert.True(silo.Calls > 0, "a silo was killed that held no call"); // Else nothing could be missed.
        await cluster[silo.Name].Kill();
        Say(string.Create(CultureInfo.InvariantCulture, $"{silo.Name} was killed, which held {silo.Calls:0} calls"));
    }

    /// <summary>No answer was taken for wrong, every call's end is written, and the ledger is whole.</summary>
    /// <param name="refused">Wrong answers that there may have been.</param>
    private static async Task CheckBooks(IvrCluster cluster, int refused = 0)
    {
        var alive = s_silos.First(silo => !cluster[silo].HasEnded);
        Assert.InRange(await cluster.Sum(s_silos.Where(silo => !cluster[silo].HasEnded), "ivr_authentication_total", "result=\"refused\""), 0, refused);
        await Eventually.Holds(async () => (await SilosByCalls(cluster, [.. s_silos.Where(silo => !cluster[silo].HasEnded)])).Sum(silo => silo.Calls) == 0, "no call is left");
        Say(await cluster[alive].Ivr(["audit", "verify", "--node", alive]));
    }

    private static void Say(string what) => TestContext.Current.TestOutputHelper?.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{DateTime.UtcNow:HH:mm:ss.fff} {what}"));

    /// <summary>One generator for each edge, each with half of the callers; the edges are warm.</summary>
    private sealed class Generators(IvrCluster cluster) : IAsyncDisposable
    {
        private const int Callers = 2 * Calls, Warming = 20;
        private static readonly string[] s_refusals = ["ivr_call_rejections_total{", "ivr_calls_shed_total{", "ivr_calls_ended_total{", "ivr_limit_decisions_total{"];
        private readonly List<LoadGenerator> _generators = [];

        public string Output => string.Join('\n', _generators.Select(generator => generator.Output));

        public static async Task<Generators> Start(IvrCluster cluster, string scenario)
        {
            var folder = cluster[s_edges[0]].Folder;
            var callers = await LoadGenerator.MakeCallers(Callers + Warming * s_edges.Length, folder);
            await cluster[s_silos[^1]].Ivr(["caller", "add"], string.Join('\n', callers) + "\n");
            async Task<string> Share(string name, IEnumerable<string> of)
            {
                var file = Path.Combine(folder, name);
                await File.WriteAllLinesAsync(file, of);
                return file;
            }
            // What is compiled and cached at first calls is not what is measured.
            for (var i = 0; i < s_edges.Length; i++)
            {
                await using var warming = new LoadGenerator(cluster[s_edges[i]], await Share($"warming-{i}", callers.Skip(Callers + i * Warming).Take(Warming)), $"127.0.1.{i + 1}", $"keys:at-once={Warming},calls={Warming},rate=10");
                await warming.Succeeds(s_limit);
            }
            var generators = new Generators(cluster);
            for (var i = 0; i < s_edges.Length; i++)
                generators._generators.Add(new LoadGenerator(cluster[s_edges[i]], await Share($"callers-{i}", callers.Skip(i * Calls).Take(Calls)), $"127.0.1.{i + 1}", scenario));
            return generators;
        }

        public async Task Succeed(TimeSpan limit)
        {
            foreach (var generator in _generators) await generator.Ended(limit);
            // Why edges turned calls away, should one fail.
            foreach (var edge in s_edges) Say(edge + ":\n" + string.Join('\n', (await cluster[edge].Metrics()).Split('\n').Where(line => s_refusals.Any(name => line.StartsWith(name, StringComparison.Ordinal)))));
            foreach (var generator in _generators) await generator.Succeeds(limit);
        }

        public async ValueTask DisposeAsync()
        {
            foreach (var generator in _generators) await generator.DisposeAsync();
        }
    }
}
