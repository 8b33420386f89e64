using IvrActors.SystemTests.Harness;

namespace IvrActors.SystemTests;

/// <summary>Whole calls by a real softphone, over TLS with SRTP, by pressed keys (RFC 4733).</summary>
public sealed class CallsWithBaresip
{
    [Fact]
    public async Task The_right_account_pin_and_code_hear_the_balance_over_tls_and_srtp()
    {
        Programs.Require("baresip");
        await using var server = IvrServer.Create("baresip");
        await server.Start();
        var caller = new TestCaller();
        await server.Enrol(caller, "640.00");
        await using var phone = await Baresip.StartSecure(Path.Combine(server.Folder, "phone"), Path.Combine(server.Data, "certs", "ca.pem"));

        // The account's transport is added by the phone.
        await phone.Dial($"sip:bank@127.0.0.1:{server.TlsPort}");
        await HearsTheBalance(phone, server, caller);

        Assert.Equal(2, await server.Metric("ivr_authentication_total", "result=\"accepted\""));
        Assert.True(await server.Metric("ivr_dtmf_digits_total", "rfc4733") >= caller.Account.Length + caller.Pin.Length + 9);
        await phone.HangUp();
        await Eventually.Holds(async () => await server.Metric("ivr_calls_active") == 0, "the call ended", () => server.Output);
    }

    [Fact]
    public async Task A_phone_with_dtls_srtp_hears_the_balance()
    {
        Programs.Require("baresip");
        await using var server = IvrServer.Create("baresip-dtls");
        await server.Start();
        var caller = new TestCaller();
        await server.Enrol(caller, "640.00");
        await using var phone = await Baresip.StartDtls(Path.Combine(server.Folder, "phone"), Path.Combine(server.Data, "certs", "ca.pem"));

        await phone.Dial($"sip:bank@127.0.0.1:{server.TlsPort}");
        await HearsTheBalance(phone, server, caller);

        Assert.Equal(1, await server.Metric("ivr_dtls_handshakes_total", "result=\"keyed\""));
        await phone.HangUp();
        await Eventually.Holds(async () => await server.Metric("ivr_calls_active") == 0, "the call ended", () => server.Output);
    }

    [Fact]
    public async Task Three_wrong_pins_lock_over_tls_and_srtp()
    {
        Programs.Require("baresip");
        await using var server = IvrServer.Create("baresip-lock");
        await server.Start();
        var caller = new TestCaller();
        await server.Enrol(caller, "640.00");
        await using var phone = await Baresip.StartSecure(Path.Combine(server.Folder, "phone"), Path.Combine(server.Data, "certs", "ca.pem"));

        // The account's transport is added by the phone.
        await phone.Dial($"sip:bank@127.0.0.1:{server.TlsPort}");
        await Hears(phone, server, "enter-account-number");
        await phone.Press(caller.Account + "#");
        foreach (var prompt in new[] { "enter-pin", "enter-pin-again", "enter-pin-again" })
        {
            await Hears(phone, server, prompt);
            await phone.Press(caller.WrongPin + "#");
        }
        await Hears(phone, server, "too-many-attempts");
        Assert.True(await server.Metric("ivr_lockouts_total") >= 1);
    }

    // Prompts in this order, each behind what was heard before.
    private static async Task HearsTheBalance(Baresip phone, IvrServer server, TestCaller caller)
    {
        await Hears(phone, server, "enter-account-number");
        await phone.Press(caller.Account + "#");
        await Hears(phone, server, "enter-pin");
        await phone.Press(caller.Pin + "#");
        await Hears(phone, server, "enter-code");
        await phone.Press(caller.Code);
        await Hears(phone, server, "main-menu");
        await phone.Press("1");
        await Hears(phone, server, "your-balance-is", "number/6", "number/hundred", "number/40", "currency/dollars");
    }

    private static Task Hears(Baresip phone, IvrServer server, params string[] prompts) =>
        Eventually.Holds(() => Task.FromResult(phone.Hears(prompts)), "heard " + string.Join(", ", prompts),
            () => $"{phone.Heard().Length / 8000.0:0.0} s heard\n{phone.Output}\n--- server:\n{server.Output}");
}
