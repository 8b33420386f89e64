using System.Text;
using IvrActors.Edge.Sip.Dialogs;
using IvrActors.Edge.Sip.Message;
using Xunit;

namespace IvrActors.Edge.Tests.Sip.Dialogs;

/// <summary>RFC 3262 on both sides.</summary>
public class ReliableProvisionalTests
{
    private static readonly byte[] s_sdp = Encoding.ASCII.GetBytes("v=0\r\no=ours\r\n");

    private static (VirtualPeer Peer, SipCall Call) Offered(string extra, string body = VirtualPeer.Offer)
    {
        var peer = new VirtualPeer();
        peer.Invite(body, extra);
        peer.Take("100");
        return (peer, peer.Signals[0].Call);
    }

    private static void Prack(VirtualPeer peer, SipCall call, SipResponse response, uint sequence, string body = "", long add = 0) =>
        peer.Request(call, "PRACK", sequence, body, $"RAck: {long.Parse(response.Headers.First("RSeq")!) + add} 1 INVITE\r\n");

    [Fact]
    public void Without_100rel_a_ringing_is_sent_once()
    {
        var (peer, call) = Offered("");
        peer.Do(() => call.Progress(peer.Now, 180));
        peer.Advance(10);
        Assert.Equal(1, peer.Count("180"));
        Assert.False(peer.Take("180").Response.Headers.Contains("RSeq"));
    }

    [Theory]
    [InlineData("Supported: 100rel\r\n")]
    [InlineData("Require: 100rel\r\n")]
    public void A_ringing_is_repeated_by_doubling_pauses_until_its_prack(string extra)
    {
        var (peer, call) = Offered(extra);
        peer.Do(() => call.Progress(peer.Now, 180));
        peer.Advance(1.6);
        Assert.Equal([0, 0.5, 1.5], peer.All.Skip(1).Select(sending => sending.At));
        var ringing = peer.Take("180").Response;
        Assert.Equal("100rel", ringing.Headers.First("Require"));
        Prack(peer, call, ringing, 2, add: 1);
        Assert.Equal(481, peer.Take("481").Response.Status);
        Prack(peer, call, ringing, 3);
        peer.Take("200 PRACK");
        peer.Advance(20);
        Assert.Equal(3, peer.Count("180"));
        Prack(peer, call, ringing, 4);
        peer.Take("481");
    }

    [Fact]
    public void To_an_invite_without_an_offer_nothing_goes_out_reliably_without_ours()
    {
        var (peer, call) = Offered("Supported: 100rel\r\n", body: "");
        peer.Do(() => call.Progress(peer.Now, 180));
        var ringing = peer.Take("180").Response;
        Assert.Equal((false, false), (ringing.Headers.Contains("RSeq"), ringing.Headers.Contains("Require")));
        peer.Do(() => call.Progress(peer.Now, 183, s_sdp));
        var ours = peer.Take("183").Response;
        Assert.Equal(("100rel", s_sdp.Length), (ours.Headers.First("Require"), ours.Body.Length));

        (peer, call) = Offered("Require: 100rel\r\n", body: "");
        peer.Do(() => call.Progress(peer.Now, 180));
        peer.Advance(61);
        Assert.Equal("", peer.Names());
        peer.Do(() => call.Answer(peer.Now, s_sdp));
        peer.Take("200 INVITE");
    }

    [Fact]
    public void Without_a_prack_the_invite_fails_after_64_T1()
    {
        var (peer, call) = Offered("Supported: 100rel\r\n");
        peer.Do(() => call.Progress(peer.Now, 183, s_sdp));
        peer.Advance(32.1);
        Assert.Equal(504, peer.Take("504").Response.Status);
        Assert.Equal(CallSignalKind.Lost, peer.Signals[^1].Kind);
        Assert.Equal(0, peer.Agent.Calls);
    }

    [Fact]
    public void No_200_goes_out_before_the_prack_of_a_183_with_sdp_and_then_it_has_none()
    {
        var (peer, call) = Offered("Supported: 100rel\r\n");
        peer.Do(() => call.Progress(peer.Now, 183, s_sdp));
        peer.Do(() => call.Answer(peer.Now, s_sdp));
        Assert.Equal(0, peer.Count("200"));
        Prack(peer, call, peer.Take("183").Response, 2);
        peer.Take("200 PRACK");
        Assert.True(peer.Take("200 INVITE").Response.Body.IsEmpty);
        Assert.Equal(SipCallState.Answered, call.State);
    }

    [Fact]
    public void One_reliable_response_is_under_way_at_a_time_and_they_count_up()
    {
        var (peer, call) = Offered("Supported: 100rel\r\n");
        peer.Do(() => call.Progress(peer.Now, 180));
        peer.Do(() => call.Progress(peer.Now, 183, s_sdp));
        Assert.Equal(0, peer.Count("183"));
        var first = peer.Take("180").Response;
        Prack(peer, call, first, 2);
        var second = peer.Take("183").Response;
        Assert.Equal(uint.Parse(first.Headers.First("RSeq")!) + 1, uint.Parse(second.Headers.First("RSeq")!));
    }

    [Fact]
    public void The_prack_brings_the_answer_to_an_offer_of_ours()
    {
        var (peer, call) = Offered("Supported: 100rel\r\n", body: "");
        peer.Do(() => call.Progress(peer.Now, 183, s_sdp));
        Prack(peer, call, peer.Take("183").Response, 2, VirtualPeer.Offer);
        Assert.Equal((CallSignalKind.Confirmed, VirtualPeer.Offer), (peer.Signals[^1].Kind, Encoding.ASCII.GetString(peer.Signals[^1].Body.Span)));
        peer.Do(() => call.Answer(peer.Now, s_sdp));
        Assert.True(peer.Take("200 INVITE").Response.Body.IsEmpty);
        peer.Request(call, "ACK", 1);
        Assert.Equal(SipCallState.Answered, call.State);
    }

    [Fact]
    public void As_caller_each_reliable_response_gets_a_prack_in_order()
    {
        var peer = new VirtualPeer();
        peer.Dial();
        var invite = peer.Take("INVITE").Request;
        Assert.True(invite.Lists("Supported", "100rel"));
        peer.Answer(invite, 180, "a", extra: "Require: 100rel\r\nRSeq: 7\r\n");
        var prack = peer.Take("PRACK").Request;
        Assert.Equal($"7 {invite.CSeq}", prack.Headers.First("RAck"));
        Assert.Equal((invite.CSeq.Number + 1, "a"), (prack.CSeq.Number, prack.To.Tag));
        peer.Answer(prack, 200, null);
        peer.Answer(invite, 180, "a", extra: "Require: 100rel\r\nRSeq: 7\r\n");
        peer.Answer(invite, 183, "a", extra: "Require: 100rel\r\nRSeq: 9\r\n");
        Assert.Equal("", peer.Names());
        peer.Answer(invite, 183, "a", VirtualPeer.Offer, "Require: 100rel\r\nRSeq: 8\r\n");
        peer.Answer(peer.Take("PRACK").Request, 200, null);
        Assert.Equal("Progress Progress", peer.Kinds());
        // The 2xx need not repeat the answer.
        peer.Answer(invite, 200, "a");
        Assert.Equal((CallSignalKind.Accepted, VirtualPeer.Offer), (peer.Signals[^1].Kind, Encoding.ASCII.GetString(peer.Signals[^1].Body.Span)));
        peer.Take("ACK");
    }
}
