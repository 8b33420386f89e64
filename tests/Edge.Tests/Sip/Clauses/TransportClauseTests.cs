using System.Buffers;
using System.Net;
using System.Text;
using IvrActors.Edge.Sip.Dialogs;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;
using IvrActors.Edge.Tests.Net;
using IvrActors.Edge.Tests.Sip.Dialogs;
using Xunit;

namespace IvrActors.Edge.Tests.Sip.Clauses;

/// <summary>RFC 3261 18: where messages go and come from, and their framing.</summary>
public class TransportClauseTests
{
    private static readonly byte[] s_sdp = "v=0\r\no=ours\r\n"u8.ToArray();

    /// <summary>More than a datagram should carry.</summary>
    private static readonly byte[] s_large = Encoding.ASCII.GetBytes("v=0\r\no=ours\r\n" + string.Concat(Enumerable.Range(0, 90).Select(i => $"a=candidate:{i:00}\r\n")));

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    [Clause("18", "larger messages go over TCP")]
    [Clause("18.1.1", "a request of more than 1300 bytes goes over a congestion-controlled transport")]
    [Clause("18.1.1", "the top Via says the transport that is used in the end")]
    public void A_request_too_large_for_a_datagram_goes_over_a_stream_and_says_so(bool tooLarge)
    {
        var peer = new VirtualPeer();
        peer.Agent.OverStream = Streams(peer, 5);
        var call = peer.Dial(sdp: Encoding.ASCII.GetString(tooLarge ? s_large : s_sdp));
        var invite = peer.Take("INVITE");
        Assert.Equal(tooLarge, invite.Bytes.Length > 1300);
        Assert.Equal((tooLarge ? SipTransport.Tcp : SipTransport.Udp, "192.0.2.9:5060"), (invite.To.Transport, invite.To.EndPoint.ToString()));
        Assert.StartsWith(tooLarge ? "SIP/2.0/TCP 192.0.2.1:5060;" : "SIP/2.0/UDP 192.0.2.1:5060;", Assert.Single(invite.Request.Headers.All("Via")), StringComparison.Ordinal);
        Assert.Equal(tooLarge ? "<sip:ivr@192.0.2.1:5060;transport=tcp>" : "<sip:ivr@192.0.2.1:5060>", Assert.Single(invite.Request.Headers.All("Contact")));
        if (tooLarge) peer.Hop = VirtualPeer.HopAt("192.0.2.9:5060", SipTransport.Tcp, 5);
        peer.Answer(invite.Request, 180);
        peer.Do(() => call.Cancel(peer.Now));
        Assert.Same(invite.To, peer.Take("CANCEL").To);
    }

    [Fact]
    [Clause("18.1.1", "a request of more than 1300 bytes goes over a congestion-controlled transport")]
    public void Large_requests_inside_of_a_dialog_and_their_acks_go_over_a_stream_and_small_ones_as_before()
    {
        var peer = new VirtualPeer();
        peer.Agent.OverStream = Streams(peer, 5);
        var call = peer.Serve("Allow: UPDATE\r\n");
        peer.Do(() => call.Update(peer.Now, s_large));
        var update = peer.Take("UPDATE");
        Assert.Equal((SipTransport.Tcp, 1u), (update.To.Transport, update.Request.CSeq.Number));
        Reply(update, 200, VirtualPeer.Offer);
        peer.Do(() => call.Reinvite(peer.Now, []));
        var invite = peer.Take("INVITE");
        Assert.Equal((SipTransport.Udp, 2u), (invite.To.Transport, invite.Request.CSeq.Number));
        Reply(invite, 200, VirtualPeer.Offer);
        peer.Do(() => call.AnswerOffer(peer.Now, s_large));
        var ack = peer.Take("ACK");
        Assert.Equal((SipTransport.Tcp, s_large.Length), (ack.To.Transport, ack.Message.Body.Length));
        // Should the stream lose it, a datagram is better than nothing.
        Reply(invite, 200, VirtualPeer.Offer);
        Assert.Equal(SipTransport.Udp, peer.Take("ACK").To.Transport);
        peer.Do(() => call.HangUp(peer.Now));
        Assert.Equal(SipTransport.Udp, peer.Take("BYE").To.Transport);

        void Reply(VirtualPeer.Sending sending, int status, string body)
        {
            var home = peer.Hop;
            peer.Hop = VirtualPeer.HopAt("192.0.2.9:5060", sending.To.Transport, sending.To.Connection);
            peer.Answer(sending.Request, status, null, body);
            peer.Hop = home;
        }
    }

    [Fact]
    public void Where_no_stream_can_be_had_a_large_request_goes_out_in_a_datagram_and_streams_are_left_alone_for_a_while()
    {
        var peer = new VirtualPeer();
        var asked = 0;
        peer.Agent.OverStream = hop => VirtualPeer.HopAt(hop.EndPoint.ToString(), SipTransport.Tcp, 5 + asked++);
        peer.Delivers = send => !send.Peer.Reliable;
        peer.Dial(sdp: Encoding.ASCII.GetString(s_large));
        var invite = peer.Take("INVITE");
        Assert.Equal((SipTransport.Udp, 1u), (invite.To.Transport, invite.Request.CSeq.Number));
        Assert.StartsWith("SIP/2.0/UDP", invite.Request.Headers.First("Via"), StringComparison.Ordinal);
        peer.Answer(invite.Request, 200, "callee", VirtualPeer.Offer);
        var call = peer.Signals[^1].Call;
        peer.Do(() => call.Reinvite(peer.Now, s_large));
        Assert.Equal((SipTransport.Udp, 1), (peer.Take("INVITE").To.Transport, asked));
        peer.Advance(601);
        peer.Dial(sdp: Encoding.ASCII.GetString(s_large));
        Assert.Equal(2, asked);
        // A stream that takes the request and breaks once it was worked on is no reason to ask twice.
        peer.Delivers = _ => true;
        peer.Advance(601);
        peer.Sent.Clear();
        peer.Dial(sdp: Encoding.ASCII.GetString(s_large));
        var worked = peer.Take("INVITE");
        peer.Hop = VirtualPeer.HopAt("192.0.2.9:5060", SipTransport.Tcp, worked.To.Connection);
        peer.Answer(worked.Request, 100, null);
        peer.ConnectionLost(worked.To.Connection);
        Assert.DoesNotContain(peer.Sent, sending => sending.Message is SipRequest { Method: "INVITE" });
        // A large request outside of dialogs and one inside of one.
        peer.Delivers = send => !send.Peer.Reliable;
        peer.Hop = VirtualPeer.HopAt("192.0.2.9:5060");
        peer.Advance(601);
        peer.Sent.Clear();
        var options = new SipRequest("OPTIONS", Exchange.Uri("sip:192.0.2.9"));
        foreach (var (name, value) in ((string, string)[])[("From", "<sip:a@h>;tag=1"), ("To", "<sip:b@h>"), ("Call-ID", "large"), ("CSeq", "1 OPTIONS"), ("Max-Forwards", "70"), ("Subject", new string('x', 1300))]) options.Headers.Add(name, value);
        peer.Do(() => peer.Agent.Request(peer.Now, options, [peer.Hop], null, (_, _, _) => { }));
        Assert.Equal((SipTransport.Udp, 2u), (peer.Sent[0].To.Transport, peer.Take("OPTIONS").Request.CSeq.Number));
        peer.Advance(601);
        call = peer.Connected();
        peer.Do(() => call.Refer(peer.Now, "sip:x@192.0.2.9;y=" + new string('x', 1300)));
        Assert.Equal(SipTransport.Udp, peer.Take("REFER").To.Transport);
    }

    [Fact]
    [Clause("18.1.1", "the transport puts sent-by into Via")]
    public void The_via_says_where_we_listen_for_the_transport_that_is_used()
    {
        foreach (var (transport, via) in ((SipTransport, string)[])[(SipTransport.Udp, "UDP 192.0.2.1:5060"), (SipTransport.Tcp, "TCP 192.0.2.1:5060"), (SipTransport.Tls, "TLS 192.0.2.1:5061")])
            Assert.All(Exchange.Requests(transport), request => Assert.StartsWith($"SIP/2.0/{via};", request.Headers.First("Via"), StringComparison.Ordinal));
    }

    [Fact]
    public void Over_a_transport_on_which_we_do_not_listen_requests_name_no_port_and_are_answered()
    {
        var peer = new VirtualPeer(SipTransport.Tls);
        peer.Address.TlsPort = 0;
        peer.Dial();
        var invite = peer.Take("INVITE").Request;
        Assert.StartsWith("SIP/2.0/TLS 192.0.2.1;branch=", invite.Headers.First("Via"), StringComparison.Ordinal);
        Assert.Equal("<sip:ivr@192.0.2.1;transport=tls>", invite.Headers.First("Contact"));
        peer.Answer(invite, 200, "callee", VirtualPeer.Offer);
        Assert.Equal(CallSignalKind.Accepted, peer.Signals[^1].Kind);
    }

    [Theory]
    [InlineData("192.0.2.66:5060")]
    [InlineData("192.0.2.1:5099")]
    [InlineData("192.0.2.1")]
    [Clause("18.1.2", "a response whose sent-by is not ours is discarded silently")]
    [Clause("18.1.2", "a response that matches a transaction is passed to it")]
    public void A_response_is_taken_only_with_the_one_via_that_we_wrote(string sentBy)
    {
        var peer = new VirtualPeer();
        peer.Dial();
        var invite = peer.Take("INVITE").Request;
        var response = Encoding.ASCII.GetString(SipWriter.ToBytes(SipResponses.For(invite, 486, "x")));
        var isOurs = sentBy == "192.0.2.1";
        peer.Receive(response.Replace("192.0.2.1:5060", sentBy, StringComparison.Ordinal));
        Assert.Equal(isOurs ? "ACK" : "", peer.Names());
        if (isOurs) return;
        peer.Receive(response.Replace("From:", "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKsecond\r\nFrom:", StringComparison.Ordinal));
        Assert.Empty(peer.Signals);
        peer.Receive(response);
        Assert.Equal("ACK", peer.Names());
    }

    [Fact]
    [Clause("18.1.2", "a response that matches none goes to the core, which by RFC 6026 has no use for it")]
    public void A_response_without_a_transaction_has_no_effect()
    {
        var peer = new VirtualPeer();
        var call = peer.Connected();
        var invite = peer.All[0].Request;
        peer.Advance(33);
        Assert.Equal(0, peer.Agent.Transactions);
        peer.Answer(invite, 200, "callee", VirtualPeer.Offer);
        peer.Answer(invite, 486, "callee");
        Assert.Equal("", peer.Names());
        Assert.Empty(peer.Signals);
        Assert.Equal(SipCallState.Answered, call.State);
    }

    [Theory]
    [InlineData("phone.example.com:5070", ";received=192.0.2.9")]
    [InlineData("10.0.0.7:5070", ";received=192.0.2.9")]
    [InlineData("192.0.2.9:5070", "")]
    [InlineData("192.0.2.9:5070;received=198.51.100.66", "")]
    [Clause("18.2.1", "sent-by of the top Via is looked at")]
    [Clause("18.2.1", "a name or another address in sent-by gets a received parameter")]
    [Clause("18.2.1", "received is the source address")]
    [Clause("18.2.2", "a response goes where the top Via leads")]
    [Clause("18.2.2", "over UDP a response goes to received, at the port of sent-by or 5060")]
    [Clause("18.2.2", "without received a response goes to sent-by")]
    public void A_response_goes_to_the_source_address_at_the_port_of_sent_by(string sentBy, string received)
    {
        var peer = new VirtualPeer { Hop = VirtualPeer.HopAt("192.0.2.9:40123") };
        Ask(sentBy);
        var answer = peer.Take("200");
        Assert.Equal("192.0.2.9:5070", answer.To.EndPoint.ToString());
        Assert.Equal($"SIP/2.0/UDP {sentBy.Split(';')[0]};branch=z9hG4bKx{received}", answer.Response.Headers.First("Via"));
        Ask(sentBy.Replace(":5070", "", StringComparison.Ordinal));
        Assert.Equal("192.0.2.9:5060", peer.Take("200").To.EndPoint.ToString());

        void Ask(string via) => peer.Receive($"OPTIONS sip:ivr@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP {via};branch=z9hG4bKx\r\nMax-Forwards: 70\r\nFrom: <sip:p@h>;tag=p\r\nTo: <sip:ivr@h>\r\nCall-ID: {via.Length}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n");
    }

    [Fact]
    public void With_rport_a_response_goes_back_to_the_source_port()
    {
        var peer = new VirtualPeer { Hop = VirtualPeer.HopAt("192.0.2.9:40123") };
        peer.Receive("OPTIONS sip:ivr@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.7:5070;branch=z9hG4bKx;rport\r\nMax-Forwards: 70\r\nFrom: <sip:p@h>;tag=p\r\nTo: <sip:ivr@h>\r\nCall-ID: r\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n");
        var answer = peer.Take("200");
        Assert.Equal(("192.0.2.9:40123", "SIP/2.0/UDP 10.0.0.7:5070;branch=z9hG4bKx;rport=40123;received=192.0.2.9"), (answer.To.EndPoint.ToString(), answer.Response.Headers.First("Via")));
    }

    [Theory]
    [InlineData(SipTransport.Tcp)]
    [InlineData(SipTransport.Tls)]
    [Clause("18.2.2", "over a stream a response goes back on the connection of its request while that is open")]
    public void A_response_over_a_stream_goes_back_on_the_connection_of_its_request(SipTransport transport)
    {
        var peer = new VirtualPeer(transport);
        peer.Agent.Reconnect = (_, _) => VirtualPeer.HopAt("192.0.2.9:5060", transport, 9);
        peer.Hop = VirtualPeer.HopAt("192.0.2.9:40123", transport, 3);
        peer.Invite();
        Assert.Equal(3, peer.Take("100").To.Connection);
        peer.Hop = VirtualPeer.HopAt("192.0.2.9:40124", transport, 4);
        peer.Request("OPTIONS", 1, callId: "other");
        Assert.Equal(4, peer.Take("200").To.Connection);
        peer.Do(() => peer.Signals[0].Call.Progress(peer.Now, 180));
        Assert.Equal(3, peer.Take("180").To.Connection);
        peer.ConnectionLost(3);
        peer.Do(() => peer.Signals[0].Call.Answer(peer.Now, s_sdp));
        Assert.Equal(9, peer.Take("200").To.Connection);
    }

    [Fact]
    [Clause("18.3", "what trails the body in a datagram is discarded")]
    [Clause("18.3", "a response whose datagram ends before its body is discarded")]
    public void A_datagram_may_hold_more_than_its_message_and_not_less()
    {
        var peer = new VirtualPeer();
        peer.Dial();
        var invite = peer.Take("INVITE").Request;
        var ringing = Encoding.ASCII.GetString(SipWriter.ToBytes(SipResponses.For(invite, 180, "x")));
        Assert.Equal(0, peer.ReceiveAnything(ringing.Replace("Content-Length: 0", "Content-Length: 5", StringComparison.Ordinal)));
        Assert.Empty(peer.Signals);
        peer.Receive(ringing + "SIP/2.0 486 Busy Here\r\n\r\n");
        Assert.Equal(180, Assert.Single(peer.Signals).Number);
        const string Options = "OPTIONS sip:ivr@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKx\r\nMax-Forwards: 70\r\nFrom: <sip:p@h>;tag=p\r\nTo: <sip:ivr@h>\r\nCall-ID: r\r\nCSeq: 1 OPTIONS\r\nContent-Length: 5\r\n\r\nabc";
        Assert.Equal(400, peer.ReceiveAnything(Options));
        Assert.Equal(200, peer.ReceiveAnything(Options + "defgh"));
    }

    [Fact]
    [Clause("18.3", "on a stream Content-Length ends a message")]
    [Clause("20", "on a stream Content-Length is sent")]
    [Clause("20.14", "on a stream Content-Length is used")]
    public void On_a_stream_every_message_has_its_length_and_one_without_ends_it()
    {
        Assert.All(Exchange.All(SipTransport.Tcp), sending =>
        {
            Assert.Single(sending.Message.Headers.All("Content-Length"));
            var framer = new SipFramer();
            Assert.Equal(new SipFrame(SipFrameKind.Message, sending.Bytes.Length), framer.Next(new ReadOnlySequence<byte>([.. sending.Bytes, .. "\r\n\r\n"u8])));
        });
        var without = new SipFramer();
        Assert.Equal(SipRejection.ContentLengthMissing, without.Next(new ReadOnlySequence<byte>("OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/TCP h\r\n\r\n"u8.ToArray())).Rejection);
    }

    [Fact]
    [Clause("18.1.1", "messages up to the largest datagram are handled")]
    public async Task A_datagram_of_the_largest_size_is_answered()
    {
        const int Largest = 65_507;
        await using var host = await EdgeHost.Start();
        await using var phone = Phone.Udp(host.Udp);
        var head = $"OPTIONS sip:ivr@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {phone.Local};branch=z9hG4bKlargest;rport\r\nMax-Forwards: 70\r\nFrom: <sip:p@h>;tag=p\r\nTo: <sip:ivr@h>\r\nCall-ID: l\r\nCSeq: 1 OPTIONS\r\nContent-Type: text/plain\r\nContent-Length: ";
        var body = Largest - head.Length - "65507\r\n\r\n".Length;
        await phone.Send($"{head}{body}\r\n\r\n{new string('x', body)}");
        Assert.Equal(200, (await phone.Final()).Status);
    }

    [Theory]
    [InlineData("tcp")]
    [InlineData("udp")]
    [Clause("18.1.1", "responses are taken on the connection of the request")]
    [Clause("18.1.1", "a connection to the source address at the port of sent-by is taken")]
    [Clause("18.1.1", "a connection to where RFC 3263 5 leads is taken")]
    [Clause("18.1.1", "over UDP responses are taken at the source address and the port of sent-by")]
    [Clause("18.1.1", "responses are taken where RFC 3263 5 leads")]
    public async Task Responses_find_us_where_the_via_says(string transport)
    {
        await using var carrier = new PeerServer();
        using var udp = new System.Net.Sockets.UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
        var port = transport == "tcp" ? carrier.EndPoint.Port : ((IPEndPoint)udp.Client.LocalEndPoint!).Port;
        var trunk = new EdgeTrunk
        {
            Name = "carrier",
            Tenant = "demo",
            From = [IPNetwork.Parse("127.0.0.1/32")],
            Outbound = new OutboundRoute { Proxy = Exchange.Uri($"sip:127.0.0.1:{port};transport={transport}"), FromDomain = "carrier.example" },
            Ping = TimeSpan.FromSeconds(1),
        };
        await using var host = await EdgeHost.Start(trunks: [trunk], tcpPort: FreePort());
        await using var stream = transport == "tcp" ? await carrier.Accept() : null;
        uint answered = 0;
        foreach (var elsewhere in (bool[])[false, true])
        {
            var options = await Next();
            var sentBy = new IPEndPoint(IPAddress.Parse(options.TopVia.Host), options.TopVia.Port!.Value);
            Assert.Equal(transport == "tcp" ? host.Tcp : host.Udp, sentBy);
            var response = SipWriter.ToBytes(SipResponses.For(options, 200, "carrier"));
            await using var other = !elsewhere ? null : transport == "tcp" ? await Phone.Stream(sentBy, tls: false, "127.0.0.1") : Phone.Udp(sentBy, "127.0.0.1");
            if (other is not null) await other.Send(response);
            else if (stream is not null) await stream.Send(response);
            else await udp.SendAsync(response, sentBy, TestContext.Current.CancellationToken);
            answered = options.CSeq.Number;
        }
        // The next request comes within a second only because the response to the one before was taken; its time-out is 32 s.
        await Next().WaitAsync(TimeSpan.FromSeconds(15), TestContext.Current.CancellationToken);

        async Task<SipRequest> Next()
        {
            while (true)
            {
                var bytes = stream is null ? (await udp.ReceiveAsync(TestContext.Current.CancellationToken)).Buffer : (await stream.Next())!.Value.Bytes;
                if (SipParser.Parse(bytes).Message is SipRequest options && options.CSeq.Number > answered) return options;
            }
        }
    }

    private static int FreePort()
    {
        using var socket = new System.Net.Sockets.Socket(System.Net.Sockets.AddressFamily.InterNetwork, System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    private static Func<SipPeer, SipPeer?> Streams(VirtualPeer peer, long connection) => hop => VirtualPeer.HopAt(hop.EndPoint.ToString(), SipTransport.Tcp, connection);
}
