using System.Text.RegularExpressions;
using IvrActors.SystemTests.Harness;

namespace IvrActors.SystemTests;

/// <summary>Callers who are bridged by a trunk with somebody else: foreign stacks on both ends, encryption on one, money and records in between.</summary>
public sealed class BridgedCalls
{
    // The carrier is told from callers by its address.
    private const string CarrierAddress = "127.0.0.9";
    private const string Number = "+4930123456";

    private static readonly TimeSpan s_breath = TimeSpan.FromSeconds(1.2);

    [Fact]
    public async Task A_caller_with_srtp_talks_with_a_callee_without_and_hangs_up()
    {
        Programs.Require("baresip");
        var port = Ports.Free();
        await using var server = await Started("bridge-srtp", port);
        await using var callee = new RtpListener(CarrierAddress, says: "welcome");
        await using var telephone = await Sipp.Callee(server, CarrierAddress, port, callee.Port, SippCallee.Answers);
        await using var phone = await Baresip.StartSecure(Path.Combine(server.Folder, "phone"), Path.Combine(server.Data, "certs", "ca.pem"), says: "goodbye");

        await phone.Dial($"sip:out@127.0.0.1:{server.TlsPort}");
        await Hears(phone, server, "main-menu");
        await phone.Press("1");
        await Hears(phone, server, "transferring");
        // Each hears what the other says: over SRTP here, over plain RTP there.
        await Hears(phone, server, "welcome");
        await callee.WaitFor(["goodbye"], () => telephone.Tail() + server.Output);
        await Eventually.Holds(async () => await server.Metric("ivr_rtp_relayed_total") > 100, "speech is passed on", () => server.Output);
        Assert.Equal(1, await server.Metric("ivr_bridges_active", "trunk=\"carrier\""));

        await phone.HangUp();
        Assert.True(await telephone.WaitForExit(Eventually.Limit) == 0, telephone.Tail() + server.Output);
        await Eventually.Holds(async () => await server.Metric("ivr_bridges_ended_total", "outcome=\"answered\"") == 1, "the call out ended", () => server.Output);
        Assert.Equal(0, await server.Metric("ivr_calls_active"));
        Assert.InRange(await server.Metric("ivr_outbound_charged_minor_total"), 2, 6);

        var export = await Export(server);
        Assert.Matches("outbound\\.permitted.*seconds=\\d+ price=2 trunk=carrier to=n:", export);
        Assert.Matches("outbound\\.ended.*answered status=200 seconds=\\d+ charged=\\d+ trunk=carrier to=n:", export);
        AssertNoNumber(server, export, "30123456");
    }

    [Fact]
    public async Task The_callee_hangs_up_and_the_caller_gets_the_bye()
    {
        var port = Ports.Free();
        await using var server = await Started("bridge-bye", port, logLevel: "trace");
        await using var callee = new RtpListener(CarrierAddress, says: "welcome");
        await using var telephone = await Sipp.Callee(server, CarrierAddress, port, callee.Port, SippCallee.HangsUp);
        await using var phone = new RtpListener(says: "goodbye");
        // The number that the caller keys, in the way of the trunk's country.
        await using var call = await Sipp.Call(server, phone.Port, [new(s_breath, "2"), new(s_breath, "030123456#")], SippEnd.AwaitBye, called: "out");
        await phone.WaitFor(["welcome"], () => call.Tail() + telephone.Tail() + server.Output);
        await callee.WaitFor(["goodbye"], () => call.Tail() + telephone.Tail() + server.Output);
        Assert.True(await call.WaitForExit(Eventually.Limit) == 0, call.Tail() + server.Output);
        Assert.True(await telephone.WaitForExit(Eventually.Limit) == 0, telephone.Tail() + server.Output);
        Assert.Equal(1, await server.Metric("ivr_calls_ended_total", "reason=\"callee_hung_up\""));
        AssertNoNumber(server, await Export(server), "30123456");
    }

    [Fact]
    public async Task A_callee_who_is_busy_leaves_the_caller_to_the_flow()
    {
        var port = Ports.Free();
        await using var server = await Started("bridge-busy", port);
        await using var telephone = await Sipp.Callee(server, CarrierAddress, port, 9, SippCallee.Busy);
        await using var phone = new RtpListener();
        await using var call = await Sipp.Call(server, phone.Port, [new(s_breath, "1")], SippEnd.AwaitBye, called: "out");
        await phone.WaitFor(["transfer-failed"], () => call.Tail() + telephone.Tail() + server.Output);
        Assert.True(await call.WaitForExit(Eventually.Limit) == 0, call.Tail() + server.Output);
        Assert.True(await telephone.WaitForExit(Eventually.Limit) == 0, telephone.Tail() + server.Output);
        Assert.Equal(0, await server.Metric("ivr_outbound_charged_minor_total"));
    }

    [Theory]
    [InlineData("09001234567", "premium")]
    [InlineData("0043123456789", "not-on-trunk")]
    public async Task Whom_nobody_lists_is_not_called_and_the_record_says_so(string keyed, string reason)
    {
        await using var server = await Started("bridge-denied", Ports.Free());
        await using var phone = new RtpListener();
        await using var call = await Sipp.Call(server, phone.Port, [new(s_breath, "2"), new(s_breath, keyed + "#")], SippEnd.AwaitBye, called: "out");
        await phone.WaitFor(["sorry-no-match"], () => call.Tail() + server.Output);
        Assert.True(await call.WaitForExit(Eventually.Limit) == 0, call.Tail() + server.Output);
        Assert.Equal(1, await server.Metric("ivr_outbound_refused_total", $"reason=\"{reason}\""));
        Assert.Equal(0, await server.Metric("ivr_outbound_permitted_total"));
        Assert.Matches($"outbound call refused: reason={reason} tenant=demo trunk=carrier call=call-", server.Output);
        var export = await Export(server);
        Assert.Matches($"outbound\\.refused.*{reason} trunk=carrier to=n:", export);
        AssertNoNumber(server, export, keyed.TrimStart('0'));
    }

    private static async Task<IvrServer> Started(string name, int carrierPort, string logLevel = "information")
    {
        Programs.Require("sipp");
        var server = IvrServer.Create(name, (yaml, folder) => WithCarrier(yaml, folder, carrierPort));
        await server.Start(logLevel);
        return server;
    }

    /// <summary>The repository's cluster with a flow that calls out and a trunk to do it by.</summary>
    private static string WithCarrier(string yaml, string folder, int port)
    {
        var flows = Directory.CreateDirectory(Path.Combine(folder, "flows")).FullName;
        File.Copy(Repository.At("flows", "bank.yaml"), Path.Combine(flows, "bank.yaml"));
        File.WriteAllText(Path.Combine(flows, "out.yaml"), Flow);
        yaml = Regex.Replace(yaml, @"flows: \S+", $"flows: {flows}");
        yaml = yaml.Replace("numbers: { bank: bank }", "numbers: { bank: bank, out: out }", StringComparison.Ordinal);
        yaml = Regex.Replace(yaml, "transfer_targets: .*", $$"""
            transfer_targets: { agent: "sip:agent@127.0.0.1:5080", desk: "{{Number}}" }
                outbound: { prices: { "+49": 2 }, spend: { hour: 500, day: 1000 } }
            """);
        return Regex.Replace(yaml, "(trusts_caller_identity: false.*\n)", $$"""
            $1      - name: carrier
                    from: [{{CarrierAddress}}/32]
                    outbound: { proxy: "sip:{{CarrierAddress}}:{{port}}", caller_id: "+493012345" }
                    destinations: ["+49"]
                    region: DE
                    srtp: off

            """);
    }

    private const string Flow = """
        flow: out
        language: en
        start: menu
        steps:
          menu:
            menu: [main-menu]
            choices: { "1": desk, "2": ask }
            no_input: [sorry-no-input]
            no_match: [sorry-no-match]
            on: { failed: bye }
          desk: { transfer: desk, mode: bridge, trunk: carrier, play: [transferring], on: { failed: bye, busy: busy } }
          ask:
            collect: number
            digits: { min: 4, max: 16 }
            secret: false
            prompt: [enter-account-number]
            no_input: [sorry-no-input]
            no_match: [sorry-no-match]
            on: { next: call, failed: bye }
          call: { transfer: { digits: number }, from_input: allowed, mode: bridge, trunk: carrier, on: { failed: bye, refused: refused } }
          busy: { hang_up: true, play: [transfer-failed] }
          refused: { hang_up: true, play: [sorry-no-match] }
          bye: { hang_up: true, play: [goodbye] }
        """;

    private static async Task<string> Export(IvrServer server)
    {
        await server.Stop();
        await server.Ivr(["audit", "verify"]);
        return await server.Ivr(["audit", "export"]);
    }

    private static void AssertNoNumber(IvrServer server, string export, string digits)
    {
        Assert.DoesNotContain(digits, server.Output, StringComparison.Ordinal);
        Assert.DoesNotContain(digits, export, StringComparison.Ordinal);
        var needle = System.Text.Encoding.ASCII.GetBytes(digits);
        foreach (var file in Directory.EnumerateFiles(server.Data, "*", SearchOption.AllDirectories))
            Assert.False(File.ReadAllBytes(file).AsSpan().IndexOf(needle) >= 0, $"the number stands in {Path.GetRelativePath(server.Folder, file)}");
    }

    private static Task Hears(Baresip phone, IvrServer server, params string[] prompts) =>
        Eventually.Holds(() => Task.FromResult(phone.Hears(prompts)), "heard " + string.Join(", ", prompts),
            () => $"{phone.Heard().Length / 8000.0:0.0} s heard\n{phone.Output}\n--- server:\n{server.Output}");
}
