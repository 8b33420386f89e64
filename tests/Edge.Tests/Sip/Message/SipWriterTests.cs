using System.Net;
using System.Text;
using CsCheck;
using IvrActors.Edge.Sip.Message;
using Xunit;

namespace IvrActors.Edge.Tests.Sip.Message;

public sealed class SipWriterTests
{
    [Fact]
    public void A_canonical_message_is_written_as_it_came()
    {
        var bytes = Samples.Request("INVITE", "Subject: caf\u00c3\u00a9\r\n", "v=0\r\n");
        Assert.Equal(Encoding.Latin1.GetString(bytes), Encoding.Latin1.GetString(SipWriter.ToBytes(SipParser.Parse(bytes).Message!)));
    }

    [Fact]
    public void Writing_what_was_parsed_is_a_fixed_point_for_all_values()
    {
        var text = Gen.Char["abc019 -_.~%<>()[]{}\"\\;,:=?&@/\t\u00e9\u00ff\0\x7f"].Array[0, 24].Select(c => new string(c));
        var name = Gen.OneOfConst("Subject", "f", "X-Odd", "Contact", "Via", "Route", "Date", "l", "Expires");
        Gen.Select(name, text, text).Sample((header, value, body) =>
        {
            var bytes = Samples.Request("INVITE", $"{header}: {value}\r\n", body);
            if (SipParser.Parse(bytes).Message is not { } message)
                return;
            var written = SipWriter.ToBytes(message);
            var again = SipParser.Parse(written);
            Assert.Equal(SipRejection.None, again.Rejection);
            Assert.Equal(written, SipWriter.ToBytes(again.Message!));
            Assert.Equal(message.Body.ToArray(), again.Message!.Body.ToArray());
            Assert.Equal(message.Headers.Select(h => h.Value), again.Message.Headers.Select(h => h.Value));
        }, iter: 20_000);
    }

    [Fact]
    public void Content_length_is_that_of_the_body()
    {
        Assert.True(SipUri.TryParse("sip:a@b", out var uri));
        var request = new SipRequest("INFO", uri) { Body = "Signal=1\r\n"u8.ToArray() };
        request.Headers.Add("Content-Length", "999");

        Assert.Equal("INFO sip:a@b SIP/2.0\r\nContent-Length: 10\r\n\r\nSignal=1\r\n", Encoding.Latin1.GetString(SipWriter.ToBytes(request)));
    }

    [Fact]
    public void Letters_beyond_latin_are_written_as_utf8()
    {
        var response = new SipResponse(200, "\u0394");
        Assert.StartsWith("SIP/2.0 200 \u0394\r\n", Encoding.UTF8.GetString(SipWriter.ToBytes(response)));
    }

    [Fact]
    public void A_header_value_with_a_line_end_is_never_sent()
    {
        var headers = new SipHeaders();
        Assert.Throws<ArgumentException>(() => headers.Add("Subject", "a\r\nVia: x"));
        Assert.Throws<ArgumentException>(() => headers.Add("Sub ject", "a"));
    }

    [Fact]
    public void Typed_members_of_a_built_message_follow_its_headers()
    {
        var response = new SipResponse(200, "OK");
        response.Headers.Add("v", "SIP/2.0/UDP a.example;branch=z9hG4bK1");
        Assert.Equal("a.example", response.TopVia.Host);
        response.Headers.AddFirst("Via", "SIP/2.0/TCP b.example;branch=z9hG4bK2");

        Assert.Equal("b.example", response.TopVia.Host);
        Assert.Equal(2, response.Vias.Count);
        response.Headers.Set("Via", "SIP/2.0/TCP c.example");
        Assert.Equal("c.example", Assert.Single(response.Vias).Host);
        Assert.Throws<InvalidOperationException>(() => response.From);
    }

    [Fact]
    public void The_source_of_a_request_is_stamped_into_its_top_via()
    {
        var request = Request("SIP/2.0/UDP 10.0.0.1:5060;rport;branch=z9hG4bK1, SIP/2.0/UDP first.example");
        request.StampSource(IPAddress.Parse("192.0.2.7"), 1234);

        Assert.Equal(("192.0.2.7", 1234, "z9hG4bK1"), (request.TopVia.Received, request.TopVia.RPort, request.TopVia.Branch));
        Assert.Equal("first.example", request.Vias[1].Host);
    }

    [Fact]
    public void A_false_received_and_rport_of_the_sender_are_replaced()
    {
        var request = Request("SIP/2.0/UDP 10.0.0.1;received=10.9.9.9;rport=9;branch=z9hG4bK1");
        request.StampSource(IPAddress.Parse("192.0.2.7"), 1234);
        Assert.Equal(("192.0.2.7", 1234), (request.TopVia.Received, request.TopVia.RPort));
    }

    [Fact]
    public void A_sender_at_its_sent_by_address_that_asks_for_no_port_gets_no_received()
    {
        var request = Request("SIP/2.0/TCP [2001:db8::1]:5060;branch=z9hG4bK1");
        request.StampSource(IPAddress.Parse("2001:db8::1"), 1234);
        Assert.Equal("SIP/2.0/TCP [2001:db8::1]:5060;branch=z9hG4bK1", request.TopVia.ToString());
    }

    /// <summary>Found by fuzzing: with received and rport it had more parameters than are read, and was no Via any more.</summary>
    [Fact]
    public void A_via_full_of_parameters_keeps_room_for_the_two_that_mark_its_source()
    {
        var full = "SIP/2.0/UDP 10.0.0.1" + string.Concat(Enumerable.Range(0, SipLimits.Parameters - 2).Select(i => $";p{i}"));
        var request = Request(full + ";rport");
        request.StampSource(IPAddress.Parse("192.0.2.7"), 1234);
        Assert.Equal(("192.0.2.7", 1234), (request.TopVia.Received, request.TopVia.RPort));

        var overfull = SipParser.Parse(Samples.InviteWith(Samples.Via, $"Via: {full};one-more\r\n"));
        Assert.Equal(SipRejection.MalformedVia, overfull.Rejection);
        overfull.Answerable!.StampSource(IPAddress.Parse("192.0.2.7"), 1234);
        Assert.Equal(400, SipResponses.For(overfull.Answerable, overfull.AnswerStatus!.Value).Status);
    }

    private static SipRequest Request(string via) =>
        Assert.IsType<SipRequest>(SipParser.Parse(Samples.InviteWith(Samples.Via, $"Via: {via}\r\n")).Message);
}
