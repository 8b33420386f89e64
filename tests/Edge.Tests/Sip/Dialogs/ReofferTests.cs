using System.Text;
using IvrActors.Edge.Sip.Dialogs;
using IvrActors.Edge.Sip.Message;
using Xunit;

namespace IvrActors.Edge.Tests.Sip.Dialogs;

/// <summary>Changes of a session: re-INVITE (RFC 3261 14) and UPDATE (RFC 3311), in both directions.</summary>
public class ReofferTests
{
    private static readonly byte[] s_sdp = Encoding.ASCII.GetBytes("v=0\r\no=hold\r\n");

    private static string Body(CallSignal signal) => Encoding.ASCII.GetString(signal.Body.Span);

    [Fact]
    public void A_re_invite_of_ours_is_answered_and_acknowledged()
    {
        var peer = new VirtualPeer();
        var call = peer.Serve();
        peer.Do(() => call.Reinvite(peer.Now, s_sdp));
        var invite = peer.Take("INVITE").Request;
        Assert.Equal(s_sdp, invite.Body.ToArray());
        peer.Answer(invite, 200, null, VirtualPeer.Offer, contact: "<sip:moved@192.0.2.77>");
        Assert.Equal(("ReofferAnswered", VirtualPeer.Offer), (peer.Kinds(), Body(peer.Signals[0])));
        var ack = peer.Take("ACK").Request;
        Assert.Equal((invite.CSeq.Number, "sip:moved@192.0.2.77"), (ack.CSeq.Number, ack.RequestUri.ToString()));
        peer.Answer(invite, 200, null, VirtualPeer.Offer);
        Assert.Equal(ack.TopVia.Branch, peer.Take("ACK").Request.TopVia.Branch);
    }

    [Fact]
    public void A_refused_re_invite_leaves_the_session_as_it_was()
    {
        var peer = new VirtualPeer();
        var call = peer.Connected();
        peer.Do(() => call.Reinvite(peer.Now, s_sdp));
        peer.Answer(peer.Take("INVITE").Request, 488, null);
        Assert.Equal((CallSignalKind.ReofferRefused, 488), (peer.Signals[^1].Kind, peer.Signals[^1].Number));
        Assert.Equal(SipCallState.Answered, call.State);
        peer.Do(() => call.Reinvite(peer.Now, s_sdp));
        Assert.Equal(2, peer.Count("INVITE") - 1);
    }

    [Theory]
    [InlineData(481)]
    [InlineData(408)]
    public void A_re_invite_that_finds_no_dialog_ends_the_call(int status)
    {
        var peer = new VirtualPeer();
        var call = peer.Connected();
        peer.Do(() => call.Reinvite(peer.Now, s_sdp));
        peer.Answer(peer.Take("INVITE").Request, status, null);
        Assert.Equal("ReofferRefused Lost", peer.Kinds());
        peer.Take("BYE");
    }

    [Theory]
    [InlineData(true, 2.1, 4)]
    [InlineData(false, 0, 2)]
    public void After_491_it_is_tried_again_at_a_time_that_depends_on_who_made_the_call_id(bool weDialled, double least, double most)
    {
        var peer = new VirtualPeer();
        var call = weDialled ? peer.Connected() : peer.Serve();
        peer.Do(() => call.Reinvite(peer.Now, s_sdp));
        var start = peer.All[^1].At;
        var first = peer.Take("INVITE").Request;
        peer.Answer(first, 491, null);
        Assert.Empty(peer.Signals);
        peer.Advance(5);
        peer.Take("ACK");
        var again = peer.Take("INVITE");
        Assert.InRange(again.At - start, least, most);
        Assert.Equal(first.CSeq.Number + 1, again.Request.CSeq.Number);
        peer.Answer(again.Request, 200, null, VirtualPeer.Offer);
        Assert.Equal("ReofferAnswered", peer.Kinds());
    }

    [Fact]
    public void Two_re_invites_that_cross_get_491_each()
    {
        var peer = new VirtualPeer();
        var call = peer.Serve();
        peer.Do(() => call.Reinvite(peer.Now, s_sdp));
        peer.Request(call, "INVITE", 2, VirtualPeer.Offer);
        Assert.Equal(491, peer.Take("491").Response.Status);
        peer.Answer(peer.Take("INVITE").Request, 491, null);
        // While ours waits, theirs is served.
        peer.Request(call, "INVITE", 3, VirtualPeer.Offer);
        Assert.Equal("Reoffered", peer.Kinds());
    }

    [Fact]
    public void A_re_invite_without_an_offer_asks_for_one_and_the_ack_answers_it()
    {
        var peer = new VirtualPeer();
        var call = peer.Serve();
        peer.Do(() => call.Reinvite(peer.Now, []));
        var invite = peer.Take("INVITE").Request;
        Assert.True(invite.Body.IsEmpty);
        peer.Answer(invite, 200, null, VirtualPeer.Offer);
        Assert.Equal(0, peer.Count("ACK"));
        Assert.Equal(("Reoffered", VirtualPeer.Offer), (peer.Kinds(), Body(peer.Signals[0])));
        peer.Do(() => call.AnswerOffer(peer.Now, s_sdp));
        Assert.Equal(s_sdp, peer.Take("ACK").Request.Body.ToArray());
    }

    [Fact]
    public void An_offerless_re_invite_of_the_peer_gets_our_offer_and_the_ack_brings_the_answer()
    {
        var peer = new VirtualPeer();
        var call = peer.Serve();
        peer.Request(call, "INVITE", 2);
        Assert.True(peer.Signals[0].Body.IsEmpty);
        peer.Do(() => call.AnswerOffer(peer.Now, s_sdp));
        Assert.Equal(s_sdp, peer.Take("200 INVITE").Response.Body.ToArray());
        peer.Request(call, "UPDATE", 3, VirtualPeer.Offer);
        Assert.Equal(491, peer.Take("491").Response.Status);
        peer.Request(call, "ACK", 2, VirtualPeer.Offer);
        Assert.Equal("Reoffered Confirmed", peer.Kinds());
        Assert.Equal(VirtualPeer.Offer, Body(peer.Signals[1]));
    }

    [Fact]
    public void An_update_with_an_offer_is_answered_and_moves_the_target()
    {
        var peer = new VirtualPeer();
        var call = peer.Serve();
        peer.Hop = VirtualPeer.HopAt("192.0.2.50:5070");
        peer.Request(call, "UPDATE", 2, VirtualPeer.Offer);
        Assert.Equal("Reoffered", peer.Kinds());
        peer.Request(call, "UPDATE", 3, VirtualPeer.Offer);
        Assert.InRange(int.Parse(peer.Take("500").Response.Headers.First("Retry-After")!), 0, 10);
        peer.Do(() => call.AnswerOffer(peer.Now, s_sdp));
        Assert.Equal(s_sdp, peer.Take("200 UPDATE").Response.Body.ToArray());
        peer.Do(() => call.HangUp(peer.Now));
        Assert.Equal("sip:peer@192.0.2.50:5070", peer.Take("BYE").Request.RequestUri.ToString());
    }

    [Fact]
    public void A_refused_update_changes_nothing()
    {
        var peer = new VirtualPeer();
        var call = peer.Serve();
        peer.Request(call, "UPDATE", 2, VirtualPeer.Offer);
        peer.Do(() => call.RefuseOffer(peer.Now, 488));
        peer.Take("488");
        peer.Request(call, "UPDATE", 3, VirtualPeer.Offer);
        Assert.Equal(2, peer.Signals.Count);
    }

    [Fact]
    public void An_update_before_the_answer_comes_too_soon_while_its_offer_is_open()
    {
        var peer = new VirtualPeer();
        peer.Invite();
        var call = peer.Signals[0].Call;
        peer.Request(call, "UPDATE", 2, VirtualPeer.Offer);
        Assert.NotNull(peer.Take("500").Response.Headers.First("Retry-After"));
        peer.Request(call, "UPDATE", 3);
        peer.Take("200 UPDATE");
    }

    [Fact]
    public void Our_update_is_answered_at_once()
    {
        var peer = new VirtualPeer();
        var call = peer.Connected("Allow: INVITE, UPDATE\r\n");
        peer.Do(() => call.Update(peer.Now, s_sdp));
        var update = peer.Take("UPDATE").Request;
        peer.Do(() => call.Reinvite(peer.Now, s_sdp));
        Assert.Equal((CallSignalKind.ReofferRefused, 491), (peer.Signals[0].Kind, peer.Signals[0].Number));
        peer.Request(call, "UPDATE", 1, VirtualPeer.Offer);
        peer.Take("491");
        peer.Answer(update, 200, null, VirtualPeer.Offer);
        Assert.Equal(CallSignalKind.ReofferAnswered, peer.Signals[^1].Kind);
    }

    [Fact]
    public void A_re_invite_that_nobody_answers_is_cancelled()
    {
        var peer = new VirtualPeer();
        var call = peer.Connected();
        peer.Do(() => call.Reinvite(peer.Now, s_sdp));
        var invite = peer.Take("INVITE").Request;
        peer.Answer(invite, 100, null);
        peer.Advance(61);
        peer.Take("CANCEL");
        peer.Answer(invite, 487, null);
        Assert.Equal((CallSignalKind.ReofferRefused, 487), (peer.Signals[^1].Kind, peer.Signals[^1].Number));
        Assert.Equal(SipCallState.Answered, call.State);
    }

    [Fact]
    public void A_hang_up_during_a_re_invite_leaves_nothing_behind()
    {
        var peer = new VirtualPeer();
        var call = peer.Connected();
        peer.Do(() => call.Reinvite(peer.Now, s_sdp));
        peer.Answer(peer.Take("INVITE").Request, 100, null);
        peer.Do(() => call.HangUp(peer.Now, SipReason.NormalClearing));
        var bye = peer.Take("BYE").Request;
        Assert.Equal("Q.850;cause=16", bye.Headers.First("Reason"));
        peer.Answer(bye, 200, null);
        peer.Advance(300);
        Assert.Equal((0, 0), (peer.Agent.Calls, peer.Agent.Transactions));
    }

    [Fact]
    public void The_reason_of_a_bye_and_of_a_cancel_is_told()
    {
        var peer = new VirtualPeer();
        var call = peer.Serve();
        peer.Request(call, "BYE", 2, extra: "Reason: Q.850;cause=31\r\n");
        Assert.Equal(new SipReason("Q.850", 31), peer.Signals[^1].Reason);
        peer.Invite(callId: "c2", branch: "c2");
        peer.Request("CANCEL", 1, callId: "c2", branch: "c2", extra: "Reason: SIP;cause=200;text=\"Call completed elsewhere\"\r\n");
        Assert.Equal((CallSignalKind.Cancelled, new SipReason("SIP", 200)), (peer.Signals[^1].Kind, peer.Signals[^1].Reason));
    }

    [Fact]
    public void Sdp_beside_other_content_is_found()
    {
        var peer = new VirtualPeer();
        peer.Invite("--x\r\nContent-Type: application/isup\r\n\r\nabc\r\n--x\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--x--\r\n", "Content-Type: multipart/mixed;boundary=x\r\n");
        Assert.StartsWith("v=0", Body(Assert.Single(peer.Signals)), StringComparison.Ordinal);
    }
}
