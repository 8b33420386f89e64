using System.Net;
using System.Text;
using IvrActors.Edge.Calls;
using IvrActors.Edge.Media;
using IvrActors.Edge.Sip.Dialogs;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Privacy;
using Xunit;

namespace IvrActors.Edge.Tests.Calls;

/// <summary>Calls of our own in virtual time: the dialog is real, media are fakes, the grain is a function.</summary>
public sealed class OriginatedCallTests : IOriginator
{
    private static readonly EdgeTrunk s_carrier = new() { Name = "carrier", Tenant = "demo", From = [IPNetwork.Parse("192.0.2.0/24")] };
    private static readonly Originate s_order = new()
    {
        Tenant = "demo",
        Trunk = "carrier",
        Number = new PhoneNumber("+4930123456"),
        RingTime = TimeSpan.FromSeconds(20),
        MostTalk = TimeSpan.FromMinutes(5),
        After = TimeSpan.FromSeconds(4),
        Tries = 3,
        Pause = TimeSpan.FromSeconds(10),
    };

    private static readonly TimeSpan s_patience = TimeSpan.FromMilliseconds(400);

    private readonly VirtualCall _world = new();
    private readonly SipPeer _hop = new(SipTransport.Udp, IPEndPoint.Parse("192.0.2.9:5060"), 0, s_carrier);
    private readonly List<FakeMediaSession> _media = [];
    private readonly List<string> _happened = [];
    private readonly OriginatedCall _call;
    private long _hasNoPlaceUntil;
    private int _places;
    private int _refuseWith;
    private int _refuseAnswersWith;
    private bool _prefersSrtp;
    private int _sequence = 100;

    public OriginatedCallTests()
    {
        _call = _world.Own = new OriginatedCall(new CallId("call-back"), s_order, this);
        _world.Grain = e => e is CallOffered ? [new Answer(), VirtualCall.Ask("pin", least: 4, most: 4)] : [new Play { Prompts = VirtualCall.Prompts("goodbye") }, new HangUp()];
        _call.Begin(_world.Now);
    }

    void IOriginator.Dial(long now, OriginatedCall call)
    {
        _places++;
        if (_hasNoPlaceUntil > now)
        {
            _places--;
            call.NotYet(now, s_patience, 503);
        }
        else if (_refuseWith != 0) call.NotDialled(now, _refuseWith);
        else Dial(call, _prefersSrtp);
    }

    void IOriginator.DialInClear(long now, OriginatedCall call) => Dial(call, mayFallBack: false);

    void IOriginator.Release(OriginatedCall call) => _places--;

    void IOriginator.Answered(long now, OriginatedCall call, SipCall sip, IMediaSession media)
    {
        var leg = new CallLeg(now, call.Id, sip, new MediaAnswer { Session = media }, _world) { EndBy = now + call.Order.MostTalk.Ticks };
        sip.User = leg;
        _world.Begin(leg);
        media.Start();
        leg.Offer(sequence => new CallOffered
        {
            Seq = sequence,
            Edge = "e",
            Tenant = "demo",
            Trunk = "carrier",
            Called = "",
            Origin = OriginClass.Unattested,
            Encrypted = false,
            SourceAddress = "192.0.2.9",
            Originated = true,
        });
    }

    void IOriginator.Over(OriginatedCall call, BridgeResult result) => _happened.Add($"{result.Outcome} {result.Status}");

    private void Dial(OriginatedCall call, bool mayFallBack)
    {
        var media = new FakeMediaSession(_world) { RefuseAnswersWith = _refuseAnswersWith };
        _media.Add(media);
        var sip = _world.Agent.Dial(_world.Now, new OutboundInvite
        {
            Target = "sip:+4930123456@192.0.2.9;user=phone",
            From = "<sip:ivr@example.com>",
            To = "<sip:callee@example.com>",
            Hops = [_hop],
            Sdp = "v=0\r\no=ours\r\n"u8.ToArray(),
            Timeout = call.Order.RingTime.Ticks,
        });
        call.Dialled(sip, media, mayFallBack);
    }

    private SipRequest Invite => _world.Sent.OfType<SipRequest>().Last(r => r.Method == "INVITE");

    private int Count(string method) => _world.Sent.OfType<SipRequest>().Where(r => r.Method == method).DistinctBy(r => r.TopVia.Branch).Count();

    private void CalleeSends(string text)
    {
        _world.Peer = _hop;
        _world.Receive(text);
    }

    private void Answer(int status, string sdp = "", SipRequest? request = null)
    {
        var response = Encoding.ASCII.GetString(SipWriter.ToBytes(SipResponses.For(request ?? Invite, status, status == 100 ? null : "callee")));
        var head = response[..response.IndexOf("Content-Length", StringComparison.Ordinal)] + "Contact: <sip:callee@192.0.2.9:5060>\r\n";
        if (sdp.Length > 0) head += "Content-Type: application/sdp\r\n";
        CalleeSends($"{head}Content-Length: {sdp.Length}\r\n\r\n{sdp}");
    }

    private void CalleeRequests(string method, string body = "", string type = "application/sdp")
    {
        var head = body.Length > 0 ? $"Content-Type: {type}\r\n" : "";
        CalleeSends($"{method} sip:ivr@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKx{++_sequence}{method};rport\r\nMax-Forwards: 70\r\nFrom: <sip:callee@example.com>;tag=callee\r\n"
            + $"To: <sip:ivr@example.com>;tag={Invite.From.Tag}\r\nCall-ID: {Invite.CallId}\r\nCSeq: {_sequence} {method}\r\nContact: <sip:callee@192.0.2.9:5060>\r\n{head}Content-Length: {body.Length}\r\n\r\n{body}");
    }

    private OriginatedCallTests Answered()
    {
        _world.Advance(4);
        Answer(180);
        Answer(200, "v=0\r\no=callee\r\n");
        return this;
    }

    private CallEnded Ended => Assert.IsType<CallEnded>(_world.Events[^1].Event);

    [Fact]
    public void Nobody_is_dialled_before_the_line_is_free()
    {
        _world.Advance(3.9);
        Assert.Equal((0, 0), (Count("INVITE"), _places));
        _world.Advance(0.2);
        Assert.Equal((1, 1), (Count("INVITE"), _places));
    }

    [Fact]
    public void A_call_that_finds_no_lease_of_a_limit_waits_for_it_and_counts_as_one_try()
    {
        _hasNoPlaceUntil = _world.Now + TimeSpan.FromSeconds(4.3).Ticks;
        _world.Advance(4.2);
        Assert.Equal((0, 0), (Count("INVITE"), _places));
        Assert.Empty(_happened);
        _world.Advance(0.2);
        Assert.Equal((1, 1), (Count("INVITE"), _places));
        Answer(486);
        _world.Advance(11);
        Answer(486);
        _world.Advance(11);
        Answer(486);
        Assert.Equal((3, 0), (Count("INVITE"), _places));
        Assert.Equal(["Busy 486"], _happened);
    }

    [Fact]
    public void A_call_for_which_no_lease_comes_has_failed_when_its_patience_ends()
    {
        _hasNoPlaceUntil = long.MaxValue;
        _world.Advance(4.3);
        Assert.Empty(_happened);
        _world.Advance(0.2);
        Assert.Equal((0, 0), (Count("INVITE"), _places));
        Assert.Equal(["Failed 503"], _happened);
    }

    [Fact]
    public void A_callee_who_answers_is_a_call_like_any_other_whose_answer_is_not_given_twice()
    {
        Answered();
        Assert.Equal(1, Count("ACK"));
        Assert.Equal(["v=0\r\no=callee\r\n"], _media[0].Answers);
        Assert.True(_media[0].Started);
        Assert.True(Assert.IsType<CallOffered>(_world.Events[0].Event).Originated);
        Assert.Equal("ask-pin", Assert.Single(_media[0].Plays).Prompts);
        foreach (var key in "4711") CalleeRequests("INFO", $"Signal={key}\r\nDuration=160\r\n", "application/dtmf-relay");
        Assert.Equal("4711", Assert.IsType<DigitsCollected>(_world.Events[1].Event).Digits!.Reveal());
        // Its place goes on to the leg.
        Assert.Equal(1, _places);
        Assert.Empty(_happened);
    }

    [Fact]
    public void What_the_callees_side_sends_before_the_answer_is_not_listened_to_and_hears_nothing()
    {
        _world.Advance(4);
        Answer(183, "v=0\r\no=announcement\r\n");
        Assert.False(_media[0].Started);
        Assert.Empty(_media[0].Answers);
        Assert.Empty(_world.Events);
    }

    [Fact]
    public void The_flow_ends_it_by_bye_and_its_talk_is_told()
    {
        Answered();
        _world.Advance(30);
        _world.Keys("4711");
        _media[0].EndsPlaysAtOnce = true;
        _world.PlayEnded(_media[0].Plays[^1].Id);
        Assert.Equal(1, Count("BYE"));
        Assert.Equal((CallEndReason.FlowHungUp, BridgeOutcome.Answered, 200), (Ended.Reason, Ended.Originated!.Outcome, Ended.Originated.Status));
        Assert.InRange(Ended.Originated.Talked.TotalSeconds, 29, 31);
        Assert.True(_media[0].Disposed);
    }

    [Fact]
    public void The_callee_hangs_up_as_a_caller_does()
    {
        Answered();
        _world.Advance(2);
        CalleeRequests("BYE");
        Assert.Equal((CallEndReason.CallerHungUp, TimeSpan.FromSeconds(2)), (Ended.Reason, Ended.Originated!.Talked));
    }

    [Fact]
    public void It_ends_when_what_was_set_aside_is_used_up()
    {
        _world.Grain = e => e is CallOffered ? [new Answer(), new Play { Prompts = VirtualCall.Prompts("long") }] : [];
        Answered();
        _world.Advance(299);
        Assert.Equal(0, Count("BYE"));
        _world.Advance(2);
        Assert.Equal(1, Count("BYE"));
        Assert.Equal((CallEndReason.LimitReached, TimeSpan.FromMinutes(5)), (Ended.Reason, Ended.Originated!.Talked));
        Assert.Equal(SipTimes.Never, _world.Leg!.NextDeadline);
    }

    [Fact]
    public void A_cluster_that_expects_no_such_call_has_it_ended_by_bye()
    {
        _world.Grain = e => e is CallOffered ? [new Reject { Status = 403 }] : [];
        Answered();
        Assert.Equal(1, Count("BYE"));
        Assert.Empty(_media[0].Plays);
        Assert.Equal(CallEndReason.FlowHungUp, Ended.Reason);
    }

    [Fact]
    public void A_busy_callee_is_dialled_again_twice_and_no_more_and_keeps_no_place_meanwhile()
    {
        _world.Advance(4);
        for (var tries = 1; tries <= 3; tries++)
        {
            Assert.Equal((tries, 1), (Count("INVITE"), _places));
            Answer(486);
            Assert.Equal(0, _places);
            Assert.True(_media[^1].Disposed);
            _world.Advance(10);
        }
        Assert.Equal(["Busy 486"], _happened);
        _world.Advance(60);
        Assert.Equal(3, Count("INVITE"));
    }

    [Theory]
    [InlineData(480, BridgeOutcome.NoAnswer)]
    [InlineData(404, BridgeOutcome.Refused)]
    [InlineData(603, BridgeOutcome.Refused)]
    [InlineData(488, BridgeOutcome.Failed)]
    [InlineData(500, BridgeOutcome.Failed)]
    public void A_callee_who_does_not_take_it_is_not_dialled_again(int status, BridgeOutcome outcome)
    {
        _world.Advance(4);
        Answer(180);
        Answer(status);
        Assert.Equal([$"{outcome} {status}"], _happened);
        Assert.Equal(0, _places);
        Assert.True(_media[0].Disposed);
        _world.Advance(60);
        Assert.Equal(1, Count("INVITE"));
        Assert.Empty(_world.Events);
    }

    [Fact]
    public void Nobody_answers_in_the_ring_time_and_the_call_is_cancelled()
    {
        _world.Advance(4);
        Answer(180);
        _world.Advance(19);
        Assert.Empty(_happened);
        _world.Advance(2);
        Assert.Equal(1, Count("CANCEL"));
        Assert.Equal(["NoAnswer 408"], _happened);
        Assert.Equal(0, _places);
    }

    [Fact]
    public void A_call_that_cannot_be_dialled_is_over_at_once()
    {
        _refuseWith = 503;
        _world.Advance(4);
        Assert.Equal(["Failed 503"], _happened);
        Assert.Equal(0, _places);
    }

    [Fact]
    public void A_trunk_with_all_its_calls_is_asked_again()
    {
        _refuseWith = 486;
        _world.Advance(4);
        _refuseWith = 0;
        _world.Advance(10);
        Assert.Equal((1, 1), (Count("INVITE"), _places));
    }

    [Fact]
    public void Who_refuses_preferred_encryption_is_asked_once_without_it()
    {
        _prefersSrtp = true;
        _world.Advance(4);
        Answer(488);
        Assert.Equal((2, 1), (Count("INVITE"), _places));
        Assert.True(_media[0].Disposed);
        Answer(488);
        Assert.Equal(["Failed 488"], _happened);
        Assert.Equal((2, 0), (Count("INVITE"), _places));
    }

    [Fact]
    public void An_answer_that_is_no_answer_to_our_offer_is_ended_by_bye()
    {
        _refuseAnswersWith = 488;
        _world.Advance(4);
        Answer(200, "v=0\r\no=odd\r\n");
        Assert.Equal((1, 1), (Count("ACK"), Count("BYE")));
        Assert.Equal(["Failed 488"], _happened);
        Assert.Equal(0, _places);
        Assert.Empty(_world.Events);
    }

    [Fact]
    public void An_order_that_is_taken_back_is_not_dialled_and_one_that_rings_is_cancelled()
    {
        _call.Cancel(_world.Now, BridgeOutcome.Cancelled, 487);
        _world.Advance(60);
        Assert.Equal(0, Count("INVITE"));
        Assert.Equal(["Cancelled 487"], _happened);

        var other = new OriginatedCallTests();
        other._world.Advance(4);
        other.Answer(180);
        other._call.Cancel(other._world.Now, BridgeOutcome.Failed, 503);
        other._world.Flush();
        Assert.Equal(1, other.Count("CANCEL"));
        // An answer that crossed the CANCEL is ended, too.
        other.Answer(200, "v=0\r\no=callee\r\n");
        Assert.Equal((1, 1), (other.Count("ACK"), other.Count("BYE")));
        Assert.Equal(["Failed 503"], other._happened);
        Assert.Empty(other._world.Events);
    }
}
