using IvrActors.SystemTests.Harness;

namespace IvrActors.SystemTests;

/// <summary>Whole calls through Kamailio proxies that record-route: every request of a dialog, in both directions, takes the way through one.</summary>
public sealed class CallsThroughAProxy
{
    private static readonly TimeSpan s_breath = TimeSpan.FromSeconds(1.2);

    // How the caller speaks to the proxy, and the proxy to us.
    private static readonly (string Outer, string Inner)[] s_ways = [("udp", "udp"), ("tcp", "udp"), ("udp", "tcp"), ("udp", "tls"), ("tcp", "tls")];

    [Fact]
    public async Task Callers_behind_proxies_sign_in_over_each_pair_of_transports_and_the_flow_hangs_up_through_the_proxy()
    {
        Programs.Require("sipp");
        Programs.Require("kamailio");
        await using var server = IvrServer.Create("proxy");
        await server.Start();
        await using var overUdp = await Kamailio.InFrontOf(server, "udp");
        await using var overTcp = await Kamailio.InFrontOf(server, "tcp");
        await using var overTls = await Kamailio.InFrontOf(server, "tls");
        var callers = s_ways.Select(_ => new TestCaller()).ToArray();
        foreach (var caller in callers) await server.Enrol(caller, "640.00");

        await Task.WhenAll(s_ways.Zip(callers, (way, caller) => Calls(server, way.Inner switch { "udp" => overUdp, "tcp" => overTcp, _ => overTls }, way.Outer, caller)));

        Assert.Equal(2 * s_ways.Length, await server.Metric("ivr_authentication_total", "result=\"accepted\""));
        Assert.Equal(s_ways.Length, await server.Metric("ivr_calls_ended_total", "reason=\"flow_hung_up\""));
        foreach (var way in s_ways.GroupBy(way => way.Inner))
        {
            Assert.True(await server.Metric("ivr_sip_messages_total", $"direction=\"in\",method=\"INFO\",transport=\"{way.Key}\"") >= 20 * way.Count());
            // The answers to our BYEs came back by the same way.
            Assert.Equal(way.Count(), await server.Metric("ivr_sip_messages_total", $"direction=\"in\",method=\"BYE\",transport=\"{way.Key}\""));
        }
    }

    [Fact]
    public async Task A_phone_over_tls_reaches_us_through_a_proxy_with_its_media_encrypted_up_to_us()
    {
        Programs.Require("baresip");
        Programs.Require("kamailio");
        await using var server = IvrServer.Create("proxy-tls");
        await server.Start();
        await using var proxy = await Kamailio.InFrontOf(server, "tls");
        await using var phone = await Baresip.StartSecure(Path.Combine(server.Folder, "phone"), Path.Combine(server.Data, "certs", "ca.pem"));

        await phone.Dial($"sip:bank@127.0.0.1:{proxy.TlsPort}");
        await Eventually.Holds(() => Task.FromResult(phone.Hears(["enter-account-number"])), "heard enter-account-number",
            () => $"{phone.Output}\n--- proxy:\n{proxy.Output}\n--- server:\n{server.Output}");
        await phone.HangUp();
        await Eventually.Holds(async () => await server.Metric("ivr_calls_ended_total", "reason=\"caller_hung_up\"") == 1, "the call ended", () => server.Output);
    }

    private static async Task Calls(IvrServer server, Kamailio proxy, string outer, TestCaller caller)
    {
        await using var phone = new RtpListener();
        await using var call = await Sipp.Call(
            server, phone.Port,
            [new(s_breath, caller.Account + "#"), new(s_breath, caller.Pin + "#"), new(s_breath, caller.Code), new(TimeSpan.FromSeconds(4), "9")],
            SippEnd.AwaitBye, port: proxy.Port, tcp: outer == "tcp");
        Assert.True(await call.WaitForExit(TimeSpan.FromMinutes(2)) == 0, $"{call.Tail()}\n--- proxy:\n{proxy.Output}\n--- server:\n{server.Output}");
        Assert.True(phone.Heard("goodbye"), phone.Recognised());
    }
}
