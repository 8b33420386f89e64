using IvrActors.SystemTests.Harness;

namespace IvrActors.SystemTests;

/// <summary>Whole calls by Linphone over each transport that it speaks.</summary>
public sealed class CallsWithLinphone
{
    [Fact]
    public async Task The_right_account_pin_and_code_reach_the_menu_over_udp_tcp_and_tls()
    {
        Programs.Require("linphonec");
        await using var server = IvrServer.Create("linphone");
        await server.Start();
        string[] transports = ["udp", "tcp", "tls"];
        var callers = transports.Select(_ => new TestCaller()).ToArray();
        foreach (var caller in callers) await server.Enrol(caller, "640.00");

        await Task.WhenAll(transports.Zip(callers, (transport, caller) => Calls(server, transport, caller)));

        Assert.Equal(2 * transports.Length, await server.Metric("ivr_authentication_total", "result=\"accepted\""));
        foreach (var transport in transports)
            Assert.True(await server.Metric("ivr_sip_messages_total", $"direction=\"in\",method=\"INVITE\",transport=\"{transport}\"") >= 1, transport);
        await Eventually.Holds(async () => await server.Metric("ivr_calls_active") == 0, "the calls ended", () => server.Output);
    }

    private static async Task Calls(IvrServer server, string transport, TestCaller caller)
    {
        await using var phone = await Linphone.Start(server, transport);
        // By name: it compares a certificate with names only, not with addresses.
        await phone.Dial(transport == "tls" ? $"sip:bank@localhost:{server.TlsPort};transport=tls" : $"sip:bank@127.0.0.1:{server.SipPort};transport={transport}");
        await Hears(phone, server, "enter-account-number");
        await phone.Press(caller.Account + "#");
        await Hears(phone, server, "enter-pin");
        await phone.Press(caller.Pin + "#");
        await Hears(phone, server, "enter-code");
        await phone.Press(caller.Code);
        await Hears(phone, server, "main-menu");
        await phone.HangUp();
    }

    private static Task Hears(Linphone phone, IvrServer server, string prompt) =>
        Eventually.Holds(() => Task.FromResult(phone.Hears(prompt)), "heard " + prompt, () => $"{phone.Output}\n--- server:\n{server.Output}");
}
