using System.Text;
using IvrActors.Edge.Sip.Dialogs;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;
using IvrActors.Edge.Tests.Sip.Dialogs;
using Xunit;

namespace IvrActors.Edge.Tests.Sip.Clauses;

/// <summary>RFC 3261 8.2: requests of the peer and our responses.</summary>
public class UasClauseTests
{
    private static readonly byte[] s_sdp = "v=0\r\no=ours\r\n"u8.ToArray();

    private sealed class Refusing(int status) : IRequestGuard
    {
        public GuardDecision Decide(long now, SipRequest request, SipPeer peer) => GuardDecision.Refuse(SipResponses.For(request, status, "guard"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    [Clause("8.2", "an accepted request does all that it asks for")]
    [Clause("8.2", "a rejected request changes nothing")]
    public void A_change_moves_the_target_when_it_is_accepted_and_leaves_it_when_it_is_rejected(bool accepted)
    {
        foreach (var method in (string[])["INVITE", "UPDATE"])
        {
            var peer = new VirtualPeer();
            var call = peer.Serve("Allow: INVITE, UPDATE\r\nSupported: timer\r\nSession-Expires: 200;refresher=uas\r\n");
            var home = peer.Hop;
            peer.Hop = VirtualPeer.HopAt("192.0.2.50:5070");
            peer.Request(call, method, 2, VirtualPeer.Offer, "Allow: INVITE, BYE\r\nSupported: timer\r\nSession-Expires: 400;refresher=uas\r\n", branch: "change");
            peer.Do(() =>
            {
                if (accepted) call.AnswerOffer(peer.Now, s_sdp);
                else call.RefuseOffer(peer.Now, 488);
            });
            peer.Hop = home;
            if (method == "INVITE") peer.Request(call, "ACK", 2, branch: accepted ? "ack" : "change");
            peer.Sent.Clear();
            // The session timer of the change, or of before; by re-INVITE where UPDATE is not allowed any more.
            peer.Advance(101);
            Assert.Equal(accepted ? 0 : 1, peer.Sent.Count(sending => sending.At > 100 && sending.Message is SipRequest { Method: "UPDATE" }));
            peer.Advance(100);
            var refresh = peer.Take(accepted ? "INVITE" : "UPDATE").Request;
            Assert.Equal(accepted ? "sip:peer@192.0.2.50:5070" : "sip:peer@192.0.2.9:5060", refresh.RequestUri.ToString());
        }
    }

    [Theory]
    [InlineData("SUBSCRIBE", 405)]
    [InlineData("MESSAGE", 405)]
    [InlineData("FROB", 501)]
    [Clause("8.2.1", "the method is inspected")]
    [Clause("8.2.1", "a method that is known and not supported gets 405")]
    [Clause("8.2.1", "a 405 has Allow")]
    [Clause("8.2.1", "Allow lists the methods that are supported")]
    [Clause("20.5", "Allow, where it is, lists all methods, ACK and CANCEL too")]
    [Clause("21.4.6", "a 405 has Allow")]
    public void A_method_that_is_not_served_is_refused_with_those_that_are(string method, int status)
    {
        var peer = new VirtualPeer();
        peer.Request(method, 1);
        Assert.Equal("INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, NOTIFY, PRACK, UPDATE, REFER", peer.Take(status.ToString()).Response.Headers.First("Allow"));
        Assert.All(peer.Agent.Allow.Split(", "), served =>
        {
            peer.Request(served, 2, callId: "allow-" + served, toTag: served is "INVITE" or "OPTIONS" ? null : "nobody", extra: "Event: refer\r\n");
            Assert.DoesNotContain(peer.Names().Split(' ')[^1], (string[])["405", "501"]);
        });
    }

    [Fact]
    [Clause("8.2.2", "a header that is not understood is ignored")]
    public void Headers_that_nobody_knows_change_nothing()
    {
        var peer = new VirtualPeer();
        peer.Invite(extra: "X-Unknown: <>;;=,\"\r\nFrobnicate: yes\r\nUnheard-Of:\r\n");
        Assert.Equal(CallSignalKind.Offered, Assert.Single(peer.Signals).Kind);
        Assert.Equal("100", peer.Names());
    }

    [Fact]
    [Clause("8.2.2.2", "a request without To tag is checked against transactions under way")]
    public void A_copy_of_a_request_by_another_way_gets_482_and_a_repeat_its_answer_again()
    {
        var peer = new VirtualPeer();
        peer.Invite(branch: "one");
        peer.Invite(branch: "two");
        Assert.Equal("100 482", peer.Names());
        peer.Invite(branch: "one");
        peer.Request("OPTIONS", 5, callId: "o", branch: "three");
        peer.Request("OPTIONS", 5, callId: "o", branch: "four");
        Assert.Equal("100 482 100 200 482", peer.Names());
        Assert.Equal(1, peer.Agent.Calls);
    }

    [Theory]
    [InlineData("INVITE")]
    [InlineData("OPTIONS")]
    [InlineData("BYE")]
    [Clause("8.2.2.3", "an option tag in Require that is not understood gets 420")]
    [Clause("8.2.2.3", "Unsupported lists those that are not understood")]
    [Clause("20.32", "Require is not ignored")]
    [Clause("20.32", "each extension in Require must be understood to go on")]
    [Clause("21.4.15", "a 420 has Unsupported")]
    public void What_is_required_and_not_known_is_refused_and_named(string method)
    {
        var peer = new VirtualPeer();
        peer.Request(method, 1, extra: "Require: 100rel, foo\r\nRequire: bar\r\nProxy-Require: baz\r\n", toTag: method == "BYE" ? "any" : null);
        Assert.Equal("foo, bar", Assert.Single(peer.Take("420").Response.Headers.All("Unsupported")));
        Assert.Empty(peer.Signals);
    }

    [Fact]
    [Clause("8.2.2.3", "Require and Proxy-Require do not stand in CANCEL nor in the ACK of a failure")]
    [Clause("8.2.2.3", "the ACK of a 2xx has only those Require and Proxy-Require values of its INVITE")]
    [Clause("9.1", "a CANCEL has no Require or Proxy-Require")]
    public void A_cancel_and_an_ack_of_ours_require_nothing()
    {
        var peer = new VirtualPeer();
        KeyValuePair<string, string>[] required = [new("Require", "replaces"), new("Proxy-Require", "timer")];
        var given = peer.Dial(headers: required);
        peer.Answer(peer.Take("INVITE").Request, 180);
        peer.Do(() => given.Cancel(peer.Now));
        peer.Dial(headers: required);
        peer.Answer(peer.All.Last(sending => sending.Message is SipRequest { Method: "INVITE" }).Request, 486);
        peer.Dial(headers: required);
        peer.Answer(peer.All.Last(sending => sending.Message is SipRequest { Method: "INVITE" }).Request, 200, "callee", VirtualPeer.Offer);
        foreach (var request in (SipRequest[])[peer.Take("CANCEL").Request, peer.Take("ACK").Request, peer.Take("ACK").Request])
            Assert.False(request.Headers.Contains("Require") || request.Headers.Contains("Proxy-Require"), request.Method);
    }

    [Fact]
    [Clause("8.2.2.3", "in a CANCEL and in an ACK Require and Proxy-Require are ignored")]
    public void A_cancel_or_ack_that_requires_the_unknown_does_its_work()
    {
        var peer = new VirtualPeer();
        peer.Invite(branch: "cancelled");
        peer.Request("CANCEL", 1, branch: "cancelled", extra: "Require: nonsense\r\nProxy-Require: nonsense\r\n");
        Assert.Equal("100 200 487", peer.Names());
        peer.Invite(callId: "acked", branch: "acked");
        var call = peer.Signals[^1].Call;
        peer.Do(() => call.Answer(peer.Now, s_sdp));
        peer.Request(call, "ACK", 1, extra: "Require: nonsense\r\n");
        peer.Sent.Clear();
        peer.Advance(3);
        Assert.Equal(0, peer.Sent.Count(sending => sending.Message is SipResponse { Status: 200 }));
        Assert.Equal(CallSignalKind.Confirmed, peer.Signals[^1].Kind);
    }

    [Theory]
    [InlineData("INVITE", "Content-Type: text/odd\r\n", "Accept", "application/sdp")]
    [InlineData("INFO", "Content-Type: text/odd\r\n", "Accept", "application/dtmf-relay")]
    [InlineData("INVITE", "Content-Type: application/sdp\r\nContent-Encoding: gzip\r\n", "Accept-Encoding", "identity")]
    [InlineData("INVITE", "Content-Type: application/pkcs7-mime;smime-type=enveloped-data\r\nContent-Disposition: attachment;handling=required\r\n", "Accept", "application/sdp")]
    [Clause("8.2.3", "a body that is not understood and not optional gets 415")]
    [Clause("8.2.3", "a 415 for a type has Accept with the types that are understood")]
    [Clause("8.2.3", "a 415 for an encoding has Accept-Encoding with those that are understood")]
    [Clause("20.12", "an encoded body is decoded as Content-Encoding says, or else refused")]
    [Clause("21.4.13", "a 415 lists what is acceptable")]
    [Clause("23.2", "an S/MIME body that is required and not understood gets 415")]
    public void A_body_that_is_not_understood_is_refused_with_what_would_be(string method, string headers, string name, string value)
    {
        var peer = new VirtualPeer();
        peer.Request(method, 1, "xyz", headers, toTag: method == "INFO" ? "any" : null);
        Assert.StartsWith(value, peer.Take("415").Response.Headers.First(name), StringComparison.Ordinal);
        var optional = headers.Contains("required", StringComparison.Ordinal) ? headers.Replace("required", "optional", StringComparison.Ordinal) : headers + "Content-Disposition: x;handling=optional\r\n";
        peer.Request(method, 2, "xyz", optional, callId: "optional", toTag: method == "INFO" ? "any" : null);
        Assert.Equal(method == "INFO" ? "481" : "100", peer.Names());
    }

    [Theory]
    [InlineData("")]
    [InlineData("Supported: nothing\r\n")]
    [Clause("8.2.4", "an extension that the request does not list in Supported is not applied")]
    [Clause("8.2.4", "no extension that Supported lacks is applied in any response")]
    public void Who_knows_no_extension_gets_none(string extra)
    {
        var peer = new VirtualPeer();
        peer.Invite(extra: extra);
        var call = peer.Signals[^1].Call;
        peer.Do(() => call.Progress(peer.Now, 183, s_sdp));
        peer.Do(() => call.Answer(peer.Now, s_sdp));
        peer.Request(call, "ACK", 1);
        peer.Request(call, "INVITE", 2, VirtualPeer.Offer, extra);
        peer.Do(() => call.AnswerOffer(peer.Now, s_sdp));
        Assert.All(peer.All.Select(sending => sending.Response.Headers), headers => Assert.False(headers.Contains("Require") || headers.Contains("RSeq") || headers.Contains("Session-Expires")));
    }

    [Fact]
    [Clause("8.2.4", "the extensions that a response needs stand in its Require")]
    [Clause("8.2.4", "the extensions that are applied to a response stand in its Require")]
    public void A_response_that_uses_an_extension_requires_it()
    {
        var peer = new VirtualPeer();
        peer.Invite(extra: "Supported: 100rel, timer\r\nSession-Expires: 300;refresher=uac\r\n");
        var call = peer.Signals[^1].Call;
        peer.Do(() => call.Progress(peer.Now, 180));
        Assert.Equal("100rel", peer.Take("180").Response.Headers.First("Require"));
        peer.Do(() => call.Answer(peer.Now, s_sdp));
        Assert.Equal("timer", peer.Take("200").Response.Headers.First("Require"));
    }

    [Fact]
    [Clause("8.2.6.1", "a 100 has the Timestamp of its request")]
    public void A_timestamp_comes_back_in_the_100()
    {
        var peer = new VirtualPeer();
        peer.Invite(extra: "Timestamp: 54.21\r\n");
        Assert.Equal("54.21", peer.Take("100").Response.Headers.First("Timestamp"));
    }

    [Fact]
    [Clause("8.2.6.2", "From of the response is that of the request")]
    [Clause("8.2.6.2", "Call-ID of the response is that of the request")]
    [Clause("8.2.6.2", "CSeq of the response is that of the request")]
    [Clause("8.2.6.2", "the Vias of the response are those of the request in their order")]
    public void A_response_repeats_from_call_id_cseq_and_all_vias()
    {
        var peer = new VirtualPeer();
        foreach (var (method, status) in ((string, string)[])[("OPTIONS", "200"), ("INVITE", "100"), ("SUBSCRIBE", "405"), ("BYE", "481")])
        {
            peer.Receive($"{method} sip:ivr@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK{method};x=\"y z\"\r\nVia: SIP/2.0/TCP h2;branch=2, SIP/2.0/TLS h3\r\nVia: SIP/2.0/SCTP [2001:db8::1]:5070\r\n"
                + $"Max-Forwards: 70\r\nFrom: \"A, \\\"B\\\"\" <sip:p@h;x=y>;tag=p;odd=\"1\"\r\nTo: <sip:ivr@192.0.2.1>{(method == "BYE" ? ";tag=any" : "")}\r\nCall-ID: {method}@h\r\nCSeq: 0815 {method}\r\n"
                + "Contact: <sip:p@192.0.2.9>\r\nContent-Length: 0\r\n\r\n");
            var response = peer.Take(status).Response;
            Assert.Equal("\"A, \\\"B\\\"\" <sip:p@h;x=y>;tag=p;odd=\"1\"", response.Headers.First("From"));
            Assert.Equal(($"{method}@h", $"0815 {method}"), (response.CallId, response.Headers.First("CSeq")));
            Assert.Equal(["192.0.2.9 " + method, "h2 2", "h3 ", "[2001:db8::1] "], response.Vias.Select(via => $"{via.Host} {via.Branch?.Replace("z9hG4bK", "", StringComparison.Ordinal)}"));
        }
    }

    [Fact]
    [Clause("8.2.6.2", "a To tag of the request stays as it is in the response")]
    [Clause("8.2.6.2", "without a To tag the URI stays and a tag is added, but for 100")]
    [Clause("8.2.6.2", "all responses to a request have the same tag")]
    public void The_to_of_a_response_keeps_its_tag_or_gets_one_that_stays()
    {
        var peer = new VirtualPeer();
        peer.Request("BYE", 1, toTag: "theirs");
        Assert.Equal("<sip:ivr@192.0.2.1>;tag=theirs", peer.Take("481").Response.To.ToString());
        peer.Invite(extra: "Supported: 100rel\r\n");
        var call = peer.Signals[^1].Call;
        Assert.Equal("<sip:ivr@192.0.2.1>", peer.Take("100").Response.To.ToString());
        peer.Do(() => call.Progress(peer.Now, 180));
        peer.Advance(0.6);
        peer.Do(() => call.Reject(peer.Now, 486, null));
        Assert.Equal("180 180 486", peer.Names());
        var tag = Assert.Single(peer.Sent.Select(sending => sending.Response.To.ToString()).Distinct());
        Assert.Equal($"<sip:ivr@192.0.2.1>;tag={call.Dialog.Id.LocalTag}", tag);
    }

    [Fact]
    [Clause("8.2.7", "a stateless UAS sends no provisional response")]
    [Clause("8.2.7", "a stateless UAS repeats no response by itself")]
    [Clause("8.2.7", "a stateless UAS ignores ACK")]
    [Clause("8.2.7", "a stateless UAS ignores CANCEL")]
    [Clause("8.2.7", "the To tag of a stateless response is the same for the same request")]
    public void An_answer_without_state_is_final_sent_once_and_the_same_for_a_repeat()
    {
        // Challenges and refusals of the guard, what the parser refuses, and all when the table is full.
        var peer = new VirtualPeer();
        peer.Agent.Guard = new Refusing(403);
        peer.Invite(branch: "guarded");
        peer.Request("ACK", 1, toTag: "guard", branch: "guarded");
        peer.Advance(40);
        Assert.Equal("403", peer.Names());
        Assert.Equal(0, peer.Agent.Transactions);

        var full = new VirtualPeer();
        for (var i = 0; i < 1000; i++) full.Request("OPTIONS", 1, callId: "fill" + i);
        full.Sent.Clear();
        foreach (var callId in (string[])["one", "one", "two"]) full.Invite(callId: callId, branch: callId);
        Assert.Equal("503 503 503", full.Names());
        var tags = full.Sent.Select(sending => sending.Response.To.Tag).ToList();
        Assert.Equal(tags[0], tags[1]);
        Assert.NotEqual(tags[0], tags[2]);
        full.Request("CANCEL", 1, callId: "one", branch: "one");
        full.Request("ACK", 1, callId: "one", branch: "one", toTag: tags[0]);
        full.Advance(20);
        Assert.Equal("503 503 503", full.Names());

        const string Malformed = "OPTIONS sip:ivr@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKm\r\nFrom: <sip:p@h>;tag=p\r\nTo: <sip:ivr@h>\r\nCall-ID: m\r\nCSeq: x\r\nContent-Length: 0\r\n\r\n";
        Assert.Equal(400, full.ReceiveAnything(Malformed));
        Assert.Equal(0, full.ReceiveAnything(Malformed.Replace("OPTIONS", "CANCEL", StringComparison.Ordinal)));
        Assert.Equal(0, full.ReceiveAnything(Malformed.Replace("OPTIONS", "ACK", StringComparison.Ordinal)));
    }
}
