using System.Net;
using System.Text;
using IvrActors.Edge.Media;
using IvrActors.Edge.Rtp;
using IvrActors.Edge.Srtp;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace IvrActors.Edge.Tests.Media;

/// <summary>Which suite and key a session works under, as offers and answers say it (RFC 4568), in virtual time.</summary>
public sealed class SrtpSuiteTests : IDisposable
{
    private static readonly MediaPolicy Secure = new(SecureSignalling: true, SrtpPolicy.Required, SdesWithoutTls: false);
    private static readonly MediaAddress Peer = MediaAddress.From(IPAddress.Parse("192.0.2.1"), 4000);

    private readonly FakeTimeProvider _time = new();
    private readonly VirtualWire _wire = new();
    private readonly MediaEngine _engine;
    private ushort _sequence = 100;

    public SrtpSuiteTests()
    {
        _engine = new MediaEngine(MediaEngineTests.Options(), _time, AudioTests.Prompts(), () => _wire, loops: 1, ownThreads: false);
        _engine.Loops[0].RunDue();
    }

    public static TheoryData<string> Suites { get; } = [.. SrtpSuite.All.Select(suite => suite.Name)];

    public void Dispose() => _engine.Dispose();

    private static SrtpSuite Named(string name) => SrtpSuite.All.Single(suite => suite.Name == name);

    private static SrtpMasterKey PeerKey(SrtpSuite suite, byte first = 1) => new(suite, [.. Enumerable.Range(first, suite.KeyAndSaltSize).Select(i => (byte)i)]);

    /// <summary>A description of the peer with these lines, by tag.</summary>
    private static byte[] Sdp(params (int Tag, SrtpMasterKey Key)[] lines) => MediaEngineTests.OfferOf(
        "m=audio 4000 RTP/SAVP 0\r\n" + string.Concat(lines.Select(line => $"a=crypto:{line.Tag} {line.Key.Suite} inline:{Convert.ToBase64String(line.Key.Expose())}\r\n")));

    /// <summary>The tag, suite and key of each line of ours.</summary>
    private static List<(int Tag, SrtpMasterKey Key)> LinesOf(byte[] sdp) => [.. Encoding.ASCII.GetString(sdp).Split("\r\n").Where(line => line.StartsWith("a=crypto:", StringComparison.Ordinal))
        .Select(line => line["a=crypto:".Length..].Split(' '))
        .Select(parts => (int.Parse(parts[0], null), new SrtpMasterKey(Named(parts[1]), Convert.FromBase64String(parts[2]["inline:".Length..]))))];

    private void Run(int milliseconds)
    {
        for (var i = 0; i < milliseconds; i += 2)
        {
            _time.Advance(TimeSpan.FromMilliseconds(2));
            _engine.Loops[0].RunDue();
        }
    }

    /// <summary>What the session sent since the last time opens under this key, all of it.</summary>
    private void SendsUnder(SrtpReceiver receiver, int packets)
    {
        _wire.Sent.Clear();
        Run(packets * 20);
        var sent = _wire.Sent.Where(s => s.Port % 2 == 0).ToList();
        Assert.Equal(packets, sent.Count);
        Assert.All(sent, s => Assert.Equal(SrtpRejection.None, receiver.UnprotectRtp(s.Datagram, 12, out _)));
    }

    private void Says(SrtpSender sender)
    {
        var packet = new byte[172 + sender.Master.Suite.RtpTagSize];
        new RtpHeader { PayloadType = 0, Sequence = _sequence++, Timestamp = 160u * _sequence, Ssrc = 9 }.Write(packet);
        sender.ProtectRtp(packet, 172, 12);
        _wire.Arrive(_wire.Open.Keys.Single(p => p % 2 == 0), packet, Peer);
        Run(2);
    }

    [Theory]
    [MemberData(nameof(Suites))]
    public void A_call_is_encrypted_both_ways_under_the_suite_of_the_offer(string name)
    {
        var suite = Named(name);
        var answer = _engine.Answer(Sdp((3, PeerKey(suite))), Secure with { Suites = SrtpSuite.All }, new HeardEvents());
        var (tag, ours) = Assert.Single(LinesOf(answer.Sdp));
        Assert.Equal((3, suite), (tag, ours.Suite));
        answer.Session!.Start();
        using var receiver = new SrtpReceiver(ours);
        using var sender = new SrtpSender(PeerKey(suite));
        for (var i = 0; i < 10; i++) Says(sender);
        SendsUnder(receiver, 400); // The first report is among them: it leaves within 7.5 s.
        Assert.Equal(10, answer.Session.Statistics.PacketsReceived);
        var reports = _wire.Sent.Where(s => s.Port % 2 == 1).ToList();
        Assert.NotEmpty(reports);
        Assert.All(reports, report => Assert.Equal(SrtpRejection.None, receiver.UnprotectRtcp(report.Datagram, out _)));
    }

    [Fact]
    public void Our_offer_has_a_key_for_each_usual_suite_the_strongest_first_and_the_answer_says_which_is_used()
    {
        var offer = _engine.Answer([], Secure, new HeardEvents());
        var lines = LinesOf(offer.Sdp);
        Assert.Equal(
            [(1, "AEAD_AES_256_GCM"), (2, "AEAD_AES_128_GCM"), (3, "AES_256_CM_HMAC_SHA1_80"), (4, "AES_CM_128_HMAC_SHA1_80")],
            lines.Select(line => (line.Tag, line.Key.Suite.Name)));
        Assert.Equal(4, lines.Select(line => Convert.ToHexString(line.Key.Expose()[..16])).Distinct().Count());

        Assert.Equal(488, offer.Session!.Renegotiate(Sdp((3, PeerKey(SrtpSuite.Aes128Gcm)))).Status); // A suite under the tag of another.
        Assert.Equal(0, offer.Session.Renegotiate(Sdp((3, PeerKey(SrtpSuite.Aes256Sha1Tag80)))).Status);
        offer.Session.Start();
        using var receiver = new SrtpReceiver(lines[2].Key);
        SendsUnder(receiver, 10);
        using var sender = new SrtpSender(PeerKey(SrtpSuite.Aes256Sha1Tag80));
        Says(sender);
        Assert.Equal(1, offer.Session.Statistics.PacketsReceived);
    }

    [Fact]
    public void Another_callees_answer_may_take_another_line_of_our_offer_and_the_first_may_come_back()
    {
        var offer = _engine.Answer([], Secure, new HeardEvents());
        var receivers = LinesOf(offer.Sdp).ConvertAll(line => new SrtpReceiver(line.Key));
        offer.Session!.Start();
        foreach (var line in new[] { 4, 1, 4, 2 })
        {
            Assert.Equal(0, offer.Session.TakeAnswer(Sdp((line, PeerKey(SrtpSuite.Usual[line - 1])))));
            SendsUnder(receivers[line - 1], 20);
        }
        receivers.ForEach(receiver => receiver.Dispose());
    }

    [Fact]
    public void A_reoffer_of_another_suite_gets_a_new_key_and_one_of_the_same_suite_keeps_ours()
    {
        var answer = _engine.Answer(Sdp((1, PeerKey(SrtpSuite.Aes128Sha1Tag80))), Secure, new HeardEvents());
        answer.Session!.Start();
        using var first = new SrtpReceiver(LinesOf(answer.Sdp)[0].Key);
        SendsUnder(first, 10);

        // A new key of the peer's: ours stays, and with it our rollover counter.
        var again = answer.Session.Renegotiate(Sdp((1, PeerKey(SrtpSuite.Aes128Sha1Tag80, first: 2))));
        Assert.True(LinesOf(again.Sdp)[0].Key.IsSameAs(first.Master));
        SendsUnder(first, 10);
        using var oldKey = new SrtpSender(PeerKey(SrtpSuite.Aes128Sha1Tag80));
        Says(oldKey);
        Assert.Equal(0, answer.Session.Statistics.PacketsReceived);

        var other = answer.Session.Renegotiate(Sdp((5, PeerKey(SrtpSuite.Aes256Gcm)), (6, PeerKey(SrtpSuite.Aes128Sha1Tag80))));
        var (tag, key) = Assert.Single(LinesOf(other.Sdp));
        Assert.Equal((5, SrtpSuite.Aes256Gcm), (tag, key.Suite));
        using var second = new SrtpReceiver(key);
        SendsUnder(second, 10);
        using var sender = new SrtpSender(PeerKey(SrtpSuite.Aes256Gcm));
        Says(sender);
        Assert.Equal(1, answer.Session.Statistics.PacketsReceived);
    }

    [Fact]
    public void A_reoffer_of_ours_offers_the_key_in_use_and_no_other()
    {
        var offer = _engine.Answer([], Secure, new HeardEvents());
        var lines = LinesOf(offer.Sdp);
        offer.Session!.Start();
        Assert.Equal(0, offer.Session.TakeAnswer(Sdp((2, PeerKey(SrtpSuite.Aes128Gcm)))));
        var (tag, key) = Assert.Single(LinesOf(offer.Session.Renegotiate([]).Sdp));
        Assert.Equal(1, tag);
        Assert.True(key.IsSameAs(lines[1].Key));
        Assert.Equal(0, offer.Session.TakeAnswer(Sdp((1, PeerKey(SrtpSuite.Aes128Gcm)))));
        using var receiver = new SrtpReceiver(key);
        SendsUnder(receiver, 10);
    }

    [Fact]
    public void A_trunks_list_is_what_is_offered_and_taken()
    {
        var policy = Secure with { Suites = [SrtpSuite.Aes128Sha1Tag32, SrtpSuite.Aes128Gcm] };
        Assert.Equal(["AES_CM_128_HMAC_SHA1_32", "AEAD_AES_128_GCM"], LinesOf(_engine.Answer([], policy, new HeardEvents()).Sdp).Select(line => line.Key.Suite.Name));
        Assert.Equal((488, "no-usable-crypto"), Refusal(_engine.Answer(Sdp((1, PeerKey(SrtpSuite.Aes256Gcm))), policy, new HeardEvents())));
        Assert.Equal((488, "no-usable-crypto"), Refusal(_engine.Answer(Sdp((1, PeerKey(SrtpSuite.Aes128Sha1Tag32))), Secure, new HeardEvents())));
    }

    private static (int, string) Refusal(MediaAnswer answer) => (answer.Status, answer.Reason);
}
