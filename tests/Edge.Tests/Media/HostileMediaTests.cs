using System.Net;
using System.Net.Sockets;
using System.Text;
using IvrActors.Edge.Dtmf;
using IvrActors.Edge.Media;
using IvrActors.Edge.Net;
using IvrActors.Edge.Rtp;
using Xunit;

namespace IvrActors.Edge.Tests.Media;

/// <summary>Inputs that broke other media servers (the list is in InputsThatBrokeOthersTests), over real sockets: the call goes on, for its caller only.</summary>
public sealed class HostileMediaTests
{
    [Fact]
    public void Rtp_from_any_source_neither_is_heard_nor_gets_the_audio()
    {
        using var call = new RealCall();
        call.Press(call.Caller, '1');
        call.Hears("1");
        for (var i = 0; i < 20; i++) call.Press(call.Stranger, '9');
        call.Press(call.Caller, '2');
        call.Hears("12");
        Assert.Equal(0, call.Stranger.Available);
        Assert.True(call.IsSpokenTo);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_spoofed_dtls_client_hello_ends_no_call(bool fromTheCallersAddress)
    {
        using var call = new RealCall();
        call.Press(call.Caller, '1');
        var sender = fromTheCallersAddress ? call.Caller : call.Stranger;
        for (var i = 0; i < 20; i++)
        {
            call.Send(sender, ClientHello((ushort)i));
            call.Send(sender, ClientHello((ushort)i), rtcp: true);
        }
        call.Press(call.Caller, '2');
        call.Hears("12");
        Assert.True(call.IsSpokenTo);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Short_and_foreign_datagrams_on_the_media_port_end_no_call(bool fromTheCallersAddress)
    {
        using var call = new RealCall();
        call.Press(call.Caller, '1');
        var sender = fromTheCallersAddress ? call.Caller : call.Stranger;
        byte[] bye = [0x81, 203, 0, 1, 0, 0, 0, 9];
        byte[] stun = [0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
        foreach (var rtcp in (bool[])[false, true])
        {
            for (var length = 0; length < 13; length++)
            {
                call.Send(sender, new byte[length], rtcp);
                call.Send(sender, [.. Enumerable.Repeat((byte)0x80, length)], rtcp);
                call.Send(sender, [.. Enumerable.Repeat((byte)0xFF, length)], rtcp);
            }
            call.Send(sender, stun, rtcp);
            // A report of the caller's own source ends the source, not the call.
            call.Send(sender, bye, rtcp);
        }
        call.Press(call.Caller, '2');
        call.Hears("12");
        Assert.True(call.IsSpokenTo);
    }

    [Theory]
    [InlineData("a=fmtp:")]
    [InlineData("a=fmtp:101")]
    [InlineData("a=fmtp:101 ")]
    [InlineData("a=fmtp:-1 0-16")]
    [InlineData("a=fmtp:999999999999 0-16")]
    [InlineData("a=fmtp:101 16-0")]
    [InlineData("a=fmtp:101 0-4294967295")]
    [InlineData("a=fmtp:101 %s%s%s%n")]
    [InlineData("a=fmtp:101 0-16;=;;,=\0")]
    [InlineData("a=fmtp:0 mode-set=0,0,0,0;x=\u00ff")]
    [InlineData("a=fmtp:101 0-16\r\na=fmtp:101 0-15\r\na=fmtp:101 0")]
    [InlineData(null)]
    public void An_offer_with_a_bad_fmtp_is_answered_or_refused(string? line)
    {
        line ??= "a=fmtp:101 " + string.Join(',', Enumerable.Range(0, 2_000));
        using var call = new RealCall();
        var answer = call.Offer($"m=audio 4000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n{line}\r\n");
        Assert.Contains(answer.Status, (int[])[0, 400, 488]);
        answer.Session?.Dispose();
        var good = call.Offer("m=audio 4000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\n");
        Assert.Equal(0, good.Status);
        good.Session!.Dispose();
    }

    /// <summary>DTLS 1.2 record (RFC 6347 4.1) with a ClientHello that offers use_srtp.</summary>
    private static byte[] ClientHello(ushort sequence)
    {
        byte[] body = [0xFE, 0xFD, .. new byte[32], 0, 0, 0, 2, 0xC0, 0x2B, 1, 0, 0, 9, 0, 14, 0, 5, 0, 2, 0, 1, 0];
        byte[] handshake = [1, 0, 0, (byte)body.Length, 0, 0, 0, 0, 0, 0, 0, (byte)body.Length, .. body];
        return [22, 0xFE, 0xFF, 0, 0, 0, 0, 0, 0, (byte)(sequence >> 8), (byte)sequence, 0, (byte)handshake.Length, .. handshake];
    }

    /// <summary>A call's media with its own threads and sockets, a caller at 127.0.0.1 and a stranger at 127.0.0.2.</summary>
    private sealed class RealCall : IDisposable
    {
        private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

        private readonly MediaEngine _engine = new(MediaEngineTests.Options(32140, 32179), TimeProvider.System, AudioTests.Prompts(), MediaWire.Create, loops: 1, ownThreads: true);
        private readonly HeardEvents _events = new();
        private readonly int _port;
        private ushort _sequence;
        private uint _timestamp;

        public RealCall()
        {
            var answer = Offer($"m=audio {((IPEndPoint)Caller.LocalEndPoint!).Port} RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n");
            Assert.Equal(0, answer.Status);
            _port = int.Parse(Encoding.ASCII.GetString(answer.Sdp).Split("m=audio ")[1].Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture);
            answer.Session!.Start();
        }

        public Socket Caller { get; } = Bound("127.0.0.1");

        public Socket Stranger { get; } = Bound("127.0.0.2");

        /// <summary>Whether the caller gets a packet that is sent from now on.</summary>
        public bool IsSpokenTo
        {
            get
            {
                var buffer = new byte[2_000];
                while (Caller.Available > 0) Caller.Receive(buffer);
                return Caller.Poll(Patience, SelectMode.SelectRead) && Caller.Receive(buffer) == 172;
            }
        }

        public MediaAnswer Offer(string media) => _engine.Answer(MediaEngineTests.OfferOf(media, "127.0.0.1"), new MediaPolicy(false, SrtpPolicy.Off, false), _events);

        public void Send(Socket from, byte[] datagram, bool rtcp = false) => from.SendTo(datagram, new IPEndPoint(IPAddress.Loopback, _port + (rtcp ? 1 : 0)));

        public void Press(Socket from, char key)
        {
            var press = new DtmfPress(key, 60);
            _timestamp += 8_000;
            while (press.TryNext(out var packet))
            {
                var bytes = new byte[16];
                new RtpHeader { PayloadType = 101, Sequence = _sequence++, Timestamp = _timestamp, Ssrc = 9, Marker = packet.Marker }.Write(bytes);
                packet.Event.Write(bytes.AsSpan(12));
                Send(from, bytes);
            }
        }

        public void Hears(string keys)
        {
            Assert.True(SpinWait.SpinUntil(() => Heard().Length >= keys.Length, Patience));
            Assert.Equal(keys, Heard());
        }

        public void Dispose()
        {
            _engine.Dispose();
            Caller.Dispose();
            Stranger.Dispose();
        }

        private string Heard()
        {
            lock (_events.Keys) return string.Concat(_events.Keys);
        }

        private static Socket Bound(string address)
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            socket.Bind(new IPEndPoint(IPAddress.Parse(address), 0));
            return socket;
        }
    }
}
