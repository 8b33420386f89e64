using IvrActors.Edge.Sip.Dialogs;
using IvrActors.Edge.Sip.Transactions;
using IvrActors.Edge.Tests.Sip.Dialogs;
using Xunit;

namespace IvrActors.Edge.Tests.Sip.Clauses;

/// <summary>RFC 3261 14: changes of a session.</summary>
public class ReinviteClauseTests
{
    private static readonly byte[] s_sdp = "v=0\r\no=ours\r\n"u8.ToArray();

    [Fact]
    [Clause("14.1", "no INVITE is sent inside of a dialog while another one is under way in either direction")]
    [Clause("14.1", "while an INVITE of ours is under way the next one waits for its end")]
    public void While_a_re_invite_of_ours_is_under_way_no_other_is_sent()
    {
        var peer = new VirtualPeer();
        var call = peer.Connected();
        peer.Do(() => call.Reinvite(peer.Now, s_sdp));
        peer.Do(() => call.Reinvite(peer.Now, s_sdp));
        peer.Answer(peer.Take("INVITE").Request, 100, null);
        peer.Do(() => call.Reinvite(peer.Now, s_sdp));
        Assert.Equal("", peer.Names());
        Assert.All(peer.Signals, signal => Assert.Equal((CallSignalKind.ReofferRefused, 491), (signal.Kind, signal.Number)));
    }

    [Theory]
    [InlineData("the INVITE is not acknowledged")]
    [InlineData("a re-INVITE is not answered")]
    [InlineData("a re-INVITE is not acknowledged")]
    [Clause("14.1", "while an INVITE of the peer is under way ours waits until it is confirmed or over")]
    public void While_an_invite_of_the_peer_is_under_way_ours_waits(string what)
    {
        var peer = new VirtualPeer();
        peer.Invite();
        var call = peer.Signals[0].Call;
        peer.Do(() => call.Answer(peer.Now, s_sdp));
        uint sequence = 1;
        if (what.Contains("re-INVITE", StringComparison.Ordinal))
        {
            peer.Request(call, "ACK", 1);
            peer.Request(call, "INVITE", ++sequence, VirtualPeer.Offer);
        }
        if (what == "a re-INVITE is not acknowledged") peer.Do(() => call.AnswerOffer(peer.Now, s_sdp));
        peer.Do(() => call.Reinvite(peer.Now, s_sdp));
        peer.Advance(1.5);
        Assert.Equal(0, peer.Count("INVITE"));
        if (what == "a re-INVITE is not answered") peer.Do(() => call.AnswerOffer(peer.Now, s_sdp));
        peer.Request(call, "ACK", sequence);
        peer.Advance(2);
        Assert.Equal(s_sdp, peer.Take("INVITE").Request.Body.ToArray());
    }

    [Theory]
    [InlineData(488)]
    [InlineData(500)]
    [InlineData(603)]
    [Clause("14.1", "after a failure of a re-INVITE the session is as it was")]
    public void A_re_invite_that_fails_changes_neither_target_nor_session(int status)
    {
        var peer = new VirtualPeer();
        var call = peer.Connected();
        peer.Do(() => call.Reinvite(peer.Now, s_sdp));
        peer.Answer(peer.Take("INVITE").Request, status, null, extra: "Contact: <sip:elsewhere@192.0.2.66>\r\n");
        Assert.Equal((CallSignalKind.ReofferRefused, status), (Assert.Single(peer.Signals).Kind, peer.Signals[0].Number));
        Assert.Equal(SipCallState.Answered, call.State);
        // Nothing is open: the peer may offer, and it may be answered.
        peer.Request(call, "UPDATE", 1, VirtualPeer.Offer);
        Assert.Equal(CallSignalKind.Reoffered, peer.Signals[^1].Kind);
        peer.Do(() => call.HangUp(peer.Now));
        Assert.Equal("sip:callee@192.0.2.9:5060", peer.Take("BYE").Request.RequestUri.ToString());
    }

    [Fact]
    [Clause("14.2", "a second INVITE before the final response to a first one gets 500 with Retry-After of 0 to 10 s")]
    public void A_second_invite_before_the_first_was_answered_gets_500_with_retry_after()
    {
        var peer = new VirtualPeer();
        peer.Invite();
        var call = peer.Signals[0].Call;
        peer.Request(call, "INVITE", 2, VirtualPeer.Offer);
        Assert.InRange(int.Parse(peer.Take("500").Response.Headers.First("Retry-After")!), 0, 10);
        peer.Do(() => call.Answer(peer.Now, s_sdp));
        peer.Request(call, "ACK", 1);
        peer.Request(call, "INVITE", 3, VirtualPeer.Offer);
        peer.Request(call, "INVITE", 4, VirtualPeer.Offer);
        Assert.InRange(int.Parse(peer.Take("500").Response.Headers.First("Retry-After")!), 0, 10);
    }

    [Fact]
    [Clause("14.2", "an INVITE that meets one of ours gets 491")]
    public void An_invite_that_crosses_ours_gets_491()
    {
        var peer = new VirtualPeer();
        var call = peer.Serve();
        peer.Do(() => call.Reinvite(peer.Now, s_sdp));
        peer.Request(call, "INVITE", 2, VirtualPeer.Offer);
        peer.Take("491");
        Assert.Empty(peer.Signals);
    }

    [Fact]
    public void An_update_before_the_answer_that_met_one_of_the_peer_is_tried_again()
    {
        var peer = new VirtualPeer();
        peer.Invite(extra: "Supported: 100rel\r\nAllow: UPDATE\r\n");
        var call = peer.Signals[0].Call;
        peer.Do(() => call.Progress(peer.Now, 183, s_sdp));
        peer.Request(call, "PRACK", 2, extra: $"RAck: {peer.Take("183").Response.Headers.First("RSeq")} 1 INVITE\r\n");
        peer.Do(() => call.Update(peer.Now, s_sdp));
        peer.Answer(peer.Take("UPDATE").Request, 491, null);
        peer.Advance(2.1);
        peer.Answer(peer.Take("UPDATE").Request, 200, null, VirtualPeer.Offer);
        Assert.Equal(CallSignalKind.ReofferAnswered, peer.Signals[^1].Kind);
        // And the call goes on.
        peer.Request(call, "UPDATE", 3, VirtualPeer.Offer);
        Assert.Equal(CallSignalKind.Reoffered, peer.Signals[^1].Kind);
        peer.Do(() => call.AnswerOffer(peer.Now, s_sdp));
        peer.Do(() => call.Answer(peer.Now, s_sdp));
        peer.Take("200 INVITE");
    }

    [Theory]
    [InlineData(481)]
    [InlineData(0)]
    public void An_update_before_the_answer_that_finds_no_dialog_ends_the_call_without_bye(int status)
    {
        var peer = new VirtualPeer();
        peer.Invite(extra: "Supported: 100rel\r\n");
        var call = peer.Signals[0].Call;
        peer.Do(() => call.Progress(peer.Now, 183, s_sdp));
        peer.Request(call, "PRACK", 2, extra: $"RAck: {peer.Take("183").Response.Headers.First("RSeq")} 1 INVITE\r\n");
        peer.Do(() => call.Update(peer.Now, s_sdp));
        if (status == 0) peer.Advance(33);
        else peer.Answer(peer.Take("UPDATE").Request, status, null);
        peer.Take("504 INVITE");
        Assert.Equal(0, peer.Count("BYE"));
        Assert.Equal(CallSignalKind.Lost, peer.Signals[^1].Kind);
    }
}
