using System.Text.RegularExpressions;
using IvrActors.SystemTests.Harness;

namespace IvrActors.SystemTests;

/// <summary>Whole calls by a foreign SIP stack, over UDP with plain RTP.</summary>
public sealed class CallsWithSipp
{
    // Between two inputs: the check of the first may still run, keys typed ahead are kept.
    private static readonly TimeSpan s_breath = TimeSpan.FromSeconds(1.2);

    // Long enough to hear the second prompt out: a key would cut it off.
    private static readonly TimeSpan s_again = PromptAudio.Load("enter-pin-again").Duration + TimeSpan.FromSeconds(4);

    // 1,207.35 dollars.
    private const string Balance = "1207.35";
    private static readonly string[] s_spokenBalance =
        ["your-balance-is", "number/1", "number/thousand", "number/2", "number/hundred", "number/7", "currency/dollars", "number/30", "number/5", "currency/cents"];

    [Fact]
    public async Task The_right_account_pin_and_code_hear_the_balance()
    {
        await using var server = await Started("balance");
        var caller = new TestCaller();
        await server.Enrol(caller, Balance);
        await using var phone = new RtpListener();

        // 9 hangs up, so it is pressed only when the balance was spoken and the menu stands again.
        var spoken = TimeSpan.FromTicks(s_spokenBalance.Sum(id => PromptAudio.Load(id).Duration.Ticks));
        await using var call = await Sipp.Call(server, phone.Port,
            [.. SignIn(caller), new(s_breath, "1"), new(spoken + TimeSpan.FromSeconds(3), "9")], SippEnd.AwaitBye);

        await phone.WaitFor(s_spokenBalance, () => call.Tail() + server.Output);
        Assert.Equal(0, await call.WaitForExit(Eventually.Limit));
        Assert.True(phone.Heard("goodbye"), phone.Recognised());
        Assert.Equal(0, await server.Metric("ivr_calls_active"));
        Assert.Equal(2, await server.Metric("ivr_authentication_total", "result=\"accepted\""));
    }

    [Fact]
    public async Task Wrong_pins_lock_and_neither_the_right_pin_nor_a_restart_unlocks()
    {
        await using var server = await Started("lock");
        var caller = new TestCaller();
        await server.Enrol(caller, Balance);

        await using (var phone = new RtpListener())
        {
            await using var call = await Sipp.Call(server, phone.Port,
                [new(s_breath, caller.Account + "#"), new(s_breath, caller.WrongPin + "#"), new(s_again, caller.WrongPin + "#"), new(s_again, caller.WrongPin + "#")],
                SippEnd.AwaitBye);
            await phone.WaitFor(["too-many-attempts"], () => call.Tail() + server.Output);
            Assert.Equal(0, await call.WaitForExit(Eventually.Limit));
            Assert.True(phone.Heard("enter-pin-again"), phone.Recognised());
        }
        Assert.True(await server.Metric("ivr_lockouts_total") >= 1);

        await RightPinIsRefused(server, caller);
        await server.Stop();
        await server.Start();
        await RightPinIsRefused(server, caller);
    }

    [Fact]
    public async Task Silence_is_asked_again_and_then_the_call_ends()
    {
        await using var server = await Started("silence");
        await using var phone = new RtpListener();
        await using var call = await Sipp.Call(server, phone.Port, [], SippEnd.AwaitBye);
        await phone.WaitFor(["enter-account-number", "sorry-no-input"], () => call.Tail() + server.Output);
        Assert.Equal(0, await call.WaitForExit(TimeSpan.FromMinutes(2)));
    }

    [Fact]
    public async Task Key_zero_at_the_menu_transfers_by_refer()
    {
        await using var server = await Started("refer");
        var caller = new TestCaller();
        await server.Enrol(caller, Balance);
        await using var phone = new RtpListener();
        await using var call = await Sipp.Call(server, phone.Port, [.. SignIn(caller), new(s_breath, "0")], SippEnd.AcceptTransfer);
        Assert.True(await call.WaitForExit(Eventually.Limit) == 0, call.Tail() + "\n" + phone.Recognised() + "\n" + server.Output);
        Assert.True(phone.Heard("transferring"), phone.Recognised());
        await Eventually.Holds(async () => await server.Metric("ivr_calls_ended_total", "reason=\"transferred\"") == 1, "the call counts as transferred", () => server.Output);
    }

    [Fact]
    public async Task What_a_flow_says_before_it_answers_is_heard_before_the_200()
    {
        Programs.Require("sipp");
        await using var server = IvrServer.Create("early", (yaml, folder) =>
        {
            var flows = Directory.CreateDirectory(Path.Combine(folder, "flows")).FullName;
            File.WriteAllText(Path.Combine(flows, "early.yaml"), EarlyFlow);
            return Regex.Replace(yaml, @"flows: \S+", $"flows: {flows}").Replace("numbers: { bank: bank }", "numbers: { early: early }", StringComparison.Ordinal);
        });
        await server.Start();
        await using var phone = new RtpListener();
        await using var call = await Sipp.Call(server, phone.Port, [new(PromptAudio.Load("main-menu").Duration, "1")], SippEnd.AwaitBye, called: "early", early: true);
        await phone.WaitFor(["welcome"], () => call.Tail() + server.Output);
        await phone.WaitFor(["welcome", "main-menu", "goodbye"], () => call.Tail() + server.Output);
        Assert.True(await call.WaitForExit(Eventually.Limit) == 0, call.Tail() + server.Output);
    }

    private const string EarlyFlow = """
        flow: early
        language: en
        answer: { early: 20s }
        start: hello
        steps:
          hello: { play: [welcome], next: pick_up }
          pick_up: { answer: true, next: ask }
          ask:
            menu: [main-menu]
            choices: { "1": bye }
            no_input: [sorry-no-input]
            no_match: [sorry-no-match]
            on: { failed: bye }
          bye: { hang_up: true, play: [goodbye] }
        """;

    private static IEnumerable<SippAct> SignIn(TestCaller caller) =>
        [new(s_breath, caller.Account + "#"), new(s_breath, caller.Pin + "#"), new(s_breath, caller.Code)];

    private static async Task RightPinIsRefused(IvrServer server, TestCaller caller)
    {
        await using var phone = new RtpListener();
        await using var call = await Sipp.Call(server, phone.Port, [new(s_breath, caller.Account + "#"), new(s_breath, caller.Pin + "#"), new(TimeSpan.FromSeconds(4), "")], SippEnd.HangUp);
        Assert.True(await call.WaitForExit(Eventually.Limit) == 0, call.Tail() + server.Output);
        Assert.True(phone.Heard("enter-pin-again") || phone.Heard("too-many-attempts"), phone.Recognised());
        Assert.False(phone.Heard("enter-code"), phone.Recognised());
    }

    private static async Task<IvrServer> Started(string name)
    {
        Programs.Require("sipp");
        var server = IvrServer.Create(name);
        await server.Start();
        return server;
    }
}
