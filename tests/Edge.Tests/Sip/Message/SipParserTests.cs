using System.Text;
using IvrActors.Edge.Sip.Message;
using Xunit;

namespace IvrActors.Edge.Tests.Sip.Message;

public sealed class SipParserTests
{
    [Fact]
    public void The_parts_of_an_invite_are_typed()
    {
        var invite = Accepted(Samples.Request("INVITE", "Record-Route: <sip:p1.example;lr>, <sip:p2.example;lr>\r\nRoute: <sip:p3.example;lr>\r\n", "v=0\r\n"));

        Assert.Equal("INVITE", invite.Method);
        Assert.Equal("bank", invite.RequestUri.User);
        Assert.Equal("127.0.0.1", invite.RequestUri.Host);
        Assert.Equal(("UDP", "127.0.0.1", 31001, "z9hG4bK-524287-1"), (invite.TopVia.Transport, invite.TopVia.Host, invite.TopVia.Port, invite.TopVia.Branch));
        Assert.True(invite.TopVia.HasRPort);
        Assert.Null(invite.TopVia.RPort);
        Assert.Equal(("Ann \"A\" Bell", "f1", "ann"), (invite.From.DisplayName, invite.From.Tag, invite.From.Uri.User));
        Assert.Equal("udp", invite.From.Uri.Parameters["transport"]);
        Assert.Null(invite.To.Tag);
        Assert.Null(invite.To.DisplayName);
        Assert.Equal("1-5@127.0.0.1", invite.CallId);
        Assert.Equal(new CSeq(7, "INVITE"), invite.CSeq);
        Assert.Equal(70, invite.MaxForwards);
        Assert.Equal(31001, invite.Contact!.Uri.Port);
        Assert.Equal(["<sip:p1.example;lr>", "<sip:p2.example;lr>"], invite.RecordRoutes.Select(r => r.ToString()));
        Assert.Equal("p3.example", Assert.Single(invite.Routes).Uri.Host);
        Assert.Equal("v=0\r\n", Encoding.Latin1.GetString(invite.Body.Span));
    }

    [Fact]
    public void Compact_and_oddly_spelled_header_names_are_the_same_headers()
    {
        var text = "INVITE sip:bank@127.0.0.1 SIP/2.0\r\nv: SIP/2.0/UDP h;branch=z9hG4bK1\r\nf : <sip:a@b>;tag=1\r\nT\t: <sip:c@d>\r\ni:x@y\r\n"
            + "cSEQ: 1 INVITE\r\nm: <sip:a@b>\r\nCONTENT-length: 0\r\n\r\n";
        var invite = Accepted(Encoding.Latin1.GetBytes(text));

        Assert.Equal(["Via", "From", "To", "Call-ID", "CSeq", "Contact", "Content-Length"], invite.Headers.Select(h => h.Key));
    }

    [Fact]
    public void Folded_values_are_unfolded_with_a_space() =>
        Assert.Equal("one two", Accepted(Samples.Request("INVITE", "Subject: one\r\n  two\r\n")).Headers.First("subject"));

    [Fact]
    public void The_buffer_may_be_reused_after_parsing()
    {
        var bytes = Samples.Request("INVITE", "Subject: hello\r\n", "body");
        var invite = Accepted(bytes);
        Array.Fill(bytes, (byte)'#');

        Assert.Equal("hello", invite.Headers.First("Subject"));
        Assert.Equal("ann", invite.From.Uri.User);
        Assert.Equal("body", Encoding.Latin1.GetString(invite.Body.Span));
    }

    [Fact]
    public void A_datagram_without_content_length_has_the_rest_as_body()
    {
        var bytes = Samples.InviteWith("Content-Length: 0\r\n\r\n", "\r\nv=0");
        Assert.Equal(3, Accepted(bytes).Body.Length);
        Assert.Equal(SipRejection.ContentLengthMissing, SipParser.ParseFramed(bytes).Rejection);
    }

    [Fact]
    public void What_trails_a_datagram_is_ignored_and_what_trails_a_frame_is_refused()
    {
        byte[] bytes = [.. Samples.Request("INVITE"), .. "INVITE"u8];
        Assert.Equal(0, Accepted(bytes).Body.Length);
        Assert.Equal(SipRejection.ContentLengthMismatch, SipParser.ParseFramed(bytes).Rejection);
    }

    [Theory]
    [InlineData("")]
    [InlineData("\r\n")]
    [InlineData("\r\n\r\n")]
    [InlineData("\0")]
    [InlineData("\0\0\0\0")]
    public void Keep_alives_are_neither_messages_nor_answered(string datagram)
    {
        var result = SipParser.Parse(Encoding.Latin1.GetBytes(datagram));
        Assert.Equal(SipRejection.KeepAlive, result.Rejection);
        Assert.Null(result.AnswerStatus);
    }

    /// <summary>Inputs that broke other stacks (docs: threat model), each with why it is refused.</summary>
    [Theory]
    [InlineData("CSeq: 7 INVITE", "CSeq: 99999999999999999999999999999999999 INVITE", SipRejection.MalformedCSeq)]
    [InlineData("CSeq: 7 INVITE", "CSeq: 2147483648 INVITE", SipRejection.MalformedCSeq)]
    [InlineData("CSeq: 7 INVITE", "CSeq: -1 INVITE", SipRejection.MalformedCSeq)]
    [InlineData("CSeq: 7 INVITE", "CSeq: 7INVITE", SipRejection.MalformedCSeq)]
    [InlineData("CSeq: 7 INVITE", "CSeq: 7", SipRejection.MalformedCSeq)]
    [InlineData("CSeq: 7 INVITE", "CSeq: 7 BYE", SipRejection.CSeqMethodMismatch)]
    [InlineData("CSeq: 7 INVITE", "CSeq: 7 invite", SipRejection.CSeqMethodMismatch)]
    [InlineData("branch=z9hG4bK-524287-1", "branch=", SipRejection.MalformedVia)]
    [InlineData("branch=z9hG4bK-524287-1", "branch=\"z9hG4bK\"", SipRejection.MalformedVia)]
    [InlineData("branch=z9hG4bK-524287-1", "branch=z9hG4bK<x>", SipRejection.MalformedVia)]
    [InlineData("branch=z9hG4bK-524287-1", "branch=a;branch=b", SipRejection.MalformedVia)]
    [InlineData("branch=z9hG4bK-524287-1", "branch=a;received=not.an.address", SipRejection.MalformedVia)]
    [InlineData(";rport", ";rport=0", SipRejection.MalformedVia)]
    [InlineData(";rport", ";rport=65536", SipRejection.MalformedVia)]
    [InlineData("SIP/2.0/UDP 127.0.0.1:31001", "SIP/2.0/UDP 127.0.0.1:0", SipRejection.MalformedVia)]
    [InlineData("SIP/2.0/UDP 127.0.0.1:31001", "SIP/2.0/UDP 127.0.0.1:99999", SipRejection.MalformedVia)]
    [InlineData("SIP/2.0/UDP 127.0.0.1:31001", "SIP/2.0/UDP .1", SipRejection.MalformedVia)]
    [InlineData("SIP/2.0/UDP 127.0.0.1:31001", "SIP/2.0/UDP127.0.0.1", SipRejection.MalformedVia)]
    [InlineData("SIP/2.0/UDP 127.0.0.1:31001", "SIP/2.0/UDP [::1", SipRejection.MalformedVia)]
    [InlineData("SIP/2.0/UDP 127.0.0.1:31001", "SIP/2.0/UDP", SipRejection.MalformedVia)]
    [InlineData(";tag=f1", ";tag=", SipRejection.MalformedAddress)]
    [InlineData(";tag=f1", ";tag=\"f1\"", SipRejection.MalformedAddress)]
    [InlineData(";tag=f1", ";tag=a;tag=b", SipRejection.MalformedAddress)]
    [InlineData(";tag=f1", ";tag=a b", SipRejection.MalformedAddress)]
    [InlineData(";tag=f1", ";;tag=f1", SipRejection.MalformedAddress)]
    [InlineData(";tag=f1", ";tag=f1;", SipRejection.MalformedAddress)]
    [InlineData(Samples.From, "From: ;\r\n", SipRejection.MalformedAddress)]
    [InlineData(Samples.From, "From: \r\n", SipRejection.MalformedAddress)]
    [InlineData(Samples.From, "From: <sip:a\0b@c>;tag=1\r\n", SipRejection.ControlCharacter)]
    [InlineData(Samples.From, "From: \0\r\n", SipRejection.ControlCharacter)]
    [InlineData(Samples.From, "From: \"a\0\" <sip:a@c>\r\n", SipRejection.ControlCharacter)]
    [InlineData(Samples.From, "From: \"Ann <sip:a@c>;tag=1\r\n", SipRejection.MalformedAddress)]
    [InlineData(Samples.From, "From: Bell, Ann <sip:a@c>;tag=1\r\n", SipRejection.MalformedAddress)]
    [InlineData(Samples.From, "From: <sip:a@c>;tag=1, <sip:b@c>\r\n", SipRejection.MalformedAddress)]
    [InlineData(Samples.To, "To: <sip:bank@127.0.0.1\r\n", SipRejection.MalformedAddress)]
    [InlineData(Samples.To, "To: <sip:bank@127.0.0.1>;=x\r\n", SipRejection.MalformedAddress)]
    [InlineData(Samples.To, "To: <sip:bank@127.0.0.1>;x=\r\n", SipRejection.MalformedAddress)]
    [InlineData(Samples.To, "To: <sip:ba%4nk@127.0.0.1>\r\n", SipRejection.MalformedAddress)]
    [InlineData(Samples.To, "To: <sip:bank@.1>\r\n", SipRejection.MalformedAddress)]
    [InlineData(Samples.To, "To: <sip:bank@a..b>\r\n", SipRejection.MalformedAddress)]
    [InlineData(Samples.To, "To: <sip:bank@1.2.3>\r\n", SipRejection.MalformedAddress)]
    [InlineData(Samples.To, "To: <sip:bank@1.2.3.256>\r\n", SipRejection.MalformedAddress)]
    [InlineData(Samples.To, "To: <sip:@127.0.0.1>\r\n", SipRejection.MalformedAddress)]
    [InlineData(Samples.To, "To: <>\r\n", SipRejection.MalformedAddress)]
    [InlineData(Samples.To, "", SipRejection.MissingHeader)]
    [InlineData(Samples.Via, "", SipRejection.MissingHeader)]
    [InlineData(Samples.CallId, "", SipRejection.MissingHeader)]
    [InlineData(Samples.CallId, "Call-ID: \r\n", SipRejection.MalformedCallId)]
    [InlineData(Samples.CallId, "Call-ID: a b\r\n", SipRejection.MalformedCallId)]
    [InlineData(Samples.CallId, "Call-ID: a@b@c\r\n", SipRejection.MalformedCallId)]
    [InlineData(Samples.CallId, "Call-ID: a\r\ni: b\r\n", SipRejection.RepeatedHeader)]
    [InlineData(Samples.Contact, "Contact: <sip:a@b>,\r\n", SipRejection.MalformedAddress)]
    [InlineData(Samples.Contact, "Contact: <sip:a@b>;expires=99999999999\r\n", SipRejection.MalformedAddress)]
    [InlineData(Samples.Contact, "Route: <sip:a@b\r\n", SipRejection.MalformedAddress)]
    [InlineData("Max-Forwards: 70", "Max-Forwards: 256", SipRejection.MalformedScalar)]
    [InlineData("Max-Forwards: 70", "Max-Forwards: x", SipRejection.MalformedScalar)]
    [InlineData("Max-Forwards: 70", "Expires: 4294967296", SipRejection.MalformedScalar)]
    [InlineData("Max-Forwards: 70", "Date: Fri, 01 Jan 2010 16:00:00 EST", SipRejection.MalformedDate)]
    [InlineData("Max-Forwards: 70", "Date: Mon, 01 Jan 2010 16:00:00 GMT", SipRejection.MalformedDate)]
    [InlineData("Max-Forwards: 70", "Max-Forwards 70", SipRejection.MalformedHeader)]
    [InlineData("Max-Forwards: 70", ": 70", SipRejection.MalformedHeader)]
    [InlineData("Max-Forwards: 70", "Max Forwards: 70", SipRejection.MalformedHeader)]
    [InlineData("Max-Forwards: 70", "Via\0: 70", SipRejection.MalformedHeader)]
    [InlineData("Max-Forwards: 70", "X: a\nVia: b", SipRejection.ControlCharacter)]
    [InlineData("Max-Forwards: 70", "X: a\rVia: b", SipRejection.ControlCharacter)]
    [InlineData("Content-Length: 0", "Content-Length: -1", SipRejection.MalformedContentLength)]
    [InlineData("Content-Length: 0", "Content-Length: 0x0", SipRejection.MalformedContentLength)]
    [InlineData("Content-Length: 0", "Content-Length: 4294967296", SipRejection.MalformedContentLength)]
    [InlineData("Content-Length: 0", "Content-Length: 4294967295", SipRejection.ContentLengthTooLarge)]
    [InlineData("Content-Length: 0", "Content-Length: 1", SipRejection.ContentLengthTooLarge)]
    [InlineData("Content-Length: 0", "Content-Length: ", SipRejection.MalformedContentLength)]
    [InlineData("Content-Length: 0", "Content-Length: 0\r\nl: 0", SipRejection.RepeatedContentLength)]
    [InlineData("INVITE sip:bank@127.0.0.1 SIP/2.0", "INVITE sip:bank@.1 SIP/2.0", SipRejection.MalformedRequestUri)]
    [InlineData("INVITE sip:bank@127.0.0.1 SIP/2.0", "INVITE sip:bank@127.0.0.1;;lr SIP/2.0", SipRejection.MalformedRequestUri)]
    [InlineData("INVITE sip:bank@127.0.0.1 SIP/2.0", "INVITE bank SIP/2.0", SipRejection.MalformedRequestUri)]
    [InlineData("INVITE sip:bank@127.0.0.1 SIP/2.0", "INVITE sip:bank@127.0.0.1 SIP/2.0 ", SipRejection.MalformedRequestLine)]
    [InlineData("INVITE sip:bank@127.0.0.1 SIP/2.0", "INVITE sip:bank@127.0.0.1 HTTP/1.1", SipRejection.MalformedRequestLine)]
    [InlineData("INVITE sip:bank@127.0.0.1 SIP/2.0", "INVITE sip:bank@127.0.0.1", SipRejection.MalformedRequestLine)]
    [InlineData("INVITE sip:bank@127.0.0.1 SIP/2.0", "INVITE sip:bank@127.0.0.1 SIP/3.0", SipRejection.UnsupportedVersion)]
    [InlineData("INVITE sip:bank@127.0.0.1 SIP/2.0", "INV\u00CFTE sip:bank@127.0.0.1 SIP/2.0", SipRejection.NotSip)]
    [InlineData("INVITE sip:bank@127.0.0.1 SIP/2.0", " INVITE sip:bank@127.0.0.1 SIP/2.0", SipRejection.NotSip)]
    public void An_invite_with_a_malformed_part_is_refused(string part, string replacement, SipRejection rejection)
    {
        var result = SipParser.Parse(Samples.InviteWith(part, replacement));

        Assert.Null(result.Message);
        Assert.Equal(rejection, result.Rejection);
    }

    [Fact]
    public void A_subscribe_with_hundreds_of_accept_headers_is_refused_with_400()
    {
        var result = SipParser.Parse(Samples.Request("SUBSCRIBE", string.Concat(Enumerable.Repeat("Accept: text/plain\r\n", 500))));
        Assert.Equal((SipRejection.TooManyHeaders, 400), (result.Rejection, result.AnswerStatus));
    }

    [Fact]
    public void The_most_headers_allowed_are_accepted()
    {
        const int InSample = 8;
        Accepted(Samples.Request("OPTIONS", string.Concat(Enumerable.Repeat("Accept: text/plain\r\n", SipLimits.Headers - InSample))));
    }

    [Fact]
    public void More_hops_than_max_forwards_allows_are_refused()
    {
        var hops = string.Join(", ", Enumerable.Range(0, SipLimits.ListValues + 1).Select(i => $"SIP/2.0/UDP h{i};branch=z9hG4bK{i}"));
        Assert.Equal(SipRejection.TooManyValues, SipParser.Parse(Samples.InviteWith(Samples.Via, $"Via: {hops}\r\n")).Rejection);
    }

    [Fact]
    public void More_parameters_than_the_limit_are_refused()
    {
        var parameters = string.Concat(Enumerable.Range(0, SipLimits.Parameters + 1).Select(i => $";p{i}"));
        Assert.Equal(SipRejection.MalformedAddress, SipParser.Parse(Samples.InviteWith(";tag=f1", parameters)).Rejection);
    }

    [Fact]
    public void A_line_beyond_the_limit_is_refused() =>
        Assert.Equal(SipRejection.LineTooLong, SipParser.Parse(Samples.Request("INVITE", $"Subject: {new string('x', SipLimits.LineLength)}\r\n")).Rejection);

    [Fact]
    public void A_head_beyond_the_limit_is_refused() =>
        Assert.Equal(SipRejection.TooLarge, SipParser.Parse(Samples.Request("INVITE", string.Concat(Enumerable.Repeat($"X: {new string('x', 8000)}\r\n", 5)))).Rejection);

    [Fact]
    public void A_quoted_pair_may_hold_a_nul() =>
        Assert.Equal("a\0", Accepted(Samples.InviteWith(Samples.From, "From: \"a\\\0\" <sip:a@c>;tag=1\r\n")).From.DisplayName);

    [Fact]
    public void A_rejected_ack_is_not_answered() =>
        Assert.Null(SipParser.Parse(Encoding.Latin1.GetBytes(Encoding.Latin1.GetString(Samples.Request("ACK")).Replace("CSeq: 7 ACK", "CSeq: x", StringComparison.Ordinal))).AnswerStatus);

    [Fact]
    public void A_request_without_its_empty_line_is_owed_a_400() =>
        Assert.Equal((SipRejection.HeadUnfinished, 400), SipParser.Parse(Samples.InviteWith("Content-Length: 0\r\n\r\n", "")) is var r ? (r.Rejection, r.AnswerStatus) : default);

    [Theory]
    [InlineData("SIP/2.0 200 OK", SipRejection.None)]
    [InlineData("SIP/2.0 200 ", SipRejection.None)]
    [InlineData("SIP/2.0 699 \u00e9", SipRejection.None)]
    [InlineData("SIP/2.0 200", SipRejection.MalformedStatusLine)]
    [InlineData("SIP/2.0 099 OK", SipRejection.MalformedStatusLine)]
    [InlineData("SIP/2.0 700 OK", SipRejection.MalformedStatusLine)]
    [InlineData("SIP/2.0 2000 OK", SipRejection.MalformedStatusLine)]
    [InlineData("SIP/2.0  200 OK", SipRejection.MalformedStatusLine)]
    [InlineData("SIP/3.0 200 OK", SipRejection.MalformedStatusLine)]
    public void A_status_line_is_read_strictly(string line, SipRejection rejection) =>
        Assert.Equal(rejection, SipParser.Parse(Samples.InviteWith("INVITE sip:bank@127.0.0.1 SIP/2.0", line)).Rejection);

    [Fact]
    public void Every_rejection_has_a_metric_label_of_its_own()
    {
        var labels = Enum.GetValues<SipRejection>().Select(SipRejections.NameOf).ToArray();
        Assert.Equal(labels.Length, labels.Distinct().Count());
        Assert.DoesNotContain("other", labels);
    }

    private static SipRequest Accepted(byte[] bytes)
    {
        var result = SipParser.Parse(bytes);
        Assert.Equal(SipRejection.None, result.Rejection);
        return Assert.IsType<SipRequest>(result.Message);
    }
}
