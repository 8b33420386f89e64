using System.Text;
using IvrActors.Edge.Sip.Dialogs;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;
using IvrActors.Edge.Tests.Sip.Dialogs;
using Xunit;

namespace IvrActors.Edge.Tests.Sip.Clauses;

/// <summary>RFC 3261 13: INVITE, from either side.</summary>
public class InviteClauseTests
{
    private static readonly byte[] s_sdp = "v=0\r\no=ours\r\n"u8.ToArray();

    private static string Text(ReadOnlyMemory<byte> body) => Encoding.ASCII.GetString(body.Span);

    [Fact]
    [Clause("13.1", "who supports INVITE supports ACK, CANCEL and BYE")]
    public void A_call_is_cancelled_or_acknowledged_and_ended()
    {
        var peer = new VirtualPeer();
        peer.Invite(callId: "given-up", branch: "given-up");
        peer.Request("CANCEL", 1, callId: "given-up", branch: "given-up");
        Assert.Equal("100 200 487", peer.Names());
        peer.Sent.Clear();
        var call = peer.Serve();
        peer.Request(call, "BYE", 2);
        peer.Take("200 BYE");
        Assert.Equal(SipCallState.Ended, call.State);
    }

    [Fact]
    [Clause("13.2.1", "the offer is in the INVITE or in the first reliable non-failure message of the UAS")]
    [Clause("13.2.1", "with the offer in the INVITE the answer is in a reliable non-failure message to it")]
    [Clause("13.2.1", "both ways of offer and answer are supported")]
    [Clause("13.3.1", "without an offer in the INVITE the UAS offers in its first reliable non-failure message")]
    [Clause("13.3.1.4", "a 2xx to an INVITE with an offer that has no answer yet has the answer")]
    [Clause("13.3.1.4", "a 2xx to an INVITE without an offer has one where none was sent yet")]
    public void An_offer_in_the_invite_is_answered_in_the_200_and_without_one_ours_is_in_the_200()
    {
        var peer = new VirtualPeer();
        peer.Dial();
        Assert.Equal("v=0\r\no=ours\r\n", Text(peer.Take("INVITE").Request.Body));
        peer.Invite(callId: "offers");
        peer.Do(() => peer.Signals[^1].Call.Answer(peer.Now, s_sdp));
        Assert.Equal(s_sdp, peer.Take("200").Response.Body.ToArray());
        peer.Request("ACK", 1, callId: "offers", toTag: peer.Signals[^1].Call.Dialog.Id.LocalTag);
        Assert.Equal((CallSignalKind.Confirmed, ""), (peer.Signals[^1].Kind, Text(peer.Signals[^1].Body)));
        peer.Invite("", callId: "asks");
        peer.Do(() => peer.Signals[^1].Call.Answer(peer.Now, s_sdp));
        Assert.Equal(s_sdp, peer.Take("200").Response.Body.ToArray());
        peer.Request("ACK", 1, VirtualPeer.Offer, callId: "asks", toTag: peer.Signals[^1].Call.Dialog.Id.LocalTag);
        Assert.Equal((CallSignalKind.Confirmed, VirtualPeer.Offer), (peer.Signals[^1].Kind, Text(peer.Signals[^1].Body)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("Require: 100rel\r\nRSeq: 1\r\n")]
    [Clause("13.2.1", "the UAC takes the first description for the answer and ignores those in later responses")]
    public void The_first_description_is_the_answer_and_a_later_one_is_not(string extra)
    {
        var peer = new VirtualPeer();
        peer.Dial();
        var invite = peer.Take("INVITE").Request;
        peer.Answer(invite, 183, "callee", VirtualPeer.Offer, extra);
        peer.Answer(invite, 200, "callee", "v=0\r\no=other\r\n");
        Assert.Equal((CallSignalKind.Accepted, VirtualPeer.Offer), (peer.Signals[^1].Kind, Text(peer.Signals[^1].Body)));
        // That of another fork is not the winner's.
        peer.Dial();
        var forked = peer.All[^1].Request;
        peer.Answer(forked, 183, "one", "v=0\r\no=one\r\n");
        peer.Answer(forked, 200, "two", VirtualPeer.Offer);
        Assert.Equal((CallSignalKind.Accepted, VirtualPeer.Offer), (peer.Signals[^1].Kind, Text(peer.Signals[^1].Body)));
    }

    [Fact]
    [Clause("13.2.1", "with the offer in the message of the UAS the answer is in its acknowledgement")]
    [Clause("13.2.2.4", "an offer in the 2xx is answered in the ACK")]
    public void An_offer_that_comes_in_a_200_is_answered_in_the_ack()
    {
        var peer = new VirtualPeer();
        var call = peer.Connected();
        peer.Do(() => call.Reinvite(peer.Now, []));
        peer.Answer(peer.Take("INVITE").Request, 200, null, VirtualPeer.Offer);
        Assert.Equal(CallSignalKind.Reoffered, peer.Signals[^1].Kind);
        peer.Do(() => call.AnswerOffer(peer.Now, s_sdp));
        Assert.Equal(s_sdp, peer.Take("ACK").Request.Body.ToArray());
    }

    [Fact]
    [Clause("13.2.1", "after the answer no response to the first INVITE has another offer")]
    public void Once_answered_reliably_neither_further_progress_nor_the_200_has_a_description()
    {
        var peer = new VirtualPeer();
        peer.Invite(extra: "Supported: 100rel\r\n");
        var call = peer.Signals[^1].Call;
        peer.Do(() => call.Progress(peer.Now, 183, s_sdp));
        peer.Request(call, "PRACK", 2, extra: $"RAck: {peer.Take("183").Response.Headers.First("RSeq")} 1 INVITE\r\n");
        peer.Do(() => call.Progress(peer.Now, 183, s_sdp));
        var second = peer.Take("183").Response;
        Assert.True(second.Body.IsEmpty);
        peer.Request(call, "PRACK", 3, extra: $"RAck: {second.Headers.First("RSeq")} 1 INVITE\r\n");
        peer.Do(() => call.Answer(peer.Now, s_sdp));
        Assert.True(peer.Take("200 INVITE").Response.Body.IsEmpty);
        peer.Request(call, "ACK", 1);
        Assert.Equal((CallSignalKind.Confirmed, SipCallState.Answered), (peer.Signals[^1].Kind, call.State));
    }

    [Theory]
    [InlineData(486)]
    [InlineData(302)]
    [InlineData(603)]
    [Clause("13.2.2.3", "a final response after a failure is ignored")]
    public void After_a_failure_another_final_response_changes_nothing(int status)
    {
        var peer = new VirtualPeer();
        peer.Dial();
        var invite = peer.Take("INVITE").Request;
        peer.Answer(invite, status);
        peer.Answer(invite, 200, "late", VirtualPeer.Offer);
        peer.Answer(invite, 500, "late");
        Assert.Equal("ACK ACK", peer.Names());
        Assert.Equal((CallSignalKind.Refused, status), (Assert.Single(peer.Signals).Kind, peer.Signals[0].Number));
        Assert.Equal(0, peer.Agent.Calls);
    }

    [Fact]
    [Clause("13.2.2.4", "a 2xx in an early dialog confirms it and decides on its route set anew")]
    public void The_200_decides_on_the_route_of_an_early_dialog()
    {
        var peer = new VirtualPeer();
        var call = peer.Dial();
        var invite = peer.Take("INVITE").Request;
        peer.Answer(invite, 180, "callee", extra: "Record-Route: <sip:192.0.2.20;lr>\r\n");
        peer.Answer(invite, 200, "callee", VirtualPeer.Offer, "Record-Route: <sip:192.0.2.31;lr>, <sip:192.0.2.30;lr>\r\n");
        Assert.Equal(SipCallState.Answered, call.State);
        peer.Do(() => call.HangUp(peer.Now));
        Assert.Equal(["<sip:192.0.2.30;lr>", "<sip:192.0.2.31;lr>"], peer.Take("BYE").Request.Headers.All("Route"));
    }

    [Fact]
    [Clause("13.2.2.4", "a 2xx with another tag makes a new confirmed dialog")]
    [Clause("13.2.2.4", "each 2xx is acknowledged")]
    [Clause("13.2.2.4", "a dialog that is not wanted after its 2xx was acknowledged is ended by BYE")]
    public void Each_fork_that_answers_is_a_dialog_acknowledged_and_all_but_the_first_are_ended()
    {
        var peer = new VirtualPeer();
        var call = peer.Dial();
        var invite = peer.Take("INVITE").Request;
        peer.Answer(invite, 180, "early");
        foreach (var tag in (string[])["first", "early", "third"]) peer.Answer(invite, 200, tag, VirtualPeer.Offer, contact: $"<sip:{tag}@192.0.2.9>");
        Assert.Equal("ACK ACK BYE ACK BYE", peer.Names());
        Assert.Equal(["first", "early", "early", "third", "third"], peer.Sent.Select(sending => sending.Request.To.Tag));
        Assert.Equal(["sip:first@192.0.2.9", "sip:early@192.0.2.9", "sip:early@192.0.2.9", "sip:third@192.0.2.9", "sip:third@192.0.2.9"], peer.Sent.Select(sending => sending.Request.RequestUri.ToString()));
        Assert.Equal("first", call.Dialog.Id.RemoteTag);
    }

    [Fact]
    [Clause("13.2.2.4", "the CSeq of the ACK has the number of the INVITE and the method ACK")]
    [Clause("13.2.2.4", "the ACK has the credentials of the INVITE")]
    [Clause("17.1.1.3", "the ACK of a 2xx follows the rules of section 13")]
    public void The_ack_of_a_200_is_a_request_of_the_dialog_with_number_and_credentials_of_its_invite()
    {
        var peer = new VirtualPeer();
        var call = peer.Dial(credentials: new AnyPassword());
        peer.Answer(peer.Take("INVITE").Request, 407, "x", extra: "Proxy-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n");
        peer.Take("ACK");
        var invite = peer.Take("INVITE").Request;
        peer.Answer(invite, 200, "callee", VirtualPeer.Offer);
        Check(invite, peer.Take("ACK").Request, 1);
        peer.Do(() => call.Reinvite(peer.Now, s_sdp));
        peer.Answer(peer.Take("INVITE").Request, 401, null, extra: "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n");
        peer.Take("ACK");
        invite = peer.Take("INVITE").Request;
        peer.Answer(invite, 200, null, VirtualPeer.Offer);
        Check(invite, peer.Take("ACK").Request, 1);

        static void Check(SipRequest invite, SipRequest ack, int credentials)
        {
            Assert.Equal((invite.CSeq.Number, "ACK"), (ack.CSeq.Number, ack.CSeq.Method));
            Assert.NotEqual(invite.TopVia.Branch, ack.TopVia.Branch);
            foreach (var name in (string[])["Authorization", "Proxy-Authorization"]) Assert.Equal(invite.Headers.All(name), ack.Headers.All(name));
            Assert.Equal(credentials, ack.Headers.All("Authorization").Concat(ack.Headers.All("Proxy-Authorization")).Count());
        }
    }

    [Theory]
    [InlineData("refused")]
    [InlineData("hung up before the 200")]
    [InlineData("hung up after the 200")]
    [InlineData("hung up by the peer after the 200")]
    [Clause("13.2.2.4", "an offer in the 2xx that is not acceptable is answered all the same, and BYE follows")]
    public void An_offer_in_a_200_that_nobody_wants_is_answered_with_all_ports_zero(string how)
    {
        const string Odd = "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 4000 RTP/AVP 9\r\na=rtpmap:9 G722/8000\r\nm=video 4002/2 RTP/SAVPF 96 97\r\n";
        var peer = new VirtualPeer();
        var call = peer.Connected();
        peer.Do(() => call.Reinvite(peer.Now, []));
        var invite = peer.Take("INVITE").Request;
        if (how == "hung up before the 200") peer.Do(() => call.HangUp(peer.Now));
        peer.Answer(invite, 200, null, Odd);
        if (how == "refused") peer.Do(() => call.RefuseOffer(peer.Now, 488));
        if (how == "hung up after the 200") peer.Do(() => call.HangUp(peer.Now));
        if (how == "hung up by the peer after the 200") peer.Request(call, "BYE", 1);
        var ack = peer.Take("ACK").Request;
        Assert.Equal("v=0\r\no=- 0 0 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 0 RTP/AVP 9\r\nm=video 0 RTP/SAVPF 96 97\r\n", Text(ack.Body));
        Assert.Equal(("application/sdp", invite.CSeq.Number), (ack.Headers.First("Content-Type"), ack.CSeq.Number));
        Assert.Equal(how.Contains("by the peer", StringComparison.Ordinal) ? "200" : "BYE", peer.Names());
        peer.Answer(invite, 200, null, Odd);
        Assert.Equal(ack.TopVia.Branch, peer.Take("ACK").Request.TopVia.Branch);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Clause("13.2.2.4", "the same ACK is sent again for every repeat of its 2xx")]
    public void Every_repeat_of_a_200_gets_its_ack_again(bool again)
    {
        var peer = new VirtualPeer();
        var call = peer.Dial();
        var invite = peer.Take("INVITE").Request;
        peer.Answer(invite, 200, "callee", VirtualPeer.Offer);
        if (again)
        {
            peer.Do(() => call.Reinvite(peer.Now, s_sdp));
            invite = peer.Take("INVITE").Request;
            peer.Answer(invite, 200, null, VirtualPeer.Offer);
        }
        var first = peer.Sent[^1].Bytes;
        peer.Advance(31);
        peer.Answer(invite, 200, "callee", VirtualPeer.Offer);
        Assert.Equal(first, peer.Sent[^1].Bytes);
        peer.Do(() => call.HangUp(peer.Now));
        peer.Answer(invite, 200, "callee", VirtualPeer.Offer);
        Assert.Equal(first, peer.Sent[^1].Bytes);
    }

    [Fact]
    [Clause("13.3.1.1", "all provisional responses are of one dialog")]
    [Clause("13.3.1.1", "a caller who is kept waiting gets a provisional response other than 100 every minute")]
    public void A_caller_who_waits_is_told_so_every_minute()
    {
        var peer = new VirtualPeer();
        peer.Invite();
        peer.Take("100");
        var call = peer.Signals[0].Call;
        peer.Advance(90);
        peer.Do(() => call.Progress(peer.Now, 180));
        peer.Advance(150);
        Assert.Equal([(183, 60d), (180, 90d), (180, 150d), (180, 210d)], peer.Sent.Select(sending => (sending.Response.Status, sending.At)));
        Assert.Equal([call.Dialog.Id.LocalTag], peer.Sent.Select(sending => sending.Response.To.Tag).Distinct());
        peer.Do(() => call.Answer(peer.Now, s_sdp));
        peer.Request(call, "ACK", 1);
        peer.Sent.Clear();
        peer.Advance(300);
        Assert.Equal("", peer.Names());
    }

    [Fact]
    public void A_caller_who_waits_and_knows_100rel_is_told_so_reliably()
    {
        var peer = new VirtualPeer();
        peer.Invite(extra: "Supported: 100rel\r\n");
        peer.Advance(60.1);
        var waiting = peer.Take("183").Response;
        Assert.Equal("100rel", waiting.Headers.First("Require"));
        peer.Request(peer.Signals[0].Call, "PRACK", 2, extra: $"RAck: {waiting.Headers.First("RSeq")} 1 INVITE\r\n");
        peer.Take("200 PRACK");
        peer.Advance(60);
        peer.Take("183");
    }
}
