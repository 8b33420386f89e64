using System.Buffers;
using System.Text;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Tests.Sip.Clauses;
using Xunit;

namespace IvrActors.Edge.Tests.Sip.Message;

public sealed class SipFramerTests
{
    [Fact]
    [Clause("7.5", "line ends before the start line of a stream are ignored")]
    public void Messages_and_keep_alives_are_cut_from_a_stream_byte_by_byte()
    {
        var invite = Samples.Request("INVITE", body: "v=0\r\n");
        var bye = Samples.Request("BYE");
        byte[] stream = [.. invite, .. "\r\n\r\n"u8, .. "\r\n"u8, .. bye];
        var framer = new SipFramer();
        var frames = new List<SipFrame>();
        for (int start = 0, end = 1; end <= stream.Length; end++)
        {
            var frame = framer.Next(new ReadOnlySequence<byte>(stream, start, end - start));
            if (frame.Kind == SipFrameKind.NeedMore)
                continue;
            frames.Add(frame);
            start += frame.Length;
            end = start;
        }

        Assert.Equal([
            new SipFrame(SipFrameKind.Message, invite.Length),
            new SipFrame(SipFrameKind.KeepAlivePing, 4),
            new SipFrame(SipFrameKind.KeepAlivePong, 2),
            new SipFrame(SipFrameKind.Message, bye.Length),
        ], frames);
    }

    [Theory]
    [InlineData("l: 3")]
    [InlineData("CONTENT-LENGTH \t: 3")]
    [InlineData("Content-Length:\r\n 3")]
    [InlineData("Content-Length\r\n : 3")]
    [InlineData("Content-Length: 00000000000000000003")]
    public void Every_spelling_of_content_length_that_the_parser_reads_frames_the_message(string header)
    {
        var bytes = Samples.InviteWith("Content-Length: 0\r\n\r\n", header + "\r\n\r\nabc");
        var frame = new SipFramer().Next(new ReadOnlySequence<byte>([.. bytes, .. "next"u8]));

        Assert.Equal(new SipFrame(SipFrameKind.Message, bytes.Length), frame);
        Assert.Equal(3, SipParser.ParseFramed(bytes).Message?.Body.Length);
    }

    [Theory]
    [InlineData("", SipRejection.ContentLengthMissing)]
    [InlineData("Content-Length: -1\r\n", SipRejection.MalformedContentLength)]
    [InlineData("Content-Length: 4294967296\r\n", SipRejection.MalformedContentLength)]
    [InlineData("Content-Length: 4294967295\r\n", SipRejection.TooLarge)]
    [InlineData("Content-Length: 65536\r\n", SipRejection.TooLarge)]
    [InlineData("Content-Length: 0\r\nl: 0\r\n", SipRejection.RepeatedContentLength)]
    public void A_stream_whose_next_message_cannot_be_found_is_a_fault(string header, SipRejection rejection)
    {
        var bytes = Samples.InviteWith("Content-Length: 0\r\n", header);
        Assert.Equal(new SipFrame(SipFrameKind.Fault, bytes.Length, rejection), new SipFramer().Next(new ReadOnlySequence<byte>(bytes)));
    }

    [Theory]
    [InlineData("\0")]
    [InlineData("\n")]
    [InlineData("\rX")]
    [InlineData("\u0016\u0003\u0001")]
    [InlineData(" INVITE")]
    public void What_cannot_begin_a_message_is_a_fault_at_once(string text) =>
        Assert.Equal(new SipFrame(SipFrameKind.Fault, 0, SipRejection.NotSip), new SipFramer().Next(new ReadOnlySequence<byte>(Encoding.Latin1.GetBytes(text))));

    [Fact]
    public void A_head_that_never_ends_is_a_fault_at_the_limit()
    {
        var framer = new SipFramer();
        var bytes = Encoding.Latin1.GetBytes("INVITE " + new string('x', SipLimits.HeadBytes));

        Assert.Equal(SipFrameKind.NeedMore, framer.Next(new ReadOnlySequence<byte>(bytes, 0, SipLimits.HeadBytes - 1)).Kind);
        Assert.Equal(new SipFrame(SipFrameKind.Fault, 0, SipRejection.TooLarge), framer.Next(new ReadOnlySequence<byte>(bytes)));
    }

    [Fact]
    public void A_connection_that_ends_inside_an_invite_leaves_nothing_to_handle() =>
        Assert.Equal(SipFrameKind.NeedMore, new SipFramer().Next(new ReadOnlySequence<byte>(Samples.Request("INVITE").AsMemory(0, 200))).Kind);
}
