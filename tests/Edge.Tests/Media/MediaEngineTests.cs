using System.Net;
using System.Text;
using IvrActors.Edge.Dtmf;
using IvrActors.Edge.Media;
using IvrActors.Edge.Rtp;
using IvrActors.Edge.Sdp;
using IvrActors.Edge.Srtp;
using IvrActors.Edge.Tests.Sip.Clauses;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Flows;
using IvrActors.Grains.Interfaces.Policies;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace IvrActors.Edge.Tests.Media;

/// <summary>Whole media sessions in virtual time, over a network in memory.</summary>
public sealed class MediaEngineTests : IDisposable
{
    private const string Key = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj";
    private static readonly PromptStore Prompts = AudioTests.Prompts();
    private static readonly MediaPolicy Anything = new(SecureSignalling: true, SrtpPolicy.Preferred, SdesWithoutTls: false);
    private static readonly MediaAddress Peer = MediaAddress.From(IPAddress.Parse("192.0.2.1"), 4000);
    private static readonly MediaAddress Stranger = MediaAddress.From(IPAddress.Parse("203.0.113.9"), 4000);

    private readonly FakeTimeProvider _time = new();
    private readonly VirtualWire _wire = new();
    private readonly HeardEvents _events = new();
    private readonly MediaEngine _engine;
    private ushort _peerSequence = 100;

    public MediaEngineTests()
    {
        _engine = new MediaEngine(Options(), _time, Prompts, () => _wire, loops: 1, ownThreads: false);
        _engine.Loops[0].RunDue(); // Step 0 is due at the start.
    }

    public void Dispose() => _engine.Dispose();

    internal static EdgeOptions Options(int first = 32000, int last = 32007, TimeSpan recordingsKept = default) => new()
    {
        Name = "edge",
        Address = IPAddress.Loopback,
        FirstMediaPort = first,
        LastMediaPort = last,
        Trunks = [],
        MessagesPerSource = new RateLimit(1, TimeSpan.FromSeconds(1), 1),
        PromptFolder = "",
        RenderedPromptFolder = "",
        RecordingsKept = recordingsKept,
    };

    internal static byte[] OfferOf(string media = "m=audio 4000 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\n", string address = "192.0.2.1") =>
        Encoding.ASCII.GetBytes($"v=0\r\no=- 1 1 IN IP4 {address}\r\ns=-\r\nc=IN IP4 {address}\r\nt=0 0\r\n{media}");

    private static byte[] SrtpOffer(string key = Key) => OfferOf(
        "m=audio 4000 RTP/SAVP 8 101\r\na=rtpmap:101 telephone-event/8000\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + key + "\r\n");

    private IMediaSession Open(byte[]? offer = null)
    {
        var answer = _engine.Answer(offer ?? OfferOf(), Anything, _events);
        Assert.Equal((0, ""), (answer.Status, answer.Reason));
        return answer.Session!;
    }

    private void Run(TimeSpan time)
    {
        for (var end = _time.GetUtcNow() + time; _time.GetUtcNow() < end;)
        {
            _time.Advance(TimeSpan.FromMilliseconds(2));
            _engine.Loops[0].RunDue();
        }
    }

    [Fact]
    public void A_caller_on_hold_hears_the_music_again_and_again_until_it_is_stopped()
    {
        var session = Open();
        session.Start();
        session.Hold(new PromptPart { Prompt = "hold-music" });
        Run(TimeSpan.FromSeconds(14));
        var round = HoldMusic.Audio.Bytes(aLaw: false).ToArray();
        var heard = Rtp().SelectMany(p => p.Payload).ToArray();
        Assert.True(heard.Length > round.Length + 1600);
        Assert.Equal(round, heard[..round.Length]);
        Assert.Equal(round[..1600], heard[round.Length..(round.Length + 1600)]);
        session.Stop();
        _wire.Sent.Clear();
        Run(TimeSpan.FromMilliseconds(60));
        Assert.All(Rtp(), p => Assert.All(p.Payload, b => Assert.Equal(G711.MuLawSilence, b)));
    }

    [Fact]
    public void A_move_within_a_prompt_is_heard_in_the_next_packet()
    {
        var session = Open();
        session.Start();
        session.Play([new PromptPart { Prompt = "enter-account-number" }], 1);
        Run(TimeSpan.FromSeconds(1));
        var audio = new List<PromptAudio>();
        Prompts.Resolve(new PromptPart { Prompt = "enter-account-number" }, audio);
        var sent = Rtp().Count;
        session.Seek(1, TimeSpan.FromMinutes(-1));
        Run(TimeSpan.FromMilliseconds(20));
        Assert.Equal(audio[0].Bytes(aLaw: false)[..160].ToArray(), Rtp()[sent].Payload);
        session.TogglePause(1);
        sent = Rtp().Count;
        Run(TimeSpan.FromMilliseconds(20));
        Assert.All(Rtp()[sent].Payload, b => Assert.Equal(G711.MuLawSilence, b));
    }

    private List<(RtpHeader Header, byte[] Payload)> Rtp() => [.. _wire.Sent.Where(s => s.Port % 2 == 0).Select(s =>
    {
        Assert.Equal(RtpRejection.None, RtpHeader.TryRead(s.Datagram, out var header));
        return (header, s.Datagram[12..]);
    })];

    private byte[] PeerPacket(byte payloadType = 0, uint timestamp = 0, byte[]? payload = null, uint ssrc = 9)
    {
        var packet = new byte[12 + (payload?.Length ?? 160)];
        new RtpHeader { PayloadType = payloadType, Sequence = _peerSequence++, Timestamp = timestamp, Ssrc = ssrc }.Write(packet);
        payload?.CopyTo(packet, 12);
        return packet;
    }

    private IEnumerable<byte[]> PeerPress(char key, uint timestamp)
    {
        var press = new DtmfPress(key, 100);
        while (press.TryNext(out var packet))
        {
            var payload = new byte[4];
            packet.Event.Write(payload);
            yield return PeerPacket(101, timestamp, payload);
        }
    }

    private int Port => _wire.Open.Keys.Single(p => p % 2 == 0);

    private static PromptPart[] Say(params string[] ids) => [.. ids.Select(id => new PromptPart { Prompt = id })];

    [Fact]
    public void The_codecs_of_a_trunk_hold_for_its_offers_and_for_ours_also_when_the_session_changes()
    {
        var policy = Anything with { Codecs = [SdpCodec.Pcma] };
        Assert.Equal("no-common-codec", _engine.Answer(OfferOf("m=audio 4000 RTP/AVP 0\r\n"), policy, _events).Reason);
        var answer = _engine.Answer(OfferOf(), policy, _events);
        Assert.Equal("PCMA", answer.Session!.Codec);
        Assert.Equal("no-common-codec", answer.Session.Renegotiate(OfferOf("m=audio 4000 RTP/AVP 0\r\n")).Reason);

        var ours = _engine.Answer([], Anything with { Srtp = SrtpPolicy.Off, Codecs = [SdpCodec.Pcma, SdpCodec.Pcmu] }, _events);
        Assert.Contains(" RTP/AVP 8 0 101\r\n", Encoding.ASCII.GetString(ours.Sdp), StringComparison.Ordinal);
        Assert.Equal(0, ours.Session!.Renegotiate(OfferOf("m=audio 4000 RTP/AVP 0\r\n")).Status);
        Assert.Equal("PCMU", ours.Session.Codec);
    }

    [Fact]
    public void Nothing_is_sent_before_the_start_and_then_a_frame_each_20_ms()
    {
        var session = Open();
        session.Play(Say("welcome"), 1);
        Run(TimeSpan.FromSeconds(1));
        Assert.Empty(_wire.Sent);

        session.Start();
        Run(TimeSpan.FromSeconds(10));
        var rtp = Rtp();
        Assert.Equal(500, rtp.Count);
        Assert.All(_wire.Sent.Where(s => s.Port % 2 == 0), s => Assert.Equal(Peer, s.To));
        for (var i = 1; i < rtp.Count; i++)
        {
            Assert.Equal((ushort)(rtp[i - 1].Header.Sequence + 1), rtp[i].Header.Sequence);
            Assert.Equal(rtp[i - 1].Header.Timestamp + 160, rtp[i].Header.Timestamp);
            Assert.Equal(160, rtp[i].Payload.Length);
        }
        Assert.Equal([0], rtp.Select((p, i) => (p.Header.Marker, i)).Where(p => p.Marker).Select(p => p.i));
        Assert.Equal(500, session.Statistics.PacketsSent);
    }

    [Fact]
    public void The_prompts_arrive_sample_for_sample_in_the_agreed_codec()
    {
        var session = Open(OfferOf("m=audio 4000 RTP/AVP 8 0\r\n"));
        session.Start();
        session.Play(Say("your-balance-is", "number/5", "currency/dollars"), 7);
        Run(TimeSpan.FromSeconds(4));

        var expected = new List<byte>();
        foreach (var part in Say("your-balance-is", "number/5", "currency/dollars"))
        {
            var audio = new List<PromptAudio>();
            Prompts.Resolve(part, audio);
            expected.AddRange(audio[0].Bytes(aLaw: true));
        }
        var heard = Rtp().SelectMany(p => p.Payload).ToList();
        Assert.Equal(expected, heard.Take(expected.Count));
        Assert.All(heard.Skip(expected.Count), b => Assert.Equal(G711.ALawSilence, b));
        Assert.All(Rtp(), p => Assert.Equal(8, p.Header.PayloadType));
        Assert.Equal([7], _events.Started);
        Assert.Equal([7], _events.Ended);
        Assert.Equal("PCMA", session.Codec);
    }

    [Fact]
    public void Stop_is_heard_within_one_packet_and_a_new_play_begins_a_talk_spurt()
    {
        var session = Open();
        session.Start();
        session.Play(Say("main-menu"), 1);
        Run(TimeSpan.FromSeconds(1));
        session.Stop();
        _wire.Sent.Clear();
        Run(TimeSpan.FromSeconds(1));
        Assert.All(Rtp(), p => Assert.All(p.Payload, b => Assert.Equal(G711.MuLawSilence, b)));
        Assert.Empty(_events.Ended);

        session.Play(Say("goodbye"), 2);
        _wire.Sent.Clear();
        Run(TimeSpan.FromMilliseconds(20));
        Assert.True(Assert.Single(Rtp()).Header.Marker);
        Assert.Equal([1, 2], _events.Started);
    }

    [Fact]
    public void Calls_are_spread_over_the_frame()
    {
        for (var i = 0; i < 4; i++) Open().Start();
        var bySlot = new List<int>();
        for (var i = 0; i < 10; i++)
        {
            _wire.Sent.Clear();
            Run(TimeSpan.FromMilliseconds(2));
            bySlot.Add(_wire.Sent.Count);
        }
        Assert.Equal((4, 1), (bySlot.Sum(), bySlot.Max()));
    }

    [Fact]
    public void Keys_are_heard_once_each()
    {
        Open().Start();
        foreach (var packet in PeerPress('4', 1000).Concat(PeerPress('4', 3000)).Concat(PeerPress('#', 5000))) _wire.Arrive(Port, packet, Peer);
        Run(TimeSpan.FromMilliseconds(20));
        Assert.Equal("44#", string.Concat(_events.Keys));
    }

    [Fact]
    public void Once_the_peer_is_known_a_stranger_gets_no_audio_and_no_hearing()
    {
        var session = Open();
        session.Start();
        _wire.Arrive(Port, PeerPacket(), Peer);
        for (var i = 0; i < 50; i++) _wire.Arrive(Port, PeerPacket(ssrc: 66), Stranger);
        foreach (var packet in PeerPress('1', 1000)) _wire.Arrive(Port, packet, Stranger);
        Run(TimeSpan.FromSeconds(1));
        Assert.Empty(_events.Keys);
        Assert.Equal(1, session.Statistics.PacketsReceived);
        Assert.All(_wire.Sent, s => Assert.NotEqual(Stranger, s.To));
    }

    [Fact]
    public void A_caller_behind_a_nat_is_answered_where_its_packets_come_from()
    {
        Open().Start();
        for (var i = 0; i < PeerLock.PacketsToLearn; i++) _wire.Arrive(Port, PeerPacket(), Stranger);
        Run(TimeSpan.FromSeconds(8));
        Assert.All(_wire.Sent.Where(s => s.Port % 2 == 0), s => Assert.Equal(Stranger, s.To));
        Assert.All(_wire.Sent.Where(s => s.Port % 2 == 1), s => Assert.Equal(Stranger with { Port = 4001 }, s.To));
    }

    [Fact]
    public void Reports_leave_about_every_five_seconds_and_tell_of_loss()
    {
        var session = Open();
        session.Start();
        for (uint i = 0; i < 1500; i++)
        {
            var packet = PeerPacket(timestamp: i * 160);
            if (i % 5 != 4) _wire.Arrive(Port, packet, Peer);
            Run(TimeSpan.FromMilliseconds(20));
        }
        var reports = _wire.Sent.Where(s => s.Port % 2 == 1).ToList();
        Assert.InRange(reports.Count, 4, 12);
        Assert.Equal(RtcpRejection.None, Rtcp.TryRead(reports[^1].Datagram, 9, out var report));
        Assert.NotNull(report.Sender);
        Assert.InRange(report.AboutUs!.Value.FractionLost, (byte)48, (byte)54);
        Assert.InRange(session.Statistics.Loss, 0.19, 0.21);
        Assert.InRange(session.Statistics.JitterMs, 0, 1);
        session.Dispose();
        Assert.Equal(RtcpRejection.None, Rtcp.TryRead(_wire.Sent[^1].Datagram, 9, out report));
        Assert.True(report.Bye);
    }

    [Fact]
    public void Silence_before_the_answer_does_not_count()
    {
        var session = Open();
        session.Start();
        Assert.False(session.IsPlaying);
        session.Play(Say("welcome"), 1);
        Assert.True(session.IsPlaying);
        Run(TimeSpan.FromSeconds(50));
        Assert.False(session.IsPlaying);
        session.Start();
        Run(TimeSpan.FromSeconds(50));
        Assert.Equal(0, _events.TimeOuts);
        Run(TimeSpan.FromSeconds(15));
        Assert.Equal(1, _events.TimeOuts);
    }

    [Fact]
    public void Silence_of_the_peer_ends_in_one_time_out()
    {
        Open().Start();
        Run(TimeSpan.FromSeconds(59));
        Assert.Equal(0, _events.TimeOuts);
        Run(TimeSpan.FromSeconds(10));
        Assert.Equal(1, _events.TimeOuts);
    }

    [Fact]
    [Clause("14.2", "a changed description changes the session")]
    public void On_hold_nothing_is_sent_no_time_out_comes_and_prompts_run_on()
    {
        var session = Open();
        session.Start();
        var hold = session.Renegotiate(OfferOf("m=audio 4000 RTP/AVP 0\r\na=inactive\r\n"));
        Assert.Contains("a=inactive", Encoding.ASCII.GetString(hold.Sdp), StringComparison.Ordinal);
        session.Play(Say("welcome"), 1);
        Run(TimeSpan.FromSeconds(100));
        Assert.Empty(Rtp());
        Assert.Equal([1], _events.Ended);
        Assert.Equal(0, _events.TimeOuts);

        var back = Encoding.ASCII.GetString(session.Renegotiate(OfferOf()).Sdp);
        Assert.Contains("a=sendrecv", back, StringComparison.Ordinal);
        Assert.Matches("o=- [0-9]+ 3 IN IP4 127.0.0.1\r\n", back);
        Run(TimeSpan.FromSeconds(1));
        Assert.Equal(50, Rtp().Count);
    }

    [Fact]
    [Clause("14.2", "a changed description changes the session")]
    public void A_session_that_goes_on_from_another_edge_has_its_origin_the_next_version_and_new_keys()
    {
        var offer = _engine.Offer(null, Anything with { Srtp = SrtpPolicy.Required, Suites = [SrtpSuite.ByName("AES_CM_128_HMAC_SHA1_80"u8)!], Follows = new SdpOrigin(77, 4, "198.51.100.9") }, _events);
        var text = Encoding.ASCII.GetString(offer.Sdp);
        Assert.StartsWith("v=0\r\no=- 77 5 IN IP4 198.51.100.9\r\ns=-\r\nc=IN IP4 127.0.0.1\r\n", text, StringComparison.Ordinal);
        Assert.Contains("RTP/SAVP", text, StringComparison.Ordinal);
        Assert.Equal(0, offer.Session!.TakeAnswer(SrtpOffer()));
        Assert.Equal((CallKeying.Sdes, new SdpOrigin(77, 5, "198.51.100.9")), (offer.Session.Keying, offer.Session.Origin));
        // And a third edge goes on from there.
        Assert.Contains("o=- 77 6 IN IP4 198.51.100.9\r\n", Encoding.ASCII.GetString(_engine.Offer(null, Anything with { Srtp = SrtpPolicy.Off, Follows = offer.Session.Origin }, _events).Sdp), StringComparison.Ordinal);
    }

    [Fact]
    public void A_refused_reoffer_leaves_the_session_as_it_was()
    {
        var session = Open(SrtpOffer());
        session.Start();
        Assert.Equal((488, "srtp-required"), Refusal(session.Renegotiate(OfferOf())));
        Assert.Equal((400, "malformed-sdp"), Refusal(session.Renegotiate("x"u8)));
        Assert.Equal((488, "no-common-codec"), Refusal(session.Renegotiate(OfferOf("m=audio 4000 RTP/SAVP 18\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + Key + "\r\n"))));
        Assert.True(session.Srtp);
        Run(TimeSpan.FromMilliseconds(100));
        Assert.Equal(5, Rtp().Count);
    }

    private static (int, string) Refusal(MediaAnswer answer) => (answer.Status, answer.Reason);

    [Fact]
    public void Srtp_flows_both_ways_and_a_hundred_invalid_packets_change_nothing()
    {
        var answer = _engine.Answer(SrtpOffer(), Anything, _events);
        var sdp = Encoding.ASCII.GetString(answer.Sdp);
        var ourKey = Convert.FromBase64String(sdp[(sdp.IndexOf("inline:", StringComparison.Ordinal) + 7)..].Trim()[..40]);
        using var receiver = new SrtpReceiver(new SrtpMasterKey(SrtpSuite.Aes128Sha1Tag80, ourKey));
        using var sender = new SrtpSender(new SrtpMasterKey(SrtpSuite.Aes128Sha1Tag80, Convert.FromBase64String(Key)));
        using var forger = new SrtpSender(new SrtpMasterKey(SrtpSuite.Aes128Sha1Tag80, new byte[30]));
        answer.Session!.Start();
        answer.Session.Play(Say("welcome"), 1);

        byte[] Protect(SrtpSender by, byte[] packet)
        {
            Array.Resize(ref packet, packet.Length + 10);
            by.ProtectRtp(packet, packet.Length - 10, 12);
            return packet;
        }
        _wire.Arrive(Port, Protect(sender, PeerPacket(8)), Peer);
        for (var i = 0; i < 100; i++) _wire.Arrive(Port, Protect(forger, PeerPacket(8)), Stranger);
        foreach (var packet in PeerPress('1', 900)) _wire.Arrive(Port, packet, Peer); // In clear.
        foreach (var packet in PeerPress('5', 1000)) _wire.Arrive(Port, Protect(sender, packet), Peer);
        Run(TimeSpan.FromMilliseconds(400));

        Assert.Equal("5", string.Concat(_events.Keys));
        Assert.Equal(8, answer.Session.Statistics.PacketsReceived);
        var audio = new List<PromptAudio>();
        Prompts.Resolve(Say("welcome")[0], audio);
        var heard = new List<byte>();
        foreach (var (port, datagram, to) in _wire.Sent.Where(s => s.Port % 2 == 0))
        {
            Assert.Equal(Peer, to);
            Assert.Equal(SrtpRejection.None, receiver.UnprotectRtp(datagram, 12, out var length));
            heard.AddRange(datagram[12..length]);
        }
        Assert.Equal(20 * 160, heard.Count);
        Assert.Equal(audio[0].Bytes(aLaw: true)[..heard.Count], heard.ToArray());
    }

    [Fact]
    [Clause("14.2", "whether the description of a re-INVITE has changed is checked")]
    public void The_same_key_again_keeps_the_replay_window_and_a_new_one_starts_anew()
    {
        var session = Open(SrtpOffer());
        session.Start();
        using var sender = new SrtpSender(new SrtpMasterKey(SrtpSuite.Aes128Sha1Tag80, Convert.FromBase64String(Key)));
        var packet = PeerPacket(8);
        Array.Resize(ref packet, 182);
        sender.ProtectRtp(packet, 172, 12);
        for (var i = 0; i < 3; i++)
        {
            _wire.Arrive(Port, (byte[])packet.Clone(), Peer);
            Run(TimeSpan.FromMilliseconds(20));
            Assert.Equal(0, session.Renegotiate(SrtpOffer()).Status);
        }
        Assert.Equal(1, session.Statistics.PacketsReceived);
    }

    [Fact]
    public void An_invite_without_offer_gets_ours_and_the_answer_completes_it()
    {
        var answer = _engine.Answer([], Anything, _events);
        Assert.Contains("RTP/SAVP 0 8 101", Encoding.ASCII.GetString(answer.Sdp), StringComparison.Ordinal);
        answer.Session!.Start();
        Run(TimeSpan.FromMilliseconds(100));
        Assert.Empty(_wire.Sent);
        Assert.Equal((488, "srtp-required"), Refusal(answer.Session.Renegotiate(OfferOf())));
        Assert.Equal((488, "no-usable-crypto"), Refusal(answer.Session.Renegotiate(SrtpOffer()))); // Tag 1 of our offer is another suite.
        var done = answer.Session.Renegotiate(Encoding.ASCII.GetBytes(Encoding.ASCII.GetString(SrtpOffer()).Replace("crypto:1", "crypto:4", StringComparison.Ordinal)));
        Assert.Equal((0, 0), (done.Status, done.Sdp.Length));
        Run(TimeSpan.FromMilliseconds(100));
        Assert.Equal(5, Rtp().Count);
    }

    [Theory]
    [InlineData(false, "RTP/AVP")]
    [InlineData(true, "RTP/SAVP")]
    [Clause("14.2", "an offer in answer to a re-INVITE overlaps with the session as it is")]
    public void A_re_invite_without_an_offer_is_offered_the_port_the_codecs_and_the_protection_that_the_session_has(bool srtp, string protocol)
    {
        var answer = _engine.Answer(srtp ? SrtpOffer() : OfferOf("m=audio 4000 RTP/AVP 8 101\r\na=rtpmap:101 telephone-event/8000\r\n"), Anything, _events);
        answer.Session!.Start();
        var (before, offer) = (Encoding.ASCII.GetString(answer.Sdp), Encoding.ASCII.GetString(answer.Session.Renegotiate([]).Sdp));
        Assert.Equal(LineOf(before, "m=").Split(' ')[..3], LineOf(offer, "m=").Split(' ')[..3]);
        Assert.Equal(protocol, LineOf(offer, "m=").Split(' ')[2]);
        Assert.Contains(LineOf(before, "m=").Split(' ')[3], LineOf(offer, "m=").Split(' ')[3..]);
        Assert.Equal(LineOf(before, "c="), LineOf(offer, "c="));
        Assert.Equal(LineOf(before, "a=crypto"), LineOf(offer, "a=crypto"));

        static string LineOf(string sdp, string start) => sdp.Split("\r\n").FirstOrDefault(line => line.StartsWith(start, StringComparison.Ordinal)) ?? "";
    }

    [Fact]
    public void Ports_are_freed_and_when_none_is_left_the_call_is_refused()
    {
        _wire.Taken.Add(32003); // Another program's.
        var sessions = Enumerable.Range(0, 3).Select(_ => Open()).ToList();
        Assert.Equal((503, "no-media-port"), Refusal(_engine.Answer(OfferOf(), Anything, _events)));
        foreach (var session in sessions) session.Dispose();
        foreach (var session in sessions) session.Dispose();
        Assert.Empty(_wire.Open);
        Assert.Equal((4, 0), (_engine.FreePorts, _engine.Loops[0].Sessions));
        for (var i = 0; i < 1000; i++) Open().Dispose();
        Assert.Equal(4, _engine.FreePorts);
    }

    [Fact]
    public void A_standstill_of_the_machine_is_a_gap_in_time_and_not_a_burst()
    {
        Open().Start();
        Run(TimeSpan.FromSeconds(1));
        _time.Advance(TimeSpan.FromSeconds(3));
        _wire.Sent.Clear();
        Run(TimeSpan.FromMilliseconds(40));
        var rtp = Rtp();
        Assert.InRange(rtp.Count, 2, 4);
        Assert.True(rtp[0].Header.Marker);
        Run(TimeSpan.FromSeconds(1));
        Assert.InRange(Rtp()[^1].Header.Timestamp - rtp[0].Header.Timestamp, 50u * 160, 53u * 160);
    }

    [Fact]
    public void A_play_may_be_queued_from_inside_of_an_event()
    {
        IMediaSession? session = null;
        var chain = new Chain(id => session!.Play(Say("on"), id + 1));
        session = _engine.Answer(OfferOf(), Anything, chain).Session!;
        session.Start();
        session.Play(Say("and"), 1);
        Run(TimeSpan.FromSeconds(10));
        Assert.InRange(chain.Ended, 10, 30);
    }

    private sealed class Chain(Action<int> onEnded) : IMediaEvents
    {
        public int Ended { get; private set; }

        public void Key(char key, int durationMs)
        {
        }

        public void Tone(char key)
        {
        }

        public void PlayEnded(int playId)
        {
            Ended++;
            onEnded(playId);
        }

        public void PlayStarted(int playId, long timestamp)
        {
        }

        public void TimedOut()
        {
        }
    }

    [Fact]
    public void An_error_in_one_calls_events_ends_its_media_and_no_others()
    {
        var broken = new Broken();
        var session = _engine.Answer(OfferOf(), Anything, broken).Session!;
        var port = Port;
        session.Start();
        session.Play(Say("welcome"), 1);
        Run(TimeSpan.FromMilliseconds(100));
        Assert.Equal(1, broken.TimeOuts);
        var sent = _wire.Sent.Count;
        var other = Open();
        other.Start();
        Run(TimeSpan.FromMilliseconds(100));
        Assert.Equal(sent + 5, _wire.Sent.Count);
        Assert.All(_wire.Sent.Skip(sent), s => Assert.NotEqual(port, s.Port));
    }

    private sealed class Broken : IMediaEvents
    {
        public int TimeOuts { get; private set; }

        public void Key(char key, int durationMs) => throw new InvalidOperationException("test");

        public void Tone(char key) => throw new InvalidOperationException("test");

        public void PlayEnded(int playId) => throw new InvalidOperationException("test");

        public void PlayStarted(int playId, long timestamp) => throw new InvalidOperationException("test");

        public void TimedOut()
        {
            TimeOuts++;
            throw new InvalidOperationException("test");
        }
    }
}
