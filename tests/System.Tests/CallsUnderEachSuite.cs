using System.Text.RegularExpressions;
using IvrActors.SystemTests.Harness;

namespace IvrActors.SystemTests;

/// <summary>SRTP under the suites that foreign stacks speak, offered by them and by us.</summary>
public sealed class CallsUnderEachSuite
{
    [Fact]
    public async Task Linphone_offers_aes_of_256_bits_in_counter_mode_and_is_heard_and_hears()
    {
        Programs.Require("linphonec");
        await using var server = IvrServer.Create("suite-linphone");
        await server.Start();
        await using var phone = await Linphone.Start(server, "tls", suites: "AES_256_CM_HMAC_SHA1_80");
        await phone.Dial($"sip:bank@localhost:{server.TlsPort};transport=tls");
        await Hears("enter-account-number");
        await phone.Press(new TestCaller().Account + "#");
        await Hears("enter-pin");
        await phone.HangUp();

        Task Hears(string prompt) => Eventually.Holds(() => Task.FromResult(phone.Hears(prompt)), "heard " + prompt, () => $"{phone.Output}\n--- server:\n{server.Output}");
    }

    /// <summary>
    /// Baresip takes the first suite of an offer that it knows. The first of these calls is made with all that we offer, as a trunk does that says nothing about it; the last one
    /// with a fingerprint in place of keys, and ICE, of which baresip knows nothing.
    /// </summary>
    [Fact]
    public async Task Baresip_is_called_under_each_suite_that_it_speaks()
    {
        Programs.Require("baresip");
        Programs.Require("sipp");
        string[] suites = ["", "AEAD_AES_256_GCM", "AEAD_AES_128_GCM", "AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32"];
        var port = Ports.Free();
        await using var server = IvrServer.Create("suite-baresip", (yaml, folder) => WithTrunks(yaml, folder, suites, port));
        await server.Start();
        for (var i = 0; i < suites.Length; i++)
        {
            var suite = suites[i].Length > 0 ? suites[i] : "AEAD_AES_256_GCM";
            await IsCalled(server, port, key: $"{i + 1}", "srtp-mand", $"SRTP is Enabled (cryptosuite={suite})");
        }
        await IsCalled(server, port, key: $"{suites.Length + 1}", "dtls_srtp;rtcp_mux=yes", "DTLS-SRTP complete (audio/RTP) Profile=");
        Assert.Equal(1, await server.Metric("ivr_dtls_handshakes_total", "result=\"keyed\""));
        await Eventually.Holds(async () => await server.Metric("ivr_calls_active") == 0, "the calls ended", () => server.Output);
        Assert.Equal(0, await server.Metric("ivr_srtp_auth_failures_total"));
    }

    private static async Task IsCalled(IvrServer server, int port, string key, string protection, string says)
    {
        await using var callee = await Baresip.Start(
            Path.Combine(server.Folder, "callee" + key), Path.Combine(server.Data, "certs", "ca.pem"), $"<sip:desk@127.0.0.1>;regint=0;answermode=auto;mediaenc={protection};audio_codecs=PCMU", says: "welcome", port);
        await using var caller = new RtpListener(says: "goodbye");
        await using var call = await Sipp.Call(server, caller.Port, [new(TimeSpan.FromSeconds(1.2), key)], SippEnd.AwaitBye, called: "out");
        string Detail() => $"{protection}, {says}\n{callee.Output}\n{call.Tail()}\n--- server:\n{server.Output}";
        await caller.WaitFor(["welcome"], Detail);
        await Eventually.Holds(() => Task.FromResult(callee.Hears(["goodbye"])), "the callee heard goodbye", Detail);
        Assert.Contains(says, callee.Output, StringComparison.Ordinal);
        await callee.HangUp();
        Assert.True(await call.WaitForExit(Eventually.Limit) == 0, Detail());
    }

    /// <summary>The repository's cluster with a trunk for each suite and one of DTLS-SRTP, all to the same telephone, and a flow that calls by the one whose number is pressed.</summary>
    private static string WithTrunks(string yaml, string folder, string[] suites, int port)
    {
        var flows = Directory.CreateDirectory(Path.Combine(folder, "flows")).FullName;
        File.Copy(Repository.At("flows", "bank.yaml"), Path.Combine(flows, "bank.yaml"));
        var keys = Enumerable.Range(1, suites.Length + 1).ToList();
        File.WriteAllText(Path.Combine(flows, "out.yaml"), $$"""
            flow: out
            language: en
            start: menu
            steps:
              menu:
                menu: [main-menu]
                choices: { {{string.Join(", ", keys.Select(key => $"\"{key}\": call{key}"))}} }
                no_input: [sorry-no-input]
                no_match: [sorry-no-match]
                on: { failed: bye }
            {{string.Join('\n', keys.Select(key => $"  call{key}: {{ transfer: desk, mode: bridge, trunk: suite{key}, play: [transferring], on: {{ failed: bye }} }}"))}}
              bye: { hang_up: true, play: [sorry-no-match] }

            """);
        yaml = Regex.Replace(yaml, @"flows: \S+", $"flows: {flows}");
        yaml = yaml.Replace("numbers: { bank: bank }", "numbers: { bank: bank, out: out }", StringComparison.Ordinal);
        yaml = Regex.Replace(yaml, "transfer_targets: .*", $"transfer_targets: {{ agent: \"sip:agent@127.0.0.1:5080\", desk: \"sip:desk@127.0.0.1:{port}\" }}\n    outbound: {{ prices: {{ \"+49\": 2 }}, spend: {{ hour: 500, day: 1000 }} }}");
        return Regex.Replace(yaml, "(trusts_caller_identity: false.*\n)", "$1" + string.Concat(keys.Select(key => $$"""
                  - name: suite{{key}}
                    outbound: { proxy: "sip:127.0.0.1:{{port}}" }
                    destinations: ["sip:desk@127.0.0.1:{{port}}"]
                    sdes_without_tls: true
                    {{(key > suites.Length ? "srtp_offers: dtls" : suites[key - 1].Length > 0 ? $"srtp_suites: [{suites[key - 1]}]" : "")}}

            """)));
    }
}
