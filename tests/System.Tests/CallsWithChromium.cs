using System.Globalization;
using System.Text.RegularExpressions;
using IvrActors.SystemTests.Harness;
using OtpNet;

namespace IvrActors.SystemTests;

/// <summary>The dashboard's telephone in a real browser: its SIP over WSS (RFC 7118), its ICE, its DTLS-SRTP (RFC 5764) and its keys (RFC 4733).</summary>
public sealed partial class CallsWithChromium
{
    private const string Password = "correct horse battery";

    /// <summary>No address lets anybody in: without a pass of the dashboard there is no call.</summary>
    private const string Operators = """
        - name: operators
          digest: { realm: ivr.test, operators: true }
        """;

    [Fact]
    public async Task An_operator_signs_in_calls_from_the_page_hears_prompts_keys_in_and_hears_the_balance_all_encrypted()
    {
        Programs.Require("chromium");
        await using var server = IvrServer.Create("chromium", (yaml, _) => ClusterFile.WithTrunks(yaml, Operators));
        await server.Start();
        var caller = new TestCaller();
        await server.Enrol(caller, "4821.17");
        using var browser = Chromium.Open(server);
        await SignIn(server, browser);
        browser.Click("nav a[href='/phone']");
        await browser.Shows("[data-phone=idle]");
        Assert.Equal("bank", browser.Run<string>("return document.getElementById('number').value"));

        browser.Click("[data-phone-call]");
        await browser.Shows("[data-phone=talking]", () => server.Output);
        await IsHeard(server, browser, "collect", 1);
        await browser.Shows("[data-phone-media].on", () => server.Output);
        Assert.Equal("Signalling: encrypted, TLS (WSS)", browser.Text("[data-phone-signalling] span"));
        Assert.Matches("^Speech and keys: encrypted, DTLS-SRTP, AEAD_AES_256_GCM; agreed by DTLS 1\\.2, TLS_ECDHE_ECDSA_WITH_AES_(128|256)_GCM_SHA(256|384)$", browser.Text("[data-phone-media] span"));

        Press(browser, caller.Account);
        await IsHeard(server, browser, "authenticate", 1);
        Press(browser, caller.Pin + "#");
        // The same step asks for the code.
        await Eventually.Holds(async () => await server.Metric("ivr_authentication_total", "factor=\"pin\",result=\"accepted\"") == 1, "the PIN is accepted", () => server.Output);
        await IsHeard(server, browser, "authenticate", 1);
        Press(browser, caller.Code);
        await IsHeard(server, browser, "menu", 1);
        Press(browser, "1");
        // The welcome was the first; the balance is the second, and the menu comes again when it was said.
        await IsHeard(server, browser, "play", 2);
        await Reaches(server, browser, "menu", 2);
        Assert.Matches("^0:[0-9]{2}$", browser.Text("[data-phone-time]"));
        KeepsNoKey(browser, caller);
        browser.Click("[data-phone-end]");
        await browser.Shows("[data-phone=idle]");

        await Eventually.Holds(async () => await server.Metric("ivr_calls_ended_total", "reason=\"caller_hung_up\"") == 1, "the call ended", () => server.Output);
        await HasNothingThatFailed(server, browser);
        Assert.Contains("phone.pass", await server.Ivr(["audit", "export"]), StringComparison.Ordinal);
    }

    /// <summary>For docs/images: <c>dotnet run --project tests/System.Tests -c Release -- -explicit only -class '*CallsWithChromium*'</c> writes it to the folder IVR_SCREENSHOTS.</summary>
    [Fact(Explicit = true)]
    public async Task A_picture_of_the_phone_in_a_call()
    {
        var folder = Environment.GetEnvironmentVariable("IVR_SCREENSHOTS") ?? Path.GetTempPath();
        await using var server = IvrServer.Create("picture", (yaml, _) => ClusterFile.WithTrunks(yaml, Operators));
        await server.Start();
        using var browser = Chromium.Open(server);
        await SignIn(server, browser);
        browser.Click("nav a[href='/phone']");
        await browser.Shows("[data-phone=idle]");
        browser.Click("[data-phone-call]");
        await browser.Shows("[data-phone-media].on", () => server.Output);
        Press(browser, "1234");
        await IsHeard(server, browser, "collect", 1);
        browser.Shoot(Path.Combine(folder, "phone.png"), width: 1360, height: 640);
    }

    /// <summary>Sets an operator up by an invitation and an authenticator app, and signs in with what came of it.</summary>
    private static async Task SignIn(IvrServer server, Chromium browser)
    {
        browser.Go(Link().Match(await server.Ivr(["operator", "invite", "operator"])).Value);
        browser.Type("#name", "olga");
        browser.Type("#password", Password);
        browser.Type("#again", Password);
        browser.Click("main button.primary");
        await browser.Shows("#key");
        browser.Type("#code", new Totp(Base32Encoding.ToBytes(browser.Text("#key").Replace(" ", "", StringComparison.Ordinal))).ComputeTotp());
        browser.Click("main button.primary");
        await browser.Shows("#recovery-codes");
        var code = browser.Texts("#recovery-codes li")[0];
        browser.Click("a.primary");
        await browser.Shows(".who form");
        browser.Click(".who form button");
        await browser.Shows("#password");
        browser.Type("#name", "olga");
        browser.Type("#password", Password);
        browser.Type("#code", code); // Its app's code was used a moment ago, and counts once.
        browser.Click("main button.primary");
        await browser.Shows("nav a[href='/phone']");
    }

    private static void Press(Chromium browser, string keys)
    {
        foreach (var key in keys) browser.Click($"[data-key='{key}']");
    }

    private static Task Reaches(IvrServer server, Chromium browser, string kind, int times) =>
        Eventually.Holds(async () => await server.Metric("ivr_flow_steps_total", $"flow=\"bank\",kind=\"{kind}\"") == times, $"step {kind} for the {times}. time", () => $"{browser.Said}\n{server.Output}");

    /// <summary>Waits for a step, and for a tenth of a second of speech in the browser from then on.</summary>
    private static async Task IsHeard(IvrServer server, Chromium browser, string kind, int times)
    {
        await Reaches(server, browser, kind, times);
        var before = Energy(browser);
        await Eventually.Holds(() => Task.FromResult(Energy(browser) > before + Speech), $"{kind} {times} is heard", () => $"energy {Energy(browser)} after {before}\n{browser.Said}\n{server.Output}");
    }

    /// <summary>Mean square of the samples (1 is the loudest) times seconds: a tenth of a second of what the prompts have at -20 dB.</summary>
    private const double Speech = 0.001;

    private static double Energy(Chromium browser) => double.Parse(browser.Run<string>("return document.querySelector('[data-phone]').dataset.energy ?? '0'"), CultureInfo.InvariantCulture);

    /// <summary>Neither on the page, in its attributes, nor in what the browser keeps or its console says.</summary>
    private static void KeepsNoKey(Chromium browser, TestCaller caller)
    {
        var kept = browser.Run<string>("return document.documentElement.outerHTML + JSON.stringify(localStorage) + JSON.stringify(sessionStorage)") + browser.Said;
        Assert.All([caller.Account, caller.Pin], secret => Assert.DoesNotContain(secret, kept, StringComparison.Ordinal));
        Assert.DoesNotContain("Content Security Policy", browser.Console, StringComparison.Ordinal);
    }

    private static async Task HasNothingThatFailed(IvrServer server, Chromium browser)
    {
        string Detail() => $"{browser.Said}\n{server.Output}";
        Assert.True(await server.Metric("ivr_sip_messages_total", "direction=\"in\",method=\"BYE\",transport=\"wss\"") == 1, Detail());
        Assert.True(await server.Metric("ivr_dtls_handshakes_total", "result=\"keyed\"") == 1, Detail());
        Assert.True(await server.Metric("ivr_dtls_handshakes_total") == 1, Detail());
        Assert.Equal(0, await server.Metric("ivr_srtp_auth_failures_total"));
        // The account, the PIN and its #, the code, and the choice.
        Assert.Equal(24, await server.Metric("ivr_dtmf_digits_total", "source=\"rfc4733\""));
        Assert.Equal(24, await server.Metric("ivr_dtmf_digits_total"));
        Assert.Equal(2, await server.Metric("ivr_authentication_total", "result=\"accepted\""));
        Assert.Equal(2, await server.Metric("ivr_authentication_total"));
        Assert.Equal(1, await server.Metric("ivr_sip_authentications_total", "result=\"accepted\""));
        Assert.Equal(0, await server.Metric("ivr_source_offences_total"));
    }

    [GeneratedRegex("https://\\S+")]
    private static partial Regex Link();
}
