using IvrActors.Edge.Sip.Message;
using IvrActors.Grains.Interfaces.Calls;
using Xunit;
using static IvrActors.Edge.Tests.Calls.VirtualCall;

namespace IvrActors.Edge.Tests.Calls;

/// <summary>Callers whose silo, or database, does not answer for a while.</summary>
public class WaitingTests
{
    private static VirtualCall AskedForAccount()
    {
        var call = new VirtualCall
        {
            Grain = callEvent => callEvent switch
            {
                CallOffered => [new Answer(), Ask("account", 4, 4)],
                DigitsCollected { Seq: 2 } => [Ask("pin", 4, 4)],
                DigitsCollected => [new Play { Prompts = Prompts("welcome") }],
                _ => [],
            },
        };
        call.Connect();
        call.PlayEnded();
        call.GrainIsSlow = true;
        return call;
    }

    [Fact]
    public void A_caller_whose_answer_does_not_come_hears_within_a_second_that_somebody_is_there_until_it_comes()
    {
        var call = AskedForAccount();
        call.Keys("1234");
        call.Advance(0.7);
        Assert.Empty(call.Media.Moves);
        call.Advance(0.2);
        Assert.Equal(["hold please-wait"], call.Media.Moves);
        call.Advance(20);
        Assert.Equal(["hold please-wait"], call.Media.Moves);

        var stops = call.Media.Stops;
        call.GrainAnswers();
        Assert.Equal(stops + 1, call.Media.Stops);
        Assert.Equal("ask-pin", call.Media.Plays[^1].Prompts);
        // It was answered; silence is now the caller's own.
        call.PlayEnded();
        call.Advance(2);
        Assert.Single(call.Media.Moves);
    }

    [Fact]
    public void An_answer_in_time_is_not_announced()
    {
        var call = AskedForAccount();
        call.Keys("1234");
        call.Advance(0.7);
        var stops = call.Media.Stops;
        call.GrainAnswers();
        call.Advance(3);
        Assert.Empty(call.Media.Moves);
        Assert.Equal(stops, call.Media.Stops);
    }

    [Fact]
    public void What_plays_is_heard_to_its_end_first()
    {
        var call = new VirtualCall
        {
            Grain = e => e is CallOffered ? [new Answer(), new Play { Prompts = Prompts("notice"), BargeIn = false }, new Grains.Interfaces.Calls.Record { Recording = RecordingOf() }] : [],
            Records = false,
        };
        call.Connect();
        call.GrainIsSlow = true;
        call.Leg!.RecordingBegan(RecordingOf(), null);
        call.Flush();
        Assert.IsType<RecordingBegun>(call.Events[^1].Event);
        call.Advance(5);
        Assert.Empty(call.Media.Moves);
        call.PlayEnded();
        call.Advance(0.02);
        Assert.Equal(["hold please-wait"], call.Media.Moves);
    }

    [Fact]
    public void Keys_that_are_pressed_meanwhile_are_kept_and_sent_in_order()
    {
        var call = AskedForAccount();
        call.Keys("1234");
        call.Advance(2);
        call.Keys("98");
        call.Advance(2);
        call.Keys("76");
        Assert.Equal(2, call.Events.Count);
        Assert.Equal(["hold please-wait"], call.Media.Moves);

        call.GrainAnswers();
        Assert.Equal(["1234", "9876"], call.Events.Skip(1).Select(e => ((DigitsCollected)e.Event).Digits!.Reveal()));
        Assert.Equal([1, 2, 3], call.Events.Select(e => e.Event.Seq));
        Assert.Equal("welcome", call.Media.Plays[^1].Prompts);
    }

    [Fact]
    public void A_call_whose_answer_never_comes_ends_with_an_apology_in_place_of_the_tone()
    {
        var call = AskedForAccount();
        call.Keys("1234");
        call.Advance(5);
        var stops = call.Media.Stops;
        call.Grain = _ => null;
        call.GrainAnswers();
        Assert.Equal((stops + 1, "error-polite"), (call.Media.Stops, call.Media.Plays[^1].Prompts));
        Assert.DoesNotContain(call.Sent.OfType<SipRequest>(), request => request.Method == SipMethods.Bye);
        call.PlayEnded();
        Assert.Equal(SipMethods.Bye, call.LastRequest.Method);
    }

    [Fact]
    public void A_call_that_is_not_answered_yet_is_not_held()
    {
        var call = new VirtualCall { GrainIsSlow = true };
        call.Invite();
        call.Advance(5);
        Assert.Empty(call.Media.Moves);
    }

    private static Grains.Interfaces.Recordings.RecordingId RecordingOf() => Grains.Interfaces.Recordings.RecordingId.Of(new CallId("call-test"), 1);
}
