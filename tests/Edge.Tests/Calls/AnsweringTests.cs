using System.Text;
using IvrActors.Edge.Sip.Message;
using IvrActors.Grains.Interfaces.Calls;
using Xunit;
using static IvrActors.Edge.Tests.Calls.VirtualCall;

namespace IvrActors.Edge.Tests.Calls;

/// <summary>What a caller hears before the answer, and when the answer comes.</summary>
public class AnsweringTests
{
    private const string Reliable = "Supported: 100rel\r\n";

    private static readonly EarlyMedia s_early = new() { Most = TimeSpan.FromSeconds(20) };

    private static VirtualCall Call(params CallCommand[] commands) => new() { Grain = e => e is CallOffered ? [.. commands] : [] };

    private static VirtualCall Early() => Call(s_early, new Play { Prompts = Prompts("welcome"), BargeIn = true }, new Answer(), Ask("menu"));

    private static string Statuses(VirtualCall call) => string.Join(' ', call.Sent.OfType<SipResponse>().Where(r => r.CSeq.Method == SipMethods.Invite).Select(r => r.Status));

    private static string Body(SipResponse response) => Encoding.ASCII.GetString(response.Body.Span);

    private static void Prack(VirtualCall call, uint sequence)
    {
        var number = call.Sent.OfType<SipResponse>().Last(r => r.Headers.Contains("RSeq")).Headers.First("RSeq");
        call.Request("PRACK", sequence, extra: $"RAck: {number} 1 INVITE\r\n");
    }

    [Fact]
    public void A_call_rings_for_as_long_as_the_flow_says()
    {
        var call = Call(new Ring { Time = TimeSpan.FromSeconds(2) }, new Answer(), Ask("menu"));
        call.Invite();
        Assert.Equal("100 180", Statuses(call));
        Assert.Equal("", Body(call.LastResponse));
        Assert.False(call.Media.Started);
        call.Advance(1.9);
        Assert.Equal("100 180", Statuses(call));
        call.Advance(0.2);
        Assert.Equal("100 180 200", Statuses(call));
        Assert.True(call.Media.Started);
        Assert.Equal("ask-menu", Assert.Single(call.Media.Plays).Prompts);
    }

    [Theory]
    [InlineData(Reliable, "100 180 200")]
    [InlineData("Require: 100rel\r\n", "100 200")]
    public void A_call_without_an_offer_rings_without_reliable_responses(string extra, string statuses)
    {
        var call = Call(new Ring { Time = TimeSpan.FromSeconds(2) }, new Answer(), Ask("menu"));
        call.Invite(body: "", extra: extra);
        call.Advance(1.9);
        Assert.DoesNotContain(call.Sent, message => message.Headers.Contains("RSeq"));
        call.Advance(0.2);
        Assert.Equal(statuses, Statuses(call));
        Assert.Equal("v=0\r\n", Body(call.LastResponse));
    }

    [Fact]
    public void Who_gives_up_while_it_rings_is_not_answered()
    {
        var call = Call(new Ring { Time = TimeSpan.FromSeconds(2) }, new Answer());
        call.Invite();
        call.Request("CANCEL", 1, branch: "invite", inDialog: false);
        call.Advance(40);
        Assert.Equal(CallEndReason.Cancelled, call.Leg!.EndReason);
        Assert.DoesNotContain("200", Statuses(call), StringComparison.Ordinal);
        Assert.True(call.Media.Disposed);
    }

    [Fact]
    public void What_is_said_before_the_answer_is_heard_by_183_with_the_same_sdp_as_the_200()
    {
        var call = Early();
        call.Invite();
        Assert.Equal("100 183", Statuses(call));
        Assert.Equal("v=0\r\n", Body(call.LastResponse));
        Assert.True(call.Media.Started);
        Assert.Equal("welcome", Assert.Single(call.Media.Plays).Prompts);
        Assert.Empty(call.Observed);

        call.Advance(5);
        Assert.Equal("100 183", Statuses(call));
        call.PlayEnded();
        Assert.Equal("100 183 200", Statuses(call));
        Assert.Equal("v=0\r\n", Body(call.LastResponse));
        Assert.Equal("ask-menu", call.Media.Plays[^1].Prompts);
        Assert.Equal(["answered"], call.Observed);
        // The key in the SDP is not kept longer than it is needed.
        Assert.All(call.Sdp, b => Assert.Equal(0, b));
        call.Ack();
        call.PlayEnded();
        call.Key('5');
        Assert.Equal("5", Assert.IsType<DigitsCollected>(call.Events[1].Event).Digits!.Reveal());
    }

    [Fact]
    public void A_key_before_the_answer_is_none()
    {
        var call = Early();
        call.Invite();
        call.Key('1');
        Assert.Equal(0, call.Media.Stops);
        call.PlayEnded();
        call.Ack();
        call.PlayEnded();
        Assert.Single(call.Events);
        call.Key('2');
        Assert.Equal("2", Assert.IsType<DigitsCollected>(call.Events[1].Event).Digits!.Reveal());
    }

    [Fact]
    public void A_peer_that_knows_reliable_responses_gets_one_and_no_sdp_twice()
    {
        var call = Early();
        call.Invite(extra: Reliable);
        Assert.Equal(("100 183", "v=0\r\n"), (Statuses(call), Body(call.LastResponse)));
        Assert.Equal("100rel", call.LastResponse.Headers.First("Require"));
        Prack(call, 2);
        call.PlayEnded();
        Assert.Equal("100 183 200", Statuses(call));
        Assert.Equal("", Body(call.LastResponse));
    }

    [Fact]
    public void While_the_183_is_not_acknowledged_neither_the_answer_nor_what_follows_it_comes()
    {
        var call = Call(s_early, new Play { Prompts = Prompts("welcome") }, new Answer(), new Transfer { Target = "sip:agent@192.0.2.9" });
        call.Invite(extra: Reliable);
        call.PlayEnded();
        Assert.Equal("100 183", Statuses(call));
        Assert.DoesNotContain(call.Sent.OfType<SipRequest>(), r => r.Method == SipMethods.Refer);
        Prack(call, 2);
        Assert.Equal("100 183 200", Statuses(call));
        call.Ack();
        Assert.Contains(call.Sent.OfType<SipRequest>(), r => r.Method == SipMethods.Refer);
    }

    [Fact]
    public void A_183_that_is_never_acknowledged_ends_the_call()
    {
        var call = Early();
        call.Invite(extra: Reliable);
        call.PlayEnded();
        call.Advance(33);
        Assert.Equal(504, call.Sent.OfType<SipResponse>().Last().Status);
        Assert.True(call.Media.Disposed);
    }

    [Fact]
    public void When_the_time_for_early_media_is_used_up_the_call_is_answered_and_the_prompt_goes_on()
    {
        var call = Early();
        call.Invite();
        call.Advance(19.9);
        Assert.Equal("100 183", Statuses(call));
        call.Advance(0.2);
        Assert.Equal("100 183 200", Statuses(call));
        Assert.Equal(0, call.Media.Stops);
        Assert.Single(call.Media.Plays);
        call.Ack();
        call.PlayEnded();
        Assert.Equal("ask-menu", call.Media.Plays[^1].Prompts);
        Assert.Equal("100 183 200", Statuses(call));
    }

    [Fact]
    public void An_announcement_without_an_answer_ends_with_480_when_it_was_heard()
    {
        var call = Call(s_early, new Play { Prompts = Prompts("closed") }, new HangUp());
        call.Invite();
        Assert.Equal("100 183", Statuses(call));
        call.PlayEnded();
        Assert.Equal("100 183 480", Statuses(call));
        Assert.Equal((CallEndReason.FlowHungUp, true), (call.Leg!.EndReason, call.Media.Disposed));
        Assert.DoesNotContain("answered", call.Observed);
    }

    [Fact]
    public void An_announcement_without_an_answer_ends_with_480_when_its_time_is_used_up()
    {
        var call = Call(s_early, new Play { Prompts = Prompts("closed") }, new HangUp());
        call.Invite();
        call.Advance(20.1);
        Assert.Equal("100 183 480", Statuses(call));
        Assert.Equal(CallEndReason.FlowHungUp, call.Leg!.EndReason);
    }

    [Fact]
    public void Early_media_is_bounded_whatever_is_ordered()
    {
        var call = Call(new EarlyMedia { Most = TimeSpan.FromHours(1) }, new Play { Prompts = Prompts("welcome") }, new Answer());
        call.Invite();
        call.Advance(59);
        Assert.DoesNotContain("200", Statuses(call), StringComparison.Ordinal);
        call.Advance(2);
        Assert.Contains("200", Statuses(call), StringComparison.Ordinal);
    }

    [Fact]
    public void An_invite_without_an_offer_is_answered_at_once()
    {
        var call = Early();
        call.Invite(body: "");
        Assert.Equal("100 200", Statuses(call));
        Assert.Equal("welcome", call.Media.Plays[0].Prompts);
    }

    [Fact]
    public void Who_gives_up_during_early_media_ends_it()
    {
        var call = Early();
        call.Invite();
        call.Request("CANCEL", 1, branch: "invite", inDialog: false);
        Assert.True(call.Media.Disposed);
        call.Advance(40);
        Assert.Equal(["rejected cancelled", "ended Cancelled"], call.Observed);
        Assert.DoesNotContain("200", Statuses(call), StringComparison.Ordinal);
    }

    [Fact]
    public void Nothing_is_gathered_recorded_or_called_before_the_answer_whatever_is_ordered()
    {
        var call = Call(s_early, new Transfer { Target = "sip:agent@192.0.2.9" });
        call.Invite();
        Assert.DoesNotContain(call.Sent.OfType<SipRequest>(), r => r.Method == SipMethods.Refer);
        Assert.Equal(CallEndReason.Failed, call.Leg!.EndReason);

        call = Call(s_early, Ask("pin", 4, 4, secret: true));
        call.Invite();
        call.PlayEnded();
        call.Keys("1234");
        Assert.Single(call.Events);
    }
}
