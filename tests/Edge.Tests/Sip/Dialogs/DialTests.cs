using System.Text;
using IvrActors.Edge.Sip.Dialogs;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;
using Xunit;

namespace IvrActors.Edge.Tests.Sip.Dialogs;

public class DialTests
{
    /// <summary>Answers every challenge with a header that names how often it was asked.</summary>
    private sealed class Responder : IChallengeResponder
    {
        public int Asked { get; private set; }

        public bool TryAnswer(SipRequest request, SipResponse challenge, SipPeer from, out KeyValuePair<string, string> header)
        {
            header = new(challenge.Status == 401 ? "Authorization" : "Proxy-Authorization", $"Digest answer=\"{++Asked}\"");
            return true;
        }
    }

    [Fact]
    public void A_call_rings_and_is_answered()
    {
        var peer = new VirtualPeer();
        var call = peer.Dial();
        var invite = peer.Take("INVITE").Request;
        Assert.Equal("sip:+4930123@192.0.2.9", invite.RequestUri.ToString());
        Assert.Null(invite.To.Tag);
        Assert.NotNull(invite.Contact);
        peer.Answer(invite, 100, null);
        peer.Answer(invite, 180, "callee");
        peer.Answer(invite, 200, "callee", VirtualPeer.Offer, "Record-Route: <sip:192.0.2.20;lr>, <sip:192.0.2.21;lr>\r\n");
        Assert.Equal("Progress Accepted", peer.Kinds());
        Assert.Equal(180, peer.Signals[0].Number);
        Assert.Equal(VirtualPeer.Offer, Encoding.ASCII.GetString(peer.Signals[1].Body.Span));
        var ack = peer.Take("ACK");
        Assert.Equal((invite.CSeq.Number, "callee"), (ack.Request.CSeq.Number, ack.Request.To.Tag));
        Assert.Equal("sip:callee@192.0.2.9:5060", ack.Request.RequestUri.ToString());
        // RFC 3261 12.1.2: a caller takes Record-Route in reverse.
        Assert.Equal(["sip:192.0.2.21;lr", "sip:192.0.2.20;lr"], ack.Request.Routes.Select(route => route.Uri.ToString()));
        Assert.Equal("192.0.2.21:5060", ack.To.EndPoint.ToString());
        Assert.NotEqual(invite.TopVia.Branch, ack.Request.TopVia.Branch);
        peer.Do(() => call.HangUp(peer.Now));
        var bye = peer.Take("BYE").Request;
        Assert.Equal(invite.CSeq.Number + 1, bye.CSeq.Number);
        peer.Answer(bye, 200, null);
        peer.Advance(40);
        Assert.Equal((0, 0), (peer.Agent.Calls, peer.Agent.Transactions));
    }

    [Fact]
    public void Every_repeat_of_the_200_gets_the_same_ack_again()
    {
        var peer = new VirtualPeer();
        peer.Dial();
        var invite = peer.Take("INVITE").Request;
        for (var i = 0; i < 3; i++) peer.Answer(invite, 200, "callee", VirtualPeer.Offer);
        var acks = peer.All.Where(sending => sending.Message is SipRequest { Method: "ACK" }).Select(sending => sending.Request.TopVia.Branch).ToArray();
        Assert.Equal(3, acks.Length);
        Assert.Single(acks.Distinct());
        Assert.Equal("Accepted", peer.Kinds());
    }

    [Fact]
    public void The_first_fork_that_answers_wins_and_another_is_acknowledged_and_ended()
    {
        var peer = new VirtualPeer();
        var call = peer.Dial();
        var invite = peer.Take("INVITE").Request;
        peer.Answer(invite, 180, "a");
        peer.Answer(invite, 180, "b");
        peer.Answer(invite, 200, "b", VirtualPeer.Offer);
        Assert.Equal("b", peer.Take("ACK").Request.To.Tag);
        peer.Answer(invite, 200, "a", VirtualPeer.Offer);
        Assert.Equal("a", peer.Take("ACK").Request.To.Tag);
        Assert.Equal("a", peer.Take("BYE").Request.To.Tag);
        Assert.Equal("b", call.Dialog.Id.RemoteTag);
        Assert.Equal(1, peer.Signals.Count(signal => signal.Kind == CallSignalKind.Accepted));
        peer.Request("BYE", 1, callId: call.Dialog.Id.CallId, fromTag: "a", toTag: call.Dialog.Id.LocalTag);
        Assert.Equal(481, peer.Take("481").Response.Status);
        Assert.Equal(SipCallState.Answered, call.State);
    }

    [Fact]
    public void Forks_above_the_bound_make_no_dialogs()
    {
        var peer = new VirtualPeer(policy: new UserAgentPolicy { MostForks = 2 });
        peer.Dial();
        var invite = peer.Take("INVITE").Request;
        for (var i = 0; i < 10; i++) peer.Answer(invite, 180, "fork" + i);
        Assert.Equal(2, peer.Signals.Count);
        peer.Answer(invite, 200, "fork9", VirtualPeer.Offer);
        Assert.Equal("fork9", peer.Take("ACK").Request.To.Tag);
        Assert.Equal(CallSignalKind.Accepted, peer.Signals[^1].Kind);
    }

    [Fact]
    public void Cancel_waits_for_a_provisional_answer()
    {
        var peer = new VirtualPeer();
        var call = peer.Dial();
        var invite = peer.Take("INVITE").Request;
        peer.Do(() => call.Cancel(peer.Now));
        Assert.Equal((0, 1), (peer.Count("CANCEL"), peer.Agent.Cancelling));
        peer.Answer(invite, 100, null);
        var cancel = peer.Take("CANCEL").Request;
        Assert.Equal((invite.TopVia.ToString(), invite.CSeq.Number, invite.RequestUri), (cancel.TopVia.ToString(), cancel.CSeq.Number, cancel.RequestUri));
        peer.Answer(cancel, 200, "callee");
        peer.Answer(invite, 487, "callee");
        Assert.Equal(invite.TopVia.Branch, peer.Take("ACK").Request.TopVia.Branch);
        Assert.Empty(peer.Signals);
        Assert.Equal(0, peer.Agent.Cancelling);
        peer.Advance(40);
        Assert.Equal((0, 0), (peer.Agent.Calls, peer.Agent.Transactions));
    }

    [Fact]
    public void A_200_that_crosses_the_cancel_is_acknowledged_and_ended()
    {
        var peer = new VirtualPeer();
        var call = peer.Dial();
        var invite = peer.Take("INVITE").Request;
        peer.Answer(invite, 180, "callee");
        peer.Signals.Clear();
        peer.Do(() => call.HangUp(peer.Now));
        peer.Answer(invite, 200, "callee", VirtualPeer.Offer);
        Assert.Equal("CANCEL ACK BYE", peer.Names());
        Assert.Empty(peer.Signals);
        Assert.Equal(0, peer.Agent.Cancelling);
    }

    [Fact]
    public void A_cancelled_invite_without_any_final_answer_is_forgotten_after_64_T1()
    {
        var peer = new VirtualPeer();
        var call = peer.Dial();
        peer.Answer(peer.Take("INVITE").Request, 180, "callee");
        peer.Do(() => call.Cancel(peer.Now));
        peer.Advance(31);
        Assert.NotEqual(0, peer.Agent.Transactions);
        peer.Advance(2);
        Assert.Equal((0, 0), (peer.Agent.Transactions, peer.Agent.Cancelling));
    }

    [Fact]
    public void Without_a_final_answer_in_time_the_call_is_cancelled()
    {
        var peer = new VirtualPeer();
        peer.Dial(timeout: 20);
        peer.Answer(peer.Take("INVITE").Request, 180, "callee");
        peer.Advance(19.9);
        Assert.Equal(0, peer.Count("CANCEL"));
        peer.Advance(0.2);
        Assert.Equal(1, peer.Count("CANCEL"));
        Assert.Equal((CallSignalKind.Refused, 408), (peer.Signals[^1].Kind, peer.Signals[^1].Number));
        Assert.Equal(0, peer.Agent.Calls);
    }

    [Fact]
    public void Without_any_answer_the_invite_is_repeated_by_timer_a_until_b()
    {
        var peer = new VirtualPeer();
        peer.Dial();
        peer.Advance(40);
        Assert.Equal([0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5], peer.All.Select(sending => sending.At));
        Assert.Equal(408, Assert.Single(peer.Signals).Number);
    }

    [Theory]
    [InlineData(486)]
    [InlineData(603)]
    [InlineData(302)]
    public void A_refusal_is_acknowledged_in_its_transaction_and_a_redirection_is_not_followed(int status)
    {
        var peer = new VirtualPeer();
        peer.Dial();
        var invite = peer.Take("INVITE").Request;
        peer.Answer(invite, status, "callee", extra: "Contact: <sip:+1900@192.0.2.66>\r\n");
        var ack = peer.Take("ACK").Request;
        Assert.Equal((invite.TopVia.Branch, "callee"), (ack.TopVia.Branch, ack.To.Tag));
        Assert.Equal((CallSignalKind.Refused, status), (peer.Signals[^1].Kind, peer.Signals[^1].Number));
        Assert.Equal("", peer.Names());
        Assert.Equal(0, peer.Agent.Calls);
    }

    [Fact]
    public void A_challenge_is_answered_once_with_the_same_call_id_and_the_next_number()
    {
        var peer = new VirtualPeer();
        var responder = new Responder();
        peer.Dial(credentials: responder);
        var invite = peer.Take("INVITE").Request;
        peer.Answer(invite, 407, "proxy", extra: "Proxy-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n");
        peer.Take("ACK");
        var again = peer.Take("INVITE").Request;
        Assert.Equal((invite.CallId, invite.From.Tag, invite.CSeq.Number + 1), (again.CallId, again.From.Tag, again.CSeq.Number));
        Assert.NotEqual(invite.TopVia.Branch, again.TopVia.Branch);
        Assert.Equal("Digest answer=\"1\"", again.Headers.First("Proxy-Authorization"));
        peer.Answer(again, 407, "proxy", extra: "Proxy-Authenticate: Digest realm=\"r\", nonce=\"m\", stale=true\r\n");
        peer.Take("ACK");
        var third = peer.Take("INVITE").Request;
        Assert.Equal("Digest answer=\"2\"", third.Headers.First("Proxy-Authorization"));
        peer.Answer(third, 407, "proxy", extra: "Proxy-Authenticate: Digest realm=\"r\", nonce=\"o\"\r\n");
        Assert.Equal(407, peer.Signals[^1].Number);
        Assert.Equal(2, responder.Asked);
    }

    [Fact]
    public void The_ack_of_a_200_carries_the_credentials_of_its_invite()
    {
        var peer = new VirtualPeer();
        peer.Dial(credentials: new Responder());
        peer.Answer(peer.Take("INVITE").Request, 401, "x", extra: "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n");
        peer.Take("ACK");
        peer.Answer(peer.Take("INVITE").Request, 200, "callee", VirtualPeer.Offer);
        Assert.Equal("Digest answer=\"1\"", peer.Take("ACK").Request.Headers.First("Authorization"));
    }

    [Fact]
    public void A_hop_that_is_unavailable_is_left_alone_and_the_next_one_tried_with_the_same_number()
    {
        var peer = new VirtualPeer();
        SipPeer[] hops = [VirtualPeer.HopAt("192.0.2.9:5060"), VirtualPeer.HopAt("192.0.2.10:5060")];
        peer.Dial(hops);
        var first = peer.Take("INVITE");
        peer.Answer(first.Request, 503, "x", extra: "Retry-After: 30 (busy)\r\n");
        var second = peer.Take("INVITE");
        Assert.Equal("192.0.2.10:5060", second.To.EndPoint.ToString());
        Assert.Equal(first.Request.CSeq, second.Request.CSeq);
        peer.Dial(hops);
        Assert.Equal("192.0.2.10:5060", peer.Take("INVITE").To.EndPoint.ToString());
        peer.Advance(31);
        peer.Sent.Clear();
        peer.Dial(hops);
        Assert.Equal("192.0.2.9:5060", peer.Take("INVITE").To.EndPoint.ToString());
    }

    [Fact]
    public void A_connection_that_fails_leads_to_the_next_hop_and_without_one_to_503()
    {
        var peer = new VirtualPeer(SipTransport.Tcp) { Delivers = send => send.Peer.Connection != 7 };
        peer.Dial([VirtualPeer.HopAt("192.0.2.9:5060", SipTransport.Tcp, 7), VirtualPeer.HopAt("192.0.2.10:5060", SipTransport.Tcp, 8)]);
        Assert.Equal(8, peer.Take("INVITE").To.Connection);
        peer.Dial([VirtualPeer.HopAt("192.0.2.9:5060", SipTransport.Tcp, 7)]);
        Assert.Equal((CallSignalKind.Refused, 503), (peer.Signals[^1].Kind, peer.Signals[^1].Number));
    }

    [Fact]
    public void A_200_without_the_answer_to_our_offer_is_acknowledged_and_ended()
    {
        var peer = new VirtualPeer();
        peer.Dial();
        peer.Answer(peer.Take("INVITE").Request, 200, "callee");
        Assert.Equal("ACK BYE", peer.Names());
        Assert.Equal((CallSignalKind.Refused, 488), (peer.Signals[^1].Kind, peer.Signals[^1].Number));
    }

    [Fact]
    public void A_strict_first_route_becomes_the_request_uri()
    {
        var peer = new VirtualPeer();
        peer.Dial(routes: ["<sip:192.0.2.30>", "<sip:192.0.2.31;lr>"]);
        var invite = peer.Take("INVITE").Request;
        Assert.Equal("sip:192.0.2.30", invite.RequestUri.ToString());
        Assert.Equal(["sip:192.0.2.31;lr", "sip:+4930123@192.0.2.9"], invite.Routes.Select(route => route.Uri.ToString()));
    }

    [Fact]
    public void The_callee_can_hang_up_and_its_numbers_are_its_own()
    {
        var peer = new VirtualPeer();
        var call = peer.Connected();
        peer.Request(call, "BYE", 1);
        Assert.Equal(200, peer.Take("200").Response.Status);
        Assert.Equal("HungUp", peer.Kinds());
    }

    [Fact]
    public void A_request_outside_of_dialogs_is_repeated_challenged_and_answered()
    {
        var peer = new VirtualPeer();
        SipUri.TryParse("sip:192.0.2.9", out var uri);
        var options = new SipRequest(SipMethods.Options, uri!);
        options.Headers.Add("From", "<sip:ivr@example.com>;tag=x");
        options.Headers.Add("To", "<sip:192.0.2.9>");
        options.Headers.Add("Call-ID", "health");
        options.Headers.Add("CSeq", "5 OPTIONS");
        options.Headers.Add("Max-Forwards", "70");
        List<int> heard = [];
        peer.Do(() => peer.Agent.Request(peer.Now, options, [peer.Hop], new Responder(), (_, _, response) => heard.Add(response?.Status ?? 0)));
        peer.Advance(0.6);
        Assert.Equal(2, peer.Count("OPTIONS"));
        peer.Answer(peer.Take("OPTIONS").Request, 401, "s", extra: "WWW-Authenticate: Digest realm=\"r\"\r\n");
        peer.Take("OPTIONS");
        var again = peer.Take("OPTIONS").Request;
        Assert.Equal((6u, "Digest answer=\"1\""), (again.CSeq.Number, again.Headers.First("Authorization")));
        peer.Answer(again, 200, "s");
        Assert.Equal([200], heard);
        peer.Do(() => peer.Agent.Request(peer.Now, options, [peer.Hop], null, (_, _, response) => heard.Add(response?.Status ?? 0)));
        peer.Advance(40);
        Assert.Equal([200, 0], heard);
    }
}
