using System.Text;
using IvrActors.Edge.Sip.Message;
using Xunit;

namespace IvrActors.Edge.Tests.Sip.Message;

public sealed class MultipartTests
{
    private const string Sdp = "application/sdp";
    private const string Mixed = "multipart/mixed;boundary=b";
    private const string Alternative = "multipart/alternative;boundary=b";

    [Fact]
    public void Sdp_is_found_beside_isup_and_location()
    {
        var body = "--b\r\nContent-Type: application/isup;version=nxv3\r\nContent-Disposition: signal;handling=optional\r\n\r\n\u0001\u0000\r\n"
            + "--b\r\nContent-Type: application/SDP\r\n\r\nv=0\r\no=- 1 1 IN IP4 127.0.0.1\r\n\r\n"
            + "--b\r\nContent-Type: application/pidf+xml\r\nContent-ID: <a@b>\r\n\r\n<presence/>\r\n--b--\r\n";

        Assert.Equal((MultipartRejection.None, "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\n"), Find(Mixed, body));
    }

    [Fact]
    public void A_body_that_is_no_multipart_is_its_own_only_part()
    {
        Assert.Equal((MultipartRejection.None, "v=0\r\n"), Find("Application/SDP ; charset=utf-8", "v=0\r\n"));
        Assert.Equal((MultipartRejection.NoWantedPart, ""), Find("text/plain", "v=0\r\n"));
        Assert.Equal((MultipartRejection.MalformedContentType, ""), Find("application", "v=0\r\n"));
    }

    [Fact]
    public void Of_mixed_parts_the_first_is_taken_and_of_alternatives_the_last_that_is_understood()
    {
        var body = Parts(("application/sdp", "first"), ("application/sdp", "second"), ("application/x-new", "third"));

        Assert.Equal((MultipartRejection.None, "first"), Find(Mixed, body));
        Assert.Equal((MultipartRejection.None, "second"), Find(Alternative, body));
        Assert.Equal((MultipartRejection.None, "first"), Find("multipart/x-unknown;boundary=b", body));
    }

    [Fact]
    public void Alternatives_are_found_within_a_mixed_body()
    {
        var inner = "--in\r\nContent-Type: text/plain\r\n\r\nno\r\n--in\r\nContent-Type: application/sdp\r\n\r\nyes\r\n--in--";
        var body = Parts(("multipart/alternative; boundary=\"in\"", inner), ("text/plain", "hello"));

        Assert.Equal((MultipartRejection.None, "yes"), Find(Mixed, body));
    }

    [Fact]
    public void Preamble_epilogue_padding_and_folded_part_headers_are_read_over()
    {
        var body = "This is the preamble, --b is no delimiter here\r\n--b \t\r\ncontent-type:\r\n application/sdp;\r\n\tcharset=utf-8\r\n\r\nv=0\r\n--b-- \r\nepilogue --b\r\n--b\r\n";

        Assert.Equal((MultipartRejection.None, "v=0"), Find(Mixed, body));
    }

    [Fact]
    public void A_part_may_have_no_headers_and_no_content()
    {
        var rejection = Multipart.TryRead(Mixed, Bytes("--b\r\n\r\nhello\r\n--b\r\nContent-Type: text/html\r\n--b\r\n\r\n\r\n--b\r\n--b--"), out var parts);

        Assert.Equal(MultipartRejection.None, rejection);
        Assert.Equal(["hello", "", "", ""], parts.Select(p => Encoding.Latin1.GetString(p.Body.Span)));
        Assert.Equal(["text/plain", "text/html", "text/plain", "text/plain"], parts.Select(p => p.ContentType));
    }

    [Fact]
    public void The_line_end_before_a_delimiter_belongs_to_it_and_no_other()
    {
        Assert.Equal((MultipartRejection.None, "v=0\r\n\r\n"), Find(Mixed, "--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n\r\n\r\n--b--"));
        Assert.Equal((MultipartRejection.None, "a--b\n--b\r"), Find(Mixed, "--b\r\nContent-Type: application/sdp\r\n\r\na--b\n--b\r\r\n--b--"));
    }

    [Theory]
    [InlineData("multipart/mixed")]
    [InlineData("multipart/mixed;boundary=\"\"")]
    [InlineData("multipart/mixed;boundary=\"ends in space \"")]
    [InlineData("multipart/mixed;boundary=\"line\u0001\"")]
    [InlineData("multipart/mixed;boundary=a*b")]
    [InlineData("multipart/mixed;boundary=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")]
    public void A_boundary_outside_of_the_grammar_is_refused(string contentType) =>
        Assert.Equal((MultipartRejection.MalformedBoundary, ""), Find(contentType, "--b\r\n\r\n\r\n--b--"));

    [Theory]
    [InlineData("multipart/mixed;boundary=b;boundary=c")]
    [InlineData("multipart/mixed;boundary=")]
    [InlineData("multipart/mixed;boundary=\"b")]
    [InlineData("multipart/mixed;boundary=b c")]
    [InlineData("multipart;boundary=b")]
    [InlineData("")]
    public void A_content_type_outside_of_the_grammar_is_refused(string contentType) =>
        Assert.Equal((MultipartRejection.MalformedContentType, ""), Find(contentType, "--b\r\n\r\n\r\n--b--"));

    [Fact]
    public void A_quoted_boundary_may_hold_what_a_token_may_not()
    {
        const string Boundary = "gc0pJq0M:08jU534c0p=?(a b)/',+_.";
        Assert.Equal(
            (MultipartRejection.None, "v=0"),
            Find($"multipart/mixed ; charset=x; boundary=\"{Boundary}\"", $"--{Boundary}\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--{Boundary}--"));
        Assert.Equal((MultipartRejection.None, "v=0"), Find("multipart/mixed;boundary=\"\\b\"", "--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--b--"));
    }

    [Theory]
    [InlineData("", MultipartRejection.NoParts)]
    [InlineData("--b--", MultipartRejection.NoParts)]
    [InlineData("v=0\r\n", MultipartRejection.NoParts)]
    [InlineData("--b", MultipartRejection.AmbiguousDelimiter)]
    [InlineData("--b\r\n", MultipartRejection.Unfinished)]
    [InlineData("--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n", MultipartRejection.Unfinished)]
    [InlineData("--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--b", MultipartRejection.AmbiguousDelimiter)]
    [InlineData("--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--b-", MultipartRejection.AmbiguousDelimiter)]
    [InlineData("--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--b--x", MultipartRejection.AmbiguousDelimiter)]
    [InlineData("--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--bb\r\n\r\n--b--", MultipartRejection.AmbiguousDelimiter)]
    [InlineData("--b\nContent-Type: application/sdp\n\nv=0\n--b--", MultipartRejection.AmbiguousDelimiter)]
    [InlineData("--b\r\nContent-Type application/sdp\r\n\r\nv=0\r\n--b--", MultipartRejection.MalformedPartHeader)]
    [InlineData("--b\r\n Content-Type: application/sdp\r\n\r\nv=0\r\n--b--", MultipartRejection.MalformedPartHeader)]
    [InlineData("--b\r\nContent-Type: application/sdp\nX: y\r\n\r\nv=0\r\n--b--", MultipartRejection.MalformedPartHeader)]
    [InlineData("--b\r\nContent-Type: sdp\r\n\r\nv=0\r\n--b--", MultipartRejection.MalformedPartHeader)]
    [InlineData("--b\r\nContent-Disposition: ;\r\n\r\nv=0\r\n--b--", MultipartRejection.MalformedPartHeader)]
    [InlineData("--b\r\nContent-Type: text/plain\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--b--", MultipartRejection.MalformedPartHeader)]
    public void A_body_that_readers_would_cut_differently_is_refused_with_400(string body, MultipartRejection rejection)
    {
        Assert.Equal((rejection, ""), Find(Mixed, body));
        Assert.Equal(400, MultipartRejections.StatusOf(rejection));
    }

    [Theory]
    [InlineData("7bit", true)]
    [InlineData("8BIT", true)]
    [InlineData("binary", true)]
    [InlineData("base64", false)]
    [InlineData("quoted-printable", false)]
    public void Only_parts_that_are_there_as_they_are_can_be_used(string encoding, bool usable)
    {
        var (rejection, _) = Find(Mixed, $"--b\r\nContent-Type: application/sdp\r\nContent-Transfer-Encoding: {encoding}\r\n\r\nv=0\r\n--b--");

        Assert.Equal(usable ? MultipartRejection.None : MultipartRejection.UnsupportedEncoding, rejection);
        Assert.Equal(usable ? null : 415, MultipartRejections.StatusOf(rejection));
    }

    [Fact]
    public void An_encoded_alternative_gives_way_to_one_that_is_not()
    {
        var body = "--b\r\nContent-Type: application/sdp\r\n\r\nplain\r\n--b\r\nContent-Type: application/sdp\r\nContent-Encoding: gzip\r\n\r\npacked\r\n--b--";

        Assert.Equal((MultipartRejection.None, "plain"), Find(Alternative, body));
    }

    [Fact]
    public void A_part_that_must_be_understood_and_is_not_refuses_the_whole()
    {
        const string Unknown = "--b\r\nContent-Type: application/x-bill\r\nContent-Disposition: render;handling=\"Required\"\r\n\r\n1\r\n";
        var body = Unknown + "--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--b--";

        Assert.Equal((MultipartRejection.RequiredPartNotUnderstood, ""), Find(Mixed, body));
        Assert.Equal(415, MultipartRejections.StatusOf(MultipartRejection.RequiredPartNotUnderstood));
        Assert.Equal((MultipartRejection.None, "v=0"), Find(Alternative, body));
        Assert.Equal((MultipartRejection.None, "v=0"), Find(Mixed, body.Replace("Required", "optional", StringComparison.Ordinal)));
    }

    /// <summary>Found by fuzzing.</summary>
    [Fact]
    public void A_body_that_a_later_part_condemns_gives_no_part()
    {
        var body = Parts(("application/sdp", "v=0"), ("multipart/alternative;boundary=n", "--n\r\nnever closed"));

        Assert.Equal((MultipartRejection.Unfinished, ""), Find(Mixed, body));
    }

    [Fact]
    public void Sdp_of_early_media_is_not_taken_for_the_offer()
    {
        var body = "--b\r\nContent-Type: application/sdp\r\nContent-Disposition: early-session\r\n\r\nearly\r\n"
            + "--b\r\nContent-Type: application/sdp\r\nContent-Disposition: session\r\n\r\noffer\r\n--b--";

        Assert.Equal((MultipartRejection.None, "offer"), Find(Mixed, body));
        Assert.Equal(MultipartRejection.NoWantedPart, Find(Mixed, body.Replace(" session", " by-reference", StringComparison.Ordinal)).Rejection);
    }

    [Fact]
    public void Depth_and_number_of_parts_and_the_size_of_a_head_are_bounded()
    {
        Assert.Equal(MultipartRejection.NestedTooDeep, Find(Mixed, Nested(SipLimits.MultipartDepth + 1)).Rejection);
        Assert.Equal(MultipartRejection.None, Find(Mixed, Nested(SipLimits.MultipartDepth)).Rejection);

        var part = "--b\r\n\r\n\r\n";
        Assert.Equal(MultipartRejection.TooManyParts, Find(Mixed, string.Concat(Enumerable.Repeat(part, SipLimits.MultipartParts + 1)) + "--b--").Rejection);
        Assert.Equal(MultipartRejection.NoWantedPart, Find(Mixed, string.Concat(Enumerable.Repeat(part, SipLimits.MultipartParts)) + "--b--").Rejection);

        var head = $"--b\r\nX: {new string('x', SipLimits.MultipartHead)}\r\n\r\n\r\n--b--";
        Assert.Equal(MultipartRejection.PartHeadTooLarge, Find(Mixed, head).Rejection);
    }

    [Fact]
    public void A_body_of_the_largest_size_made_of_near_delimiters_is_read_in_one_pass()
    {
        var body = Bytes("--b\r\n\r\n" + string.Concat(Enumerable.Repeat("--b ", 16_000)) + "\r\n--b--");
        var before = GC.GetAllocatedBytesForCurrentThread();

        Assert.False(Multipart.TryFind(Mixed, body, Sdp, out _));

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 16_384);
    }

    [Fact]
    public void The_multipart_message_of_rfc_4475_is_read()
    {
        var message = SipParser.Parse(Vectors.Read("rfc4475", "TC_MPART01.dat")).Message!;

        var rejection = Multipart.TryRead(message.Headers.First("Content-Type")!, message.Body, out var parts);

        Assert.Equal(MultipartRejection.None, rejection);
        Assert.Equal(["text/plain", "application/octet-stream"], parts.Select(p => p.Type.Name));
        Assert.Equal("Hello", Encoding.ASCII.GetString(parts[0].Body.Span));
        Assert.Equal(0x30, parts[1].Body.Span[0]);
    }

    private static string Nested(int depth)
    {
        var body = "v=0";
        var type = Sdp;
        for (var i = depth; i > 0; i--)
        {
            var boundary = i == 1 ? "b" : $"n{i}";
            body = $"--{boundary}\r\nContent-Type: {type}\r\n\r\n{body}\r\n--{boundary}--";
            type = $"multipart/mixed;boundary={boundary}";
        }
        return body;
    }

    private static string Parts(params (string Type, string Body)[] parts) =>
        string.Concat(parts.Select(p => $"--b\r\nContent-Type: {p.Type}\r\n\r\n{p.Body}\r\n")) + "--b--\r\n";

    private static (MultipartRejection Rejection, string Part) Find(string contentType, string body)
    {
        var rejection = Multipart.Find(contentType, Bytes(body), Sdp, out var part);
        Assert.Equal(rejection == MultipartRejection.None, Multipart.TryFind(contentType, Bytes(body), Sdp, out _));
        return (rejection, Encoding.Latin1.GetString(part.Span));
    }

    private static byte[] Bytes(string text) => Encoding.Latin1.GetBytes(text);
}
