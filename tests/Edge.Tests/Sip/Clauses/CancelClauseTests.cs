using IvrActors.Edge.Sip.Dialogs;
using IvrActors.Edge.Sip.Transactions;
using IvrActors.Edge.Tests.Sip.Dialogs;
using Xunit;

namespace IvrActors.Edge.Tests.Sip.Clauses;

/// <summary>RFC 3261 9: CANCEL.</summary>
public class CancelClauseTests
{
    [Theory]
    [InlineData(SipTransport.Udp)]
    [InlineData(SipTransport.Tcp)]
    [Clause("9.1", "Request-URI, Call-ID, To, the number of CSeq and From are those of the cancelled request")]
    [Clause("9.1", "its only Via is the top one of the cancelled request")]
    [Clause("9.1", "the method of its CSeq is CANCEL")]
    [Clause("9.1", "the Route values of the cancelled request are repeated")]
    [Clause("9.1", "it goes to the address, port and transport of the cancelled request")]
    public void A_cancel_is_the_shadow_of_its_invite(SipTransport transport)
    {
        var peer = new VirtualPeer(transport);
        SipPeer[] hops = [VirtualPeer.HopAt("192.0.2.8:5060", transport, transport == SipTransport.Udp ? 0 : 7), VirtualPeer.HopAt("192.0.2.9:5060", transport, transport == SipTransport.Udp ? 0 : 1)];
        var call = peer.Dial(hops, new AnyPassword(), routes: ["<sip:192.0.2.30;lr>", "<sip:192.0.2.31;lr>"]);
        peer.Answer(peer.Take("INVITE").Request, 503);
        peer.Answer(peer.Take("INVITE").Request, 407, extra: "Proxy-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n");
        var invite = peer.Take("INVITE");
        peer.Answer(invite.Request, 180);
        peer.Do(() => call.Cancel(peer.Now));
        var cancel = peer.Take("CANCEL");
        Assert.Equal(invite.Request.RequestUri, cancel.Request.RequestUri);
        foreach (var name in (string[])["Call-ID", "To", "From", "Via"]) Assert.Equal(invite.Request.Headers.All(name), cancel.Request.Headers.All(name));
        Assert.Equal((invite.Request.CSeq.Number, "CANCEL"), (cancel.Request.CSeq.Number, cancel.Request.CSeq.Method));
        Assert.Equal(["<sip:192.0.2.30;lr>", "<sip:192.0.2.31;lr>"], cancel.Request.Headers.All("Route"));
        Assert.Same(invite.To, cancel.To);
    }

    [Fact]
    [Clause("9.1", "it is not sent before a provisional response came")]
    public void A_cancel_waits_for_the_first_provisional_response_and_is_not_sent_after_a_final_one()
    {
        var peer = new VirtualPeer();
        var waits = peer.Dial();
        var invite = peer.Take("INVITE").Request;
        peer.Do(() => waits.Cancel(peer.Now));
        peer.Advance(5);
        Assert.Equal(0, peer.Count("CANCEL"));
        peer.Answer(invite, 100, null);
        Assert.Equal(1, peer.Count("CANCEL"));
        var refused = peer.Dial();
        var second = peer.All[^1].Request;
        peer.Do(() => refused.Cancel(peer.Now));
        peer.Answer(second, 486);
        peer.Advance(5);
        Assert.DoesNotContain(peer.All, sending => sending.Message.CSeq.Method == "CANCEL" && sending.Message.CallId == second.CallId);
    }

    [Fact]
    public void A_cancel_of_a_re_invite_ends_it_and_not_the_call()
    {
        var peer = new VirtualPeer();
        var call = peer.Serve();
        peer.Request(call, "INVITE", 2, VirtualPeer.Offer, branch: "re");
        peer.Request(call, "CANCEL", 2, branch: "re");
        peer.Take("100");
        Assert.Equal("200 487", peer.Names());
        peer.Do(() => call.AnswerOffer(peer.Now, "v=0\r\n"u8.ToArray()));
        Assert.Equal("200 487", peer.Names());
        Assert.Equal(SipCallState.Answered, call.State);
        peer.Request(call, "INVITE", 3, VirtualPeer.Offer);
        Assert.Equal("Reoffered Reoffered", peer.Kinds());
    }
}
