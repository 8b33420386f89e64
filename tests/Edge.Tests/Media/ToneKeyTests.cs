using System.Net;
using IvrActors.Edge.Dtmf;
using IvrActors.Edge.Media;
using IvrActors.Edge.Rtp;
using IvrActors.Edge.Tests.Dtmf;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace IvrActors.Edge.Tests.Media;

/// <summary>Keys as tones in a call's RTP audio, in virtual time.</summary>
public sealed class ToneKeyTests : IDisposable
{
    private const string WithoutEvents = "m=audio 4000 RTP/AVP 8 0\r\n";
    private const string WithEvents = "m=audio 4000 RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\n";
    private static readonly MediaAddress Peer = MediaAddress.From(IPAddress.Parse("192.0.2.1"), 4000);

    private readonly VirtualWire _wire = new();
    private readonly HeardEvents _events = new();
    private readonly MediaEngine _engine;
    private ushort _sequence = 65530; // It turns over in each test.
    private uint _timestamp = uint.MaxValue - 100;

    public ToneKeyTests() => _engine = new MediaEngine(MediaEngineTests.Options(), new FakeTimeProvider(), AudioTests.Prompts(), () => _wire, loops: 1, ownThreads: false);

    public void Dispose() => _engine.Dispose();

    private IMediaSession Open(string media, ToneKeys tones = ToneKeys.WithoutEvents)
    {
        var session = _engine.Answer(MediaEngineTests.OfferOf(media), new MediaPolicy(true, SrtpPolicy.Off, false) { Tones = tones }, _events).Session!;
        session.Start();
        return session;
    }

    private static short[] Press(string keys) => [.. keys.SelectMany(key => (short[])[.. ToneDetectorTests.Tone(key, 80), .. new short[480]])];

    /// <summary>Audio in packets of 20 ms, those left out by <paramref name="arrives"/> lost.</summary>
    private void Send(short[] audio, Func<int, bool>? arrives = null, bool aLaw = true)
    {
        for (var i = 0; i + 160 <= audio.Length; i += 160)
        {
            var packet = new byte[172];
            new RtpHeader { PayloadType = (byte)(aLaw ? 8 : 0), Sequence = _sequence++, Timestamp = _timestamp, Ssrc = 9 }.Write(packet);
            _timestamp += 160;
            for (var j = 0; j < 160; j++) packet[12 + j] = aLaw ? G711.EncodeALaw(audio[i + j]) : G711.EncodeMuLaw(audio[i + j]);
            if (arrives?.Invoke(i / 160) != false) Receive(packet);
        }
    }

    private void Receive(byte[] packet) => _wire.Open.Single(open => open.Key % 2 == 0).Value.Input.Receive(packet, Peer, false);

    private string Heard => string.Concat(_events.Tones);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Tones_are_keys_where_no_events_were_agreed(bool aLaw)
    {
        Open(WithoutEvents);
        Send(Press("4915*0#22"), aLaw: aLaw);
        Assert.Equal("4915*0#22", Heard);
        Assert.Empty(_events.Keys);
    }

    [Theory]
    [InlineData(WithEvents, ToneKeys.WithoutEvents, "")]
    [InlineData(WithEvents, ToneKeys.Never, "")]
    [InlineData(WithoutEvents, ToneKeys.Never, "")]
    [InlineData(WithEvents, ToneKeys.Always, "12")]
    [InlineData(WithoutEvents, ToneKeys.Always, "12")]
    public void The_trunk_says_when_tones_are_listened_for(string media, ToneKeys tones, string heard)
    {
        Open(media, tones);
        Send(Press("12"));
        Assert.Equal(heard, Heard);
    }

    [Fact]
    public void Who_sends_events_is_not_heard_by_tones_any_more()
    {
        Open(WithEvents, ToneKeys.Always);
        Send(Press("1"));
        SendEvent(2);
        Send(Press("2"));
        Assert.Equal(("1", "2"), (Heard, string.Concat(_events.Keys)));
    }

    private void SendEvent(byte number)
    {
        var packet = new byte[16];
        new RtpHeader { PayloadType = 101, Sequence = _sequence++, Timestamp = _timestamp, Ssrc = 9 }.Write(packet);
        new TelephoneEvent(number, false, 10, 160).Write(packet.AsSpan(12));
        Receive(packet);
    }

    [Fact]
    public void Whose_only_event_is_a_flash_is_heard_by_tones()
    {
        var session = Open(WithEvents, ToneKeys.Always);
        SendEvent(16);
        Send(Press("12"));
        Assert.Equal(("12", false), (Heard, session.SendsKeys));
    }

    [Fact]
    public void Who_sends_events_is_heard_by_tones_when_they_are_no_longer_agreed()
    {
        var session = Open(WithEvents);
        SendEvent(2);
        Send(Press("3"));
        Assert.Equal("", Heard);
        Assert.Equal(0, session.Renegotiate(MediaEngineTests.OfferOf(WithoutEvents)).Status);
        Send(Press("4"));
        Assert.Equal("4", Heard);
    }

    [Fact]
    public void A_lost_packet_parts_no_press_and_joins_no_two()
    {
        Open(WithoutEvents);
        var audio = Press("1777");
        for (var lost = 0; lost < audio.Length / 160; lost++)
        {
            Send(audio, packet => packet != lost);
            Send(new short[1600]);
            Assert.Equal("1777", Heard);
            _events.Tones.Clear();
        }
    }

    [Fact]
    public void A_packet_that_came_late_or_twice_is_not_heard_again()
    {
        Open(WithoutEvents);
        var tone = ToneDetectorTests.Tone('5', 60);
        Send(tone);
        _sequence -= 3;
        _timestamp -= 480;
        Send(tone);
        Assert.Equal("5", Heard);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    public void Packets_that_changed_places_on_the_way_part_no_press_and_join_no_two(int reach)
    {
        Open(WithoutEvents);
        var audio = Press("1777");
        var order = Enumerable.Range(0, audio.Length / 160).Chunk(reach).SelectMany(chunk => chunk.Reverse());
        var (sequence, timestamp) = (_sequence, _timestamp);
        // It learns of the mixing up in what is said before.
        foreach (var silent in Enumerable.Range(0, 2).SelectMany(_ => Enumerable.Range(0, reach).Reverse().ToArray()))
        {
            (_sequence, _timestamp) = ((ushort)(sequence + silent), timestamp + (uint)silent * 160);
            Send(new short[160]);
            if (silent == 0) (sequence, timestamp) = ((ushort)(sequence + reach), timestamp + (uint)reach * 160);
        }
        foreach (var packet in order)
        {
            (_sequence, _timestamp) = ((ushort)(sequence + packet), timestamp + (uint)packet * 160);
            Send(audio[(packet * 160)..((packet + 1) * 160)]);
        }
        Assert.Equal("1777", Heard);
    }

    [Fact]
    public void A_pause_that_was_not_sent_parts_two_presses()
    {
        Open(WithoutEvents);
        Send(ToneDetectorTests.Tone('5', 60));
        _timestamp += 8000;
        Send(ToneDetectorTests.Tone('5', 60));
        Assert.Equal("55", Heard);
    }
}
