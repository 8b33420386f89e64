using System.Net;
using System.Text;
using IvrActors.Edge.Calls;
using IvrActors.Edge.Sip.Dialogs;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Privacy;
using Xunit;

namespace IvrActors.Edge.Tests.Calls;

/// <summary>A caller who is bridged with somebody, in virtual time: both dialogs are real, media are fakes, the grain is a function.</summary>
public sealed class BridgeTests : IBridgeObserver
{
    private static readonly EdgeTrunk s_carrier = new() { Name = "carrier", Tenant = "demo", From = [IPNetwork.Parse("192.0.2.0/24")] };

    private readonly VirtualCall _world = new();
    private readonly FakeMediaSession _calleeMedia;
    private readonly List<string> _observed = [];
    private readonly SipPeer _hop = new(SipTransport.Udp, IPEndPoint.Parse("192.0.2.9:5060"), 0, s_carrier);
    private BridgedLeg? _callee;
    private SipRequest _invite = null!;
    private int _sequence = 100;

    public BridgeTests()
    {
        _calleeMedia = new FakeMediaSession(_world);
        _world.Grain = e => e switch
        {
            CallOffered => [new Answer(), new Bridge { Trunk = "carrier", Number = new PhoneNumber("+4930123456"), RingTime = TimeSpan.FromSeconds(20), MostTalk = TimeSpan.FromMinutes(5) }],
            BridgeEnded => [new Play { Prompts = VirtualCall.Prompts("transfer-failed") }],
            _ => [],
        };
        _world.OnBridge = Dial;
    }

    private void Dial(Bridge order)
    {
        _callee = new BridgedLeg(_world.Leg!, _calleeMedia, order.MostTalk, this);
        var sip = _world.Agent.Dial(_world.Now, new OutboundInvite
        {
            Target = $"sip:{order.Number!.Reveal()}@192.0.2.9;user=phone",
            From = "<sip:ivr@example.com>",
            To = "<sip:callee@example.com>",
            Hops = [_hop],
            Sdp = "v=0\r\no=ours\r\n"u8.ToArray(),
            Timeout = order.RingTime.Ticks,
            MaxForwards = 12,
        });
        _callee.Dialled(_world.Now, sip, _calleeMedia);
        _world.Leg!.Bridged(_callee);
        _world.Flush();
        _invite = _world.LastRequest;
    }

    private void CalleeSends(string text)
    {
        var caller = _world.Peer;
        _world.Peer = _hop;
        _world.Receive(text);
        _world.Peer = caller;
    }

    private void Answer(int status, string sdp = "", string extra = "", SipRequest? request = null, string tag = "callee")
    {
        var response = Encoding.ASCII.GetString(SipWriter.ToBytes(SipResponses.For(request ?? _invite, status, status == 100 ? null : tag)));
        var head = response[..response.IndexOf("Content-Length", StringComparison.Ordinal)] + "Contact: <sip:callee@192.0.2.9:5060>\r\n" + extra;
        if (sdp.Length > 0) head += "Content-Type: application/sdp\r\n";
        CalleeSends($"{head}Content-Length: {sdp.Length}\r\n\r\n{sdp}");
    }

    private void CalleeRequests(string method, string sdp = "", string extra = "")
    {
        var sequence = method == "ACK" ? _sequence : ++_sequence;
        if (sdp.Length > 0) extra += "Content-Type: application/sdp\r\n";
        CalleeSends($"{method} sip:ivr@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKx{sequence}{method};rport\r\nMax-Forwards: 70\r\nFrom: <sip:callee@example.com>;tag=callee\r\n"
            + $"To: <sip:ivr@example.com>;tag={_invite.From.Tag}\r\nCall-ID: {_invite.CallId}\r\nCSeq: {sequence} {method}\r\nContact: <sip:callee@192.0.2.9:5060>\r\n{extra}Content-Length: {sdp.Length}\r\n\r\n{sdp}");
    }

    private BridgeTests Talking()
    {
        _world.Connect();
        Answer(180);
        Answer(200, "v=0\r\no=callee\r\n");
        return this;
    }

    private SipRequest Last(string method, bool ofCallee) => _world.Sent.OfType<SipRequest>().Last(r => r.Method == method && r.CallId == _invite.CallId == ofCallee);

    /// <summary>Requests, not counting repeats over UDP.</summary>
    private int Count(string method, bool ofCallee) =>
        _world.Sent.OfType<SipRequest>().Where(r => r.Method == method && r.CallId == _invite.CallId == ofCallee).DistinctBy(r => r.TopVia.Branch).Count();

    private BridgeEnded Ended => Assert.IsType<BridgeEnded>(_world.Events[^1].Event);

    private CallEnded CallEnd => Assert.IsType<CallEnded>(_world.Events[^1].Event);

    void IBridgeObserver.Answered(long ringTicks) => _observed.Add("answered after " + TimeSpan.FromTicks(ringTicks).TotalSeconds);

    void IBridgeObserver.Ended(BridgeResult result) => _observed.Add($"{result.Outcome} {result.Status} {result.Talked.TotalSeconds}");

    [Fact]
    public void The_callee_is_called_while_the_caller_hears_ringback_and_then_both_hear_each_other()
    {
        _world.Connect();
        Assert.Equal("12", _invite.Headers.First("Max-Forwards"));
        Assert.Equal(0, _world.Media.Rings);
        Answer(100);
        Answer(180);
        Answer(180);
        Assert.Equal(1, _world.Media.Rings);
        Assert.Null(_world.Media.SendsOnTo);
        Assert.False(_calleeMedia.Started);
        _world.Advance(3);
        Answer(200, "v=0\r\no=callee\r\n");
        Assert.Equal(1, Count("ACK", ofCallee: true));
        Assert.Equal(["v=0\r\no=callee\r\n"], _calleeMedia.Answers);
        Assert.True(_calleeMedia.Started);
        Assert.Same(_calleeMedia, _world.Media.SendsOnTo);
        Assert.Same(_world.Media, _calleeMedia.SendsOnTo);
        Assert.Equal(1, _world.Media.Stops);
        Assert.Equal(["answered after 3"], _observed);
        // The grain hears of it when it is over.
        Assert.Single(_world.Events);
    }

    [Fact]
    public void Early_media_of_the_callees_side_are_heard_before_the_answer_and_a_last_answer_takes_their_place()
    {
        _world.Connect();
        Answer(183, "v=0\r\no=early\r\n");
        Assert.True(_calleeMedia.Started);
        Assert.Same(_world.Media, _calleeMedia.SendsOnTo);
        Assert.Equal(0, _world.Media.Rings);
        // Somebody else's telephone, that the call was forked to.
        Answer(200, "v=0\r\no=final\r\n", tag: "other");
        Assert.Equal(["v=0\r\no=early\r\n", "v=0\r\no=final\r\n"], _calleeMedia.Answers);
    }

    [Theory]
    [InlineData(486, BridgeOutcome.Busy)]
    [InlineData(600, BridgeOutcome.Busy)]
    [InlineData(480, BridgeOutcome.NoAnswer)]
    [InlineData(404, BridgeOutcome.Refused)]
    [InlineData(603, BridgeOutcome.Refused)]
    [InlineData(302, BridgeOutcome.Failed)]
    [InlineData(488, BridgeOutcome.Failed)]
    [InlineData(500, BridgeOutcome.Failed)]
    public void A_callee_who_does_not_answer_leaves_the_caller_to_the_flow(int status, BridgeOutcome outcome)
    {
        _world.Connect();
        Answer(180);
        Answer(status);
        Assert.Equal((outcome, status, TimeSpan.Zero), (Ended.Result.Outcome, Ended.Result.Status, Ended.Result.Talked));
        Assert.True(_calleeMedia.Disposed);
        Assert.Null(_world.Media.SendsOnTo);
        Assert.Equal("transfer-failed", Assert.Single(_world.Media.Plays).Prompts);
        Assert.Equal(0, Count("BYE", ofCallee: false));
        Assert.Equal([$"{outcome} {status} 0"], _observed);
    }

    [Fact]
    public void Nobody_answers_in_the_ring_time_and_the_call_is_cancelled()
    {
        _world.Connect();
        Answer(180);
        _world.Advance(19);
        Assert.Single(_world.Events);
        _world.Advance(2);
        Assert.Equal(1, Count("CANCEL", ofCallee: true));
        Assert.Equal((BridgeOutcome.NoAnswer, 408), (Ended.Result.Outcome, Ended.Result.Status));
    }

    [Fact]
    public void A_caller_who_hangs_up_first_cancels_the_call_with_the_reason_that_was_given()
    {
        _world.Connect();
        Answer(180);
        _world.Request("BYE", 2, extra: "Reason: Q.850;cause=31\r\n");
        Assert.Equal("Q.850;cause=31", Last("CANCEL", ofCallee: true).Headers.First("Reason"));
        Assert.Equal((CallEndReason.CallerHungUp, BridgeOutcome.Cancelled), (CallEnd.Reason, CallEnd.Bridge!.Outcome));
        Assert.True(_calleeMedia.Disposed && _world.Media.Disposed);
        // An answer that crossed the CANCEL is ended, too.
        Answer(200, "v=0\r\no=callee\r\n");
        Assert.Equal((1, 1), (Count("ACK", ofCallee: true), Count("BYE", ofCallee: true)));
        Assert.Equal(["Cancelled 487 0"], _observed);
    }

    [Fact]
    public void The_callers_bye_ends_the_callee_with_its_reason()
    {
        Talking();
        _world.Advance(61);
        _world.Request("BYE", 2, extra: "Reason: Q.850;cause=16\r\n");
        Assert.Equal("Q.850;cause=16", Last("BYE", ofCallee: true).Headers.First("Reason"));
        Assert.Equal((CallEndReason.CallerHungUp, BridgeOutcome.Answered, 61), (CallEnd.Reason, CallEnd.Bridge!.Outcome, CallEnd.Bridge.Talked.TotalSeconds));
        Assert.Equal("ended CallerHungUp", _world.Observed[^1]);
        Assert.Equal("Answered 200 61", _observed[^1]);
    }

    [Fact]
    public void The_callees_bye_ends_the_caller_with_its_reason()
    {
        Talking();
        _world.Advance(30);
        CalleeRequests("BYE", extra: "Reason: SIP;cause=600\r\n");
        Assert.Equal("SIP;cause=600", Last("BYE", ofCallee: false).Headers.First("Reason"));
        Assert.Equal(0, Count("BYE", ofCallee: true));
        Assert.Equal((CallEndReason.CalleeHungUp, BridgeOutcome.Answered, 30), (CallEnd.Reason, CallEnd.Bridge!.Outcome, CallEnd.Bridge.Talked.TotalSeconds));
        Assert.True(_calleeMedia.Disposed && _world.Media.Disposed);
    }

    [Fact]
    public void A_call_that_has_used_up_what_was_set_aside_is_ended_on_both_sides()
    {
        Talking();
        _world.Advance(299);
        Assert.False(_world.Leg!.IsOver);
        _world.Advance(2);
        Assert.Equal((1, 1), (Count("BYE", ofCallee: true), Count("BYE", ofCallee: false)));
        Assert.Equal((CallEndReason.LimitReached, TimeSpan.FromMinutes(5)), (CallEnd.Reason, CallEnd.Bridge!.Talked));
    }

    [Fact]
    public void An_operator_ends_both_sides()
    {
        Talking();
        _world.HangUp(CallEndReason.OperatorHungUp);
        Assert.Equal((1, 1), (Count("BYE", ofCallee: true), Count("BYE", ofCallee: false)));
        Assert.Equal((CallEndReason.OperatorHungUp, BridgeOutcome.Answered), (CallEnd.Reason, CallEnd.Bridge!.Outcome));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Media_that_stop_on_one_side_end_both(bool ofCallee)
    {
        Talking();
        if (ofCallee)
        {
            _callee!.Heard(_world.Now, new MediaSignal(MediaSignalKind.TimedOut, '\0', 0, 0));
            _world.Flush();
        }
        else
        {
            _world.TimedOut();
        }
        Assert.Equal((1, 1), (Count("BYE", ofCallee: true), Count("BYE", ofCallee: false)));
        Assert.Equal(CallEndReason.MediaTimeout, CallEnd.Reason);
        Assert.Equal(BridgeOutcome.Answered, CallEnd.Bridge!.Outcome);
    }

    [Fact]
    public void Media_that_do_not_come_before_the_answer_end_nothing()
    {
        _world.Connect();
        Answer(183, "v=0\r\no=early\r\n");
        _callee!.Heard(_world.Now, new MediaSignal(MediaSignalKind.TimedOut, '\0', 0, 0));
        Answer(200, "v=0\r\no=callee\r\n");
        Assert.False(_world.Leg!.IsOver);
    }

    [Fact]
    public void Hold_and_other_changes_of_one_side_are_answered_for_that_side_alone()
    {
        Talking();
        var sent = _world.Sent.Count;
        CalleeRequests("INVITE", "v=0\r\no=hold\r\n");
        Assert.Equal("v=1\r\n", Encoding.ASCII.GetString(_world.LastResponse.Body.Span));
        Assert.Equal(["v=0\r\no=hold\r\n"], _calleeMedia.Offers);
        Assert.Empty(_world.Media.Offers);
        CalleeRequests("UPDATE", "v=0\r\no=back\r\n");
        var ourTag = _world.Sent.OfType<SipResponse>().First(r => r.CallId == "c1" && r.Status == 200).To.Tag;
        _world.Request("INVITE", 2, "v=0\r\no=caller\r\n", extra: "Content-Type: application/sdp\r\n", toTag: ourTag);
        Assert.Equal(["v=0\r\no=caller\r\n"], _world.Media.Offers);
        Assert.Equal(2, _calleeMedia.Offers.Count);
        Assert.DoesNotContain(_world.Sent.Skip(sent), m => m is SipRequest);
    }

    [Fact]
    public void The_answer_in_the_ACK_of_a_reinvite_without_an_offer_is_taken_for_the_callees_side()
    {
        Talking();
        CalleeRequests("INVITE");
        Assert.Equal("v=1\r\n", Encoding.ASCII.GetString(_world.LastResponse.Body.Span));
        CalleeRequests("ACK", "v=0\r\no=moved\r\n");
        Assert.Equal(["v=0\r\no=callee\r\n", "v=0\r\no=moved\r\n"], _calleeMedia.Answers);
        Assert.False(_world.Leg!.IsOver);
        CalleeRequests("INVITE");
        _calleeMedia.RefuseAnswersWith = 488;
        CalleeRequests("ACK", "v=0\r\no=none\r\n");
        Assert.Equal((1, 1), (Count("BYE", ofCallee: true), Count("BYE", ofCallee: false)));
        Assert.Equal((CallEndReason.Failed, BridgeOutcome.Answered), (CallEnd.Reason, CallEnd.Bridge!.Outcome));
    }

    [Fact]
    public void An_error_in_telling_the_callee_leaves_nothing_of_the_callers_call_behind()
    {
        Talking();
        _world.Advance(10);
        _world.Breaks = new InvalidOperationException("test");
        Assert.Throws<InvalidOperationException>(() => _world.Request("BYE", 2));
        _world.Flush();
        Assert.Equal((CallEndReason.CallerHungUp, 10), (CallEnd.Reason, CallEnd.Bridge!.Talked.TotalSeconds));
        Assert.True(_calleeMedia.Disposed && _world.Media.Disposed && _world.Leg!.IsDone);
        Assert.Equal(("ended CallerHungUp", "Answered 200 10"), (_world.Observed[^1], _observed[^1]));
    }

    [Fact]
    public void An_error_in_ending_one_side_at_the_limit_leaves_neither_side_behind()
    {
        Talking();
        _world.Breaks = new InvalidOperationException("test");
        Assert.Throws<InvalidOperationException>(() => _world.Advance(301));
        _world.Flush();
        Assert.Equal(1, Count("BYE", ofCallee: true));
        Assert.Equal((CallEndReason.LimitReached, TimeSpan.FromMinutes(5)), (CallEnd.Reason, CallEnd.Bridge!.Talked));
        Assert.True(_calleeMedia.Disposed && _world.Media.Disposed && _world.Leg!.IsDone);
    }

    [Fact]
    public void An_answer_whose_media_cannot_be_had_ends_the_callee_and_leaves_the_caller_to_the_flow()
    {
        _calleeMedia.RefuseAnswersWith = 488;
        _world.Connect();
        Answer(200, "v=0\r\no=callee\r\n");
        Assert.Equal((1, 1), (Count("ACK", ofCallee: true), Count("BYE", ofCallee: true)));
        Assert.Equal((BridgeOutcome.Failed, 488), (Ended.Result.Outcome, Ended.Result.Status));
    }

    [Fact]
    public void A_callee_without_encryption_is_called_once_more_without_it_where_that_is_allowed()
    {
        _world.Connect();
        var plain = new FakeMediaSession(_world);
        var asked = 0;
        _callee!.Fallback = now =>
        {
            asked++;
            var sip = _world.Agent.Dial(now, new OutboundInvite { Target = "sip:callee@192.0.2.9", From = "<sip:ivr@example.com>", To = "<sip:callee@example.com>", Hops = [_hop], Sdp = "v=0\r\n"u8.ToArray() });
            _callee.Dialled(now, sip, plain);
            return true;
        };
        Answer(488);
        Assert.True(_calleeMedia.Disposed);
        Assert.Single(_world.Events);
        _invite = _world.Sent.OfType<SipRequest>().Last(r => r.Method == "INVITE");
        Answer(488);
        Assert.Equal(1, asked);
        Assert.Equal(BridgeOutcome.Failed, Ended.Result.Outcome);
        Assert.True(plain.Disposed);
    }

    [Fact]
    public void Keys_that_come_by_info_go_on_as_rtp_and_are_none_of_the_flow()
    {
        Talking();
        _world.Info('5');
        Assert.Equal(['5'], _calleeMedia.Pressed);
        _world.Key('6');
        Assert.Equal(['5'], _calleeMedia.Pressed);
        Assert.Single(_world.Events);
    }

    [Fact]
    public void A_press_that_comes_as_rtp_and_by_info_is_one_for_the_callee()
    {
        Talking();
        _world.Media.SendsKeys = true;
        _world.Info('5');
        Assert.Empty(_calleeMedia.Pressed);
    }

    [Fact]
    public void A_callee_that_is_lost_ends_the_caller()
    {
        _world.Connect();
        Answer(200, "v=0\r\no=callee\r\n", extra: "Supported: timer\r\nAllow: UPDATE\r\nRequire: timer\r\nSession-Expires: 90;refresher=uac\r\n");
        _world.Advance(46);
        // To the refresh of the session: there is no such call any more.
        Answer(481, request: Last("UPDATE", ofCallee: true));
        Assert.Equal((CallEndReason.Failed, BridgeOutcome.Answered), (CallEnd.Reason, CallEnd.Bridge!.Outcome));
        Assert.Equal(1, Count("BYE", ofCallee: false));
        Assert.True(_world.Leg!.IsDone);
    }

    [Fact]
    public void Each_side_has_its_own_session_timer()
    {
        _world.Invite(extra: "Supported: timer\r\nSession-Expires: 120;refresher=uac\r\n");
        _world.Ack();
        Answer(200, "v=0\r\no=callee\r\n", extra: "Supported: timer\r\nAllow: UPDATE\r\nRequire: timer\r\nSession-Expires: 90;refresher=uac\r\n");
        _world.Advance(46);
        Assert.Equal((1, 0), (Count("UPDATE", ofCallee: true), Count("UPDATE", ofCallee: false)));
        Answer(200, request: Last("UPDATE", ofCallee: true), extra: "Require: timer\r\nSession-Expires: 90;refresher=uac\r\n");
        // The caller promised to refresh and does not: both sides end.
        _world.Advance(45);
        Assert.Equal((1, 1), (Count("BYE", ofCallee: true), Count("BYE", ofCallee: false)));
        Assert.Equal(CallEndReason.Failed, CallEnd.Reason);
    }

    [Fact]
    public void What_still_plays_is_heard_out_before_anybody_is_called()
    {
        _world.Grain = e => e is CallOffered
            ? [new Answer(), new Play { Prompts = VirtualCall.Prompts("transferring") }, new Bridge { Trunk = "carrier", Number = new PhoneNumber("+4930123456"), RingTime = TimeSpan.FromSeconds(20), MostTalk = TimeSpan.FromMinutes(5) }]
            : [];
        _world.Connect();
        Assert.Null(_callee);
        _world.PlayEnded();
        Assert.NotNull(_callee);
    }

    [Fact]
    public void A_caller_who_is_gone_before_the_trunk_was_found_has_bridged_with_nobody()
    {
        Bridge? asked = null;
        _world.OnBridge = order => asked = order;
        _world.Connect();
        Assert.NotNull(asked);
        Assert.DoesNotContain("4930123456", $"{asked.Number} {asked}", StringComparison.Ordinal);
        _world.Request("BYE", 2);
        Assert.Null(CallEnd.Bridge);
        _world.Leg!.BridgeFailed(new BridgeResult { Outcome = BridgeOutcome.Failed });
        Assert.True(_world.Leg.IsDone);
    }

    [Fact]
    public void A_call_of_ours_that_comes_back_is_a_loop()
    {
        _world.Connect();
        CalleeSends($"INVITE sip:+4930123456@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKback;rport\r\n{_invite.TopVia}\r\nMax-Forwards: 11\r\nFrom: <sip:ivr@example.com>;tag={_invite.From.Tag}\r\n"
            .Replace($"{_invite.TopVia}\r\n", $"Via: {_invite.TopVia}\r\n", StringComparison.Ordinal)
            + $"To: <sip:callee@example.com>\r\nCall-ID: {_invite.CallId}\r\nCSeq: 1 INVITE\r\nContact: <sip:ivr@192.0.2.1>\r\nContent-Length: 0\r\n\r\n");
        Assert.Equal(482, _world.LastResponse.Status);
    }
}
