using System.Net;
using System.Text;
using IvrActors.Edge.Dtls;
using IvrActors.Edge.Dtmf;
using IvrActors.Edge.Ice;
using IvrActors.Edge.Media;
using IvrActors.Edge.Rtp;
using IvrActors.Edge.Sdp;
using IvrActors.Edge.Srtp;
using IvrActors.Edge.Tests.Dtls;
using IvrActors.Edge.Tests.Ice;
using IvrActors.Grains.Interfaces.Flows;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace IvrActors.Edge.Tests.Media;

/// <summary>Whole sessions keyed by DTLS, with ICE and without. Media run in virtual time; a handshake takes what real time it takes, in which the clock stands still.</summary>
public sealed partial class MediaKeyingTests : IDisposable
{
    private static readonly MediaPolicy Secure = new(SecureSignalling: true, SrtpPolicy.Required, SdesWithoutTls: false);
    private static readonly MediaAddress Mobile = MediaAddress.From(IPAddress.Parse("198.51.100.7"), 5000);
    private static readonly MediaAddress Stranger = MediaAddress.From(IPAddress.Parse("203.0.113.9"), 6000);

    private readonly FakeTimeProvider _time = new();
    private readonly HeardEvents _events = new();
    private Browser _browser = new();
    private MediaEngine? _engine;
    private IMediaSession? _session;

    public void Dispose()
    {
        _engine?.Dispose();
        _browser.Dispose();
    }

    private string Call(byte[]? offer = null, MediaPolicy? policy = null)
    {
        _engine = new MediaEngine(MediaEngineTests.Options(), _time, AudioTests.Prompts(), () => _browser, loops: 1, ownThreads: false);
        var answer = _engine.Answer(offer ?? _browser.Offer(), policy ?? Secure, _events);
        Assert.Equal((0, ""), (answer.Status, answer.Reason));
        _session = answer.Session!;
        _browser.Accept(answer.Sdp);
        _session.Start();
        return Encoding.ASCII.GetString(answer.Sdp);
    }

    private void Run(double seconds)
    {
        for (var end = _time.GetUtcNow() + TimeSpan.FromSeconds(seconds); _time.GetUtcNow() < end;)
        {
            _time.Advance(TimeSpan.FromMilliseconds(2));
            _engine!.Loops[0].RunDue();
        }
    }

    /// <summary>Lets real time pass for the handshake's threads, and nearly none of the media's.</summary>
    private bool Until(Func<bool> holds, double seconds = 30) => SpinWait.SpinUntil(
        () =>
        {
            _browser.Run();
            // Less than a tick of the clock of 20 ms in all: frames come, time-outs don't.
            _time.Advance(TimeSpan.FromMicroseconds(20));
            _engine!.Loops[0].RunDue();
            return holds();
        },
        TimeSpan.FromSeconds(seconds));

    private void Nominate(MediaAddress? at = null) => _browser.Send(_browser.Agent.Check(nominates: true), at);

    private void BecomeKeyed()
    {
        Assert.True(Until(() => _browser.Sender is not null && ((MediaSession)_session!).IsKeyed));
        _browser.Media.Clear();
    }

    private List<(byte[] Datagram, MediaAddress To)> Audio() => [.. _browser.Media.Where(m => m.Datagram[0] == 0x80 && m.Datagram[1] is 0 or 0x80)];

    private void Press(char key, uint timestamp, MediaAddress? from = null)
    {
        var press = new DtmfPress(key, 60);
        while (press.TryNext(out var one))
        {
            var payload = new byte[4];
            one.Event.Write(payload);
            _browser.Send(_browser.Packet(126, timestamp, payload), from);
        }
    }

    [Fact]
    public void A_browser_hears_the_prompt_from_its_first_sample_and_its_keys_are_heard()
    {
        Call();
        _session!.Play([new PromptPart { Prompt = "welcome" }], 1);
        Run(2);
        Assert.Empty(_browser.Media); // Nothing in clear, and nothing to nobody.
        Nominate();
        BecomeKeyed();
        _browser.Media.Clear();
        Press('5', 1000);
        Run(0.4);

        var audio = new List<PromptAudio>();
        AudioTests.Prompts().Resolve(new PromptPart { Prompt = "welcome" }, audio);
        var heard = new List<byte>();
        foreach (var (datagram, to) in Audio())
        {
            Assert.Equal(Browser.Home, to);
            Assert.Equal(SrtpRejection.None, _browser.Receiver!.UnprotectRtp(datagram, 12, out var length));
            heard.AddRange(datagram[12..length]);
        }
        Assert.True(heard.Count >= 19 * 160);
        Assert.True(audio[0].Bytes(aLaw: false).IndexOf(heard.Take(1600).ToArray()) is >= 0 and <= 3 * 160);
        Assert.Equal("5", string.Concat(_events.Keys));
        Assert.True(_session.Srtp);
    }

    [Fact]
    public void Nothing_is_sent_in_clear_before_keys_are_there_and_nothing_in_clear_is_heard()
    {
        Call();
        Nominate();
        for (var i = 0; i < 20; i++) _browser.Send(PlainPress('9', (uint)i));
        Run(5);
        Assert.All(_browser.Media, m => Assert.True(Stun.IsStun(m.Datagram[0])));
        Assert.Empty(_events.Keys);
        BecomeKeyed();
        for (var i = 0; i < 20; i++) _browser.Send(PlainPress('9', (uint)i));
        Run(1);
        Assert.Empty(_events.Keys);
        Assert.All(Audio(), m => Assert.True(m.Datagram.Length > 172));
    }

    [Fact]
    public void Without_the_right_certificate_there_are_no_media_and_the_call_is_ended()
    {
        Call(_browser.Offer(offered: DtlsIdentity.Create(DateTimeOffset.UtcNow)));
        Nominate();
        // The browser takes our certificate and never gets an end: we gave up on its own.
        Assert.True(Until(() => _engine!.Handshakes.Running == 1));
        Assert.True(Until(() => _engine!.Handshakes.Running == 0));
        Nominate();
        Run(MediaEngine.KeyingTimeout.TotalSeconds - 1);
        Assert.Equal(0, _events.TimeOuts);
        Run(3);
        Assert.Equal(1, _events.TimeOuts);
        Assert.All(_browser.Media, m => Assert.True(Stun.IsStun(m.Datagram[0])));
        Assert.False(((MediaSession)_session!).IsKeyed);
    }

    [Fact]
    public void Keys_are_awaited_anew_from_the_answer_on()
    {
        Call();
        Run(MediaEngine.KeyingTimeout.TotalSeconds - 2);
        _session!.Start();
        Run(MediaEngine.KeyingTimeout.TotalSeconds - 2);
        Assert.Equal(0, _events.TimeOuts);
        Run(4);
        Assert.Equal(1, _events.TimeOuts);
    }

    [Fact]
    public void Dtls_from_where_no_check_came_from_is_not_looked_at()
    {
        Call();
        Assert.False(Until(() => _browser.Sender is not null, seconds: 1));
        Assert.Empty(_browser.Media);
        Nominate();
        BecomeKeyed();
    }

    [Fact]
    public void With_ice_the_target_follows_nominations_and_nothing_else()
    {
        Call();
        Nominate();
        BecomeKeyed();
        Press('1', 1000, Stranger); // Authentic, as by a router that changed its mind; but nobody has checked that path.
        Run(0.2);
        Assert.All(Audio(), m => Assert.Equal(Browser.Home, m.To));
        _browser.Media.Clear();
        _browser.Send(_browser.Agent.Check(nominates: true, authentic: false), Stranger);
        Run(0.2);
        Assert.All(_browser.Media, m => Assert.Equal(Browser.Home, m.To));
        Nominate(Mobile);
        Run(0.1);
        _browser.Media.Clear();
        Run(0.2);
        Assert.All(Audio(), m => Assert.Equal(Mobile, m.To));
        Assert.NotEmpty(Audio());
    }

    [Fact]
    public void Media_stop_when_the_peers_consent_runs_out_and_go_on_when_it_comes_back()
    {
        Call();
        Nominate();
        BecomeKeyed();
        Run(29);
        Assert.NotEmpty(Audio());
        Run(2);
        _browser.Media.Clear();
        Run(5);
        Assert.Empty(_browser.Media);
        Nominate();
        Run(0.1);
        Assert.NotEmpty(Audio());
    }

    [Fact]
    public void A_peer_that_keeps_its_path_open_by_media_and_indications_alone_goes_on_being_heard_and_sent_to()
    {
        Call();
        Nominate();
        BecomeKeyed();
        for (var second = 0; second < 40; second++)
        {
            _browser.Send(_browser.Packet(timestamp: (uint)(second * 8000)));
            Run(1);
        }
        _browser.Media.Clear();
        Run(0.2);
        Assert.Equal(10, Audio().Count);
    }

    [Fact]
    public void Whoever_answers_our_offer_is_checked_by_the_credentials_that_the_offer_told()
    {
        Call();
        Nominate();
        BecomeKeyed();
        var offer = Encoding.ASCII.GetString(_session!.Renegotiate([]).Sdp);
        Assert.Equal(0, _session.Renegotiate(_browser.Offer(fragment: "newF", setup: "active")).Status);
        _browser.Send(FullAgent.Of(offer, "newF").Check(nominates: true), Mobile);
        Run(0.1);
        _browser.Media.Clear();
        Run(0.2);
        Assert.Equal(10, Audio().Count);
        Assert.All(Audio(), m => Assert.Equal((Mobile, SrtpRejection.None), (m.To, _browser.Receiver!.UnprotectRtp(m.Datagram, 12, out _))));
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, false)]
    [InlineData(false, true)]
    public void Another_endpoint_with_the_same_certificate_is_keyed_anew(bool ice, bool weBegin)
    {
        if (weBegin)
        {
            _browser.Dispose();
            _browser = new Browser(weAreClient: false);
        }
        var setup = weBegin ? "passive" : "actpass";
        Call(_browser.Offer(ice: ice, setup: setup));
        if (ice) Nominate();
        BecomeKeyed();
        Run(0.2);
        _browser.Address = Mobile;
        var offer = Encoding.ASCII.GetString(_browser.Offer(fragment: "newF", ice: ice, setup: setup));
        var answer = _session!.Renegotiate(Encoding.ASCII.GetBytes(offer.Replace("192.0.2.1", "198.51.100.7", StringComparison.Ordinal).Replace("audio 4000", "audio 5000", StringComparison.Ordinal))).Sdp;
        Assert.True(((MediaSession)_session).IsKeyed); // It may be the one of before, who has only moved.
        _browser.Accept(answer, "newF");
        if (ice) Nominate(Mobile);
        Run(1.1);
        BecomeKeyed();
        Assert.True(Until(() => _engine!.Handshakes.Running == 0)); // Our side may be the last to be keyed.
        _browser.Media.Clear();
        Run(0.2);
        Assert.NotEmpty(Audio());
        Assert.All(Audio(), m => Assert.Equal((Mobile, SrtpRejection.None), (m.To, _browser.Receiver!.UnprotectRtp(m.Datagram, 12, out _))));
        Press('3', 90000);
        Run(0.2);
        Assert.Equal("3", string.Concat(_events.Keys));
    }

    [Fact]
    public void Datagrams_of_anybody_end_no_call()
    {
        Call();
        Nominate();
        BecomeKeyed();
        foreach (var from in (MediaAddress[])[Browser.Home, Stranger])
        {
            for (var first = 0; first < 256; first++)
            {
                foreach (var length in (int[])[1, 12, 13, 20, 200, 1500])
                {
                    var datagram = new byte[length];
                    Random.Shared.NextBytes(datagram);
                    datagram[0] = (byte)first;
                    _browser.Send(datagram, from);
                }
            }
            for (var i = 0; i < 50; i++)
            {
                _browser.Send(DtlsTests.ClientHello((ushort)i), from);
                _browser.Send(DtlsTests.Record(21, 0, [2, 40]), from);
                _browser.Send(DtlsTests.Record(21, 0, [1, 0]), from);
                _browser.Send(DtlsTests.Record(22, 0, DtlsTests.Message(11, 2, 8000, 0, 1)), from);
            }
            _browser.Send([], from);
        }
        Run(0.5);
        Press('7', 1000);
        _browser.Media.Clear();
        Run(0.2);
        Assert.Equal("7", string.Concat(_events.Keys));
        Assert.All(Audio(), m => Assert.Equal(Browser.Home, m.To));
        Assert.Equal(0, _events.TimeOuts);
    }

    [Fact]
    public void The_same_offer_again_keeps_keys_credentials_and_path()
    {
        var before = Call();
        Nominate();
        BecomeKeyed();
        Run(1);
        var after = Encoding.ASCII.GetString(_session!.Renegotiate(_browser.Offer()).Sdp);
        Assert.Equal(Lines(before), Lines(after));
        _browser.Media.Clear();
        Run(0.2);
        Assert.Equal(10, Audio().Count);
        Assert.All(Audio(), m => Assert.Equal(SrtpRejection.None, _browser.Receiver!.UnprotectRtp(m.Datagram, 12, out _)));
    }

    [Fact]
    public void A_new_fragment_restarts_ice_and_keeps_the_keys()
    {
        var before = Call();
        Nominate();
        BecomeKeyed();
        var old = _browser.Agent;
        var answer = _session!.Renegotiate(_browser.Offer(fragment: "newF")).Sdp;
        var after = Encoding.ASCII.GetString(answer);
        Assert.NotEqual(LineOf(before, "a=ice-ufrag:"), LineOf(after, "a=ice-ufrag:"));
        Assert.NotEqual(LineOf(before, "a=ice-pwd:"), LineOf(after, "a=ice-pwd:"));
        Assert.Equal(LineOf(before, "a=fingerprint:"), LineOf(after, "a=fingerprint:"));
        _browser.Media.Clear();
        Run(0.2);
        Assert.Equal(10, Audio().Count); // As before, until the new path is there.

        _browser.Send(old.Check(nominates: true), Stranger);
        _browser.Send(FullAgent.Of(after, "newF").Check(nominates: true), Mobile);
        Run(0.1);
        _browser.Media.Clear();
        Run(0.2);
        Assert.All(Audio(), m => Assert.Equal((Mobile, SrtpRejection.None), (m.To, _browser.Receiver!.UnprotectRtp(m.Datagram, 12, out _))));
        Assert.Equal(10, Audio().Count);
    }

    [Fact]
    public void Another_fingerprint_is_another_association_with_other_keys()
    {
        Call();
        Nominate();
        BecomeKeyed();
        _browser.Identity = DtlsIdentity.Create(DateTimeOffset.UtcNow);
        var answer = _session!.Renegotiate(_browser.Offer()).Sdp;
        Assert.False(((MediaSession)_session).IsKeyed);
        _browser.Media.Clear();
        Run(1);
        Assert.Empty(_browser.Media);
        _browser.Accept(answer);
        BecomeKeyed();
        Run(0.2);
        Assert.All(Audio(), m => Assert.Equal(SrtpRejection.None, _browser.Receiver!.UnprotectRtp(m.Datagram, 12, out _)));
        Assert.NotEmpty(Audio());
    }

    [Fact]
    public void A_new_key_begins_a_new_stream_in_the_lower_half_of_the_numbers_and_the_same_key_none()
    {
        Call();
        Nominate();
        BecomeKeyed();
        Run(12);
        var first = RtpHeaders();
        Assert.Single(first.Select(header => header.Ssrc).Distinct());
        _session!.Renegotiate(_browser.Offer());
        _browser.Media.Clear();
        Run(0.2);
        Assert.Equal((first[^1].Ssrc, (ushort)(first[^1].Sequence + 1)), (RtpHeaders()[0].Ssrc, RtpHeaders()[0].Sequence));

        _browser.Identity = DtlsIdentity.Create(DateTimeOffset.UtcNow);
        _browser.Accept(_session.Renegotiate(_browser.Offer()).Sdp);
        BecomeKeyed();
        Run(8);
        var second = RtpHeaders();
        // As long as no stream rolls over within this test, which begins below 2^15.
        Assert.All(second, header => Assert.True(header.Ssrc != first[0].Ssrc && header.Sequence < 0x8000 + 1000));
        Assert.Single(second.Select(header => header.Ssrc).Distinct());
        Assert.True(second[0].Marker);
        // Reports are of the new stream, and so are its counts.
        var report = _browser.Media.Last(m => m.Datagram[1] == 200).Datagram;
        Assert.Equal(SrtpRejection.None, _browser.Receiver!.UnprotectRtcp(report, out var length));
        Assert.Equal(RtcpRejection.None, Rtcp.TryRead(report.AsSpan(0, length), 0, out var read));
        Assert.Equal(second[0].Ssrc, read.SenderSsrc);
        Assert.InRange(read.Sender!.Value.PacketCount, 1u, (uint)second.Count);
    }

    private List<RtpHeader> RtpHeaders() => [.. Audio().Select(m =>
    {
        Assert.Equal(RtpRejection.None, RtpHeader.TryRead(m.Datagram, out var header));
        return header;
    })];

    [Fact]
    public void A_call_keyed_by_dtls_is_offered_the_same_again_and_never_goes_back_to_plain()
    {
        Call(policy: Secure with { Srtp = SrtpPolicy.Preferred });
        Nominate();
        BecomeKeyed();
        Assert.Equal("srtp-required", _session!.Renegotiate(MediaEngineTests.OfferOf()).Reason);
        var offer = Encoding.ASCII.GetString(_session.Renegotiate([]).Sdp);
        Assert.Contains("UDP/TLS/RTP/SAVPF 0 8 101\r\n", offer, StringComparison.Ordinal);
        Assert.Contains("a=setup:actpass\r\n", offer, StringComparison.Ordinal);
        Assert.Contains("a=rtcp-mux\r\n", offer, StringComparison.Ordinal);
        Assert.Contains("a=mid:0\r\n", offer, StringComparison.Ordinal);
        Assert.DoesNotContain("a=crypto", offer, StringComparison.Ordinal);
        Assert.Equal(0, _session.Renegotiate(_browser.Offer(setup: "active")).Status);
        Assert.True(((MediaSession)_session).IsKeyed);
    }

    [Fact]
    public void A_passive_peer_is_called_by_us()
    {
        _browser.Dispose();
        _browser = new Browser(weAreClient: false);
        var answer = Call(_browser.Offer(setup: "passive"));
        Assert.Contains("a=setup:active\r\n", answer, StringComparison.Ordinal);
        Nominate();
        BecomeKeyed();
        Run(0.2);
        Assert.All(Audio(), m => Assert.Equal(SrtpRejection.None, _browser.Receiver!.UnprotectRtp(m.Datagram, 12, out _)));
        Assert.NotEmpty(Audio());
    }

    [Fact]
    public void Without_ice_the_handshake_says_where_the_peer_is()
    {
        var answer = Call(_browser.Offer(ice: false));
        Assert.DoesNotContain("ice", answer, StringComparison.Ordinal);
        _browser.Address = Mobile; // Behind a NAT.
        for (var i = 0; i < 50; i++) _browser.Send(DtlsTests.ClientHello((ushort)i), Stranger);
        BecomeKeyed();
        Run(0.2);
        Assert.NotEmpty(Audio());
        Assert.All(Audio(), m => Assert.Equal(Mobile, m.To));
        // The same description once more does not send media back to the address that it names.
        _session!.Renegotiate(_browser.Offer(ice: false));
        _browser.Media.Clear();
        Run(0.2);
        Assert.All(Audio(), m => Assert.Equal(Mobile, m.To));
    }

    [Theory]
    [InlineData(false, "fingerprint-needs-tls")]
    [InlineData(true, "")]
    public void A_fingerprint_in_clear_signalling_is_taken_only_where_the_trunk_says_so(bool withoutTls, string reason)
    {
        using var engine = new MediaEngine(MediaEngineTests.Options(), _time, AudioTests.Prompts(), () => _browser, loops: 1, ownThreads: false);
        Assert.Equal(reason, engine.Answer(_browser.Offer(), new MediaPolicy(SecureSignalling: false, SrtpPolicy.Required, withoutTls), _events).Reason);
    }

    private static byte[] PlainPress(char key, uint timestamp)
    {
        var packet = new byte[16];
        var press = new DtmfPress(key, 60);
        press.TryNext(out var one);
        new RtpHeader { PayloadType = 126, Sequence = (ushort)timestamp, Timestamp = timestamp, Ssrc = 9 }.Write(packet);
        one.Event.Write(packet.AsSpan(12));
        return packet;
    }

    private static string LineOf(string sdp, string start) => sdp.Split("\r\n").First(line => line.StartsWith(start, StringComparison.Ordinal));

    private static string[] Lines(string sdp) => [.. sdp.Split("\r\n").Where(line => !line.StartsWith("o=", StringComparison.Ordinal))];
}
