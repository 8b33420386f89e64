using IvrActors.Edge.Sip.Dialogs;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Tests.Sip.Dialogs;
using Xunit;

namespace IvrActors.Edge.Tests.Sip.Clauses;

/// <summary>RFC 3261 20 and 16.6: rules for headers.</summary>
public class HeaderClauseTests
{
    private const string Options = "OPTIONS sip:ivr@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKm\r\nMax-Forwards: 70\r\nFrom: <sip:peer@192.0.2.9>;tag=p\r\n"
        + "To: <sip:ivr@192.0.2.1>\r\nCall-ID: m\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n";

    /// <summary>Of tables 2 and 3, with RFC 3262, 3311, 3515, 4028: in which requests a header that we write is applicable.</summary>
    private static readonly Dictionary<string, string> s_applicable = new()
    {
        ["Contact"] = "ACK INVITE OPTIONS REGISTER UPDATE REFER NOTIFY",
        ["Allow"] = "BYE INVITE OPTIONS REGISTER UPDATE REFER NOTIFY PRACK",
        ["Supported"] = "BYE INVITE OPTIONS REGISTER UPDATE REFER NOTIFY PRACK",
        ["Accept"] = "BYE INVITE OPTIONS REGISTER UPDATE REFER NOTIFY PRACK",
        ["Expires"] = "INVITE REGISTER",
        ["Require"] = "ACK BYE INVITE OPTIONS REGISTER UPDATE REFER NOTIFY PRACK",
        ["Content-Type"] = "ACK BYE INVITE OPTIONS REGISTER UPDATE REFER NOTIFY PRACK",
        ["Session-Expires"] = "INVITE UPDATE",
        ["Min-SE"] = "INVITE UPDATE",
        ["Proxy-Authorization"] = "ACK BYE INVITE OPTIONS REGISTER UPDATE REFER NOTIFY PRACK",
        ["RAck"] = "PRACK",
        ["Refer-To"] = "REFER",
        ["Event"] = "NOTIFY",
        ["Subscription-State"] = "NOTIFY",
        ["Contact of a response"] = "INVITE OPTIONS REGISTER UPDATE REFER",
        ["Supported of a response"] = "BYE INVITE OPTIONS REGISTER UPDATE",
        ["Session-Expires of a response"] = "INVITE UPDATE",
        ["RSeq of a response"] = "INVITE",
        ["Record-Route of a response"] = "ACK BYE INVITE OPTIONS UPDATE REFER NOTIFY PRACK",
    };

    [Theory]
    [InlineData("Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKm\r\n", 0)]
    [InlineData("From: <sip:peer@192.0.2.9>;tag=p\r\n", 400)]
    [InlineData("To: <sip:ivr@192.0.2.1>\r\n", 400)]
    [InlineData("Call-ID: m\r\n", 400)]
    [InlineData("CSeq: 1 OPTIONS\r\n", 400)]
    [Clause("20", "a mandatory header is there in a request and understood by the UAS")]
    public void A_request_that_lacks_a_mandatory_header_is_refused(string line, int status) =>
        Assert.Equal(status, new VirtualPeer().ReceiveAnything(Options.Replace(line, "", StringComparison.Ordinal)));

    [Fact]
    [Clause("20", "a mandatory header is there in a response and understood by the UAC")]
    public void Responses_have_the_headers_that_theirs_must_have()
    {
        var responses = Exchange.Responses();
        Check("INVITE", 200, "Contact", "Allow", "Supported");
        Check("OPTIONS", 200, "Allow", "Accept", "Accept-Encoding", "Supported");
        Check("SUBSCRIBE", 405, "Allow");
        Check("OPTIONS", 420, "Unsupported");
        Check("INVITE", 415, "Accept");
        Check("INVITE", 180, "RSeq", "Require", "Contact");

        void Check(string method, int status, params string[] headers)
        {
            var response = Assert.Single(responses.Where(response => response.CSeq.Method == method && response.Status == status && (method != "OPTIONS" || status != 200 || response.CallId == "options")).DistinctBy(response => response.CallId));
            Assert.All(headers, header => Assert.True(response.Headers.Contains(header), $"{header} in {status} to {method}"));
        }
    }

    [Fact]
    [Clause("20", "a header that is not applicable is not put into a request")]
    public void No_request_of_ours_has_a_header_that_is_not_applicable_to_its_method() => Assert.All(Exchange.Requests(), request =>
    {
        foreach (var (header, methods) in s_applicable)
            Assert.True(!request.Headers.Contains(header) || methods.Split(' ').Contains(request.Method), $"{header} in {request.Method}");
    });

    [Fact]
    [Clause("20", "a header that is not applicable is ignored by the UAS")]
    public void A_header_that_is_not_applicable_to_a_request_changes_nothing()
    {
        var peer = new VirtualPeer();
        var call = peer.Serve();
        // Neither an ACK nor a BYE has them; a BYE moves no target, an INFO starts no session timer.
        peer.Request(call, "INFO", 2, extra: "Session-Expires: 90\r\nMin-SE: 90\r\nRAck: 1 1 INVITE\r\nExpires: 0\r\n");
        peer.Take("200 INFO");
        peer.Advance(300);
        Assert.Equal("", peer.Names());
        peer.Request(call, "BYE", 3, extra: "Accept: text/odd\r\nExpires: 0\r\nSession-Expires: 1\r\nRefer-To: <sip:x@h>\r\n");
        peer.Take("200 BYE");
    }

    [Fact]
    [Clause("20", "a header that is not applicable is neither put into a response nor heeded by the UAC")]
    public void Responses_have_no_header_that_is_not_applicable_and_those_of_the_peer_are_not_heeded()
    {
        Assert.All(Exchange.Responses(), response =>
        {
            foreach (var (header, methods) in s_applicable.Where(entry => entry.Key.EndsWith(" of a response", StringComparison.Ordinal)))
                Assert.True(!response.Headers.Contains(header.Split(' ')[0]) || methods.Split(' ').Contains(response.CSeq.Method), $"{header} in {response.Status} to {response.CSeq.Method}");
        });
        var peer = new VirtualPeer();
        var call = peer.Connected();
        peer.Do(() => call.Refer(peer.Now, "sip:x@192.0.2.9"));
        peer.Answer(peer.Take("REFER").Request, 202, null, extra: "Session-Expires: 90;refresher=uac\r\nRSeq: 5\r\nRequire: 100rel\r\nContact: <sip:moved@192.0.2.66>\r\n");
        peer.Advance(59);
        Assert.Equal("", peer.Names());
        peer.Do(() => call.HangUp(peer.Now));
        Assert.Equal("sip:callee@192.0.2.9:5060", peer.Take("BYE").Request.RequestUri.ToString());
    }

    [Fact]
    [Clause("20", "a URI with a comma, question mark or semicolon stands in angle brackets")]
    [Clause("20.10", "in Contact a URI with a comma, question mark or semicolon is a name-addr")]
    [Clause("20.20", "in From a URI with a comma, question mark or semicolon is a name-addr")]
    public void Every_address_that_we_write_stands_in_brackets_and_one_without_ends_at_its_semicolon()
    {
        Assert.All(Exchange.All().Where(sending => sending.Message is SipRequest), sending =>
        {
            foreach (var name in (string[])["From", "To", "Contact", "Route", "Refer-To"])
                Assert.All(sending.Message.Headers.All(name), value => Assert.StartsWith("<", value, StringComparison.Ordinal));
        });
        var peer = new VirtualPeer();
        peer.Receive(Options.Replace("From: <sip:peer@192.0.2.9>;tag=p", "From: sip:peer@192.0.2.9;tag=p", StringComparison.Ordinal));
        Assert.Equal("p", peer.Take("200").Response.From.Tag);
        Assert.Equal(400, peer.ReceiveAnything(Options.Replace("From: <sip:peer@192.0.2.9>;tag=p", "From: sip:peer@192.0.2.9?x=y;tag=p", StringComparison.Ordinal)));
    }

    [Fact]
    [Clause("20.5", "a missing Allow does not mean that nothing is supported")]
    public void A_peer_that_does_not_say_what_it_allows_is_asked_all_the_same()
    {
        var peer = new VirtualPeer();
        var call = peer.Serve();
        peer.Do(() => call.Update(peer.Now, "v=0\r\n"u8.ToArray()));
        peer.Answer(peer.Take("UPDATE").Request, 200, null, VirtualPeer.Offer);
        peer.Do(() => call.Refer(peer.Now, "sip:x@192.0.2.9"));
        peer.Take("REFER");
        // Nor does it take back what was said before.
        var other = new VirtualPeer();
        var refreshed = other.Serve("Allow: UPDATE\r\nSupported: timer\r\nSession-Expires: 200;refresher=uas\r\n");
        other.Request(refreshed, "UPDATE", 2, extra: "Supported: timer\r\nSession-Expires: 200;refresher=uas\r\n");
        other.Take("200 UPDATE");
        other.Advance(101);
        other.Take("UPDATE");
    }

    [Fact]
    [Clause("20.43", "a miscellaneous warning causes no action")]
    public void A_warning_is_not_acted_upon()
    {
        var peer = new VirtualPeer();
        var call = peer.Dial();
        peer.Answer(peer.Take("INVITE").Request, 200, "callee", VirtualPeer.Offer, "Warning: 399 h \"do something\", 301 h \"x\", 370 h \"y\"\r\n");
        Assert.Equal(("ACK", SipCallState.Answered), (peer.Names(), call.State));
    }

    [Fact]
    [Clause("16.6", "a URI of Record-Route is not used outside of its dialog")]
    public void A_route_that_a_dialog_had_is_not_used_for_the_next()
    {
        var peer = new VirtualPeer();
        var call = peer.Connected("Record-Route: <sip:192.0.2.20;lr>\r\n");
        peer.Dial();
        var invite = peer.Take("INVITE");
        Assert.Equal((false, "192.0.2.9:5060"), (invite.Request.Headers.Contains("Route"), invite.To.EndPoint.ToString()));
        peer.Do(() => call.HangUp(peer.Now));
        Assert.Equal("192.0.2.20:5060", peer.Take("BYE").To.EndPoint.ToString());
    }
}
