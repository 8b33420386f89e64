using IvrActors.Grains.Flows;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Privacy;
using Xunit;

namespace IvrActors.Grains.Tests.Flows;

/// <summary>Transfers by a bridged call, step by step.</summary>
public class BridgeFlowTests
{
    private const string Yaml = """
        flow: f
        language: en
        start: ask
        steps:
          ask:
            collect: number
            digits: { min: 4, max: 15 }
            secret: false
            prompt: [enter-account-number]
            no_input: [sorry-no-input]
            no_match: [sorry-no-match]
            on: { next: call, failed: desk }
          call:
            transfer: { digits: number }
            from_input: allowed
            mode: bridge
            trunk: carrier
            ring: 45s
            play: [transferring]
            on: { failed: desk, busy: busy, no_answer: away, refused: refused }
          desk:
            transfer: desk
            mode: bridge
            trunk: carrier
            on: { failed: bye }
          busy: { play: [transfer-failed], next: ask }
          away: { play: [too-many-attempts], next: ask }
          refused: { play: [sorry-no-match], next: ask }
          bye: { hang_up: true, play: [goodbye] }
        """;

    private static readonly FlowDocument s_flow = FlowTexts.Valid(Yaml.Replace("{ play: [transfer-failed], next: ask }", "{ play: [transfer-failed], next: bye }", StringComparison.Ordinal)
        .Replace("{ play: [too-many-attempts], next: ask }", "{ play: [too-many-attempts], next: bye }", StringComparison.Ordinal).Replace("{ play: [sorry-no-match], next: ask }", "{ play: [sorry-no-match], next: bye }", StringComparison.Ordinal));

    private static readonly Bridge s_command = new() { Trunk = "carrier", Number = new PhoneNumber("+4930123456"), RingTime = TimeSpan.FromSeconds(45), MostTalk = TimeSpan.FromMinutes(9) };

    private static FlowStory Asked() => new FlowStory(s_flow).Start().Keys("030123456");

    [Fact]
    public void Before_anything_is_said_it_is_asked_whether_the_call_may_be_made()
    {
        var story = Asked().Hears("");
        var ask = Assert.IsType<PermitCall>(story.Effect);
        Assert.Equal(("030123456", null, "carrier", TimeSpan.FromSeconds(45)), (ask.Digits!.Reveal(), ask.Target, ask.Trunk, ask.RingTime));
        story.Give(new CallPermitted { Command = s_command }).Hears("transferring Bridge");
        Assert.Same(s_command, story.Commands[^1]);
        Assert.Equal(FlowWait.Transfer, story.State.Waiting);
    }

    [Fact]
    public void A_fixed_target_is_asked_for_by_its_name()
    {
        var ask = Assert.IsType<PermitCall>(new FlowStory(s_flow).Start().NoInput().NoInput().NoInput().Effect);
        Assert.Equal(("desk", null, TimeSpan.FromSeconds(30)), (ask.Target, ask.Digits, ask.RingTime));
    }

    [Fact]
    public void A_call_that_must_not_be_made_takes_the_way_of_a_refused_one() => Asked().Give(new CallPermitted { Command = null }).Hears("sorry-no-match goodbye .");

    [Theory]
    [InlineData(BridgeOutcome.Busy, "transfer-failed goodbye .")]
    [InlineData(BridgeOutcome.NoAnswer, "too-many-attempts goodbye .")]
    [InlineData(BridgeOutcome.Refused, "sorry-no-match goodbye .")]
    public void Each_outcome_has_its_way(BridgeOutcome outcome, string heard) =>
        Asked().Give(new CallPermitted { Command = s_command }).Give(new TransferFinished { Status = 486, Outcome = outcome }).Hears(heard);

    [Fact]
    public void What_has_no_way_of_its_own_takes_the_one_of_failed()
    {
        var story = Asked().Give(new CallPermitted { Command = s_command }).Give(new TransferFinished { Status = 503, Outcome = BridgeOutcome.Failed });
        Assert.Equal("desk", Assert.IsType<PermitCall>(story.Effect).Target);
        story.Give(new CallPermitted { Command = s_command }).Give(new TransferFinished { Status = 486, Outcome = BridgeOutcome.Busy }).Hears("goodbye .");
    }

    [Fact]
    public void An_answer_that_was_not_asked_for_changes_nothing()
    {
        var story = new FlowStory(s_flow).Start().Give(new CallPermitted { Command = s_command }).Hears("");
        Assert.Equal(FlowWait.Digits, story.State.Waiting);
    }

    [Fact]
    public void The_graph_shows_each_way_out() =>
        Assert.Equal(["failed", "busy", "no_answer", "refused"], FlowGraphs.Of(s_flow).Edges.Where(e => e.From == "call").Select(e => e.Label));

    [Fact]
    public async Task The_simulator_calls_nobody_and_asks_for_the_outcome()
    {
        var output = new StringWriter();
        Assert.Equal("bye", await FlowSimulator.Run(s_flow, [new SimulatedCaller()], new StringReader("030123456\n486\n"), output));
        Assert.Contains("-> call the number that was keyed by trunk 'carrier'", output.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("030123456", output.ToString(), StringComparison.Ordinal);
        Assert.Equal("call", await FlowSimulator.Run(s_flow, [new SimulatedCaller()], new StringReader("030123456\n200\n"), output));
    }
}
