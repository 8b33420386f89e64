using System.Net;
using IvrActors.Edge.Media;
using IvrActors.Edge.Net;
using IvrActors.Edge.Rtp;
using IvrActors.Edge.Srtp;
using IvrActors.Grains.Interfaces.Flows;
using Xunit;

namespace IvrActors.Edge.Tests.Media;

public sealed class AllocationTests
{
    private const string Key = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj";

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_playing_call_allocates_nothing(bool srtp)
    {
        var time = new SteppedTime();
        var wire = new EchoWire(srtp);
        using var engine = new MediaEngine(MediaEngineTests.Options(), time, AudioTests.Prompts(), () => wire, loops: 1, ownThreads: false);
        var offer = srtp
            ? "m=audio 4000 RTP/SAVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + Key + "\r\n"
            : "m=audio 4000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n";
        var events = new HeardEvents();
        var answer = engine.Answer(MediaEngineTests.OfferOf(offer), new MediaPolicy(true, SrtpPolicy.Preferred, false), events);
        Assert.Equal(srtp, answer.Session!.Srtp);
        answer.Session.Start();
        answer.Session.Play([.. Enumerable.Repeat(new PromptPart { Prompt = "main-menu" }, 10)], 1);

        void Run(int seconds)
        {
            for (var step = 0; step < seconds * 500; step++)
            {
                time.Now += 2_000_000;
                engine.Loops[0].RunDue();
            }
        }
        Run(20); // Reports too have left by then.
        var sent = wire.Sent;
        var before = GC.GetAllocatedBytesForCurrentThread();
        Run(20);
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.InRange(wire.Sent - sent, 1002, 1010); // 1000 of audio, and the reports.
        Assert.Equal(answer.Session.Statistics.PacketsSent, answer.Session.Statistics.PacketsReceived);
        Assert.Equal(0, allocated);
    }

    [Fact]
    public void A_bridged_call_allocates_nothing()
    {
        var time = new SteppedTime();
        var wire = new TalkingWire(time);
        using var engine = new MediaEngine(MediaEngineTests.Options(), time, AudioTests.Prompts(), () => wire, loops: 1, ownThreads: false);
        var offer = MediaEngineTests.OfferOf("m=audio 4000 RTP/SAVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + Key + "\r\n");
        var caller = engine.Answer(offer, new MediaPolicy(true, SrtpPolicy.Required, false), new HeardEvents()).Session!;
        var callee = engine.Offer(caller, new MediaPolicy(false, SrtpPolicy.Off, false), new HeardEvents()).Session!;
        Assert.Equal(0, callee.TakeAnswer(MediaEngineTests.OfferOf("m=audio 4000 RTP/AVP 8\r\n")));
        caller.Start();
        callee.Start();
        caller.SendOnTo(callee);
        callee.SendOnTo(caller);

        void Run(int seconds)
        {
            for (var step = 0; step < seconds * 500; step++)
            {
                time.Now += 2_000_000;
                engine.Loops[0].RunDue();
            }
        }
        Run(20);
        var sent = wire.Sent;
        var before = GC.GetAllocatedBytesForCurrentThread();
        Run(20);
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        // A thousand packets each way, and the reports; none of silence of ours.
        Assert.InRange(wire.Sent - sent, 2000, 2020);
        Assert.Equal(0, allocated);
    }

    /// <summary>Both peers of a bridged call: one with SRTP, one without, each with a packet every 20 ms.</summary>
    private sealed class TalkingWire(SteppedTime time) : IMediaWire
    {
        private static readonly MediaAddress Peer = MediaAddress.From(IPAddress.Parse("192.0.2.1"), 4000);

        private readonly SrtpSender _sender = new(new SrtpMasterKey(SrtpSuite.Aes128Sha1Tag80, Convert.FromBase64String(Key)));
        private readonly byte[] _packet = new byte[182];
        private readonly List<IMediaInput> _inputs = [];
        private ushort _sequence;
        private long _talkedAt = -1;

        public int Sent { get; private set; }

        public IMediaPort? Open(IPAddress address, int port, bool rtcp, IMediaInput input)
        {
            if (!rtcp) _inputs.Add(input);
            return new Port(this);
        }

        public bool Poll()
        {
            if (time.Now % 20_000_000 != 0 || time.Now == _talkedAt) return false;
            _talkedAt = time.Now;
            _sequence++;
            _inputs[0].Receive(Packet(0, secure: true), Peer, rtcp: false);
            _inputs[1].Receive(Packet(8, secure: false), Peer, rtcp: false);
            return true;
        }

        public void PreferThisThread()
        {
        }

        public void WaitUntil(long timestamp)
        {
        }

        public void Dispose() => _sender.Dispose();

        private Span<byte> Packet(byte payloadType, bool secure)
        {
            _packet.AsSpan().Clear();
            new RtpHeader { PayloadType = payloadType, Sequence = _sequence, Timestamp = _sequence * 160u, Ssrc = payloadType + 5u }.Write(_packet);
            return _packet.AsSpan(0, secure ? _sender.ProtectRtp(_packet, 172, 12) : 172);
        }

        private sealed class Port(TalkingWire wire) : IMediaPort
        {
            public bool Send(ReadOnlySpan<byte> datagram, MediaAddress to)
            {
                wire.Sent++;
                return true;
            }

            public void Dispose()
            {
            }
        }
    }

    /// <summary>A clock that a test sets; nanoseconds, as on Linux.</summary>
    private sealed class SteppedTime : TimeProvider
    {
        public long Now { get; set; }

        public override long TimestampFrequency => 1_000_000_000;

        public override long GetTimestamp() => Now;

        public override DateTimeOffset GetUtcNow() => DateTimeOffset.UnixEpoch.AddTicks(Now / 100);
    }

    /// <summary>Answers each audio packet with one of the peer's at the next poll, without allocation of its own.</summary>
    private sealed class EchoWire(bool srtp) : IMediaWire
    {
        private static readonly MediaAddress Peer = MediaAddress.From(IPAddress.Parse("192.0.2.1"), 4000);

        private readonly SrtpSender _sender = new(new SrtpMasterKey(SrtpSuite.Aes128Sha1Tag80, Convert.FromBase64String(Key)));
        private readonly byte[] _packet = new byte[182];
        private IMediaInput? _input;
        private ushort _sequence;
        private bool _owes;

        public int Sent { get; private set; }

        public IMediaPort? Open(IPAddress address, int port, bool rtcp, IMediaInput input)
        {
            _input = input;
            return new Port(this, rtcp);
        }

        public bool Poll()
        {
            if (!_owes) return false;
            _owes = false;
            _packet.AsSpan().Clear();
            new RtpHeader { PayloadType = 0, Sequence = _sequence, Timestamp = _sequence++ * 160u, Ssrc = 5 }.Write(_packet);
            var length = srtp ? _sender.ProtectRtp(_packet, 172, 12) : 172;
            _input!.Receive(_packet.AsSpan(0, length), Peer, rtcp: false);
            return true;
        }

        public void PreferThisThread()
        {
        }

        public void WaitUntil(long timestamp)
        {
        }

        public void Dispose() => _sender.Dispose();

        private sealed class Port(EchoWire wire, bool rtcp) : IMediaPort
        {
            public bool Send(ReadOnlySpan<byte> datagram, MediaAddress to)
            {
                wire.Sent++;
                wire._owes |= !rtcp;
                return true;
            }

            public void Dispose()
            {
            }
        }
    }
}
