using IvrActors.SystemTests.Harness;

namespace IvrActors.SystemTests;

/// <summary>Nodes as processes of their own, which know each other by the certificates of a private CA.</summary>
public sealed class CallsInACluster
{
    private const int Calls = 6;

    private static readonly TimeSpan s_breath = TimeSpan.FromSeconds(1.2);

    [Fact]
    public async Task A_call_at_an_edge_of_its_own_outlives_the_silo_and_goes_on_where_it_was()
    {
        Programs.Require("sipp");
        await using var cluster = await IvrCluster.Create("cluster", [("silo-1", "silo"), ("edge-1", "edge"), ("web-1", "dashboard")]);
        await cluster.Start();
        var (silo, edge) = (cluster["silo-1"], cluster["edge-1"]);
        var caller = new TestCaller();
        await silo.Enrol(caller, "4821.17");

        await using var phone = new RtpListener();
        // The PIN is keyed while there is no silo; the code when there is one again.
        await using var call = await Sipp.Call(edge, phone.Port,
            [new(s_breath, caller.Account + "#"), new(TimeSpan.FromSeconds(6), caller.Pin + "#"), new(TimeSpan.FromSeconds(10), caller.Code), new(s_breath, "1"), new(TimeSpan.FromSeconds(5), "")],
            SippEnd.HangUp, caller.Number);
        await phone.WaitFor(["enter-pin"], call.Tail);
        await silo.Kill();
        await silo.Start();
        Assert.True(await call.WaitForExit(Eventually.Limit) == 0, call.Tail());
        Assert.True(phone.Heard("your-balance-is"), phone.Recognised() + edge.Output);
        Assert.Equal(1, await edge.Metric("ivr_calls_ended_total", "reason=\"caller_hung_up\""));
        Assert.Equal(0, await silo.Metric("ivr_grain_calls_denied_total"));
        await silo.Ivr(["audit", "verify"]);
    }

    [Fact]
    public async Task A_silo_that_drains_a_database_that_goes_and_comes_back_and_a_silo_that_is_killed_lose_no_call_and_no_digit()
    {
        Programs.Require("sipp");
        await using var cluster = await IvrCluster.Create("silos", [("silo-1", "silo"), ("silo-2", "silo"), ("silo-3", "silo"), ("edge-1", "edge")]);
        await cluster.Start();
        var edge = cluster["edge-1"];
        var callers = Enumerable.Range(0, Calls).Select(_ => new TestCaller()).ToList();
        await edge.Ivr(["caller", "add"], string.Concat(callers.Select(caller => caller.ToJson("4821.17") + "\n")));
        var calls = new List<(RtpListener Phone, ChildProcess Call)>();
        var survivor = "";
        try
        {
            foreach (var caller in callers)
            {
                var phone = new RtpListener();
                calls.Add((phone, await Sipp.Call(edge, phone.Port,
                    [new(s_breath, caller.Account + "#"), new(TimeSpan.FromSeconds(5), caller.Pin + "#"), new(TimeSpan.FromSeconds(9), caller.Code), new(s_breath, "1"), new(TimeSpan.FromSeconds(5), "")],
                    SippEnd.HangUp, caller.Number)));
            }
            // Almost all of the accounts.
            await Keyed(edge, 8);
            var (drained, held) = await Busiest(cluster, ["silo-1", "silo-2", "silo-3"]);
            Assert.True(held > 0, "a silo drained that held no call"); // Else nothing could be missed.
            await using var drain = cluster["silo-1"].Begin(["drain", drained]);
            Assert.Equal(0, await cluster[drained].WaitForExit());
            Assert.Equal(0, await drain.WaitForExit(Eventually.Limit));
            Assert.EndsWith($"{drained} has ended", drain.Output.Trim(), StringComparison.Ordinal);
            // Almost all of the PINs, which are then right, and not to be answered: nobody could count a wrong one.
            await Keyed(edge, 16);
            await cluster.Database.Stop(immediate: true);
            await Eventually.Holds(() => Task.FromResult(edge.Output.Contains("failed: StorageUnavailableException", StringComparison.Ordinal)), "a PIN is keyed while the database is away", () => edge.Output);
            await cluster.Database.Resume();
            // The PINs, and the first keys of the codes.
            await Keyed(edge, 18);
            (var killed, held) = await Busiest(cluster, [.. cluster.Silos.Where(silo => silo != drained)]);
            Assert.True(held > 0, "a silo was killed that held no call");
            survivor = cluster.Silos.Single(silo => silo != drained && silo != killed);
            await cluster[killed].Kill();
            foreach (var (phone, call) in calls)
            {
                Assert.True(await call.WaitForExit(Eventually.Limit) == 0, call.Tail());
                Assert.True(phone.Heard("your-balance-is"), phone.Recognised() + string.Join('\n', cluster.Nodes.Select(node => node.Output)));
            }
            Assert.Equal(Calls, await edge.Metric("ivr_calls_ended_total", "reason=\"caller_hung_up\""));
        }
        finally
        {
            foreach (var (phone, call) in calls)
            {
                await call.DisposeAsync();
                await phone.DisposeAsync();
            }
        }
        await edge.Ivr(["audit", "verify", "--node", survivor]);
    }

    private static Task Keyed(IvrServer edge, int keys) =>
        Eventually.Holds(async () => await edge.Metric("ivr_dtmf_digits_total", "source=\"info\"") > Calls * keys, $"{keys} keys of each call came in", () => edge.Output);

    private static async Task<(string Silo, double Calls)> Busiest(IvrCluster cluster, string[] silos)
    {
        var held = await Task.WhenAll(silos.Select(async silo => (silo, await CallGrains(cluster[silo]))));
        return held.MaxBy(one => one.Item2);
    }

    private static Task<double> CallGrains(IvrServer silo) => silo.Metric("microsoft_orleans_orleans_catalog_activations", "grain_type=\"call\"");
}
