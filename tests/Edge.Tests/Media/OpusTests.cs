using System.Net;
using System.Text;
using Concentus;
using IvrActors.Edge.Dtmf;
using IvrActors.Edge.Media;
using IvrActors.Edge.Recording;
using IvrActors.Edge.Rtp;
using IvrActors.Edge.Sdp;
using IvrActors.Grains.Interfaces.Flows;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace IvrActors.Edge.Tests.Media;

/// <summary>Calls in Opus (RFC 7587), in virtual time over a network in memory. What is decoded again is compared by its form: the codec is lossy and some milliseconds late.</summary>
public sealed class OpusTests : IDisposable
{
    private const string Offer = "m=audio 4000 RTP/AVP 111 0 110 101\r\na=rtpmap:111 opus/48000/2\r\na=rtpmap:110 telephone-event/48000\r\na=rtpmap:101 telephone-event/8000\r\n";

    private static readonly PromptStore Prompts = AudioTests.Prompts();
    private static readonly MediaPolicy WithOpus = new(SecureSignalling: true, SrtpPolicy.Preferred, SdesWithoutTls: false) { Codecs = [SdpCodec.Opus, SdpCodec.Pcmu] };
    private static readonly MediaAddress Caller = MediaAddress.From(IPAddress.Parse("192.0.2.1"), 4000);
    private static readonly MediaAddress Callee = MediaAddress.From(IPAddress.Parse("192.0.2.2"), 5000);

    private readonly FakeTimeProvider _time = new();
    private readonly VirtualWire _wire = new();
    private readonly HeardEvents _events = new();
    private readonly MediaEngine _engine;
    private ushort _sequence = 100;

    public OpusTests()
    {
        _engine = new MediaEngine(MediaEngineTests.Options(), _time, Prompts, () => _wire, loops: 1, ownThreads: false);
        _engine.Loops[0].RunDue();
    }

    public void Dispose() => _engine.Dispose();

    [Fact]
    public void The_answer_takes_opus_with_events_of_its_clock_and_asks_for_a_constant_rate()
    {
        var answer = _engine.Answer(MediaEngineTests.OfferOf(Offer), WithOpus, _events);
        Assert.Equal("opus", answer.Session!.Codec);
        var sdp = Encoding.ASCII.GetString(answer.Sdp);
        Assert.Contains("m=audio 32000 RTP/AVP 111 110\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 maxplaybackrate=8000;sprop-maxcapturerate=8000;cbr=1\r\na=rtpmap:110 telephone-event/48000\r\n",
            sdp.Replace($"m=audio {Port} ", "m=audio 32000 ", StringComparison.Ordinal), StringComparison.Ordinal);
    }

    [Fact]
    public void Prompts_are_packets_of_one_size_each_20_ms_on_a_clock_of_48_khz_and_sound_as_they_were_recorded()
    {
        var session = Open();
        Assert.True(SpinWait.SpinUntil(() => !Prepared("welcome").IsPendingAs(opus: true), TimeSpan.FromSeconds(30)));
        session.Play([new PromptPart { Prompt = "welcome" }], 1);
        Run(20 * 50);

        var packets = Rtp(Port);
        Assert.Equal(50, packets.Count);
        Assert.All(packets, packet => Assert.Equal((111, OpusAudio.FrameBytes), (packet.Header.PayloadType, packet.Payload.Length)));
        for (var i = 1; i < packets.Count; i++) Assert.Equal(960u, packets[i].Header.Timestamp - packets[i - 1].Header.Timestamp);
        Assert.True(Likeness(Decode(packets.Select(packet => packet.Payload)), Linear(Prepared("welcome").Bytes(aLaw: false)[..(50 * 160)])) > 0.9);
    }

    [Fact]
    public void A_prompt_that_is_still_being_encoded_is_waited_for_with_silence_and_ends_with_a_frame()
    {
        var player = new Player();
        var events = new List<PlayEvent>();
        var audio = PromptAudio.FromLinear(Enumerable.Repeat((short)1000, 200).ToArray());
        player.Enqueue([audio, audio], 1);
        var (frame, opus) = (new byte[160], new byte[OpusAudio.FrameBytes]);
        Assert.False(player.Fill(frame, aLaw: false, events, opus));
        Assert.Equal(OpusAudio.Silence, opus);
        audio.PrepareOpus();
        Assert.True(SpinWait.SpinUntil(() => !audio.IsPendingAs(opus: true), TimeSpan.FromSeconds(30)));

        var frames = Enumerable.Range(0, 4).Select(_ => player.Fill(frame, aLaw: false, events, opus) ? opus.ToArray() : []).ToList();
        Assert.Equal([audio.OpusFrame(0).ToArray(), audio.OpusFrame(1).ToArray(), audio.OpusFrame(0).ToArray(), audio.OpusFrame(1).ToArray()], frames);
        Assert.Equal(120, frame.AsSpan(40).Count(G711.MuLawSilence)); // What is recorded: 200 samples are a frame and a quarter.
        Assert.Equal([new(1, false), new PlayEvent(1, true)], events);
        Assert.True(player.IsIdle);
    }

    [Fact]
    public void A_key_is_one_key_on_the_clock_of_opus_with_its_duration_in_milliseconds_also_when_it_is_held_for_long()
    {
        Open();
        Press('5', 4_294_960_000, frames: 5); // The clock wraps soon.
        Press('5', unchecked(4_294_960_000 + 9600), frames: 5);
        Assert.Equal(['5', '5'], _events.Keys);

        // RFC 4733 2.5.1.3: where 16 bits are full, after 1.36 s, the same press goes on in a new segment.
        Press('7', 100_000, frames: 68, last: 0xFFFF, ends: false);
        Press('7', 100_000 + 0xFFFF, frames: 5);
        Assert.Equal(['5', '5', '7'], _events.Keys);
    }

    [Fact]
    public void Packets_of_other_codecs_are_not_taken_into_the_clock_of_opus()
    {
        var session = Open();
        Arrive(Port, 0, 1000, new byte[160], Caller);
        Assert.Equal(0, session.Statistics.PacketsReceived);
        Arrive(Port, 111, 1000, OpusAudio.Silence, Caller);
        Assert.Equal(1, session.Statistics.PacketsReceived);
    }

    [Fact]
    public void Jitter_is_that_of_the_network_and_reports_are_in_the_clock_of_the_stream()
    {
        var session = Open();
        for (var i = 0; i < 400; i++)
        {
            // Each second packet comes 10 ms late.
            Run(i % 2 == 0 ? 30 : 10);
            Arrive(Port, 111, (uint)i * 960, OpusAudio.Silence, Caller);
        }
        Assert.InRange(session.Statistics.JitterMs, 8, 12);
        var report = _wire.Sent.Last(sent => sent.Port == Port + 1).Datagram;
        Assert.Equal(RtcpRejection.None, Rtcp.TryRead(report, Ssrc(report), out _));
        Assert.InRange(System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(report.AsSpan(28 + 12)), 48 * 8u, 48 * 12u);
        // Octets of the payload, not of G.711.
        var packets = System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(report.AsSpan(20));
        Assert.Equal(packets * OpusAudio.FrameBytes, System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(report.AsSpan(24)));
    }

    [Fact]
    public void A_caller_in_opus_and_a_callee_in_g711_hear_each_other_and_keys_keep_their_length()
    {
        var caller = Open();
        var callerPort = Port;
        var callee = _engine.Offer(caller, WithOpus with { Srtp = SrtpPolicy.Off, Codecs = [SdpCodec.Pcmu] }, new HeardEvents()).Session!;
        var calleePort = _wire.Open.Keys.Single(port => port % 2 == 0 && port != callerPort);
        Assert.Equal(0, callee.TakeAnswer(MediaEngineTests.OfferOf("m=audio 5000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n", "192.0.2.2")));
        callee.Start();
        caller.SendOnTo(callee);
        callee.SendOnTo(caller);
        var voice = Prepared("welcome").Bytes(aLaw: false)[..(50 * 160)].ToArray();
        var opus = OpusAudio.Encode(voice);
        for (var i = 0; i < 50; i++)
        {
            Arrive(callerPort, 111, (uint)i * 960, opus[(i * OpusAudio.FrameBytes)..((i + 1) * OpusAudio.FrameBytes)], Caller);
            Arrive(calleePort, 0, (uint)i * 160, voice[(i * 160)..((i + 1) * 160)], Callee, ssrc: 11);
            Run(20);
        }
        var heardByCallee = Rtp(calleePort).Where(packet => packet.Header.PayloadType == 0).ToList();
        Assert.All(heardByCallee.Skip(1).Zip(heardByCallee), pair => Assert.Equal(160u, pair.First.Header.Timestamp - pair.Second.Header.Timestamp));
        Assert.True(Likeness(Linear([.. heardByCallee.SelectMany(packet => packet.Payload)]), Linear(voice)) > 0.9);
        var heardByCaller = Rtp(callerPort).Where(packet => packet.Header.PayloadType == 111).ToList();
        Assert.All(heardByCaller, packet => Assert.Equal(OpusAudio.FrameBytes, packet.Payload.Length));
        Assert.True(Likeness(Decode(heardByCaller.Select(packet => packet.Payload)), Linear(voice)) > 0.8);

        Press('3', 500_000, frames: 5, port: callerPort);
        var key = Rtp(calleePort).Where(packet => packet.Header.PayloadType == 101).Select(packet => TelephoneEvent.TryRead(packet.Payload, out var one) ? one : default).ToList();
        Assert.Equal((3, true, 800), (key[^1].Event, key[^1].End, key[^1].Duration));
    }

    [Fact]
    public void A_recording_holds_what_a_caller_in_opus_says()
    {
        var session = Open();
        var recording = new CallRecording(aLaw: false);
        session.Record(recording);
        Run(20);
        var voice = Prepared("welcome").Bytes(aLaw: false)[..(50 * 160)].ToArray();
        var opus = OpusAudio.Encode(voice);
        for (var i = 0; i < 50; i++)
        {
            Arrive(Port, 111, (uint)i * 960, opus[(i * OpusAudio.FrameBytes)..((i + 1) * OpusAudio.FrameBytes)], Caller);
            Run(20);
        }
        session.Record(null);
        var audio = new byte[20 * 8000 * 2];
        var length = 0;
        while (recording.Read(audio.AsSpan(length), out _) is > 0 and var read) length += read;
        Assert.True(Likeness(Linear([.. audio[..length].Where((_, i) => i % 2 == 0)]), Linear(voice)) > 0.9);
    }

    [Fact]
    public void No_bytes_that_anybody_sends_as_opus_do_more_than_be_left_out()
    {
        using var bridge = new OpusBridge();
        var random = new Random(7);
        var muLaw = new byte[OpusAudio.MostSamples];
        for (var i = 0; i < 5000; i++)
        {
            var packet = new byte[random.Next(300)];
            random.NextBytes(packet);
            for (var refill = 0; refill < 2; refill++) bridge.Refill();
            Assert.InRange(bridge.Decode(packet, muLaw), 0, muLaw.Length);
        }
        for (var refill = 0; refill < 2; refill++) bridge.Refill();
        Assert.Equal(160, bridge.Decode(OpusAudio.Silence, muLaw));
    }

    [Fact]
    public void No_more_audio_is_decoded_and_encoded_than_a_voice_has()
    {
        using var bridge = new OpusBridge();
        var muLaw = new byte[OpusAudio.MostSamples];
        var packet = new byte[OpusAudio.FrameBytes];
        Assert.Equal(50, Enumerable.Range(0, 200).Count(_ => bridge.Decode(OpusAudio.Silence, muLaw) > 0));
        Assert.Equal(0, bridge.Encode(new byte[160], aLaw: false, packet));
        bridge.Refill();
        Assert.Equal(4, Enumerable.Range(0, 200).Count(_ => bridge.Encode(new byte[160], aLaw: false, packet) > 0));
    }

    [Fact]
    public void What_was_to_be_played_before_opus_was_agreed_is_heard_and_the_stream_of_another_clock_is_another()
    {
        var answer = _engine.Answer(MediaEngineTests.OfferOf("m=audio 4000 RTP/AVP 0\r\n"), WithOpus, _events);
        answer.Session!.Start();
        answer.Session.Play([new PromptPart { Prompt = "main-menu" }], 1);
        Run(100);
        var before = Rtp(Port)[^1].Header;
        _wire.Sent.Clear();
        Assert.Equal(0, answer.Session.Renegotiate(MediaEngineTests.OfferOf(Offer)).Status);
        Assert.True(SpinWait.SpinUntil(() => !Prompt("main-menu").IsPendingAs(opus: true), TimeSpan.FromSeconds(30)));
        Run(200);

        var after = Rtp(Port);
        Assert.All(after, packet => Assert.Equal(111, packet.Header.PayloadType));
        Assert.NotEqual(before.Ssrc, after[0].Header.Ssrc);
        Assert.True(after[0].Header is { Marker: true, Sequence: < 0x8000 });
        Assert.Contains(after, packet => !packet.Payload.SequenceEqual(OpusAudio.Silence));
    }

    private int Port => _wire.Open.Keys.First(port => port % 2 == 0);

    private IMediaSession Open()
    {
        var answer = _engine.Answer(MediaEngineTests.OfferOf(Offer), WithOpus, _events);
        Assert.Equal((0, "opus"), (answer.Status, answer.Session!.Codec));
        answer.Session.Start();
        return answer.Session;
    }

    private static PromptAudio Prepared(string id)
    {
        Prompt(id).PrepareOpus();
        return Prompt(id);
    }

    private static PromptAudio Prompt(string id)
    {
        var audio = new List<PromptAudio>();
        Prompts.Resolve(new PromptPart { Prompt = id }, audio);
        return audio[0];
    }

    private void Run(int milliseconds)
    {
        for (var i = 0; i < milliseconds; i += 2)
        {
            _time.Advance(TimeSpan.FromMilliseconds(2));
            _engine.Loops[0].RunDue();
        }
    }

    private void Arrive(int port, byte payloadType, uint timestamp, byte[] payload, MediaAddress from, uint ssrc = 9)
    {
        var packet = new byte[12 + payload.Length];
        new RtpHeader { PayloadType = payloadType, Sequence = _sequence++, Timestamp = timestamp, Ssrc = ssrc }.Write(packet);
        payload.CopyTo(packet, 12);
        _wire.Open[port].Input.Receive(packet, from, rtcp: false);
    }

    /// <summary>A press whose duration grows by 20 ms of 48 kHz with each packet.</summary>
    private void Press(char key, uint timestamp, int frames, ushort? last = null, bool ends = true, int? port = null)
    {
        for (var i = 1; i <= frames; i++)
        {
            var payload = new byte[4];
            new TelephoneEvent(TelephoneEvent.NumberOf(key)!.Value, ends && i == frames, 10, i == frames && last is { } most ? most : (ushort)Math.Min(i * 960, ushort.MaxValue)).Write(payload);
            Arrive(port ?? Port, 110, timestamp, payload, Caller);
        }
    }

    private List<(RtpHeader Header, byte[] Payload)> Rtp(int port) => [.. _wire.Sent.Where(sent => sent.Port == port).Select(sent =>
    {
        Assert.Equal(RtpRejection.None, RtpHeader.TryRead(sent.Datagram, out var header));
        return (header, sent.Datagram[12..]);
    })];

    private static uint Ssrc(byte[] report) => System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(report.AsSpan(4));

    private static short[] Decode(IEnumerable<byte[]> packets)
    {
        using var decoder = OpusCodecFactory.CreateDecoder(8000, 1);
        var frame = new short[OpusAudio.MostSamples];
        return [.. packets.SelectMany(packet => frame[..decoder.Decode(packet, frame, frame.Length, false)].ToArray())];
    }

    private static short[] Linear(ReadOnlySpan<byte> muLaw)
    {
        var samples = new short[muLaw.Length];
        for (var i = 0; i < samples.Length; i++) samples[i] = G711.DecodeMuLaw(muLaw[i]);
        return samples;
    }

    /// <summary>The best correlation of two pieces of audio, 1 for the same, at any delay of up to 100 ms.</summary>
    private static double Likeness(short[] heard, short[] said)
    {
        var best = 0.0;
        for (var lag = 0; lag < 800; lag++)
        {
            double both = 0, ofHeard = 0, ofSaid = 0;
            for (var i = 0; i < said.Length && i + lag < heard.Length; i++)
            {
                both += (double)heard[i + lag] * said[i];
                ofHeard += (double)heard[i + lag] * heard[i + lag];
                ofSaid += (double)said[i] * said[i];
            }
            if (ofHeard > 0 && ofSaid > 0) best = Math.Max(best, both / Math.Sqrt(ofHeard * ofSaid));
        }
        return best;
    }
}
