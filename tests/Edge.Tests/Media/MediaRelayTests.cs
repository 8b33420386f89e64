using System.Net;
using System.Text;
using IvrActors.Edge.Dtmf;
using IvrActors.Edge.Media;
using IvrActors.Edge.Rtp;
using IvrActors.Edge.Sdp;
using IvrActors.Edge.Srtp;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace IvrActors.Edge.Tests.Media;

/// <summary>Two sessions that are joined: a caller with SRTP and a callee without, in virtual time over a network in memory.</summary>
public sealed class MediaRelayTests : IDisposable
{
    private const string CallerKey = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj";

    private static readonly MediaAddress Caller = MediaAddress.From(IPAddress.Parse("192.0.2.1"), 4000);
    private static readonly MediaAddress Callee = MediaAddress.From(IPAddress.Parse("192.0.2.2"), 5000);
    private static readonly MediaPolicy Secure = new(SecureSignalling: true, SrtpPolicy.Required, SdesWithoutTls: false);
    private static readonly MediaPolicy Plain = new(SecureSignalling: false, SrtpPolicy.Off, SdesWithoutTls: false);

    private readonly FakeTimeProvider _time = new();
    private readonly VirtualWire _wire = new();
    private readonly HeardEvents _callerEvents = new();
    private readonly HeardEvents _calleeEvents = new();
    private readonly MediaEngine _engine;
    private readonly IMediaSession _caller;
    private readonly IMediaSession _callee;
    private readonly int _callerPort;
    private readonly int _calleePort;
    private readonly SrtpSender _callerSends = new(new SrtpMasterKey(SrtpSuite.Aes128Sha1Tag80, Convert.FromBase64String(CallerKey)));
    private readonly SrtpReceiver _callerHears;
    private ushort _sequence = 1000;

    public MediaRelayTests()
    {
        _engine = new MediaEngine(MediaEngineTests.Options(), _time, AudioTests.Prompts(), () => _wire, loops: 1, ownThreads: false);
        _engine.Loops[0].RunDue();
        var answer = _engine.Answer(MediaEngineTests.OfferOf($"m=audio 4000 RTP/SAVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{CallerKey}\r\n"), Secure, _callerEvents);
        _caller = answer.Session!;
        _callerPort = _wire.Open.Keys.Single(p => p % 2 == 0);
        var ourKey = Encoding.ASCII.GetString(answer.Sdp).Split("inline:")[1].Split("\r\n")[0];
        _callerHears = new SrtpReceiver(new SrtpMasterKey(SrtpSuite.Aes128Sha1Tag80, Convert.FromBase64String(ourKey)));

        _callee = _engine.Offer(_caller, Plain, _calleeEvents).Session!;
        _calleePort = _wire.Open.Keys.Single(p => p % 2 == 0 && p != _callerPort);
        _caller.Start();
    }

    public void Dispose()
    {
        _engine.Dispose();
        _callerSends.Dispose();
        _callerHears.Dispose();
    }

    private static byte[] Answer(string media) => MediaEngineTests.OfferOf(media, "192.0.2.2");

    /// <summary>The callee answers with A-law and keys under another payload type.</summary>
    private void Answered(string media = "m=audio 5000 RTP/AVP 8 96\r\na=rtpmap:96 telephone-event/8000\r\n")
    {
        Assert.Equal(0, _callee.TakeAnswer(Answer(media)));
        _callee.Start();
        _caller.SendOnTo(_callee);
        _callee.SendOnTo(_caller);
    }

    private void Run(int milliseconds)
    {
        for (var i = 0; i < milliseconds; i += 2)
        {
            _time.Advance(TimeSpan.FromMilliseconds(2));
            _engine.Loops[0].RunDue();
        }
    }

    private static byte[] Packet(byte payloadType, ushort sequence, uint timestamp, byte[] payload, uint ssrc = 9, bool marker = false)
    {
        var packet = new byte[12 + payload.Length];
        new RtpHeader { PayloadType = payloadType, Marker = marker, Sequence = sequence, Timestamp = timestamp, Ssrc = ssrc }.Write(packet);
        payload.CopyTo(packet, 12);
        return packet;
    }

    private static byte[] Tone(byte value) => [.. Enumerable.Repeat(value, 160)];

    private void CallerSays(byte[] packet)
    {
        var room = new byte[packet.Length + SrtpSuite.Aes128Sha1Tag80.RtpTagSize];
        packet.CopyTo(room, 0);
        _callerSends.ProtectRtp(room, packet.Length, 12);
        _wire.Arrive(_callerPort, room, Caller);
        Run(2);
    }

    private void CalleeSays(byte[] packet, MediaAddress? from = null)
    {
        _wire.Arrive(_calleePort, packet, from ?? Callee);
        Run(2);
    }

    [Fact]
    public void No_number_is_given_twice_under_srtp_when_a_packet_that_cannot_be_carried_comes_ahead_of_others()
    {
        Answered();
        CalleeSays(Packet(8, 100, 16_000, Tone(0x55)));
        CalleeSays(Packet(96, 228, 16_160, [1, 2])); // Half an event.
        for (ushort late = 101; late < 228; late++) CalleeSays(Packet(8, late, late * 160u, Tone(0x55)));
        Run(400); // The callee says no more: silence of ours goes on.

        var numbers = Sent(_callerPort).Select(packet => packet.Header.Sequence).ToList();
        Assert.True(numbers.Count > 128 + 10);
        Assert.Equal(numbers.Count, numbers.Distinct().Count());
        Assert.Equal(0, _callerEvents.TimeOuts);
    }

    private List<(RtpHeader Header, byte[] Payload)> Sent(int port)
    {
        var sent = new List<(RtpHeader, byte[])>();
        foreach (var (_, datagram, _) in _wire.Sent.Where(s => s.Port == port))
        {
            var packet = datagram;
            if (port == _callerPort)
            {
                packet = (byte[])datagram.Clone();
                Assert.Equal(SrtpRejection.None, _callerHears.UnprotectRtp(packet, 12, out var length));
                packet = packet[..length];
            }
            Assert.Equal(RtpRejection.None, RtpHeader.TryRead(packet, out var header));
            sent.Add((header, packet[12..]));
        }
        _wire.Sent.RemoveAll(s => s.Port == port);
        return sent;
    }

    private List<(RtpHeader Header, byte[] Payload)> CalleeHears() => Sent(_calleePort);

    private List<(RtpHeader Header, byte[] Payload)> CallerHears() => Sent(_callerPort);

    [Fact]
    public void Audio_goes_both_ways_decrypted_and_encrypted_anew_and_from_one_law_to_the_other()
    {
        Answered();
        CalleeHears();
        CallerHears();
        for (var i = 0; i < 10; i++)
        {
            CallerSays(Packet(0, _sequence, _sequence * 160u, Tone(0x12)));
            CalleeSays(Packet(8, _sequence, _sequence * 160u, Tone(0x34)));
            _sequence++;
            Run(16);
        }
        Assert.All(_wire.Sent.Where(s => s.Port == _callerPort), s => Assert.Equal(12 + 160 + SrtpSuite.Aes128Sha1Tag80.RtpTagSize, s.Datagram.Length));
        Assert.All(_wire.Sent.Where(s => s.Port == _callerPort), s => Assert.Equal(-1, s.Datagram.AsSpan().IndexOf(new byte[] { G711.ALawToMuLaw(0x34), G711.ALawToMuLaw(0x34), G711.ALawToMuLaw(0x34) })));
        var toCallee = CalleeHears();
        Assert.Equal(10, toCallee.Count);
        Assert.All(toCallee, p => Assert.Equal(8, p.Header.PayloadType));
        Assert.All(toCallee, p => Assert.Equal(Tone(G711.MuLawToALaw(0x12)), p.Payload));
        Assert.All(_wire.Sent.Where(s => s.Port == _calleePort), s => Assert.Equal(Callee, s.To));
        var toCaller = CallerHears();
        Assert.Equal(10, toCaller.Count(p => p.Payload.SequenceEqual(Tone(G711.ALawToMuLaw(0x34)))));
        Assert.All(toCaller, p => Assert.Equal(0, p.Header.PayloadType));
        // Each side sees one source of ours, never the other's.
        Assert.NotEqual(9u, Assert.Single(toCallee.Select(p => p.Header.Ssrc).Distinct()));
        Assert.NotEqual(9u, Assert.Single(toCaller.Select(p => p.Header.Ssrc).Distinct()));
    }

    [Fact]
    public void The_same_law_on_both_sides_goes_through_byte_by_byte()
    {
        Answered("m=audio 5000 RTP/AVP 0\r\n");
        CalleeHears();
        var payload = Enumerable.Range(0, 160).Select(i => (byte)i).ToArray();
        CallerSays(Packet(0, _sequence, 0, payload));
        Assert.Equal(payload, Assert.Single(CalleeHears()).Payload);
    }

    [Fact]
    public void Keys_pass_under_the_other_sides_payload_type_and_are_reported_to_nobody()
    {
        Answered();
        CallerSays(Packet(0, _sequence++, 1000, Tone(1)));
        CalleeHears();
        Assert.False(_caller.SendsKeys);
        var press = new DtmfPress('5', 100);
        while (press.TryNext(out var one))
        {
            var payload = new byte[4];
            one.Event.Write(payload);
            CallerSays(Packet(101, _sequence++, 1160, payload, marker: one.Marker));
            Run(18);
        }
        var heard = CalleeHears();
        Assert.All(heard, p => Assert.Equal(96, p.Header.PayloadType));
        Assert.Equal([true, .. Enumerable.Repeat(false, heard.Count - 1)], heard.Select(p => p.Header.Marker));
        Assert.Single(heard.Select(p => p.Header.Timestamp).Distinct());
        Assert.True(TelephoneEvent.TryRead(heard[^1].Payload, out var last));
        Assert.Equal((true, 800), (last.End, (int)last.Duration));
        Assert.Empty(_callerEvents.Keys);
        Assert.Equal((true, false), (_caller.SendsKeys, _callee.SendsKeys));

        _caller.SendOnTo(null);
        press = new DtmfPress('6', 40);
        while (press.TryNext(out var one))
        {
            var payload = new byte[4];
            one.Event.Write(payload);
            CallerSays(Packet(101, _sequence++, 9000, payload));
        }
        Assert.Equal(['6'], _callerEvents.Keys);
    }

    [Fact]
    public void Keys_for_a_side_that_takes_none_are_left_out()
    {
        Answered("m=audio 5000 RTP/AVP 8\r\n");
        CalleeHears();
        CallerSays(Packet(101, _sequence++, 0, [5, 10, 0, 160]));
        Run(20);
        Assert.All(CalleeHears(), p => Assert.Equal((8, 160, G711.ALawSilence), ((int)p.Header.PayloadType, p.Payload.Length, p.Payload[0])));
    }

    [Fact]
    public void Silence_of_ours_fills_the_stream_where_the_other_side_says_nothing_and_time_never_runs_back()
    {
        Answered();
        for (var round = 0; round < 3; round++)
        {
            for (var i = 0; i < 20; i++)
            {
                CallerSays(Packet(0, _sequence++, _sequence * 160u, Tone(0x12)));
                Run(18);
            }
            Run(1000);
        }
        var heard = CalleeHears();
        Assert.Equal(60, heard.Count(p => p.Payload[0] == G711.MuLawToALaw(0x12)));
        Assert.InRange(heard.Count(p => p.Payload[0] == G711.ALawSilence), 130, 160);
        for (var i = 1; i < heard.Count; i++)
        {
            Assert.Equal((ushort)(heard[i - 1].Header.Sequence + 1), heard[i].Header.Sequence);
            Assert.InRange((int)(heard[i].Header.Timestamp - heard[i - 1].Header.Timestamp), 1, 7 * 160);
        }
    }

    [Fact]
    public void A_side_on_hold_hears_nothing_and_the_others_music_is_heard()
    {
        Answered();
        Assert.Equal(0, _caller.Renegotiate(MediaEngineTests.OfferOf($"m=audio 4000 RTP/SAVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=sendonly\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{CallerKey}\r\n")).Status);
        CalleeHears();
        CallerHears();
        CallerSays(Packet(0, _sequence++, 0, Tone(0x12)));
        CalleeSays(Packet(8, _sequence++, 0, Tone(0x34)));
        Run(200);
        Assert.Empty(CallerHears());
        Assert.Contains(CalleeHears(), p => p.Payload[0] == G711.MuLawToALaw(0x12));
    }

    [Fact]
    public void What_comes_from_a_side_that_may_not_send_is_not_passed_on()
    {
        Answered();
        Assert.Equal(0, _callee.Renegotiate(Answer("m=audio 5000 RTP/AVP 8\r\na=inactive\r\n")).Status);
        CallerHears();
        CalleeSays(Packet(8, _sequence++, 0, Tone(0x34)));
        Run(200);
        Assert.All(CallerHears(), p => Assert.Equal(G711.MuLawSilence, p.Payload[0]));
    }

    [Fact]
    public void Nobody_but_the_peers_is_heard_and_a_forged_packet_reaches_nobody()
    {
        Answered();
        CalleeSays(Packet(8, _sequence++, 0, Tone(0x34)));
        CalleeHears();
        CallerHears();
        CalleeSays(Packet(8, _sequence++, 0, Tone(0x77)), MediaAddress.From(IPAddress.Parse("203.0.113.9"), 5000));
        _wire.Arrive(_callerPort, Packet(0, _sequence++, 0, [.. Tone(0x77), .. new byte[10]]), Caller);
        Run(200);
        Assert.All(CallerHears(), p => Assert.NotEqual(G711.ALawToMuLaw(0x77), p.Payload[0]));
        Assert.All(CalleeHears(), p => Assert.Equal(G711.ALawSilence, p.Payload[0]));
    }

    // Whoever can send twice on the plain side would else get the keystream of the encrypted one.
    [Fact]
    public void A_packet_that_comes_twice_is_encrypted_once()
    {
        Answered();
        CallerHears();
        CalleeSays(Packet(8, 7, 0, Tone(0x34)));
        CalleeSays(Packet(8, 7, 0, Tone(0x00)));
        CalleeSays(Packet(8, 8, 160, Tone(0x34)));
        CalleeSays(Packet(8, 7, 0, Tone(0x00)));
        var sequences = _wire.Sent.Where(s => s.Port == _callerPort).Select(s => s.Datagram[2] << 8 | s.Datagram[3]).ToList();
        Assert.Equal(sequences.Count, sequences.Distinct().Count());
        Assert.Equal(2, CallerHears().Count(p => p.Payload[0] == G711.ALawToMuLaw(0x34)));
    }

    [Fact]
    public void Ringback_is_heard_until_the_callees_side_has_something_to_say()
    {
        _caller.Ring();
        Run(6000);
        var ringing = CallerHears();
        Assert.InRange(ringing.Count(p => p.Payload.Any(b => b is not (G711.MuLawSilence or 0x7F))), 90, 110);
        Answered();
        Run(4500);
        Assert.Contains(CallerHears(), p => p.Payload.Any(b => b != G711.MuLawSilence));
        CalleeSays(Packet(8, _sequence++, 0, Tone(0x34)));
        Run(6000);
        Assert.All(CallerHears(), p => Assert.True(p.Payload[0] is G711.MuLawSilence || p.Payload[0] == G711.ALawToMuLaw(0x34)));
    }

    [Fact]
    public void A_second_answer_of_another_callee_takes_the_place_of_the_first()
    {
        Answered();
        var other = MediaAddress.From(IPAddress.Parse("192.0.2.3"), 6000);
        Assert.Equal(0, _callee.TakeAnswer(MediaEngineTests.OfferOf("m=audio 6000 RTP/AVP 0\r\n", "192.0.2.3")));
        CalleeHears();
        CallerSays(Packet(0, _sequence++, 0, Tone(0x12)));
        Assert.Equal(other, _wire.Sent.Last(s => s.Port == _calleePort).To);
        Assert.Equal(488, _callee.TakeAnswer(MediaEngineTests.OfferOf("m=audio 6000 RTP/AVP 18\r\n", "192.0.2.3")));
    }

    [Fact]
    public void A_callee_that_is_gone_takes_nothing_with_it()
    {
        Answered();
        _callee.Dispose();
        CallerSays(Packet(0, _sequence++, 0, Tone(0x12)));
        _caller.SendOnTo(null);
        Run(100);
        CallerHears();
        _caller.Dispose();
        Assert.Empty(_wire.Open);
        Assert.Equal((0, 0), (_callerEvents.TimeOuts, _calleeEvents.TimeOuts));
    }

    [Fact]
    public void Both_sides_share_one_thread() => Assert.Equal(2, _engine.Loops[0].Sessions);

    [Fact]
    public void A_trunk_that_demands_encryption_is_offered_it_and_nothing_else()
    {
        var answer = _engine.Offer(_caller, Secure, _calleeEvents);
        Assert.Contains(" RTP/SAVP 0 8 101\r\n", Encoding.ASCII.GetString(answer.Sdp), StringComparison.Ordinal);
        Assert.Equal(488, answer.Session!.TakeAnswer(Answer("m=audio 5000 RTP/AVP 8\r\n")));
        answer.Session.Dispose();
    }
}
