using IvrActors.SystemTests.Harness;

namespace IvrActors.SystemTests;

/// <summary>Whole calls by a real softphone, over TLS with SRTP, by pressed keys (RFC 4733).</summary>
public sealed class CallsWithBaresip
{
    [Fact]
    public async Task The_right_account_pin_and_code_hear_the_balance_over_tls_and_srtp_which_a_capture_does_not_show_and_a_flood_of_forged_packets_does_not_disturb()
    {
        Programs.Require("baresip");
        await using var server = IvrServer.Create("baresip");
        await server.Start();
        var caller = new TestCaller();
        await server.Enrol(caller, "640.00");
        await using var capture = await LoopbackCapture.Start(server);
        await using var phone = await Baresip.StartSecure(Path.Combine(server.Folder, "phone"), Path.Combine(server.Data, "certs", "ca.pem"), says: "goodbye");

        // The account's transport is added by the phone.
        await phone.Dial($"sip:bank@127.0.0.1:{server.TlsPort}");
        Datagram? heard = null;
        await Eventually.Holds(async () => (heard = (await capture.Datagrams()).Find(datagram => datagram.IsRtp && datagram.To <= server.MediaPorts.Last && datagram.To >= server.MediaPorts.First)) is not null,
            "the phone sends", () => phone.Output);
        int sent;
        using (var attack = new MediaAttack(heard!))
        {
            await HearsTheBalance(phone, server, caller);
            sent = attack.Sent;
        }
        var pressed = caller.Account.Length + caller.Pin.Length + "##1".Length + caller.Code.Length;
        Assert.Equal(2, await server.Metric("ivr_authentication_total", "result=\"accepted\""));
        // Not one more than the phone pressed. Of 10,000 a second those that had a tag to check were refused for it; some were lost where a busy machine did not get to them.
        Assert.Equal(pressed, await server.Metric("ivr_dtmf_digits_total", "rfc4733"));
        var refused = await server.Metric("ivr_srtp_auth_failures_total");
        Assert.True(sent >= 50_000 && refused >= 20_000, $"{sent} sent, {refused} refused");
        await phone.HangUp();
        await Eventually.Holds(async () => await server.Metric("ivr_calls_active") == 0, "the call ended", () => server.Output);

        await capture.Stop();
        ShowsNothing([.. (await capture.Datagrams()).Where(datagram => datagram.IsRtp)], heard!, pressed);
    }

    /// <summary>Neither prompts nor voice nor keys can be read in what was captured, though all of it is there.</summary>
    private static void ShowsNothing(List<Datagram> captured, Datagram ofPhone, int pressed)
    {
        byte[] prompts = [.. captured.Where(datagram => datagram.From == ofPhone.To).SelectMany(datagram => datagram.Payload.ToArray())];
        byte[] voice = [.. captured.Where(datagram => datagram.To == ofPhone.To && datagram.PayloadType == 0).SelectMany(datagram => datagram.Payload.ToArray())];
        var presses = captured.Where(datagram => datagram.To == ofPhone.To && datagram.PayloadType == 101).GroupBy(datagram => Convert.ToHexString(datagram.Timestamp)).ToList();
        Assert.True(prompts.Length > 10 * 8000 && voice.Length > 5 * 8000, $"{prompts.Length} and {voice.Length} bytes of audio");
        // That keys are pressed can be seen, and how many: not which. In clear each press would say the same key in all of its packets.
        Assert.Equal(pressed, presses.Count);
        Assert.True(presses.Count(press => press.Select(packet => packet.Payload[0]).Distinct().Count() == 1) <= 1);
        foreach (var prompt in new[] { "enter-account-number", "enter-pin", "your-balance-is", "number/6" }) Assert.Equal(-1, prompts.AsSpan().IndexOf(PromptAudio.Load(prompt).Fingerprint.AsSpan(0, 16)));
        Assert.Equal(-1, voice.AsSpan().IndexOf(PromptAudio.Load("goodbye").Fingerprint.AsSpan(0, 16)));
        // Audio has its favourite codes (silence above all), ciphertext has none.
        Assert.InRange(Commonest(PromptAudio.Load("enter-pin").Bytes), 0.02, 1);
        Assert.InRange(Commonest(prompts), 0, 0.006);
        Assert.InRange(Commonest(voice), 0, 0.006);
    }

    /// <summary>The share of the byte that is there most often; one in 256 is 0.0039.</summary>
    private static double Commonest(byte[] bytes) => bytes.CountBy(b => b).Max(count => count.Value) / (double)bytes.Length;

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
