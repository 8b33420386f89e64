using IvrActors.Grains.Calls;
using IvrActors.Grains.Flows;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Tests.Calls;
using Xunit;

namespace IvrActors.Grains.Tests.Flows;

/// <summary>When a flow's calls are answered.</summary>
public class AnswerFlowTests
{
    private static string Yaml(string answer, string pickUp = "answer: true") => $$"""
        flow: f
        language: en
        {{answer}}
        start: hello
        steps:
          hello: { play: [welcome], next: pick_up }
          pick_up: { {{pickUp}}, next: ask }
          ask: { menu: [main-menu], choices: { "1": bye }, no_input: [sorry-no-input], no_match: [sorry-no-match], on: { failed: bye } }
          bye: { hang_up: true, play: [goodbye] }
        """;

    private static string Commands(string yaml)
    {
        var progress = CallMachine.Start(GrainWorld.Offered(), GrainWorld.From, "unknown", FlowTexts.Valid(yaml));
        return string.Join(' ', progress.Commands.Select(c => c switch
        {
            Ring ring => $"Ring:{ring.Time.TotalSeconds}",
            EarlyMedia early => $"EarlyMedia:{early.Most.TotalSeconds}",
            Play play => string.Join('+', play.Prompts.Select(p => p.Prompt)),
            _ => c.GetType().Name,
        }));
    }

    [Theory]
    [InlineData("")]
    [InlineData("answer: at_once")]
    public void A_flow_that_says_nothing_is_answered_before_it_says_anything(string answer) =>
        Assert.Equal("Answer welcome credit Collect", Commands(Yaml(answer, "play: [credit]")));

    [Fact]
    public void A_flow_may_let_it_ring_first() => Assert.Equal("Ring:2 Answer welcome credit Collect", Commands(Yaml("answer: { ringing: 2s }", "play: [credit]")));

    [Fact]
    public void A_flow_may_speak_before_it_answers() => Assert.Equal("EarlyMedia:20 welcome Answer Collect", Commands(Yaml("answer: { early: 20s }")));

    [Fact]
    public void A_flow_may_speak_and_hang_up_without_an_answer()
    {
        const string yaml = """
            flow: f
            language: en
            answer: { early: 30s }
            start: closed
            steps:
              closed: { hang_up: true, play: [goodbye] }
            """;
        Assert.Equal("EarlyMedia:30 goodbye HangUp", Commands(yaml));
    }

    [Fact]
    public void An_answer_on_every_path_may_be_one_or_several()
    {
        const string yaml = """
            flow: f
            language: en
            answer: { early: 30s }
            start: a
            steps:
              a: { answer: true, next: ask }
              ask: { menu: [main-menu], choices: { "1": b }, no_input: [sorry-no-input], no_match: [sorry-no-match], on: { failed: bye } }
              b: { answer: true, next: ask2 }
              ask2: { menu: [main-menu], choices: { "1": bye }, no_input: [sorry-no-input], no_match: [sorry-no-match], on: { failed: bye } }
              bye: { hang_up: true }
            """;
        Assert.Equal("EarlyMedia:30 Answer Collect", Commands(yaml));
    }

    [Fact]
    public async Task The_simulator_says_what_is_heard_before_the_answer()
    {
        var output = new StringWriter();
        await FlowSimulator.Run(FlowTexts.Valid(Yaml("answer: { early: 20s }")), [], new StringReader("1\n"), output);
        var lines = output.ToString().Split('\n', StringSplitOptions.TrimEntries);
        Assert.Equal(["What follows is heard before the call is answered.", "[welcome]", "-> the call is answered"], lines.Skip(1).Take(3));
    }
}
