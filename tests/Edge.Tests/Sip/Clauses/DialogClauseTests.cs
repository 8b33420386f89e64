using IvrActors.Edge.Sip.Dialogs;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;
using IvrActors.Edge.Tests.Sip.Dialogs;
using Xunit;

namespace IvrActors.Edge.Tests.Sip.Clauses;

/// <summary>RFC 3261 12: how dialogs begin, and requests inside of them.</summary>
public class DialogClauseTests
{
    private const string TwoHops = "Record-Route: \"P, one\" <sip:192.0.2.20;lr;x=1>;odd=2\r\nRecord-Route: <sip:192.0.2.21;lr;unknown>\r\n";

    private static readonly byte[] s_sdp = "v=0\r\no=ours\r\n"u8.ToArray();

    [Fact]
    [Clause("12.1", "the parts of a dialog ID are given their values")]
    [Clause("12.1.1", "the Call-ID of the dialog is that of the request")]
    [Clause("12.1.1", "the local tag is that of the response and the remote tag that of From")]
    [Clause("12.1.1", "the remote URI is that of From and the local URI that of To")]
    [Clause("12.1.1", "the state lasts as long as the dialog")]
    public void A_callees_dialog_is_named_by_call_id_its_tag_and_the_callers()
    {
        var peer = new VirtualPeer();
        peer.Receive("INVITE sip:ivr@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKd\r\nMax-Forwards: 70\r\nFrom: \"Ann\" <sip:ann@example.com;x=1>;tag=theirs;y=2\r\nTo: Bank <sip:bank@example.org>\r\n"
            + "Call-ID: named@h\r\nCSeq: 7 INVITE\r\nContact: <sip:ann@192.0.2.9:5070>\r\nContent-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=0\r\n");
        var call = peer.Signals[^1].Call;
        peer.Do(() => call.Answer(peer.Now, s_sdp));
        var tag = peer.Take("200").Response.To.Tag!;
        Assert.Equal(new DialogId("named@h", tag, "theirs"), call.Dialog.Id);
        peer.Request("ACK", 7, callId: "named@h", fromTag: "theirs", toTag: tag);
        peer.Advance(3600);
        peer.Request("OPTIONS", 8, callId: "named@h", fromTag: "theirs", toTag: tag);
        peer.Do(() => call.HangUp(peer.Now));
        var bye = peer.Take("BYE").Request;
        Assert.Equal(("sip:bank@example.org", tag), (bye.From.Uri.ToString(), bye.From.Tag));
        Assert.Equal(("sip:ann@example.com;x=1", "theirs"), (bye.To.Uri.ToString(), bye.To.Tag));
        Assert.Equal("named@h", bye.CallId);
    }

    [Theory]
    [InlineData(200)]
    [InlineData(180)]
    [Clause("12.1.1", "all Record-Route values are copied into the response with all their parameters in their order")]
    [Clause("12.1.1", "the response has a Contact")]
    [Clause("12.1.1", "the URI in Contact is a SIP or SIPS URI")]
    public void A_response_that_begins_a_dialog_repeats_record_route_and_has_a_contact(int status)
    {
        var peer = new VirtualPeer();
        peer.Invite(extra: TwoHops);
        var call = peer.Signals[^1].Call;
        peer.Do(() =>
        {
            if (status == 200) call.Answer(peer.Now, s_sdp);
            else call.Progress(peer.Now, status);
        });
        var response = peer.Take(status.ToString()).Response;
        Assert.Equal(["\"P, one\" <sip:192.0.2.20;lr;x=1>;odd=2", "<sip:192.0.2.21;lr;unknown>"], response.Headers.All("Record-Route"));
        Assert.Equal("sip:ivr@192.0.2.1:5060", Assert.Single(response.Contacts).Uri.ToString());
    }

    [Theory]
    [InlineData(SipTransport.Tls, "sips", "", "sip:peer@192.0.2.9", "sips:ivr@192.0.2.1:5061;transport=tcp")]
    [InlineData(SipTransport.Tls, "sip", "Record-Route: <sips:192.0.2.20;lr>, <sip:192.0.2.21;lr>\r\n", "sip:peer@192.0.2.9", "sips:ivr@192.0.2.1:5061;transport=tcp")]
    [InlineData(SipTransport.Tls, "sip", "Record-Route: <sip:192.0.2.20;lr>\r\n", "sips:peer@192.0.2.9", "sip:ivr@192.0.2.1:5061;transport=tls")]
    [InlineData(SipTransport.Tls, "sip", "", "sips:peer@192.0.2.9", "sips:ivr@192.0.2.1:5061;transport=tcp")]
    [InlineData(SipTransport.Udp, "sip", "", "sips:peer@192.0.2.9", "sips:ivr@192.0.2.1:5061;transport=tcp")]
    [InlineData(SipTransport.Tls, "sip", "", "sip:peer@192.0.2.9", "sip:ivr@192.0.2.1:5061;transport=tls")]
    [Clause("12.1.1", "with a SIPS URI in the request line, the top Record-Route or else Contact, our Contact is one too")]
    [Clause("12.2.1.1", "in a secure dialog Contact is a SIPS URI")]
    public void Who_speaks_sips_gets_a_sips_contact_for_the_whole_dialog(SipTransport transport, string scheme, string routes, string contact, string ours)
    {
        var peer = new VirtualPeer(transport);
        peer.Receive($"INVITE {scheme}:ivr@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/{transport} 192.0.2.9:5060;branch=z9hG4bKd;rport\r\nMax-Forwards: 70\r\nFrom: <sip:p@h>;tag=p\r\nTo: <sip:ivr@h>\r\nCall-ID: d\r\nCSeq: 1 INVITE\r\n"
            + $"{routes}Contact: <{contact}>\r\nContent-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=0\r\n");
        var call = peer.Signals[^1].Call;
        peer.Do(() => call.Answer(peer.Now, s_sdp));
        Assert.Equal(ours, peer.Take("200").Response.Contact!.Uri.ToString());
        peer.Request(call, "ACK", 1);
        peer.Do(() => call.Reinvite(peer.Now, s_sdp));
        Assert.Equal(ours, peer.Take("INVITE").Request.Contact!.Uri.ToString());
    }

    [Fact]
    [Clause("12.1.1", "the route set is Record-Route of the request in its order with all URI parameters")]
    [Clause("12.1.1", "the remote target is the Contact of the request")]
    [Clause("12.1.1", "the local sequence number is empty at first")]
    [Clause("12.2.1.1", "an empty local sequence number is chosen as in 8.1.1.5")]
    [Clause("12.2.1.1", "with a loose first route the remote target is the Request-URI and Route holds the route set with all parameters")]
    public void A_callee_sends_its_requests_by_the_route_of_the_invite_and_counts_from_one()
    {
        var peer = new VirtualPeer();
        var call = peer.Serve(TwoHops);
        peer.Do(() => call.HangUp(peer.Now));
        var bye = peer.Take("BYE").Request;
        Assert.Equal(["sip:192.0.2.20;lr;x=1", "sip:192.0.2.21;lr;unknown"], bye.Routes.Select(route => route.Uri.ToString()));
        Assert.Equal(("sip:peer@192.0.2.9:5060", 1u), (bye.RequestUri.ToString(), bye.CSeq.Number));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    [Clause("12.1.1", "without Record-Route in the request the route set is empty")]
    [Clause("12.1.2", "without Record-Route in the response the route set is empty")]
    [Clause("12.2.1.1", "with an empty route set the remote target is the Request-URI")]
    [Clause("12.2.1.1", "with an empty route set there is no Route")]
    public void Without_record_route_requests_go_to_the_contact_without_route(bool weDialled)
    {
        var peer = new VirtualPeer();
        var call = weDialled ? peer.Connected() : peer.Serve();
        peer.Do(() => call.HangUp(peer.Now));
        var bye = peer.Take("BYE").Request;
        Assert.False(bye.Headers.Contains("Route"));
        Assert.Equal(weDialled ? "sip:callee@192.0.2.9:5060" : "sip:peer@192.0.2.9:5060", bye.RequestUri.ToString());
    }

    [Fact]
    [Clause("12.1.1", "the remote sequence number is that of the request")]
    [Clause("12.2.2", "a sequence number below the remote one gets 500")]
    [Clause("12.2.2", "the remote sequence number becomes that of the request")]
    public void A_request_with_a_number_that_is_not_above_the_last_is_out_of_order()
    {
        var peer = new VirtualPeer();
        peer.Invite(sequence: 10);
        var call = peer.Signals[^1].Call;
        peer.Do(() => call.Answer(peer.Now, s_sdp));
        peer.Request(call, "ACK", 10);
        peer.Sent.Clear();
        peer.Request(call, "OPTIONS", 9);
        peer.Request(call, "OPTIONS", 11);
        // Gaps are no fault; a rejected request counts as well.
        peer.Request(call, "OPTIONS", 20);
        peer.Request(call, "OPTIONS", 19);
        peer.Request(call, "NOTIFY", 30, extra: "Event: other\r\n");
        peer.Request(call, "OPTIONS", 29);
        Assert.Equal("500 200 200 500 489 500", peer.Names());
        peer.Request(call, "BYE", 31);
        peer.Take("200 BYE");
    }

    [Fact]
    [Clause("12.1.1", "a request without From tag begins a dialog with an empty remote tag")]
    [Clause("12.2.1.1", "an empty tag is left out")]
    public void An_old_caller_without_a_tag_can_call_and_is_called_back_without_one()
    {
        var peer = new VirtualPeer();
        const string Head = "sip:ivr@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK{0}\r\nMax-Forwards: 70\r\nFrom: <sip:old@h>\r\nTo: <sip:ivr@h>{1}\r\nCall-ID: old\r\nContact: <sip:old@192.0.2.9>\r\n";
        peer.Receive("INVITE " + string.Format(Head, "1", "") + "CSeq: 1 INVITE\r\nContent-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=0\r\n");
        var call = peer.Signals[^1].Call;
        peer.Do(() => call.Answer(peer.Now, s_sdp));
        Assert.Equal("", call.Dialog.Id.RemoteTag);
        peer.Receive("ACK " + string.Format(Head, "2", ";tag=" + call.Dialog.Id.LocalTag) + "CSeq: 1 ACK\r\nContent-Length: 0\r\n\r\n");
        peer.Receive("OPTIONS " + string.Format(Head, "3", ";tag=" + call.Dialog.Id.LocalTag) + "CSeq: 2 OPTIONS\r\nContent-Length: 0\r\n\r\n");
        peer.Take("200 OPTIONS");
        peer.Do(() => call.HangUp(peer.Now));
        var bye = peer.Take("BYE").Request;
        Assert.Equal("<sip:old@h>", bye.To.ToString());
        Assert.Equal(call.Dialog.Id.LocalTag, bye.From.Tag);
    }

    [Fact]
    [Clause("12.1.2", "the request that can begin a dialog has a Contact of global scope")]
    [Clause("12.1.2", "the Call-ID of the dialog is that of the request")]
    [Clause("12.1.2", "the local tag is that of From and the remote tag that of the response")]
    [Clause("12.1.2", "the remote URI is that of To and the local URI that of From")]
    [Clause("12.1.2", "the state lasts as long as the dialog")]
    [Clause("12.2.1.1", "the URI of To is the remote URI")]
    [Clause("12.2.1.1", "the tag of To is the remote tag")]
    [Clause("12.2.1.1", "the URI of From is the local URI")]
    [Clause("12.2.1.1", "the tag of From is the local tag")]
    [Clause("12.2.1.1", "the Call-ID is that of the dialog")]
    public void A_callers_dialog_is_named_by_call_id_its_tag_and_the_callees()
    {
        var peer = new VirtualPeer();
        var call = peer.Connected();
        var invite = peer.All[0].Request;
        Assert.Equal("sip:ivr@192.0.2.1:5060", invite.Contact!.Uri.ToString());
        Assert.Equal(new DialogId(invite.CallId, invite.From.Tag!, "callee"), call.Dialog.Id);
        peer.Advance(3600);
        peer.Do(() => call.HangUp(peer.Now));
        var bye = peer.Take("BYE").Request;
        Assert.Equal((invite.CallId, invite.From.ToString()), (bye.CallId, bye.From.ToString()));
        Assert.Equal("<sip:+4930123@example.com>;tag=callee", bye.To.ToString());
    }

    [Fact]
    [Clause("12.1.2", "the route set is Record-Route of the response in reverse order with all URI parameters")]
    [Clause("12.1.2", "the remote target is the Contact of the response")]
    [Clause("12.1.2", "the local sequence number is that of the request")]
    [Clause("12.2.1.1", "CSeq numbers inside of a dialog rise by one")]
    [Clause("12.2.1.1", "the local sequence number goes up by one and into CSeq")]
    [Clause("12.2.1.1", "the method of CSeq is that of the request")]
    public void A_caller_sends_its_requests_by_the_route_of_the_response_reversed_and_counts_on()
    {
        var peer = new VirtualPeer();
        peer.Dial(credentials: new AnyPassword());
        peer.Answer(peer.Take("INVITE").Request, 401, "x", extra: "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n");
        var invite = peer.Take("INVITE").Request;
        peer.Answer(invite, 200, "callee", VirtualPeer.Offer, TwoHops + "Allow: UPDATE\r\n");
        var call = peer.Signals[^1].Call;
        peer.Do(() => call.Update(peer.Now, s_sdp));
        var update = peer.Take("UPDATE").Request;
        peer.Answer(update, 401, null, extra: "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n");
        var again = peer.Take("UPDATE").Request;
        peer.Answer(again, 200, null, VirtualPeer.Offer);
        peer.Do(() => call.HangUp(peer.Now));
        var bye = peer.Take("BYE").Request;
        Assert.Equal([2u, 3u, 4u, 5u], new[] { invite, update, again, bye }.Select(request => request.CSeq.Number));
        Assert.All((SipRequest[])[invite, update, again, bye], request => Assert.Equal(request.Method, request.CSeq.Method));
        Assert.Equal("sip:callee@192.0.2.9:5060", bye.RequestUri.ToString());
        Assert.Equal(["sip:192.0.2.21;lr;unknown", "sip:192.0.2.20;lr;x=1"], bye.Routes.Select(route => route.Uri.ToString()));
    }

    [Fact]
    [Clause("12.1.2", "the remote sequence number is empty at first")]
    [Clause("12.2.2", "an empty remote sequence number becomes that of the request")]
    public void The_first_request_of_a_callee_may_have_any_number_and_the_next_a_higher_one()
    {
        var peer = new VirtualPeer();
        var call = peer.Connected();
        peer.Request(call, "OPTIONS", 0);
        peer.Request(call, "OPTIONS", 0);
        peer.Request(call, "OPTIONS", 1);
        Assert.Equal("200 500 200", peer.Names());
    }

    [Fact]
    [Clause("12.1.2", "a response without To tag begins a dialog with an empty remote tag")]
    public void An_old_callee_without_a_tag_can_be_called_and_hung_up_on()
    {
        var peer = new VirtualPeer();
        var call = peer.Dial();
        peer.Answer(peer.Take("INVITE").Request, 200, null, VirtualPeer.Offer);
        Assert.Null(peer.Take("ACK").Request.To.Tag);
        Assert.Equal((CallSignalKind.Accepted, ""), (peer.Signals[^1].Kind, call.Dialog.Id.RemoteTag));
        peer.Do(() => call.HangUp(peer.Now));
        Assert.Equal("<sip:+4930123@example.com>", peer.Take("BYE").Request.To.ToString());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    [Clause("12.2.1.1", "with a strict first route that one is the Request-URI without what may not stand there")]
    [Clause("12.2.1.1", "with a strict first route Route holds the rest of the route set with all parameters")]
    [Clause("12.2.1.1", "with a strict first route the remote target is the last Route")]
    public void A_strict_router_finds_itself_in_the_request_line_and_the_target_at_the_end_of_the_route(bool weDialled)
    {
        const string Strict = "<sip:192.0.2.20:5080;transport=udp;method=INVITE;x=1?Subject=y>";
        const string Loose = "<sip:192.0.2.21;lr;unknown>;p=2";
        var peer = new VirtualPeer();
        var call = weDialled ? peer.Connected($"Record-Route: {Loose}, {Strict}\r\n") : peer.Serve($"Record-Route: {Strict}, {Loose}\r\n");
        foreach (var method in (string[])["INVITE", "ACK", "BYE"])
        {
            if (method == "INVITE") peer.Do(() => call.Reinvite(peer.Now, s_sdp));
            if (method == "ACK") peer.Answer(peer.All[^1].Request, 200, null, VirtualPeer.Offer, contact: $"<sip:moved@192.0.2.9?Subject=z>");
            if (method == "BYE") peer.Do(() => call.HangUp(peer.Now));
            var sending = peer.Take(method);
            var target = method == "INVITE" ? weDialled ? "<sip:callee@192.0.2.9:5060>" : "<sip:peer@192.0.2.9:5060>" : "<sip:moved@192.0.2.9?Subject=z>";
            Assert.Equal("sip:192.0.2.20:5080;transport=udp;x=1", sending.Request.RequestUri.ToString());
            Assert.Equal([Loose, target], sending.Request.Headers.All("Route"));
            Assert.Equal("192.0.2.20:5080", sending.To.EndPoint.ToString());
        }
    }

    [Theory]
    [InlineData("INVITE")]
    [InlineData("UPDATE")]
    [Clause("12.2.1.2", "the Contact of a 2xx to a target refresh is the new remote target")]
    public void The_contact_in_the_2xx_to_a_change_is_where_the_next_request_goes(string method)
    {
        var peer = new VirtualPeer();
        var call = peer.Serve("Allow: INVITE, UPDATE\r\n");
        peer.Do(() =>
        {
            if (method == "INVITE") call.Reinvite(peer.Now, s_sdp);
            else call.Update(peer.Now, s_sdp);
        });
        peer.Answer(peer.Take(method).Request, 200, null, VirtualPeer.Offer, contact: "<sip:moved@192.0.2.77:5090>");
        peer.Do(() => call.HangUp(peer.Now));
        var bye = peer.Take("BYE");
        Assert.Equal(("sip:moved@192.0.2.77:5090", "192.0.2.77:5090"), (bye.Request.RequestUri.ToString(), bye.To.EndPoint.ToString()));
    }

    [Theory]
    [InlineData("BYE")]
    [InlineData("INVITE")]
    [InlineData("INFO")]
    [InlineData("UPDATE")]
    [Clause("12.2.2", "a request of a dialog that is not known gets 481")]
    public void A_request_for_a_dialog_that_is_not_there_gets_481(string method)
    {
        var peer = new VirtualPeer();
        var call = peer.Serve();
        peer.Request(method, 2, callId: "in1", toTag: "other");
        peer.Request(method, 3, callId: "other", toTag: call.Dialog.Id.LocalTag);
        peer.Request(method, 4, fromTag: "other", toTag: call.Dialog.Id.LocalTag);
        Assert.Equal("481 481 481", peer.Names());
        Assert.Equal(SipCallState.Answered, call.State);
    }

    [Theory]
    [InlineData("INVITE")]
    [InlineData("UPDATE")]
    [Clause("12.2.2", "the Contact of a target refresh of the peer is the new remote target")]
    public void The_contact_in_a_change_of_the_peer_is_where_the_next_request_goes(string method)
    {
        var peer = new VirtualPeer();
        var call = peer.Connected();
        peer.Hop = VirtualPeer.HopAt("192.0.2.50:5070");
        peer.Request(call, method, 1, VirtualPeer.Offer);
        peer.Do(() => call.AnswerOffer(peer.Now, s_sdp));
        if (method == "INVITE") peer.Request(call, "ACK", 1);
        peer.Do(() => call.HangUp(peer.Now));
        Assert.Equal("sip:peer@192.0.2.50:5070", peer.Take("BYE").Request.RequestUri.ToString());
    }
}
