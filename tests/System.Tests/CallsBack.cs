using System.Text.RegularExpressions;
using IvrActors.SystemTests.Harness;

namespace IvrActors.SystemTests;

/// <summary>A caller who keys account and PIN, hangs up, is called back at the registered number, and proves the PIN there: foreign stacks on both ends.</summary>
public sealed class CallsBack
{
    // The carrier is told from callers by its address.
    private const string CarrierAddress = "127.0.0.11";
    private static readonly TimeSpan s_breath = TimeSpan.FromSeconds(1.2);

    // 7.35 dollars: short, because it is spoken in real time.
    private const string Balance = "7.35";
    private static readonly string[] s_spokenBalance = ["your-balance-is", "number/7", "currency/dollars", "number/30", "number/5", "currency/cents"];

    [Fact]
    public async Task A_caller_is_called_back_at_the_registered_number_and_hears_the_balance_there()
    {
        var port = Ports.Free();
        await using var server = await Started("call-back", port);
        var caller = new TestCaller();
        await server.Enrol(caller, Balance);
        await using var heard = new RtpListener(CarrierAddress);
        await using var telephone = await Sipp.Callee(server, CarrierAddress, port, heard.Port, SippCallee.Answers, [new(PromptAudio.Load("enter-pin").Duration + s_breath, caller.Pin + "#")]);
        await using var phone = new RtpListener();
        await using var call = await Sipp.Call(server, phone.Port, [new(s_breath, caller.Account + "#"), new(s_breath, caller.Pin + "#")], SippEnd.AwaitBye, called: "back");

        await phone.WaitFor(["transferring"], () => call.Tail() + server.Output);
        Assert.True(await call.WaitForExit(Eventually.Limit) == 0, call.Tail() + server.Output);
        await heard.WaitFor(["enter-pin", .. s_spokenBalance, "goodbye"], () => telephone.Tail() + server.Output);
        Assert.True(await telephone.WaitForExit(Eventually.Limit) == 0, telephone.Tail() + server.Output);

        Assert.Equal(1, await server.Metric("ivr_callbacks_total", "result=\"ordered\""));
        Assert.Equal(1, await server.Metric("ivr_callbacks_total", "result=\"answered\""));
        await Eventually.Holds(async () => await server.Metric("ivr_outbound_charged_minor_total") == 2, "a minute was charged", () => server.Output);
        Assert.Equal(0, await server.Metric("ivr_calls_active"));
        await server.Stop();
        await server.Ivr(["audit", "verify"]);
        var export = await server.Ivr(["audit", "export"]);
        foreach (var record in new[] { "callback\\.ordered", "outbound\\.permitted.*trunk=carrier to=n:", "callback\\.answered", "outbound\\.ended.*answered status=200 seconds=\\d+ charged=2 trunk=carrier to=n:" }) Assert.Matches(record, export);
        AssertNo(server, export, caller.Number[2..]);
        AssertNo(server, export, caller.Pin);
    }

    [Fact]
    public async Task A_caller_whose_number_may_not_be_called_is_told_so_after_the_pin_and_nobody_is_called()
    {
        await using var server = await Started("call-back-denied", Ports.Free(), prefix: "+49");
        var caller = new TestCaller();
        await server.Enrol(caller, Balance);
        await using var phone = new RtpListener();
        await using var call = await Sipp.Call(server, phone.Port, [new(s_breath, caller.Account + "#"), new(s_breath, caller.Pin + "#")], SippEnd.AwaitBye, called: "back");
        await phone.WaitFor(["sorry-no-match"], () => call.Tail() + server.Output);
        Assert.True(await call.WaitForExit(Eventually.Limit) == 0, call.Tail() + server.Output);
        Assert.Equal(1, await server.Metric("ivr_callbacks_total", "result=\"refused\""));
        Assert.Equal(1, await server.Metric("ivr_outbound_refused_total", "reason=\"not-on-trunk\""));
        Assert.DoesNotContain(caller.Number[2..], server.Output, StringComparison.Ordinal);
    }

    private static async Task<IvrServer> Started(string name, int carrierPort, string prefix = "+1")
    {
        Programs.Require("sipp");
        var server = IvrServer.Create(name, (yaml, folder) => WithCarrier(yaml, folder, carrierPort, prefix));
        await server.Start();
        return server;
    }

    /// <summary>The repository's cluster with a flow that calls back and a trunk to do it by.</summary>
    private static string WithCarrier(string yaml, string folder, int port, string prefix)
    {
        var flows = Directory.CreateDirectory(Path.Combine(folder, "flows")).FullName;
        File.Copy(Repository.At("flows", "bank.yaml"), Path.Combine(flows, "bank.yaml"));
        File.WriteAllText(Path.Combine(flows, "back.yaml"), Flow);
        yaml = Regex.Replace(yaml, @"flows: \S+", $"flows: {flows}");
        yaml = yaml.Replace("numbers: { bank: bank }", "numbers: { bank: bank, back: back }", StringComparison.Ordinal);
        yaml = Regex.Replace(yaml, "transfer_targets: .*", $$"""
            transfer_targets: { agent: "sip:agent@127.0.0.1:5080" }
                outbound: { prices: { "+1": 2, "+49": 2 }, spend: { hour: 500, day: 1000 } }
            """);
        return Regex.Replace(yaml, "(trusts_caller_identity: false.*\n)", $$"""
            $1      - name: carrier
                    from: [{{CarrierAddress}}/32]
                    outbound: { proxy: "sip:{{CarrierAddress}}:{{port}}", caller_id: "+493012345" }
                    destinations: ["{{prefix}}"]
                    srtp: off

            """);
    }

    private const string Flow = """
        flow: back
        language: en
        start: account
        steps:
          account:
            collect: account
            digits: 8
            secret: false
            prompt: [enter-account-number]
            no_input: [sorry-no-input]
            no_match: [sorry-no-match]
            on: { next: pin, failed: bye }
          pin:
            collect: pin
            digits: { min: 4, max: 8 }
            secret: true
            prompt: [enter-pin]
            no_input: [sorry-no-input]
            no_match: [sorry-no-match]
            on: { next: check, failed: bye }
          check: { verify: pin, account: account, with: pin, on: { accepted: back, refused: pin, exhausted: bye, unavailable: bye } }
          back:
            call_back: true
            trunk: carrier
            play: [transferring]
            carry: [account]
            then: answered
            on: { unavailable: bye, refused: may_not, limited: bye }
          may_not: { hang_up: true, play: [sorry-no-match] }
          answered: { authenticate: account, assurance: high, on: { reached: facts, exhausted: bye, unreachable: bye, unavailable: bye } }
          facts: { fetch: facts, assurance: high, on: { next: told, unavailable: bye } }
          told: { play: [your-balance-is, { amount: facts.balance }], next: bye }
          bye: { hang_up: true, play: [goodbye] }
        """;

    private static void AssertNo(IvrServer server, string export, string digits)
    {
        Assert.DoesNotContain(digits, server.Output, StringComparison.Ordinal);
        Assert.DoesNotContain(digits, export, StringComparison.Ordinal);
        var needle = System.Text.Encoding.ASCII.GetBytes(digits);
        foreach (var file in Directory.EnumerateFiles(server.Data, "*", SearchOption.AllDirectories))
            Assert.False(File.ReadAllBytes(file).AsSpan().IndexOf(needle) >= 0, $"the digits stand in {Path.GetRelativePath(server.Folder, file)}");
    }
}
