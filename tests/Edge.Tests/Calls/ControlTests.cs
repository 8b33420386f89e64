using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Flows;
using Xunit;
using static IvrActors.Edge.Tests.Calls.VirtualCall;

namespace IvrActors.Edge.Tests.Calls;

/// <summary>Keys that move within what plays.</summary>
public class ControlTests
{
    private static VirtualCall Listening(bool bargeIn = true) => new VirtualCall
    {
        Grain = e => e is CallOffered
            ?
            [
                new Answer(),
                new Play { Prompts = Prompts("terms"), BargeIn = bargeIn, Controls = new PlayControls { Back = '4', Forward = '6', Pause = '5', Step = TimeSpan.FromSeconds(5) } },
                Ask("menu"),
            ]
            : [],
    }.Connect();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_control_moves_within_what_plays_and_does_not_stop_it(bool bargeIn)
    {
        var call = Listening(bargeIn);
        call.Keys("465");
        Assert.Equal(["1 by -5", "1 by 5", "1 pause"], call.Media.Moves);
        Assert.Equal(0, call.Media.Stops);
        Assert.Single(call.Events);
    }

    [Fact]
    public void Any_other_key_stops_it_and_counts_for_the_next_question()
    {
        var call = Listening();
        call.Key('4');
        call.Key('1');
        Assert.Equal(1, call.Media.Stops);
        Assert.Equal("1", Assert.IsType<DigitsCollected>(call.Events[1].Event).Digits!.Reveal());
    }

    [Fact]
    public void When_it_has_ended_a_control_is_a_key_like_any_other()
    {
        var call = Listening();
        call.PlayEnded(1);
        call.Key('4');
        Assert.Empty(call.Media.Moves);
        Assert.Equal("4", Assert.IsType<DigitsCollected>(call.Events[1].Event).Digits!.Reveal());
    }

    [Fact]
    public void Who_is_put_through_hears_what_the_flow_wants_to_be_heard_on_hold()
    {
        var hold = new PromptPart { Prompt = "hold-music" };
        var call = new VirtualCall
        {
            Grain = e => e is CallOffered ? [new Answer(), new Play { Prompts = Prompts("transferring") }, new Bridge { Trunk = "carrier", RingTime = TimeSpan.FromSeconds(20), MostTalk = TimeSpan.FromMinutes(5), Hold = hold }] : [],
        }.Connect();
        Assert.Empty(call.Media.Moves);
        call.PlayEnded();
        Assert.Equal(["hold hold-music"], call.Media.Moves);
        var stops = call.Media.Stops;
        call.Leg!.BridgeFailed(new BridgeResult { Outcome = BridgeOutcome.Busy, Status = 486 });
        Assert.Equal(stops + 1, call.Media.Stops);
    }
}
