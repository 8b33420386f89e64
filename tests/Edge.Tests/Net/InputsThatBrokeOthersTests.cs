using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;
using IvrActors.Edge.Sip.Dialogs;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Tests.Calls;
using IvrActors.Edge.Tests.Sip.Message;
using IvrActors.Grains.Interfaces.Calls;
using Xunit;

namespace IvrActors.Edge.Tests.Net;

/// <summary>
/// Inputs that broke other SIP servers, over real sockets against a running edge. Each test sends what broke others, checks the answer, and then
/// makes a good call from another address. <see cref="Entries"/> is the whole list; entries about media are in HostileMediaTests, the one about web
/// pages in Dashboard.Tests.
/// </summary>
public sealed partial class InputsThatBrokeOthersTests(SharedEdge edge) : IClassFixture<SharedEdge>
{
    /// <summary>The list, and the test that holds each entry.</summary>
    public static TheoryData<string, string> Entries => new()
    {
        { "overlong CSeq", nameof(A_cseq_beyond_its_range_is_refused) },
        { "malformed multipart", nameof(A_malformed_multipart_is_refused) },
        { "RTP from any source", "Rtp_from_any_source_neither_is_heard_nor_gets_the_audio" },
        { "SUBSCRIBE with hundreds of Accept headers", nameof(A_subscribe_with_hundreds_of_accept_headers_is_refused) },
        { "bad SDP fmtp", "An_offer_with_a_bad_fmtp_is_answered_or_refused" },
        { "INVITE on TCP then abrupt close", nameof(Invites_whose_connections_are_reset_leave_no_call_behind) },
        { "malformed branch or From tag", nameof(A_malformed_branch_or_tag_is_refused) },
        { "odd spelling of a header name to slip past a filter", nameof(A_header_name_has_one_meaning_however_it_is_spelled) },
        { "script in User-Agent, From or Call-ID shown on a web page", "Text_from_outside_is_text_on_every_page" },
        { "REGISTER flood for 90 s until memory is gone", nameof(A_register_flood_of_90_seconds_takes_a_bounded_number_of_transactions) },
        { "unauthenticated MESSAGE or SUBSCRIBE", nameof(A_message_or_subscribe_that_nobody_asked_for_is_refused_and_reaches_no_one) },
        { "100 invalid SRTP packets", "Srtp_flows_both_ways_and_a_hundred_invalid_packets_change_nothing" },
        { "spoofed DTLS ClientHello", "A_spoofed_dtls_client_hello_ends_no_call" },
        { "bad URI, Via, To parameter, Content-Length", nameof(A_bad_uri_via_parameter_or_length_is_refused) },
        { "unknown realm in Authorization", nameof(Credentials_for_an_unknown_realm_break_nothing) },
        { "From with ; or NUL", nameof(A_from_with_semicolons_or_nul_is_read_or_refused) },
        { "ports never freed", nameof(Media_is_freed_however_a_call_ends) },
        { "Content-Length up to 2^32-1 or -1", nameof(A_content_length_that_cannot_be_ends_the_stream_with_an_answer) },
        { "one short UDP packet that ends a call", nameof(A_short_packet_ends_no_call) },
        { "one forged GCM packet that poisons the rollover counter", "One_forged_packet_does_not_move_the_rollover_counter" },
        { "host part that begins with .1", nameof(A_host_that_begins_with_a_dot_is_refused) },
    };

    [Theory]
    [MemberData(nameof(Entries))]
    public void Every_entry_of_the_list_has_its_test(string entry, string test) =>
        Assert.True(Sources.Value.Any(source => Regex.IsMatch(source, $@"public (void|async Task) {test}\(")), $"no test holds: {entry}");

    private static readonly Lazy<string[]> Sources = new(() =>
        [.. Directory.GetFiles(Vectors.Path(".."), "*Tests.cs", SearchOption.AllDirectories).Where(file => !file.Contains("/obj/", StringComparison.Ordinal)).Select(File.ReadAllText)]);

    [Theory]
    [InlineData("2147483648")]
    [InlineData("4294967296")]
    [InlineData("18446744073709551617")]
    [InlineData("-1")]
    [InlineData("1e9")]
    [InlineData("")]
    [InlineData(null)]
    public async Task A_cseq_beyond_its_range_is_refused(string? number)
    {
        number ??= new string('9', 4_000);
        Assert.Equal(400, await edge.Ask(new Sent("OPTIONS") { CSeq = $"{number} OPTIONS" }));
        await edge.GoodCall();
    }

    [Theory]
    [InlineData("multipart/mixed", "--b\r\n\r\n\r\n--b--")]
    [InlineData("multipart/mixed;boundary=", "--b\r\n\r\n\r\n--b--")]
    [InlineData("multipart/mixed;boundary=b", "--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n")]
    [InlineData("multipart/mixed;boundary=b", "--b")]
    [InlineData("multipart/mixed;boundary=b", "")]
    [InlineData("multipart/mixed;boundary=b", "--b\r\nContent-Type: multipart/mixed;boundary=b\r\n\r\n--b\r\n\r\n--b--\r\n--b--")]
    [InlineData("multipart/mixed;boundary=b", null)]
    public async Task A_malformed_multipart_is_refused(string type, string? body)
    {
        body ??= string.Concat(Enumerable.Repeat("--b\r\n\r\n", 5_000));
        var status = await edge.Ask(new Sent("INVITE") { More = $"Content-Type: {type}\r\n", Body = body });
        // With no bytes at all it is an INVITE without an offer.
        Assert.Contains(status, body.Length == 0 ? [200, 400] : (int[])[400]);
        await edge.GoodCall();
    }

    [Theory]
    [InlineData(100, 405)]
    [InlineData(500, 400)]
    public async Task A_subscribe_with_hundreds_of_accept_headers_is_refused(int headers, int status)
    {
        var more = "Event: presence\r\n" + string.Concat(Enumerable.Range(0, headers).Select(i => $"Accept: application/x-{i}\r\n"));
        Assert.Equal(status, await edge.Ask(new Sent("SUBSCRIBE") { More = more }));
        await edge.GoodCall();
    }

    [Fact]
    public async Task Invites_whose_connections_are_reset_leave_no_call_behind()
    {
        var before = edge.Sessions;
        edge.Host.Flow = _ => []; // The cluster takes its time.
        for (var i = 0; i < 20; i++)
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { LingerState = new LingerOption(true, 0) };
            socket.Bind(new IPEndPoint(IPAddress.Parse(SharedEdge.Bad), 0));
            await socket.ConnectAsync(edge.Host.Tcp);
            await socket.SendAsync(new Sent("INVITE") { Transport = "TCP", Body = "v=0\r\n", More = "Content-Type: application/sdp\r\n" }.ToBytes());
            // Half of them are reset while the INVITE waits in the network, half after the edge has taken it.
            if (i % 2 == 0) await socket.ReceiveAsync(new byte[1000]).WaitAsync(EdgeHost.Patience);
        }
        await edge.AllFreed(since: before, atLeast: 10);
        edge.Host.Flow = SharedEdge.Answers;
        await edge.GoodCall();
    }

    [Theory]
    [InlineData("branch=", "tag=f", 400)]
    [InlineData("branch=\"z9hG4bK\"", "tag=f", 400)]
    [InlineData("branch=z9hG4bK<x>", "tag=f", 400)]
    [InlineData("branch=z9hG4bK;branch=z9hG4bK1", "tag=f", 400)]
    [InlineData("branch=z9hG4bK\0", "tag=f", 0)]
    [InlineData("branch=z9hG4bKa", "tag=", 400)]
    [InlineData("branch=z9hG4bKb", "tag=\"f\"", 400)]
    [InlineData("branch=z9hG4bKc", "tag=f;tag=g", 400)]
    [InlineData("branch=z9hG4bKd", "tag=f@g", 400)]
    [InlineData("branch=z9hG4bKe", "tag", 400)]
    [InlineData("branch=z9hG4bK{4000}", "tag=f{4000}", 200)]
    [InlineData("branch=z9hG4bK{9000}", "tag=f", 0)]
    public async Task A_malformed_branch_or_tag_is_refused(string branch, string tag, int status)
    {
        var sent = new Sent("OPTIONS") { ViaParameters = Long(branch), FromParameters = Long(tag) };
        // 0: no Via is left that says where an answer would go, so there is none.
        if (status == 0) await edge.GetsNoAnswer(sent);
        else Assert.Equal(status, await edge.Ask(sent));
        await edge.GoodCall();
    }

    [Theory]
    [InlineData("fRoM: <sip:x@h>;tag=2\r\n", 400)]
    [InlineData("f: <sip:x@h>;tag=2\r\n", 400)]
    [InlineData("F : <sip:x@h>;tag=2\r\n", 400)]
    [InlineData("CONTENT-LENGTH \t: 0\r\n", 400)]
    [InlineData("l:0\r\n", 400)]
    [InlineData("i: another\r\n", 400)]
    [InlineData("Fro m: x\r\n", 400)]
    [InlineData("From\0: x\r\n", 400)]
    [InlineData(": x\r\n", 400)]
    [InlineData("rEqUiRe: nothing\r\n", 420)]
    [InlineData("Require\t:\r\n nothing\r\n", 420)]
    [InlineData("X-From: <sip:x@h>;tag=2\r\n", 200)]
    public async Task A_header_name_has_one_meaning_however_it_is_spelled(string header, int status)
    {
        Assert.Equal(status, await edge.Ask(new Sent("OPTIONS") { More = header }));
        await edge.GoodCall();
    }

    /// <summary>90 s of a thousand REGISTERs each second, in virtual time. RegistrarTests weighs the memory of registrations that are let in.</summary>
    [Fact]
    public void A_register_flood_of_90_seconds_takes_a_bounded_number_of_transactions()
    {
        var call = new VirtualCall();
        for (var second = 0; second < 90; second++)
        {
            for (var i = 0; i < 1_000; i++) call.Request("REGISTER", 1, inDialog: false, callId: $"r{second}-{i}");
            Assert.InRange(call.Agent.Transactions, 0, 1_000);
            Assert.All(call.Sent, message => Assert.Contains(((SipResponse)message).Status, (int[])[405, 503]));
            // What the test itself has noted down is not the edge's.
            call.Sent.Clear();
            call.Sends.Clear();
            call.Advance(1);
        }
        call.Advance(33);
        Assert.Equal(0, call.Agent.Transactions);
        call.Connect();
        Assert.Equal(1, call.Agent.Calls);
    }

    [Theory]
    [InlineData("MESSAGE", 405)]
    [InlineData("SUBSCRIBE", 405)]
    [InlineData("PUBLISH", 405)]
    [InlineData("NOTIFY", 481)]
    public async Task A_message_or_subscribe_that_nobody_asked_for_is_refused_and_reaches_no_one(string method, int status)
    {
        var before = edge.Host.Events.OfType<CallOffered>().Count();
        Assert.Equal(status, await edge.Ask(new Sent(method) { More = "Event: message-summary\r\nContent-Type: text/plain\r\nSubscription-State: active\r\n", Body = "Voice-Message: 1000/0\r\n" }));
        Assert.Equal(before, edge.Host.Events.OfType<CallOffered>().Count());
        await edge.GoodCall();
    }

    [Theory]
    [InlineData("uri", "sip:")]
    [InlineData("uri", "sip:bank@")]
    [InlineData("uri", "sip:bank@127.0.0.1:99999")]
    [InlineData("uri", "sip:bank@127.0.0.1:5060:5060")]
    [InlineData("uri", "sip:%@127.0.0.1")]
    [InlineData("uri", "<sip:bank@127.0.0.1>")]
    [InlineData("uri", "sip:bank@[::1")]
    [InlineData("uri", "sip:{9000}@h")]
    [InlineData("via", "SIP/2.0/UDP")]
    [InlineData("via", "SIP/2.0/UDP :5060;branch=z9hG4bK1")]
    [InlineData("via", "SIP/2.0/UDP 127.0.31.9:0;branch=z9hG4bK1")]
    [InlineData("via", "SIP/2.0/UDP 127.0.31.9;received=%s%n;branch=z9hG4bK1")]
    [InlineData("via", "SIP/2.0/UDP 127.0.31.9;rport=x;branch=z9hG4bK1")]
    [InlineData("via", "SIP/2.0/UDP 127.0.31.66:9;rport,,SIP/2.0/UDP 127.0.31.9")]
    [InlineData("to", "<sip:bank@127.0.0.1>;tag=\"")]
    [InlineData("to", "<sip:bank@127.0.0.1>;;")]
    [InlineData("to", "<sip:bank@127.0.0.1>;{p;40}")]
    [InlineData("to", "<sip:bank@127.0.0.1")]
    [InlineData("to", "\"bank <sip:bank@127.0.0.1>")]
    [InlineData("length", "-1")]
    [InlineData("length", "4294967295")]
    [InlineData("length", "4294967296")]
    [InlineData("length", "0x10")]
    [InlineData("length", "1 2")]
    [InlineData("length", "")]
    public async Task A_bad_uri_via_parameter_or_length_is_refused(string where, string value)
    {
        var sent = new Sent("OPTIONS");
        var bad = Long(value);
        Assert.Equal(400, await edge.Ask(where switch
        {
            "uri" => sent with { Uri = bad },
            "via" => sent with { Via = bad },
            "to" => sent with { To = bad },
            _ => sent with { Length = bad },
        }));
        await edge.GoodCall();
    }

    [Theory]
    [InlineData("Digest username=\"a\", realm=\"unknown\", nonce=\"n\", uri=\"sip:bank@127.0.0.1\", response=\"00000000000000000000000000000000\"")]
    [InlineData("Digest")]
    [InlineData("Digest realm=\"")]
    [InlineData("Basic YTpi")]
    [InlineData("Digest {username=\"a\", ;300}")]
    public async Task Credentials_for_an_unknown_realm_break_nothing(string credentials)
    {
        foreach (var name in (string[])["Authorization", "Proxy-Authorization"])
            Assert.Equal(200, await edge.Ask(new Sent("OPTIONS") { More = $"{name}: {Long(credentials)}\r\n" }));
        await edge.GoodCall();
    }

    [Theory]
    [InlineData("<sip:a;b@h>;tag=f", 200)]
    [InlineData("<sip:a%00b@h>;tag=f", 200)]
    [InlineData("sip:a;b@h;tag=f", 400)]
    [InlineData("sip:a@h;;tag=f", 400)]
    [InlineData(";tag=f", 400)]
    [InlineData("\"a;b\" <sip:a@h>;tag=f", 200)]
    [InlineData("\"a\0b\" <sip:a@h>;tag=f", 400)]
    [InlineData("<sip:a\0b@h>;tag=f", 400)]
    [InlineData("a;b <sip:a@h>;tag=f", 400)]
    public async Task A_from_with_semicolons_or_nul_is_read_or_refused(string from, int status)
    {
        Assert.Equal(status, await edge.Ask(new Sent("OPTIONS") { From = from }));
        if (status == 200) Assert.Equal(status, await edge.Ask(new Sent("INVITE") { From = from, More = "Content-Type: application/sdp\r\n", Body = "v=0\r\n" }));
        await edge.GoodCall();
    }

    [Theory]
    [InlineData("4294967295")]
    [InlineData("4294967296")]
    [InlineData("65537")]
    [InlineData("-1")]
    [InlineData("+0")]
    [InlineData("0x0")]
    [InlineData("99999999999999999999999999")]
    [InlineData("")]
    public async Task A_content_length_that_cannot_be_ends_the_stream_with_an_answer(string length)
    {
        await using (var phone = await Phone.Stream(edge.Host.Tcp, tls: false, SharedEdge.Bad))
        {
            await phone.Send(new Sent("OPTIONS") { Transport = "TCP", Length = length }.ToBytes());
            Assert.StartsWith("SIP/2.0 400", await phone.ReadToEnd());
        }
        await edge.GoodCall("TCP");
    }

    /// <summary>Ended by the caller, by the flow, by CANCEL, by a refusal. MediaEngineTests holds that a freed session frees its ports.</summary>
    [Fact]
    public async Task Media_is_freed_however_a_call_ends()
    {
        var before = edge.Sessions;
        await edge.GoodCall("UDP");
        await edge.GoodCall("TCP");

        edge.Host.Flow = e => e is CallOffered ? [new Answer(), new HangUp()] : [];
        await using (var phone = Phone.Udp(edge.Host.Udp, SharedEdge.Good))
        {
            await SharedEdge.Connect(phone);
            var bye = Assert.IsType<SipRequest>(await phone.Receive());
            await phone.Send(SipWriter.ToBytes(SipResponses.For(bye, 200)));
        }
        edge.Host.Flow = _ => [];
        await using (var phone = Phone.Udp(edge.Host.Udp, SharedEdge.Good))
        {
            await phone.Request("INVITE", 1, body: "v=0\r\n", type: "application/sdp");
            Assert.Equal(100, Assert.IsType<SipResponse>(await phone.Receive()).Status);
            await phone.Again("CANCEL", 1);
            Assert.Equal(487, (await phone.FinalOf("INVITE")).Status);
            await phone.Again("ACK", 1);
        }
        edge.Host.Flow = e => e is CallOffered ? [new Reject { Status = 603 }] : [];
        Assert.Equal(603, await edge.Ask(new Sent("INVITE") { More = "Content-Type: application/sdp\r\n", Body = "v=0\r\n" }));
        edge.Host.Flow = SharedEdge.Answers;
        await edge.AllFreed(since: before, atLeast: 4);
        await edge.GoodCall();
    }

    [Theory]
    [InlineData("")]
    [InlineData("\0")]
    [InlineData("\r\n")]
    [InlineData("BYE")]
    [InlineData("BYE \r\n\r\n")]
    [InlineData("CANCEL sip:x SIP/2.0\r\n\r\n")]
    [InlineData("SIP/2.0 481 \r\n\r\n")]
    [InlineData("\u0080")]
    public async Task A_short_packet_ends_no_call(string packet)
    {
        await using var caller = Phone.Udp(edge.Host.Udp, SharedEdge.Good);
        var answer = await SharedEdge.Connect(caller);
        await caller.Send(packet);
        await edge.Ask(new Sent("OPTIONS"));
        await caller.Request("OPTIONS", 2, answer.To.Tag);
        Assert.Equal(200, (await caller.FinalOf("OPTIONS")).Status);
        await caller.Request("BYE", 3, answer.To.Tag);
        Assert.Equal(200, (await caller.FinalOf("BYE")).Status);
    }

    [Theory]
    [InlineData("uri")]
    [InlineData("via")]
    [InlineData("from")]
    [InlineData("to")]
    [InlineData("contact")]
    [InlineData("route")]
    public async Task A_host_that_begins_with_a_dot_is_refused(string where)
    {
        foreach (var host in (string[])[".1", ".1.2.3.4", ".example.com", "..", "."])
        {
            var sent = new Sent("INVITE") { Body = "v=0\r\n", More = "Content-Type: application/sdp\r\n" };
            Assert.Equal(400, await edge.Ask(where switch
            {
                "uri" => sent with { Uri = $"sip:bank@{host}" },
                "via" => sent with { Via = $"SIP/2.0/UDP {host};branch=z9hG4bKdot" },
                "from" => sent with { From = $"<sip:a@{host}>;tag=f" },
                "to" => sent with { To = $"<sip:a@{host}>" },
                "contact" => sent with { More = $"Contact: <sip:a@{host}>\r\n" + sent.More },
                _ => sent with { More = $"Route: <sip:{host};lr>\r\n" + sent.More },
            }));
        }
        await edge.GoodCall();
    }

    /// <summary>"{4000}" is that many letters, "{text;40}" the text 40 times.</summary>
    private static string Long(string text) => LongPart.Replace(text, match =>
        string.Concat(Enumerable.Repeat(match.Groups[2].Success ? match.Groups[1].Value + ";" : "x", int.Parse(match.Groups[3].Value, System.Globalization.CultureInfo.InvariantCulture))));

    [GeneratedRegex(@"\{(.*?)(;)?(\d+)\}")]
    private static partial Regex LongPart { get; }
}
