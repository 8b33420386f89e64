using IvrActors.Grains.Flows;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Flows;
using IvrActors.Grains.Interfaces.Privacy;
using Xunit;

namespace IvrActors.Grains.Tests.Flows;

/// <summary>How a flow plays: loudness, repetition, keys that move within it, and what is heard on hold.</summary>
public class PlayFlowTests
{
    private static string Said(CallCommand command) => string.Join(' ', ((Play)command).Prompts.Select(Part));

    private static string Part(PromptPart part) =>
        part.Pause > TimeSpan.Zero ? $"({part.Pause.TotalMilliseconds})" : (part.Prompt ?? $"'{part.Text}'") + (part.Gain == 0 ? "" : $"{part.Gain:+0;-0}");

    private static FlowStory Story(string head, string steps) => new(FlowTexts.Valid("flow: f\nlanguage: en\n" + head + "start: a\nsteps:\n" + steps + "\n  bye: { hang_up: true, play: [goodbye] }\n"));

    [Fact]
    public void A_step_is_repeated_with_a_pause_and_as_one_play_so_that_no_gap_is_heard_and_a_key_stops_it_all()
    {
        var story = Story("", "  a: { play: [welcome, credit], repeat: { times: 3, pause: 1s }, next: bye }").Start();
        Assert.Equal("welcome credit (1000) welcome credit (1000) welcome credit", Said(story.Commands[0]));
        story = Story("", "  a: { play: [welcome], repeat: { times: 2 }, next: bye }").Start();
        Assert.Equal("welcome welcome", Said(story.Commands[0]));
    }

    [Fact]
    public void The_volume_of_the_flow_holds_for_all_that_it_says_except_where_a_step_says_otherwise()
    {
        var story = Story("volume: -6dB\n", """
              a: { play: [welcome, { pause: 500ms }, { say: one two }], next: b }
              b: { play: [credit], volume: 3dB, next: c }
              c: { menu: [main-menu], choices: { "1": bye }, no_input: [sorry-no-input], no_match: [sorry-no-match], on: { failed: bye } }
            """).Start();
        Assert.Equal("welcome-6 (500) 'one two'-6", Said(story.Commands[0]));
        Assert.Equal("credit+3", Said(story.Commands[1]));
        Assert.Equal("main-menu-6", Part(((Collect)story.Commands[2]).Prompts[0]));
        Assert.Equal("sorry-no-input-6", Part(((Collect)story.NoInput().Commands[0]).Prompts[0]));
    }

    [Fact]
    public void Keys_that_move_within_a_play_go_to_the_edge_with_it()
    {
        var controls = ((Play)Story("", "  a: { play: [welcome], controls: { back: \"4\", pause: \"#\" }, next: bye }").Start().Commands[0]).Controls!;
        Assert.Equal(('4', null, '#', TimeSpan.FromSeconds(5)), (controls.Back, controls.Forward, controls.Pause, controls.Step));
        Assert.Null(((Play)Story("", "  a: { play: [welcome], next: bye }").Start().Commands[0]).Controls);
    }

    [Theory]
    [InlineData("", "", null)]
    [InlineData("hold: welcome\n", "", "welcome")]
    [InlineData("hold: welcome\n", ", hold: credit", "credit")]
    [InlineData("hold: welcome\n", ", hold: ringback", null)]
    [InlineData("hold: ringback\n", ", hold: credit", "credit")]
    public void What_is_heard_on_hold_is_that_of_the_step_or_else_of_the_flow(string flow, string step, string? heard)
    {
        var story = Story(flow, $"  a: {{ transfer: desk, mode: bridge, trunk: carrier{step}, on: {{ failed: bye }} }}").Start();
        var permitted = new Bridge { Trunk = "carrier", Number = new PhoneNumber("+4930123456"), RingTime = TimeSpan.FromSeconds(7), MostTalk = TimeSpan.FromMinutes(3) };
        var bridge = Assert.IsType<Bridge>(story.Give(new CallPermitted { Command = permitted }).Commands[^1]);
        Assert.Equal(heard, bridge.Hold?.Prompt);
        Assert.Equal(("carrier", "+4930123456", permitted.RingTime, permitted.MostTalk), (bridge.Trunk, bridge.Number!.Reveal(), bridge.RingTime, bridge.MostTalk));
    }
}
