using System.Text;
using IvrActors.Edge.Calls;
using IvrActors.Edge.Media;
using IvrActors.Edge.Sip.Dialogs;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;
using IvrActors.Grains.Interfaces.Calls;
using Xunit;
using static IvrActors.Edge.Tests.Calls.VirtualCall;

namespace IvrActors.Edge.Tests.Calls;

/// <summary>A call that goes from one edge to another, in virtual time.</summary>
public class TakeOverLegTests
{
    private const string Theirs = "v=0\r\no=- 1 2 IN IP4 192.0.2.7\r\n";

    [Fact]
    public void The_peer_gets_a_re_invite_in_its_own_dialog_and_the_caller_is_asked_again_where_the_call_was()
    {
        var first = Served();
        var call = TakenOver(first, callEvent => callEvent is CallResumed ? [Ask("pin", 4, 4)] : [new HangUp()]);
        var (invite, answer) = (call.LastRequest, first.Sent.OfType<SipResponse>().Last(response => response.Status == 200 && response.CSeq.Method == "INVITE"));
        Assert.Equal(("INVITE", "sip:caller@192.0.2.7:5062", "c1"), (invite.Method, invite.RequestUri.ToString(), invite.CallId));
        Assert.Equal((answer.To.Tag, "f1"), (invite.From.Tag, invite.To.Tag));
        Assert.Equal("<sip:ivr@192.0.2.1:5060>", invite.Headers.First("Contact"));
        Assert.Equal(call.Sdp, invite.Body.ToArray());
        Assert.True(invite.CSeq.Number > DialogRecord.Gap);
        Assert.Empty(call.Events);

        Accept(call);
        Assert.Equal((SipMethods.Ack, invite.CSeq.Number), (call.LastRequest.Method, call.LastRequest.CSeq.Number));
        Assert.Equal([Theirs], call.Media.Answers);
        Assert.True(call.Media.Started);
        Assert.Equal((typeof(CallResumed), 3, 1), (call.Events[0].Event.GetType(), call.Events[0].Event.Seq, call.Events[0].Event.Epoch));
        Assert.Equal([(1, "ask-pin")], call.Media.Plays);

        call.Keys("4711");
        Assert.Equal((typeof(DigitsCollected), 4, 1), (call.Events[1].Event.GetType(), call.Events[1].Event.Seq, call.Events[1].Event.Epoch));
        Assert.Equal((SipMethods.Bye, invite.CSeq.Number + 1), (call.LastRequest.Method, call.LastRequest.CSeq.Number));
        Assert.Equal(CallEndReason.FlowHungUp, ((CallEnded)call.Events[2].Event).Reason);
        Assert.True(call.Leg!.IsDone);
        // It was let in, and counted, elsewhere.
        Assert.Equal(["ended FlowHungUp"], call.Observed);
    }

    [Fact]
    public void Requests_go_by_the_proxies_by_which_the_call_came()
    {
        var first = new VirtualCall { Grain = Asks };
        first.Invite(extra: "Record-Route: <sip:192.0.2.20;lr>\r\nRecord-Route: <sip:192.0.2.21;lr>\r\n");
        first.Ack();
        var call = TakenOver(first);
        Assert.Equal(["<sip:192.0.2.20;lr>", "<sip:192.0.2.21;lr>"], call.LastRequest.Headers.All("Route"));
        Assert.Equal("192.0.2.20:5060", call.Sends[^1].Peer.EndPoint.ToString());
    }

    [Theory]
    [InlineData(481)]
    [InlineData(408)]
    [InlineData(488)]
    [InlineData(500)]
    public void A_peer_that_refuses_ends_the_call_and_is_told(int status)
    {
        var call = TakenOver(Served());
        call.Respond(status);
        AssertLost(call);
        Assert.Equal(SipMethods.Bye, call.LastRequest.Method);
    }

    [Fact]
    public void A_peer_that_does_not_answer_ends_the_call()
    {
        var call = TakenOver(Served());
        call.Advance(31);
        Assert.Empty(call.Events);
        call.Advance(2);
        AssertLost(call);
    }

    [Fact]
    public void An_answer_that_takes_no_media_ends_the_call()
    {
        var silent = TakenOver(Served());
        silent.Respond(200);
        AssertLost(silent);
        var refused = TakenOver(Served());
        refused.Media.RefuseAnswersWith = 488;
        Accept(refused);
        AssertLost(refused);
    }

    [Fact]
    public void An_offer_that_meets_one_of_the_peer_is_made_again()
    {
        var call = TakenOver(Served(), callEvent => callEvent is CallResumed ? [Ask("pin")] : []);
        var first = call.LastRequest.CSeq.Number;
        call.Respond(491);
        Assert.Empty(call.Events);
        call.Request("INVITE", 30, Theirs, extra: "Content-Type: application/sdp\r\n", toTag: LocalTag(call));
        Assert.Equal(491, call.LastResponse.Status);
        call.Advance(4);
        Assert.Equal((SipMethods.Invite, first + 1), (call.LastRequest.Method, call.LastRequest.CSeq.Number));
        Accept(call);
        Assert.IsType<CallResumed>(Assert.Single(call.Events).Event);
    }

    [Fact]
    public void A_trunk_that_asks_for_a_password_gets_it()
    {
        var call = TakenOver(Served(), callEvent => callEvent is CallResumed ? [Ask("pin")] : [], new Password());
        var challenge = SipResponses.For(call.LastRequest, 407, "f1");
        challenge.Headers.Add("Proxy-Authenticate", "Digest realm=\"r\", nonce=\"n\"");
        call.Receive(Encoding.ASCII.GetString(SipWriter.ToBytes(challenge)));
        Assert.Equal("Digest answered", call.LastRequest.Headers.First("Proxy-Authorization"));
        Accept(call);
        Assert.IsType<CallResumed>(Assert.Single(call.Events).Event);
    }

    [Fact]
    public void A_caller_who_hangs_up_meanwhile_has_hung_up()
    {
        var call = TakenOver(Served());
        call.Request("BYE", 30, toTag: LocalTag(call));
        Assert.Equal(200, call.LastResponse.Status);
        Assert.Equal(CallEndReason.CallerHungUp, Assert.IsType<CallEnded>(Assert.Single(call.Events).Event).Reason);
    }

    [Fact]
    public void Each_edge_that_is_asked_counts_above_those_that_were_asked_before_it()
    {
        var kept = Served().Events.Last(said => said.Event.Dialog is not null).Event.Dialog!;
        uint Begin(int jump) => CallDialogs.DialogOf(kept, jump)!.ToRecord().LocalSequence;
        Assert.Equal(Begin(1) + DialogRecord.Gap, Begin(2));
        // And who ends it for good, above all of them.
        Assert.True(Begin(DialogRecord.LastJump) > Begin(250));
    }

    [Fact]
    public void The_next_edge_counts_on_from_this_one()
    {
        var second = TakenOver(Served(), callEvent => callEvent is CallResumed ? [Ask("pin")] : []);
        Accept(second);
        var kept = second.Events[0].Event.Dialog!;
        Assert.InRange(kept.LocalSequence, DialogRecord.Gap, DialogRecord.Gap + 10);
        Assert.True(TakenOver(second).LastRequest.CSeq.Number > 2 * DialogRecord.Gap);
    }

    [Fact]
    public void The_cluster_is_told_of_a_dialog_when_it_changes_and_not_with_every_event()
    {
        var call = new VirtualCall { Grain = Asks };
        call.Connect();
        Assert.Equal("sip:caller@192.0.2.7:5062", call.Events[0].Event.Dialog!.Target.Reveal());
        call.PlayEnded(1);
        call.Key('1');
        Assert.Null(call.Events[1].Event.Dialog);
        Assert.False(call.Leg!.TryTakeKeep(out _, out _));

        call.Media.Origin = call.Media.Origin with { Version = 2 };
        call.Request("INVITE", 20, Theirs, extra: "Content-Type: application/sdp\r\n");
        call.Ack(20);
        Assert.True(call.Leg.TryTakeKeep(out var kept, out var other));
        Assert.Equal((2, 20u), (kept.SdpVersion, kept.RemoteSequence!.Value));
        Assert.Null(other);
        Assert.False(call.Leg.TryTakeKeep(out _, out _));
        call.Key('2');
        Assert.Null(call.Events[2].Event.Dialog);
        // What could not be kept goes with the next event.
        call.Leg.NotKept();
        call.Key('3');
        Assert.NotNull(call.Events[3].Event.Dialog);
    }

    [Fact]
    public void A_call_that_another_edge_has_ends_in_silence()
    {
        var call = Served();
        var (sent, events) = (call.Sent.Count, call.Events.Count);
        call.Leg!.Disown(call.Now);
        call.Flush();
        Assert.Equal((sent, events), (call.Sent.Count, call.Events.Count));
        Assert.True(call.Media.Disposed && call.Leg.IsDone);
        Assert.Equal(CallEndReason.EdgeLost, call.Leg.EndReason);
        call.Request("BYE", 30);
        Assert.Equal(481, call.LastResponse.Status);
        call.Advance(4000);
        Assert.Equal(0, call.Count(message => message is SipRequest));
    }

    [Fact]
    public void A_former_edge_hears_it_with_the_answer_to_what_it_says()
    {
        var call = Served();
        call.GrainIsSlow = true;
        call.PlayEnded(1);
        call.Key('7');
        call.Leg!.Replied(call.Now, new CallReply { Seq = call.Events[^1].Event.Seq, Commands = [], Gone = true });
        call.Flush();
        Assert.True(call.Media.Disposed && call.Leg.IsDone);
        Assert.Equal(0, call.Count(message => message is SipRequest));
        Assert.IsNotType<CallEnded>(call.Events[^1].Event);
    }

    [Fact]
    public void What_was_kept_for_the_call_holds_no_key_and_prints_nothing()
    {
        var kept = Served().Events[0].Event.Dialog!;
        Assert.Equal("[dialog]", kept.ToString());
        Assert.DoesNotContain(typeof(CallDialog).GetProperties(), property => property.PropertyType == typeof(byte[]) || property.Name.Contains("Key", StringComparison.Ordinal) && property.Name != nameof(CallDialog.Keying));
    }

    private static List<CallCommand>? Asks(CallEvent callEvent) => callEvent is CallOffered ? [new Answer(), Ask("account")] : [Ask("account")];

    /// <summary>A call at its first edge.</summary>
    private static VirtualCall Served() => new VirtualCall { Grain = Asks }.Connect();

    /// <summary>The same call at another edge, whose re-INVITE has left.</summary>
    private static VirtualCall TakenOver(VirtualCall before, Func<CallEvent, List<CallCommand>?>? grain = null, IChallengeResponder? credentials = null)
    {
        var kept = before.Events.Last(said => said.Event.Dialog is not null).Event.Dialog!;
        var call = new VirtualCall { Grain = grain ?? (_ => []) };
        var sip = call.Agent.Adopt(call.Now, CallDialogs.DialogOf(kept, jump: 1)!, CallDialogs.PeerOf(kept, [Trunk])!, credentials, TimeSpan.TicksPerHour)!;
        var leg = new CallLeg(call.Now, new CallId("call-test"), sip, new MediaAnswer { Session = call.Media, Sdp = [.. call.Sdp] }, call) { Epoch = 1 };
        sip.User = leg;
        call.Begin(leg);
        leg.TakeOver(call.Now, new TakeOver { Seq = 3, Epoch = 1, Incarnation = "", Dialog = kept, Flow = "bank", Step = "s", Verified = true });
        call.Flush();
        return call;
    }

    private static void Accept(VirtualCall call)
    {
        var answer = SipResponses.For(call.Sent.OfType<SipRequest>().Last(request => request.Method == "INVITE"), 200, null);
        answer.Headers.Add("Contact", "<sip:caller@192.0.2.7:5062>");
        answer.Headers.Add("Content-Type", "application/sdp");
        answer.Body = Encoding.ASCII.GetBytes(Theirs);
        call.Receive(Encoding.ASCII.GetString(SipWriter.ToBytes(answer)));
    }

    private static string LocalTag(VirtualCall call) => call.Sent.OfType<SipRequest>().First().From.Tag!;

    private static void AssertLost(VirtualCall call)
    {
        Assert.Equal((3, 1, CallEndReason.EdgeLost), Assert.IsType<CallEnded>(Assert.Single(call.Events).Event) is var ended ? (ended.Seq, ended.Epoch, ended.Reason) : default);
        Assert.True(call.Media.Disposed && call.Leg!.IsDone);
        call.Advance(100);
        Assert.Equal((0, 0), (call.Agent.Calls, call.Agent.Transactions));
    }

    private sealed class Password : IChallengeResponder
    {
        public bool TryAnswer(SipRequest request, SipResponse challenge, SipPeer from, out KeyValuePair<string, string> header)
        {
            header = new("Proxy-Authorization", "Digest answered");
            return true;
        }
    }
}
