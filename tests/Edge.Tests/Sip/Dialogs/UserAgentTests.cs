using IvrActors.Edge.Sip.Dialogs;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;
using IvrActors.Edge.Tests.Calls;
using IvrActors.Grains.Interfaces.Calls;
using Xunit;

namespace IvrActors.Edge.Tests.Sip.Dialogs;

public class UserAgentTests
{
    private static bool Is200ToInvite(SipMessage message) => message is SipResponse { Status: 200 } && message.CSeq.Method == SipMethods.Invite;

    [Fact]
    public void Trying_is_sent_at_once_and_a_repeated_invite_gets_it_again_and_makes_no_second_call()
    {
        var call = new VirtualCall { GrainIsSlow = true };
        call.Invite();
        call.Invite();
        Assert.Equal(2, call.Count(m => m is SipResponse { Status: 100 }));
        Assert.Equal(1, call.Agent.Calls);
        Assert.Single(call.Signals);
    }

    [Fact]
    public void The_answer_is_repeated_by_doubling_pauses_until_the_ack_comes()
    {
        var call = new VirtualCall();
        call.Invite();
        call.Advance(0.4);
        Assert.Equal(1, call.Count(Is200ToInvite));
        call.Advance(0.2);
        Assert.Equal(2, call.Count(Is200ToInvite));
        call.Advance(1);
        Assert.Equal(3, call.Count(Is200ToInvite));
        call.Ack();
        call.Advance(20);
        Assert.Equal(3, call.Count(Is200ToInvite));
        Assert.False(call.Leg!.IsOver);
    }

    [Fact]
    public void Without_an_ack_the_call_ends_with_bye_after_64_T1()
    {
        var call = new VirtualCall();
        call.Invite();
        call.Advance(31.9);
        Assert.Empty(call.Sent.OfType<SipRequest>());
        call.Advance(0.2);
        Assert.Equal(SipMethods.Bye, call.LastRequest.Method);
        Assert.Equal(CallEndReason.Failed, ((CallEnded)call.Events[^1].Event).Reason);
        Assert.Equal(11, call.Count(Is200ToInvite));
    }

    [Fact]
    public void Hanging_up_before_the_ack_waits_for_it()
    {
        var call = new VirtualCall { Grain = e => e is CallOffered ? [new Answer(), new HangUp()] : [] };
        call.Invite();
        Assert.Empty(call.Sent.OfType<SipRequest>());
        call.Ack();
        Assert.Equal(SipMethods.Bye, call.LastRequest.Method);
    }

    [Fact]
    public void A_bye_of_ours_is_repeated_until_it_is_answered()
    {
        var call = new VirtualCall().Connect();
        call.HangUp(CallEndReason.OperatorHungUp);
        call.Advance(1.6);
        Assert.Equal(3, call.Count(m => m is SipRequest { Method: "BYE" }));
        call.Respond(200);
        call.Advance(30);
        Assert.Equal(3, call.Count(m => m is SipRequest { Method: "BYE" }));
    }

    [Fact]
    public void Requests_of_ours_carry_the_dialog()
    {
        var call = new VirtualCall();
        call.Invite(extra: "Record-Route: <sip:192.0.2.20;lr>, <sip:192.0.2.21;lr>\r\n");
        call.Ack();
        call.HangUp(CallEndReason.OperatorHungUp);
        var bye = call.LastRequest;
        Assert.Equal("sip:caller@192.0.2.7:5062", bye.RequestUri.ToString());
        Assert.Equal(["sip:192.0.2.20;lr", "sip:192.0.2.21;lr"], bye.Routes.Select(route => route.Uri.ToString()));
        Assert.Equal("f1", bye.To.Tag);
        Assert.Equal(call.Sent.OfType<SipResponse>().First(Is200ToInvite).To.Tag, bye.From.Tag);
        Assert.Equal("192.0.2.20:5060", call.Sends[^1].Peer.EndPoint.ToString());
    }

    [Fact]
    public void A_first_hop_without_lr_is_routed_strictly()
    {
        var call = new VirtualCall();
        call.Invite(extra: "Record-Route: <sip:192.0.2.20>, <sip:192.0.2.21;lr>\r\n");
        call.Ack();
        call.HangUp(CallEndReason.OperatorHungUp);
        Assert.Equal("sip:192.0.2.20", call.LastRequest.RequestUri.ToString());
        Assert.Equal(["sip:192.0.2.21;lr", "sip:caller@192.0.2.7:5062"], call.LastRequest.Routes.Select(route => route.Uri.ToString()));
    }

    [Fact]
    public void Requests_of_ours_never_leave_the_trunks_networks()
    {
        var call = new VirtualCall();
        call.Invite(extra: "Record-Route: <sip:198.51.100.9;lr>\r\n");
        call.Ack();
        call.HangUp(CallEndReason.OperatorHungUp);
        Assert.Equal("192.0.2.7:5062", call.Sends[^1].Peer.EndPoint.ToString());
    }

    [Theory]
    [InlineData("BYE", 481)]
    [InlineData("INFO", 481)]
    [InlineData("INVITE", 481)]
    [InlineData("NOTIFY", 481)]
    [InlineData("OPTIONS", 200)]
    public void Requests_of_an_unknown_dialog_get_481(string method, int status)
    {
        var call = new VirtualCall().Connect();
        call.Request(method, 9, toTag: "nobody");
        Assert.Equal(status, call.LastResponse.Status);
        Assert.Equal(1, call.Agent.Calls);
    }

    [Fact]
    public void A_lower_cseq_gets_500_and_a_gap_is_no_error()
    {
        var call = new VirtualCall().Connect();
        call.Request("OPTIONS", 20);
        Assert.Equal(200, call.LastResponse.Status);
        call.Request("INFO", 15);
        Assert.Equal(500, call.LastResponse.Status);
    }

    [Fact]
    public void An_ack_of_another_cseq_confirms_nothing()
    {
        var call = new VirtualCall();
        call.Invite();
        call.Ack(7);
        call.Advance(0.6);
        Assert.Equal(2, call.Count(Is200ToInvite));
    }

    [Fact]
    public void A_re_invite_while_an_answer_is_unconfirmed_gets_491()
    {
        var call = new VirtualCall();
        call.Invite();
        call.Request("INVITE", 2, "v=0\r\n", extra: "Content-Type: application/sdp\r\n");
        Assert.Equal(491, call.LastResponse.Status);
    }

    [Fact]
    public void A_second_invite_before_the_answer_gets_500_with_retry_after()
    {
        var call = new VirtualCall { GrainIsSlow = true };
        call.Invite();
        call.Request("INVITE", 2, "v=0\r\n", toTag: "token1", extra: "Content-Type: application/sdp\r\n");
        Assert.Equal(500, call.LastResponse.Status);
        Assert.NotNull(call.LastResponse.Headers.First("Retry-After"));
    }

    [Fact]
    public void A_copy_of_a_request_that_came_another_way_gets_482()
    {
        var call = new VirtualCall { GrainIsSlow = true };
        call.Invite();
        call.Invite(branch: "other-way");
        Assert.Equal(482, call.LastResponse.Status);
        Assert.Equal(1, call.Agent.Calls);
    }

    [Fact]
    public void A_cancel_of_nothing_gets_481()
    {
        var call = new VirtualCall();
        call.Request("CANCEL", 1, branch: "unknown", inDialog: false);
        Assert.Equal(481, call.LastResponse.Status);
    }

    [Theory]
    [InlineData("REGISTER", 405)]
    [InlineData("SUBSCRIBE", 405)]
    [InlineData("MESSAGE", 405)]
    [InlineData("FROB", 501)]
    public void Methods_that_are_not_served_name_those_that_are(string method, int status)
    {
        var call = new VirtualCall();
        call.Request(method, 1, inDialog: false);
        Assert.Equal((status, call.Agent.Allow), (call.LastResponse.Status, call.LastResponse.Headers.First("Allow")));
    }

    [Fact]
    public void Options_tells_what_is_served()
    {
        var call = new VirtualCall();
        call.Request("OPTIONS", 1, inDialog: false);
        Assert.Equal((200, call.Agent.Allow, "application/sdp"), (call.LastResponse.Status, call.LastResponse.Headers.First("Allow"), call.LastResponse.Headers.First("Accept")));
        Assert.True(call.LastResponse.Headers.Contains("Supported"));
    }

    [Fact]
    public void Info_with_another_content_gets_415_and_one_without_a_key_400()
    {
        var call = new VirtualCall().Connect();
        call.Request("INFO", 20, "hello", extra: "Content-Type: text/plain\r\n");
        Assert.Equal(415, call.LastResponse.Status);
        call.Request("INFO", 21, "Signal=Z\r\n", extra: "Content-Type: application/dtmf-relay\r\n");
        Assert.Equal(400, call.LastResponse.Status);
        call.Request("INFO", 22);
        Assert.Equal(200, call.LastResponse.Status);
    }

    [Fact]
    public void A_notify_of_no_transfer_gets_481_and_of_another_package_489()
    {
        var call = new VirtualCall().Connect();
        call.Request("NOTIFY", 20, extra: "Event: refer\r\nSubscription-State: active\r\n");
        Assert.Equal(481, call.LastResponse.Status);
        call.Request("NOTIFY", 21, extra: "Event: presence\r\nSubscription-State: active\r\n");
        Assert.Equal(489, call.LastResponse.Status);
    }

    [Fact]
    public void Another_trunk_cannot_speak_in_a_dialog()
    {
        var call = new VirtualCall().Connect();
        var tag = call.Sent.OfType<SipResponse>().First(Is200ToInvite).To.Tag!;
        var stranger = new SipPeer(SipTransport.Udp, System.Net.IPEndPoint.Parse("198.51.100.1:5060"), 0, new EdgeTrunk { Name = "s", Tenant = "s", From = [] });
        var bye = SipParser.Parse(System.Text.Encoding.ASCII.GetBytes($"BYE sip:ivr@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.1;branch=z9hG4bKx\r\nFrom: <sip:a@h>;tag=f1\r\nTo: <sip:bank@h>;tag={tag}\r\nCall-ID: c1\r\nCSeq: 9 BYE\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n")).Message!;
        call.Agent.Receive(call.Now, bye, stranger);
        Assert.Equal(1, call.Agent.Calls);
        Assert.StartsWith("SIP/2.0 481", System.Text.Encoding.ASCII.GetString(call.Agent.Outputs.Sends[0].Bytes));
    }

    [Fact]
    public void A_response_that_nobody_asked_for_is_dropped()
    {
        var call = new VirtualCall();
        call.Receive("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKnone\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>;tag=2\r\nCall-ID: x\r\nCSeq: 1 BYE\r\nContent-Length: 0\r\n\r\n");
        Assert.Empty(call.Sent);
    }

    [Fact]
    public void An_old_client_without_branch_is_matched_by_the_rule_of_rfc_2543()
    {
        var call = new VirtualCall { Grain = e => e is CallOffered ? [new Reject { Status = 486 }] : [] };
        var head = "sip:bank@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7:5062\r\nFrom: <sip:1@h>;tag=o\r\nCall-ID: old\r\n";
        var invite = $"INVITE {head}To: <sip:bank@h>\r\nCSeq: 1 INVITE\r\nContact: <sip:1@192.0.2.7>\r\nContent-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=0\r\n";
        call.Receive(invite);
        call.Receive(invite);
        Assert.Equal(2, call.Count(m => m is SipResponse { Status: 486 }));
        call.Receive($"ACK {head}To: <sip:bank@h>;tag={call.LastResponse.To.Tag}\r\nCSeq: 1 ACK\r\nContent-Length: 0\r\n\r\n");
        call.Advance(4);
        Assert.Equal(2, call.Count(m => m is SipResponse { Status: 486 }));
    }

    [Fact]
    public void Above_the_bound_of_transactions_requests_get_503_without_state()
    {
        var call = new VirtualCall();
        for (var i = 0; i < 1000; i++) call.Request("OPTIONS", 1, inDialog: false, callId: "c" + i);
        Assert.Equal((200, 1000), (call.LastResponse.Status, call.Agent.Transactions));
        call.Request("OPTIONS", 1, inDialog: false, callId: "more");
        Assert.Equal((503, 1000), (call.LastResponse.Status, call.Agent.Transactions));
        call.Advance(33);
        Assert.Equal(0, call.Agent.Transactions);
    }

    [Fact]
    public void Over_a_stream_nothing_is_repeated_but_the_answer_and_transactions_end_at_once()
    {
        var call = new VirtualCall(SipTransport.Tcp).Connect();
        call.Request("OPTIONS", 20);
        call.HangUp(CallEndReason.OperatorHungUp);
        call.Advance(10);
        Assert.Single(call.Sent.OfType<SipRequest>());
        call.Respond(200);
        call.Advance(40);
        Assert.Equal(0, call.Agent.Transactions);
    }

    [Theory]
    [InlineData("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n", '5', 160)]
    [InlineData("application/dtmf-relay; x=y", "signal= #\nduration=90", '#', 90)]
    [InlineData("application/dtmf-relay", "Signal=10\r\n", '*', 160)]
    [InlineData("Application/DTMF", "d\r\n", 'D', 160)]
    [InlineData("application/dtmf-relay", "Signal=55\r\n", '\0', 160)]
    [InlineData("application/dtmf-relay", "Duration=160\r\n", '\0', 160)]
    [InlineData("application/dtmf", "", '\0', 160)]
    [InlineData("text/plain", "5", '\0', 160)]
    [InlineData(null, "5", '\0', 160)]
    public void Keys_in_info_are_read(string? type, string body, char key, int duration)
    {
        var found = DtmfInfo.TryRead(type, System.Text.Encoding.ASCII.GetBytes(body), out var read, out var readDuration);
        Assert.Equal((key != '\0', key), (found, read));
        if (found) Assert.Equal(duration, readDuration);
    }

    [Theory]
    [InlineData("SIP/2.0 200 OK\r\n", 200)]
    [InlineData("SIP/2.0 603", 603)]
    [InlineData("SIP/2.0 99 X", null)]
    [InlineData("HTTP/1.1 200 OK", null)]
    [InlineData("", null)]
    public void Sipfrag_status_is_read(string body, int? status) => Assert.Equal(status, Sipfrag.StatusOf(System.Text.Encoding.ASCII.GetBytes(body)));

    [Theory]
    [InlineData(SipTransport.Udp, 480)]
    [InlineData(SipTransport.Tcp, 480)]
    [InlineData(SipTransport.Tls, 200)]
    public void A_sips_uri_is_served_over_tls_only(SipTransport transport, int status)
    {
        var call = new VirtualCall(transport);
        call.Request("INVITE", 1, "v=0\r\n", "invite", inDialog: false, extra: "Content-Type: application/sdp\r\n", scheme: "sips");
        Assert.Equal(status, call.LastResponse.Status);
        Assert.Equal(status == 480 ? "380 192.0.2.1 \"SIPS Not Allowed\"" : null, call.LastResponse.Headers.First("Warning"));
        Assert.Equal(status == 200 ? 1 : 0, call.Agent.Calls);
    }

    [Theory]
    [InlineData("BYE")]
    [InlineData("INVITE")]
    [InlineData("INFO")]
    public void What_began_over_tls_takes_no_request_without_it(string method)
    {
        var call = new VirtualCall(SipTransport.Tls).Connect();
        call.Peer = new SipPeer(SipTransport.Udp, call.Peer.EndPoint, 0, VirtualCall.Trunk);
        call.Request(method, 2, method == "INVITE" ? "v=new\r\n" : "", extra: method == "INVITE" ? "Content-Type: application/sdp\r\n" : "");
        Assert.Equal(481, call.LastResponse.Status);
        Assert.Empty(call.Media.Offers);
        Assert.False(call.Leg!.IsOver);
    }

    [Fact]
    public void A_cancel_over_udp_does_not_end_what_began_over_tls()
    {
        var call = new VirtualCall(SipTransport.Tls) { GrainIsSlow = true };
        call.Invite();
        call.Peer = new SipPeer(SipTransport.Udp, call.Peer.EndPoint, 0, VirtualCall.Trunk);
        call.Request("CANCEL", 1, branch: "invite", inDialog: false);
        Assert.Equal(481, call.LastResponse.Status);
        Assert.False(call.Leg!.IsOver);
    }

    [Fact]
    public void A_connection_that_is_gone_before_the_answer_ends_the_call_at_once()
    {
        var call = new VirtualCall(SipTransport.Tcp) { GrainIsSlow = true };
        call.Invite();
        call.ConnectionLost();
        Assert.True(call.Leg!.IsOver);
        Assert.True(call.Media.Disposed);
        Assert.Equal((0, 0), (call.Agent.Calls, call.Agent.Transactions));
        call.GrainAnswers();
        Assert.Equal([100], call.Sent.OfType<SipResponse>().Select(response => response.Status));
    }

    [Fact]
    public void A_connection_that_is_gone_fails_a_transfer_but_not_the_call_whose_peer_may_connect_again()
    {
        var call = new VirtualCall(SipTransport.Tcp) { Grain = e => e is CallOffered ? [new Answer(), new Transfer { Target = "sip:agent@192.0.2.99" }] : [] };
        call.Connect();
        Assert.Equal(SipMethods.Refer, call.LastRequest.Method);
        call.ConnectionLost();
        Assert.Equal(503, ((TransferEnded)call.Events[^1].Event).Status);
        Assert.False(call.Leg!.IsOver);
        call.Peer = new SipPeer(SipTransport.Tcp, call.Peer.EndPoint, 2, VirtualCall.Trunk);
        call.Request("BYE", 2);
        Assert.Equal(200, call.LastResponse.Status);
        Assert.Equal(2, call.Sends[^1].Peer.Connection);
        Assert.True(call.Leg.IsOver);
    }

    [Fact]
    public void A_bye_on_a_connection_that_is_gone_leaves_no_transaction()
    {
        var call = new VirtualCall(SipTransport.Tcp).Connect();
        call.HangUp(CallEndReason.OperatorHungUp);
        call.Advance(33);
        call.ConnectionLost();
        Assert.Equal(0, call.Agent.Transactions);
    }

    [Fact]
    public void An_ack_without_the_answer_to_our_offer_ends_the_call()
    {
        var call = new VirtualCall();
        call.Invite(body: "");
        call.Ack();
        Assert.Equal(SipMethods.Bye, call.LastRequest.Method);
        Assert.True(call.Media.Disposed);
        Assert.Equal(CallEndReason.Failed, ((CallEnded)call.Events[^1].Event).Reason);
    }

    [Fact]
    public void A_contact_of_the_other_address_family_is_not_sent_to()
    {
        var trunk = new EdgeTrunk { Name = "both", Tenant = "demo", From = [System.Net.IPNetwork.Parse("192.0.2.0/24"), System.Net.IPNetwork.Parse("2001:db8::/32")] };
        var source = new SipPeer(SipTransport.Udp, System.Net.IPEndPoint.Parse("192.0.2.7:5062"), 0, trunk);
        Assert.True(SipUri.TryParse("sip:caller@[2001:db8::7]:5070", out var contact));
        Assert.Same(source, NextHop.OfRequest(contact, source));
    }

    [Fact]
    public void A_key_is_zeroed_in_the_info_that_brought_it()
    {
        var call = new VirtualCall().Connect();
        var tag = call.Sent.OfType<SipResponse>().Last().To.Tag;
        var info = SipParser.Parse(System.Text.Encoding.ASCII.GetBytes(
            $"INFO sip:bank@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7:5062;branch=z9hG4bKkey;rport\r\nMax-Forwards: 70\r\nFrom: <sip:+4915550001@192.0.2.7>;tag=f1\r\n"
            + $"To: <sip:bank@192.0.2.1>;tag={tag}\r\nCall-ID: c1\r\nCSeq: 2 INFO\r\nContent-Type: application/dtmf-relay\r\nContent-Length: 10\r\n\r\nSignal=5\r\n")).Message!;
        call.Agent.Receive(call.Now, info, call.Peer);
        Assert.Equal('5', Assert.Single(call.Agent.Outputs.Signals).Key);
        Assert.All(info.Body.ToArray(), b => Assert.Equal(0, b));
    }
}
