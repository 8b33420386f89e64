using System.Text;
using IvrActors.Edge.Sip.Dialogs;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;
using IvrActors.Edge.Tests.Sip.Dialogs;
using Xunit;

namespace IvrActors.Edge.Tests.Sip.Clauses;

/// <summary>RFC 3261 7 and 25: how messages are written and read.</summary>
public class MessageClauseTests
{
    private const string Options = "OPTIONS sip:ivr@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKm\r\nMax-Forwards: 70\r\nFrom: <sip:peer@192.0.2.9>;tag=p\r\n"
        + "To: <sip:ivr@192.0.2.1>\r\nCall-ID: m\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n";

    [Fact]
    [Clause("7", "the start line, each header and the empty line end in CRLF")]
    [Clause("7", "the empty line stands also where there is no body")]
    public void Every_line_that_we_send_ends_in_crlf_and_an_empty_one_ends_the_head()
    {
        foreach (var sending in Exchange.All())
        {
            var head = sending.Text[..(sending.Text.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4)];
            Assert.Equal(head.Count(c => c == '\n'), head.Split("\r\n").Length - 1);
            Assert.Equal(head.Count(c => c == '\r'), head.Split("\r\n").Length - 1);
            Assert.Equal(sending.Message.Body.Length, sending.Text.Length - head.Length);
        }
    }

    [Theory]
    [InlineData("<sip:ivr@192.0.2.1>")]
    [InlineData("sip:ivr @192.0.2.1")]
    [InlineData("sip:ivr\u0001@192.0.2.1")]
    [Clause("7.1", "a Request-URI holds no unescaped space or control character and stands in no angle brackets")]
    public void A_request_uri_in_brackets_or_with_a_space_is_refused_and_ours_have_none(string uri)
    {
        var peer = new VirtualPeer();
        Assert.Equal(400, peer.ReceiveAnything(Options.Replace("sip:ivr@192.0.2.1 ", uri + " ", StringComparison.Ordinal)));
        Assert.All(Exchange.Requests(), request => Assert.DoesNotMatch("[<>\\s\\p{C}]", request.RequestUri.ToString()));
    }

    [Fact]
    [Clause("7.1", "what is sent says SIP/2.0")]
    [Clause("7.1", "the version is sent in upper case and read in any")]
    public void We_say_version_2_in_upper_case_and_read_it_in_any()
    {
        Assert.All(Exchange.All(), sending => Assert.Matches("^(SIP/2\\.0 \\d{3} |[A-Z]+ \\S+ SIP/2\\.0\r\n)", sending.Text));
        var peer = new VirtualPeer();
        Assert.Equal(200, peer.ReceiveAnything(Options.Replace(" SIP/2.0\r\nVia", " sip/2.0\r\nVia", StringComparison.Ordinal)));
        Assert.Equal(505, peer.ReceiveAnything(Options.Replace(" SIP/2.0\r\nVia", " SIP/3.0\r\nVia", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("Record-Route: <sip:192.0.2.20;lr>, <sip:192.0.2.21;lr>, <sip:192.0.2.22;lr>\r\n")]
    [InlineData("Record-Route: <sip:192.0.2.20;lr>\r\nRecord-Route: <sip:192.0.2.21;lr>\r\nRecord-Route: <sip:192.0.2.22;lr>\r\n")]
    [InlineData("Record-Route: <sip:192.0.2.20;lr>\r\nSubject: x\r\nrecord-route: <sip:192.0.2.21;lr> ,<sip:192.0.2.22;lr>\r\n")]
    [Clause("7.3.1", "rows of one name mean the same as one row with commas")]
    [Clause("7.3.1", "rows and comma-separated values are read in any combination")]
    public void Values_in_rows_and_after_commas_are_the_same_list(string extra)
    {
        var peer = new VirtualPeer();
        var call = peer.Serve(extra);
        peer.Do(() => call.HangUp(peer.Now));
        Assert.Equal(["sip:192.0.2.20;lr", "sip:192.0.2.21;lr", "sip:192.0.2.22;lr"], peer.Take("BYE").Request.Routes.Select(route => route.Uri.ToString()));
    }

    [Theory]
    [InlineData("Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKm", "Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKm;branch=z9hG4bKn")]
    [InlineData("tag=p", "tag=p;TAG=q")]
    [Clause("7.3.1", "a parameter name stands once in a value")]
    public void A_parameter_that_stands_twice_is_refused_and_ours_stand_once(string part, string twice)
    {
        Assert.Equal(400, new VirtualPeer().ReceiveAnything(Options.Replace(part, twice, StringComparison.Ordinal)));
        // The parser of what we send refuses it as well: the whole exchange went through it.
        Assert.NotEmpty(Exchange.All());
    }

    [Fact]
    [Clause("7.3.2", "a header that does not belong into this kind of message is ignored")]
    public void Headers_of_the_wrong_kind_of_message_are_ignored()
    {
        var peer = new VirtualPeer();
        peer.Request("OPTIONS", 1, extra: "WWW-Authenticate: Digest realm=\"x\", nonce=\"y\"\r\nUnsupported: 100rel\r\nMin-Expires: 5\r\nRetry-After: 600\r\n");
        peer.Take("200");
        peer.Dial();
        peer.Answer(peer.Take("INVITE").Request, 200, "callee", VirtualPeer.Offer, "Authorization: Digest x=\"y\"\r\nMax-Forwards: 0\r\nRequire: nonsense\r\nRefer-To: <sip:x@h>\r\n");
        Assert.Equal(CallSignalKind.Accepted, peer.Signals[^1].Kind);
    }

    [Theory]
    [InlineData("v", "f", "t", "i", "m", "l", "c", "k")]
    [InlineData("VIA", "FROM", "TO", "CALL-id", "contact", "content-LENGTH", "CONTENT-type", "supported")]
    [Clause("7.3.3", "the long and the short form of each name are accepted")]
    public void A_call_in_compact_form_is_a_call(string via, string from, string to, string callId, string contact, string length, string type, string supported)
    {
        var peer = new VirtualPeer();
        peer.ReceiveAnything($"INVITE sip:ivr@192.0.2.1 SIP/2.0\r\n{via}: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKm\r\nMax-Forwards: 70\r\n{from}: <sip:p@192.0.2.9>;tag=p\r\n{to}: <sip:ivr@192.0.2.1>\r\n"
            + $"{callId}: m\r\nCSeq: 1 INVITE\r\n{contact}: <sip:moved@192.0.2.9:5070>\r\n{supported}: 100rel\r\n{type}: application/sdp\r\n{length}: 5\r\n\r\nv=0\r\n");
        var call = Assert.Single(peer.Signals).Call;
        Assert.Equal("v=0\r\n", Encoding.ASCII.GetString(peer.Signals[0].Body.Span));
        peer.Do(() => call.Progress(peer.Now, 180));
        Assert.Equal("100rel", peer.Take("180").Response.Headers.First("Require"));
        peer.Do(() => call.Answer(peer.Now, "v=0\r\n"u8.ToArray()));
        peer.ReceiveAnything($"ACK sip:ivr@192.0.2.1 SIP/2.0\r\n{via}: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKa\r\n{from}: <sip:p@192.0.2.9>;tag=p\r\n{to}: <sip:ivr@192.0.2.1>;tag={call.Dialog.Id.LocalTag}\r\n{callId}: m\r\n"
            + $"CSeq: 1 ACK\r\n{length}: 0\r\n\r\n");
        peer.Do(() => call.HangUp(peer.Now));
        Assert.Equal("sip:moved@192.0.2.9:5070", peer.Take("BYE").Request.RequestUri.ToString());
    }

    [Fact]
    [Clause("7.4.1", "the type of a body is given by Content-Type")]
    [Clause("7.4.1", "a body without encoding has no Content-Encoding")]
    [Clause("7.4.2", "chunked transfer encoding is not used")]
    [Clause("20.14", "without a body Content-Length is zero")]
    [Clause("20.15", "Content-Type is there where a body is")]
    public void Bodies_of_ours_say_their_type_and_their_length_and_have_no_encoding()
    {
        var all = Exchange.All();
        Assert.Contains(all, sending => !sending.Message.Body.IsEmpty);
        Assert.All(all, sending =>
        {
            var headers = sending.Message.Headers;
            Assert.Equal(sending.Message.Body.IsEmpty, headers.First("Content-Type") is null);
            Assert.Equal(sending.Message.Body.Length.ToString(), Assert.Single(headers.All("Content-Length")));
            Assert.False(headers.Contains("Content-Encoding") || headers.Contains("Transfer-Encoding"));
        });
    }

    [Fact]
    [Clause("25.1", "characters that are no token stand in quotes within a parameter value")]
    public void What_we_write_is_read_by_the_grammar_and_values_that_are_no_tokens_are_quoted()
    {
        // Each message that is sent in virtual time goes through the parser, which refuses a parameter value that is neither token, host nor quoted.
        Assert.All(Exchange.All(SipTransport.Tls), sending => Assert.Equal(SipRejection.None, SipParser.Parse(sending.Bytes).Rejection));
        var peer = new VirtualPeer();
        Assert.Equal(400, peer.ReceiveAnything(Options.Replace("tag=p", "tag=p;x=a@b", StringComparison.Ordinal)));
        Assert.Equal(200, peer.ReceiveAnything(Options.Replace("tag=p", "tag=p;x=\"a@b\"", StringComparison.Ordinal)));
    }
}
