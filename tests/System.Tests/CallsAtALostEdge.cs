using IvrActors.SystemTests.Harness;

namespace IvrActors.SystemTests;

/// <summary>An edge that is killed, with real processes.</summary>
public sealed class CallsAtALostEdge
{
    private const int Calls = 4;

    [Fact]
    public async Task Calls_of_an_edge_that_is_killed_go_on_at_another_one_and_end_there()
    {
        await using var cluster = await IvrCluster.Create("edges", [("silo-1", "silo"), ("edge-1", "edge"), ("edge-2", "edge")],
            text => text.Replace("        srtp: preferred", "        sdes_without_tls: true\n        srtp: required", StringComparison.Ordinal));
        await cluster.Start();
        var (silo, first, second) = (cluster["silo-1"], cluster["edge-1"], cluster["edge-2"]);
        // They listen, are asked what they do not answer, and hang up in order at whichever edge they are then.
        await using var load = new LoadGenerator(first, "/dev/null", "127.0.0.1", $"setup:rate={Calls},seconds=1,hold=15000", "--srtp", "AES_CM_128_HMAC_SHA1_80");
        await Eventually.Holds(async () => await first.Metric("ivr_calls_active") == Calls && await first.Metric("ivr_rtp_packets_total", "direction=\"out\"") > Calls * 50, "all calls hear their first prompt", () => load.Output);
        await first.Kill();
        await load.Succeeds(Eventually.Limit);
        // From the first packet of the other edge on.
        Assert.Contains($"{Calls} calls were taken over by another edge", load.Output, StringComparison.Ordinal);
        Assert.Equal(Calls, await silo.Metric("ivr_takeovers_total", "outcome=\"resumed\""));
        Assert.Equal(Calls, await second.Metric("ivr_calls_ended_total", "reason=\"caller_hung_up\""));
        Assert.Equal(0, await second.Metric("ivr_srtp_auth_failures_total"));
        Assert.InRange(await second.Metric("ivr_rtp_packets_total", "direction=\"in\""), 1, double.MaxValue);
        Assert.Equal(1, await silo.Metric("ivr_edges_lost_total"));
        Assert.Equal(0, await silo.Metric("ivr_grain_calls_denied_total"));
        await silo.Ivr(["audit", "verify"]);
    }
}
