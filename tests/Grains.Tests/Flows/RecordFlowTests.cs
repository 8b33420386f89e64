using IvrActors.Grains.Flows;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Recordings;
using IvrActors.Grains.Tests.Calls;
using Xunit;
using Record = IvrActors.Grains.Interfaces.Calls.Record;

namespace IvrActors.Grains.Tests.Flows;

/// <summary>Recording in a flow: the question, what counts as consent, and what follows.</summary>
public class RecordFlowTests
{
    private const string Yaml = """
        flow: out
        language: en
        start: ask
        steps:
          ask:
            record: start
            consent: [main-menu]
            first_digit_timeout: 4s
            on: { next: yes_, declined: no_, unavailable: cannot }
          yes_: { play: [credit], next: stop }
          stop: { record: stop, next: again }
          again: { record: start, consent: none, on: { next: bye, unavailable: bye } }
          no_: { play: [debit], next: bye }
          cannot: { play: [sorry-no-match], next: bye }
          bye: { hang_up: true, play: [goodbye] }
        """;

    private static readonly Record s_record = new() { Recording = new RecordingId("rec-1-1") };

    private static FlowStory Story() => new(FlowTexts.Valid(Yaml));

    [Fact]
    public void The_key_1_agrees_and_only_then_a_recording_is_asked_for()
    {
        var story = Story().Start().Hears("main-menu ?");
        Assert.Equal(TimeSpan.FromSeconds(4), Assert.IsType<Collect>(story.Commands[0]).FirstDigitTimeout);
        story.Keys("1").Hears("");
        Assert.True(Assert.IsType<PermitRecording>(story.Effect).Asked);
        story.Give(new RecordingPermitted { Command = s_record }).Hears("Record");
        story.Give(new RecordingAnswered { Begun = true }).Hears("credit StopRecording");
        Assert.False(Assert.IsType<PermitRecording>(story.Effect).Asked);
        story.Give(new RecordingPermitted { Command = s_record }).Give(new RecordingAnswered { Begun = true }).Hears("goodbye .");
    }

    [Fact]
    public void Any_other_key_and_no_key_at_all_go_on_without()
    {
        Story().Start().Keys("2").Hears("debit goodbye .");
        Story().Start().Keys("*").Hears("debit goodbye .");
        Story().Start().NoInput().Hears("debit goodbye .");
    }

    [Fact]
    public void What_cannot_be_recorded_goes_the_way_that_the_flow_says()
    {
        Story().Start().Keys("1").Give(new RecordingPermitted { Command = null }).Hears("sorry-no-match goodbye .");
        Story().Start().Keys("1").Give(new RecordingPermitted { Command = s_record }).Give(new RecordingAnswered { Begun = false }).Hears("sorry-no-match goodbye .");
    }

    [Theory]
    [InlineData("record: start", "lacks the key 'consent'")]
    [InlineData("record: start, consent: none, first_digit_timeout: 4s", "nothing is asked")]
    [InlineData("record: begin, consent: none", "expected start or stop")]
    [InlineData("record: stop, consent: none, next: bye", "only record: start has it")]
    [InlineData("record: start, consent: none, next: bye", "'next' within 'on'")]
    public void A_step_that_does_not_say_what_it_means_is_a_mistake(string step, string message)
    {
        var on = step.Contains("stop", StringComparison.Ordinal) ? "" : ", on: { next: bye, unavailable: bye }";
        var parsed = FlowParser.Parse("f.yaml", $"flow: f\nlanguage: en\nstart: a\nsteps:\n  a: {{ {step}{on} }}\n  bye: {{ hang_up: true }}\n");
        Assert.Contains(parsed.Errors, error => error.ToString()!.Contains(message, StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_simulator_says_when_it_is_recorded_and_when_not()
    {
        var output = new StringWriter();
        await FlowSimulator.Run(FlowTexts.Valid(Yaml), [new SimulatedCaller()], new StringReader("1\n"), output);
        Assert.Matches("(?s)from here on the call is recorded.*from here on the call is not recorded.*from here on the call is recorded.*hung up", output.ToString());
    }

    [Fact]
    public async Task A_call_is_bound_to_the_number_that_calls_and_to_who_is_verified_in_it()
    {
        var world = new GrainWorld();
        await world.Publish(Calling("record: start, consent: none, on: { next: account, unavailable: bye }"));
        var call = world.Call();
        var begun = await call.Handle(GrainWorld.Offered("out"));
        var record = Assert.IsType<Record>(begun.Commands[^1]);
        Assert.StartsWith("n:", world.Recordings.Single().Owner, StringComparison.Ordinal);
        Assert.False(world.Recordings.Single().Asked);
        await call.Handle(new RecordingBegun { Seq = 2, Begun = true });
        await call.Handle(GrainWorld.Keys(3, "10000001"));
        // Another activation knows it as well.
        await world.Call().Handle(GrainWorld.Secret(4));
        var noted = Assert.Single(world.Noted);
        Assert.Equal(record.Recording, noted.Recording);
        Assert.StartsWith("u:", noted.Caller, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(2, "goodbye")]
    [InlineData(3, "sorry-no-match")]
    public async Task Who_cannot_be_bound_to_what_was_recorded_before_is_not_taken_for_known(int failures, string expected)
    {
        var world = new GrainWorld { BindingsThatFail = failures };
        await world.Publish(Calling("record: start, consent: none, on: { next: account, unavailable: bye }"));
        await world.Call().Handle(GrainWorld.Offered("out", calling: null));
        await world.Call().Handle(new RecordingBegun { Seq = 2, Begun = true });
        await world.Call().Handle(GrainWorld.Keys(3, "10000001"));
        var reply = await world.Call().Handle(GrainWorld.Secret(4));
        Assert.Equal(failures < 3 ? 1 : 0, world.Noted.Count);
        Assert.Equal([expected], reply.Commands.OfType<Play>().SelectMany(play => play.Prompts).Select(prompt => prompt.Prompt));
    }

    [Fact]
    public async Task Every_recording_of_a_call_is_bound_to_who_is_verified_later()
    {
        var world = new GrainWorld();
        await world.Publish(Calling("record: start, consent: none, on: { next: stop, unavailable: bye }", """
              stop: { record: stop, next: again }
              again: { record: start, consent: none, on: { next: account, unavailable: bye } }
            """));
        await world.Call().Handle(GrainWorld.Offered("out"));
        await world.Call().Handle(new RecordingBegun { Seq = 2, Begun = true });
        await world.Call().Handle(new RecordingBegun { Seq = 3, Begun = true });
        await world.Call().Handle(GrainWorld.Keys(4, "10000001"));
        await world.Call().Handle(GrainWorld.Secret(5));
        Assert.Equal([1, 2], world.Noted.Select(noted => int.Parse(noted.Recording.Value.Split('-')[^1], System.Globalization.CultureInfo.InvariantCulture)));
        Assert.Equal("edge-1", world.Recordings[0].Edge);
    }

    [Fact]
    public async Task A_call_of_nobody_known_has_a_key_of_its_own_and_a_repeat_asks_for_the_same_recording()
    {
        var world = new GrainWorld();
        await world.Publish(Calling("record: start, consent: none, on: { next: account, unavailable: bye }"));
        var first = await world.Call().Handle(GrainWorld.Offered("out", calling: null));
        Assert.Equal(GrainWorld.CallKey, world.Recordings.Single().Owner);
        var again = await world.Call().Handle(GrainWorld.Offered("out", calling: null));
        Assert.Equal(Assert.IsType<Record>(first.Commands[^1]).Recording, Assert.IsType<Record>(again.Commands[^1]).Recording);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(null)]
    public async Task Without_a_permit_the_flow_goes_on_as_it_says(bool? answer)
    {
        var world = new GrainWorld { RecordingPermitted = answer };
        await world.Publish(Calling("record: start, consent: none, on: { next: account, unavailable: bye }"));
        var reply = await world.Call().Handle(GrainWorld.Offered("out"));
        Assert.DoesNotContain(reply.Commands, command => command is Record);
        Assert.IsType<HangUp>(reply.Commands[^1]);
    }

    private static string Calling(string record, string more = "") => $$"""
        flow: out
        language: en
        start: rec
        steps:
          rec: { {{record}} }
        {{more}}
          account: { collect: account, digits: 8, secret: false, prompt: [enter-account-number], no_input: [sorry-no-input], no_match: [sorry-no-match], on: { next: pin, failed: bye } }
          pin: { collect: pin, digits: 4, secret: true, prompt: [enter-pin], no_input: [sorry-no-input], no_match: [sorry-no-match], on: { next: check, failed: bye } }
          check: { verify: pin, account: account, with: pin, on: { accepted: bye, refused: bye, exhausted: bye, unavailable: sorry } }
          sorry: { hang_up: true, play: [sorry-no-match] }
          bye: { hang_up: true, play: [goodbye] }
        """;
}
