using System.Net;
using System.Net.Sockets;
using System.Text;
using IvrActors.Edge.Rtp;
using IvrActors.Edge.Sdp;
using IvrActors.Edge.Srtp;
using IvrActors.Edge.Tests.Sip.Clauses;
using Xunit;

namespace IvrActors.Edge.Tests.Sdp;

public class SdpTests
{
    private const string Head = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n";
    private const string Key = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj"; // The key of RFC 4568 6.1.
    private const string Crypto = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + Key + "\r\n";

    private static readonly SdpPolicy Tls = SdpPolicy.For(secureSignalling: true, sdesWithoutTls: false, SrtpPolicy.Preferred);
    private static readonly SdpPolicy Udp = SdpPolicy.For(secureSignalling: false, sdesWithoutTls: false, SrtpPolicy.Preferred);

    private static SdpRefusal Negotiate(string body, SdpPolicy policy, out SdpDescription offer, out NegotiatedMedia? agreed)
    {
        agreed = null;
        return SdpParser.TryParse(Encoding.UTF8.GetBytes(body), out offer) != SdpRejection.None
            ? SdpRefusal.MalformedSdp
            : SdpNegotiator.Negotiate(offer, policy, AddressFamily.InterNetwork, out agreed);
    }

    private static NegotiatedMedia Agree(string body, SdpPolicy? policy = null)
    {
        Assert.Equal(SdpRefusal.None, Negotiate(body, policy ?? Tls, out _, out var agreed));
        return agreed!;
    }

    private static string Answer(string body, SdpPolicy? policy = null)
    {
        Assert.Equal(SdpRefusal.None, Negotiate(body, policy ?? Tls, out var offer, out var agreed));
        using var key = new SrtpMasterKey(SrtpSuite.Aes128Sha1Tag80, [.. Enumerable.Range(0, 30).Select(i => (byte)i)]);
        return Encoding.ASCII.GetString(SdpWriter.Answer(offer, agreed!, new SdpLocal(IPAddress.Parse("198.51.100.1"), 32000, 32001, 77, 3), key));
    }

    [Theory]
    [InlineData("m=audio 4000 RTP/AVP 0 8 101\r\n", SdpCodec.Pcmu, 0)]
    [InlineData("m=audio 4000 RTP/AVP 8 0 101\r\n", SdpCodec.Pcma, 8)]
    [InlineData("m=audio 4000 RTP/AVP 9 18 8 0\r\n", SdpCodec.Pcma, 8)]
    [InlineData("m=audio 4000 RTP/AVP 96 97 0\r\na=rtpmap:96 opus/48000/2\r\na=rtpmap:97 pcma/8000/1\r\n", SdpCodec.Pcma, 97)]
    [InlineData("m=audio 4000 RTP/AVP 96 0\r\na=rtpmap:96 PCMU/16000\r\n", SdpCodec.Pcmu, 0)]
    [InlineData("m=audio 4000/1 RTP/AVP 0\r\na=rtpmap:0 G729/8000\r\n", SdpCodec.Pcmu, 0)]
    public void The_first_codec_of_the_offer_that_we_speak_is_taken(string media, SdpCodec codec, byte payloadType)
    {
        var agreed = Agree(Head + media);
        Assert.Equal((codec, payloadType), (agreed.Codec, agreed.PayloadType));
        Assert.Equal(MediaAddress.From(IPAddress.Parse("192.0.2.1"), 4000), agreed.RtpAddress);
    }

    [Theory]
    [InlineData("opus/48000/2", "telephone-event/48000", SdpCodec.Opus, true, 48000)]
    [InlineData("OPUS/48000/2", "telephone-event/8000", SdpCodec.Opus, true, 8000)] // Keys should have the clock of the audio, and have not in baresip.
    [InlineData("opus/48000", "telephone-event/48000", SdpCodec.Pcmu, false)]
    [InlineData("opus/48000/1", "telephone-event/8000", SdpCodec.Pcmu, true)]
    [InlineData("opus/8000/2", "telephone-event/8000", SdpCodec.Pcmu, true)]
    public void Opus_is_taken_as_rfc_7587_writes_it_where_the_trunk_has_it(string audio, string events, SdpCodec codec, bool withEvents, int eventRate = 8000)
    {
        var offer = Head + $"m=audio 4000 RTP/AVP 111 0 110\r\na=rtpmap:111 {audio}\r\na=rtpmap:110 {events}\r\n";
        var agreed = Agree(offer, Tls with { Codecs = [SdpCodec.Pcmu, SdpCodec.Opus] });
        Assert.Equal((codec, withEvents), (agreed.Codec, agreed.EventPayloadType is not null));
        if (withEvents) Assert.Contains($"a=rtpmap:110 telephone-event/{eventRate}\r\n", Answer(offer, Tls with { Codecs = [SdpCodec.Pcmu, SdpCodec.Opus] }), StringComparison.Ordinal);
        Assert.Equal(SdpCodec.Pcmu, Agree(offer).Codec);
    }

    [Fact]
    public void We_offer_opus_with_events_of_both_clocks()
    {
        var offer = Encoding.ASCII.GetString(SdpWriter.Offer(new SdpLocal(IPAddress.Loopback, 32000, 32001, 1, 1), [], [SdpCodec.Opus, SdpCodec.Pcma]));
        Assert.Contains("m=audio 32000 RTP/AVP 96 8 102 101\r\na=rtpmap:96 opus/48000/2\r\n", offer, StringComparison.Ordinal);
        Assert.Contains("a=rtpmap:102 telephone-event/48000\r\na=fmtp:102 0-15\r\na=rtpmap:101 telephone-event/8000\r\n", offer, StringComparison.Ordinal);
        Assert.Equal((SdpCodec.Opus, (byte?)102), (Agree(offer, Tls with { Codecs = [SdpCodec.Opus] }).Codec, Agree(offer, Tls with { Codecs = [SdpCodec.Opus] }).EventPayloadType));
    }

    [Theory]
    [InlineData("m=audio 4000 RTP/AVP 0 8\r\n", SdpCodec.Pcma, 8)]
    [InlineData("m=audio 4000 RTP/AVP 0 96\r\na=rtpmap:96 PCMA/8000\r\n", SdpCodec.Pcma, 96)]
    [InlineData("m=audio 4000 RTP/AVP 0\r\nm=audio 4002 RTP/AVP 8\r\n", SdpCodec.Pcma, 8)]
    public void A_codec_that_the_trunk_does_not_have_is_passed_over(string media, SdpCodec codec, byte payloadType)
    {
        var agreed = Agree(Head + media, Tls with { Codecs = [SdpCodec.Pcma] });
        Assert.Equal((codec, payloadType), (agreed.Codec, agreed.PayloadType));
    }

    [Fact]
    public void An_offer_without_a_codec_of_the_trunk_is_refused() =>
        Assert.Equal(SdpRefusal.NoCommonCodec, Negotiate(Head + "m=audio 4000 RTP/AVP 0 101\r\n", Tls with { Codecs = [SdpCodec.Pcma] }, out _, out _));

    [Theory]
    [InlineData("8 0", SdpCodec.Pcma, SdpCodec.Pcmu)]
    [InlineData("0 8", SdpCodec.Pcmu, SdpCodec.Pcma)]
    [InlineData("8", SdpCodec.Pcma)]
    public void We_offer_the_codecs_of_the_trunk_in_its_order(string formats, params SdpCodec[] codecs)
    {
        var offer = Encoding.ASCII.GetString(SdpWriter.Offer(new SdpLocal(IPAddress.Parse("198.51.100.1"), 32000, 32001, 1, 1), [], codecs));
        Assert.Contains($"m=audio 32000 RTP/AVP {formats} 101\r\n", offer, StringComparison.Ordinal);
        Assert.Equal(codecs.Length + 1, offer.Split("a=rtpmap:").Length - 1);
    }

    [Theory]
    [InlineData("a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\n", 101)]
    [InlineData("a=rtpmap:101 TELEPHONE-EVENT/8000/1\r\n", 101)]
    [InlineData("a=rtpmap:101 telephone-event/16000\r\n", null)]
    [InlineData("", null)]
    public void Keys_come_under_the_offered_payload_type(string map, int? expected) =>
        Assert.Equal(expected, Agree(Head + "m=audio 4000 RTP/AVP 0 101\r\n" + map).EventPayloadType);

    [Theory]
    [InlineData("", SdpRefusal.MalformedSdp)]
    [InlineData("hello", SdpRefusal.MalformedSdp)]
    [InlineData("o=- 1 1 IN IP4 1.2.3.4\r\n", SdpRefusal.MalformedSdp)]
    [InlineData(Head, SdpRefusal.NoAudio)]
    [InlineData(Head + "m=video 4000 RTP/AVP 0\r\n", SdpRefusal.NoAudio)]
    [InlineData(Head + "m=audio 0 RTP/AVP 0\r\n", SdpRefusal.NoAudio)]
    [InlineData(Head + "m=audio 4000 RTP/AVP 18 9\r\n", SdpRefusal.NoCommonCodec)]
    [InlineData(Head + "m=audio 4000 RTP/AVPF 0\r\n" + Crypto, SdpRefusal.UnsupportedProtocol)]
    [InlineData(Head + "m=audio 4000 UDP/TLS/RTP/SAVPF 0\r\n", SdpRefusal.NoUsableCrypto)]
    [InlineData(Head + "m=audio 4000 RTP/SAVP 0\r\n", SdpRefusal.NoUsableCrypto)]
    [InlineData("v=0\r\ns=-\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n", SdpRefusal.UnusableAddress)]
    [InlineData("v=0\r\nc=IN IP4 239.1.1.1/127\r\nm=audio 4000 RTP/AVP 0\r\n", SdpRefusal.UnusableAddress)]
    [InlineData("v=0\r\nc=IN IP4 255.255.255.255\r\nm=audio 4000 RTP/AVP 0\r\n", SdpRefusal.UnusableAddress)]
    [InlineData("v=0\r\nc=IN IP6 2001:db8::1\r\nm=audio 4000 RTP/AVP 0\r\n", SdpRefusal.UnusableAddress)]
    [InlineData("v=0\r\nc=IN IP4 host.example.org\r\nm=audio 4000 RTP/AVP 0\r\n", SdpRefusal.MalformedSdp)]
    [InlineData("v=0\r\nc=IN IP4 .1\r\nm=audio 4000 RTP/AVP 0\r\n", SdpRefusal.MalformedSdp)]
    [InlineData("v=0\r\nc=IN IP4 1\r\nm=audio 4000 RTP/AVP 0\r\n", SdpRefusal.MalformedSdp)]
    [InlineData(Head + "m=audio 65536 RTP/AVP 0\r\n", SdpRefusal.MalformedSdp)]
    [InlineData(Head + "m=audio -1 RTP/AVP 0\r\n", SdpRefusal.MalformedSdp)]
    [InlineData(Head + "m=audio +5 RTP/AVP 0\r\n", SdpRefusal.MalformedSdp)]
    [InlineData(Head + "m=audio 4000 RTP/AVP 256\r\n", SdpRefusal.MalformedSdp)]
    [InlineData(Head + "m=audio 4000 RTP/AVP\r\n", SdpRefusal.MalformedSdp)]
    [InlineData(Head + "m=audio 4000\r\n", SdpRefusal.MalformedSdp)]
    [InlineData(Head + "m=\r\n", SdpRefusal.MalformedSdp)]
    public void An_offer_that_cannot_be_served_is_refused_with_its_reason(string body, SdpRefusal expected)
    {
        Assert.Equal(expected, Negotiate(body, Tls, out _, out var agreed));
        Assert.Null(agreed);
        Assert.Equal(expected == SdpRefusal.MalformedSdp ? 400 : 488, SdpNegotiator.StatusOf(expected));
    }

    [Theory]
    // secure, sdes without TLS, policy → plain offer, SRTP offer
    [InlineData(true, false, SrtpPolicy.Required, SdpRefusal.SrtpRequired, SdpRefusal.None)]
    [InlineData(true, false, SrtpPolicy.Preferred, SdpRefusal.None, SdpRefusal.None)]
    [InlineData(true, false, SrtpPolicy.Off, SdpRefusal.None, SdpRefusal.SrtpNotAllowed)]
    [InlineData(false, false, SrtpPolicy.Required, SdpRefusal.SrtpRequired, SdpRefusal.SdesNeedsTls)]
    [InlineData(false, false, SrtpPolicy.Preferred, SdpRefusal.None, SdpRefusal.SdesNeedsTls)]
    [InlineData(false, false, SrtpPolicy.Off, SdpRefusal.None, SdpRefusal.SrtpNotAllowed)]
    [InlineData(false, true, SrtpPolicy.Required, SdpRefusal.SrtpRequired, SdpRefusal.None)]
    [InlineData(false, true, SrtpPolicy.Preferred, SdpRefusal.None, SdpRefusal.None)]
    public void The_trunks_policy_decides_about_encryption(bool secure, bool sdesWithoutTls, SrtpPolicy srtp, SdpRefusal plain, SdpRefusal encrypted)
    {
        var policy = SdpPolicy.For(secure, sdesWithoutTls, srtp);
        Assert.Equal(plain, Negotiate(Head + "m=audio 4000 RTP/AVP 0\r\n", policy, out _, out _));
        Assert.Equal(encrypted, Negotiate(Head + "m=audio 4000 RTP/SAVP 0\r\n" + Crypto, policy, out _, out _));
    }

    [Theory]
    [InlineData("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + Key + "|2^20\r\n", 1)]
    [InlineData("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + Key + "|2^20|1:4\r\na=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:" + Key + "\r\n", 2)]
    [InlineData("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + Key + "|1:4\r\na=crypto:7 AES_CM_128_HMAC_SHA1_80 inline:" + Key + " WSH=64\r\n", 7)]
    [InlineData("a=crypto:1 AES_256_CM_HMAC_SHA1_80 inline:" + Key + "\r\na=crypto:3 AES_CM_128_HMAC_SHA1_80 inline:" + Key + "\r\n", 3)]
    [InlineData("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + Key + " UNENCRYPTED_SRTP\r\n", null)]
    [InlineData("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + Key + ";inline:" + Key + "\r\n", null)]
    [InlineData("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAA\r\n", null)]
    [InlineData("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:!!!!dmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj\r\n", null)]
    [InlineData("a=crypto:x AES_CM_128_HMAC_SHA1_80 inline:" + Key + "\r\n", null)]
    [InlineData("a=crypto:1 AES_CM_128_HMAC_SHA1_32 inline:" + Key + "\r\na=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:" + Key + "\r\n", 2)]
    [InlineData("a=crypto:1 F8_128_HMAC_SHA1_80 inline:" + Key + "\r\na=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:" + Key + "\r\n", 2)]
    [InlineData("a=crypto:1 AES_CM_128_HMAC_SHA1_32 inline:" + Key + "\r\n", null)]
    [InlineData("a=crypto:\r\na=crypto:1\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80\r\n", null)]
    public void The_first_usable_key_is_taken(string crypto, int? tag)
    {
        var refusal = Negotiate(Head + "m=audio 4000 RTP/SAVP 0\r\n" + crypto, Tls, out _, out var agreed);
        Assert.Equal(tag is null ? SdpRefusal.NoUsableCrypto : SdpRefusal.None, refusal);
        Assert.Equal(tag, agreed?.PeerCrypto?.Tag);
        if (tag is not null) Assert.Equal(Convert.FromBase64String(Key), agreed!.PeerCrypto!.Key.Expose());
    }

    [Theory]
    [InlineData("AES_CM_128_HMAC_SHA1_80", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd")]
    [InlineData("AES_CM_128_HMAC_SHA1_32", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd")]
    [InlineData("AES_256_CM_HMAC_SHA1_80", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLQ==")]
    [InlineData("AES_256_CM_HMAC_SHA1_32", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLQ==")]
    [InlineData("AEAD_AES_128_GCM", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGw==")]
    [InlineData("AEAD_AES_256_GCM", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKis=")]
    public void A_key_of_each_suite_is_read_with_or_without_padding_and_written_with_it(string name, string base64)
    {
        var suite = SrtpSuite.ByName(Encoding.ASCII.GetBytes(name))!;
        var all = Tls with { Suites = SrtpSuite.All };
        foreach (var written in new[] { base64, base64.TrimEnd('='), base64 + "|2^31" })
        {
            var agreed = Agree(Head + $"m=audio 4000 RTP/SAVP 0\r\na=crypto:9 {name} inline:{written}\r\n", all);
            Assert.Equal(suite, agreed.PeerCrypto!.Key.Suite);
            Assert.Equal(Enumerable.Range(0, suite.KeyAndSaltSize).Select(i => (byte)i), agreed.PeerCrypto.Key.Expose().ToArray());
        }
        foreach (var broken in new[] { base64[..^4], base64 + "AAAA", base64 + "=", "A" + base64 })
        {
            Assert.Equal(SdpRefusal.NoUsableCrypto, Negotiate(Head + $"m=audio 4000 RTP/SAVP 0\r\na=crypto:9 {name} inline:{broken}\r\n", all, out _, out _));
        }
        using var key = new SrtpMasterKey(suite, [.. Enumerable.Range(0, suite.KeyAndSaltSize).Select(i => (byte)i)]);
        var offer = Encoding.ASCII.GetString(SdpWriter.Offer(new SdpLocal(IPAddress.Loopback, 32000, 32001, 1, 1), [key]));
        Assert.EndsWith($"\r\na=crypto:1 {name} inline:{base64}\r\n", offer, StringComparison.Ordinal);
    }

    [Fact]
    public void Of_an_offers_suites_the_first_in_its_order_that_the_trunk_may_have_is_taken()
    {
        const string offer = Head + "m=audio 4000 RTP/SAVP 0\r\n" +
            "a=crypto:1 AES_CM_128_HMAC_SHA1_32 inline:" + Key + "\r\n" +
            "a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:" + Key + "\r\n" +
            "a=crypto:3 AEAD_AES_128_GCM inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGw==\r\n";
        Assert.Equal(2, Agree(offer).PeerCrypto!.Tag);
        Assert.Equal(3, Agree(offer, Tls with { Suites = [SrtpSuite.Aes256Gcm, SrtpSuite.Aes128Gcm] }).PeerCrypto!.Tag);
        Assert.Equal(1, Agree(offer, Tls with { Suites = SrtpSuite.All }).PeerCrypto!.Tag);
    }

    /// <summary>RFC 4568 5.1.3: the offerer must verify that the answer names one of its lines.</summary>
    [Theory]
    [InlineData(1, "AEAD_AES_128_GCM", true)]
    [InlineData(2, "AES_CM_128_HMAC_SHA1_80", true)]
    [InlineData(1, "AES_CM_128_HMAC_SHA1_80", false)]
    [InlineData(3, "AES_CM_128_HMAC_SHA1_80", false)]
    [InlineData(0, "AEAD_AES_128_GCM", false)]
    public void An_answer_names_a_line_of_the_offer_by_its_tag_and_suite(int tag, string suite, bool taken)
    {
        var policy = Tls with { Offered = [SrtpSuite.Aes128Gcm, SrtpSuite.Aes128Sha1Tag80] };
        var key = suite == "AEAD_AES_128_GCM" ? "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGw==" : Key;
        Assert.Equal(taken ? SdpRefusal.None : SdpRefusal.NoUsableCrypto, Negotiate(Head + $"m=audio 4000 RTP/SAVP 0\r\na=crypto:{tag} {suite} inline:{key}\r\n", policy, out _, out _));
    }

    /// <summary>The offers of RFC 4568 4, 6.1 and appendix A, of which only lines without MKI and with usual session parameters are of use here.</summary>
    [Theory]
    [InlineData("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR|2^20|1:32\r\n", null)]
    [InlineData("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|2^20|1:4 FEC_ORDER=FEC_SRTP\r\n" +
        "a=crypto:2 F8_128_HMAC_SHA1_80 inline:MTIzNDU2Nzg5QUJDREUwMTIzNDU2Nzg5QUJjZGVm|2^20|1:4;inline:QUJjZGVmMTIzNDU2Nzg5QUJDREUwMTIzNDU2Nzg5|2^20|2:4 FEC_ORDER=FEC_SRTP\r\n", null)]
    [InlineData("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:NzB4d1BINUAvLEw6UzF3WSJ+PSdFcGdUJShpX1Zj|2^20|1:32\r\n" +
        "a=crypto:2 AES_CM_128_HMAC_SHA1_32 inline:NzB4d1BINUAvLEw6UzF3WSJ+PSdFcGdUJShpX1Zj|2^20\r\n", 2)]
    public void The_lines_of_rfc_4568_are_taken_or_passed_over(string crypto, int? tag)
    {
        var refusal = Negotiate(Head + "m=audio 49170 RTP/SAVP 0\r\n" + crypto, Tls with { Suites = SrtpSuite.All }, out _, out var agreed);
        Assert.Equal((tag is null ? SdpRefusal.NoUsableCrypto : SdpRefusal.None, tag), (refusal, agreed?.PeerCrypto?.Tag));
    }

    [Fact]
    [Clause("13.2.1", "SDP is supported and used as RFC 3264 says")]
    public void The_encrypted_section_is_taken_before_the_plain_one_and_the_others_are_refused_in_place()
    {
        const string sections =
            "m=video 5000 RTP/AVP 99\r\na=rtpmap:99 H264/90000\r\n" +
            "m=audio 4000 RTP/AVP 0 8\r\n" +
            "m=audio 4002 RTP/SAVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\n" + Crypto;
        Assert.Equal(
            "v=0\r\no=- 77 3 IN IP4 198.51.100.1\r\ns=-\r\nc=IN IP4 198.51.100.1\r\nt=0 0\r\n" +
            "m=video 0 RTP/AVP 99\r\n" +
            "m=audio 0 RTP/AVP 0 8\r\n" +
            "m=audio 32000 RTP/SAVP 8 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n" +
            "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd\r\n",
            Answer(Head + sections));
        Assert.Contains("m=audio 32000 RTP/AVP 0\r\n", Answer(Head + "m=audio 4000 RTP/AVP 0 8\r\nm=audio 4002 RTP/SAVP 8\r\n" + Crypto, Udp), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "a=sendonly\r\n", SdpDirection.RecvOnly)]
    [InlineData("", "a=recvonly\r\n", SdpDirection.SendOnly)]
    [InlineData("", "a=inactive\r\n", SdpDirection.Inactive)]
    [InlineData("a=sendonly\r\n", "", SdpDirection.RecvOnly)]
    [InlineData("a=inactive\r\n", "a=sendrecv\r\n", SdpDirection.SendRecv)]
    [InlineData("", "c=IN IP4 0.0.0.0\r\n", SdpDirection.RecvOnly)]
    [InlineData("", "c=IN IP4 0.0.0.0\r\na=recvonly\r\n", SdpDirection.Inactive)]
    public void Hold_is_answered_from_our_side(string session, string media, SdpDirection expected) =>
        Assert.Equal(expected, Agree(Head + session + "m=audio 4000 RTP/AVP 0\r\n" + media).Direction);

    [Theory]
    [InlineData("", "192.0.2.1", 4001)]
    [InlineData("a=rtcp:53020\r\n", "192.0.2.1", 53020)]
    [InlineData("a=rtcp-mux\r\na=rtcp:53020\r\n", "192.0.2.1", 4000)]
    [InlineData("c=IN IP4 192.0.2.9\r\n", "192.0.2.9", 4001)]
    public void Reports_go_where_the_offer_says(string media, string address, int port)
    {
        var agreed = Agree(Head + "m=audio 4000 RTP/AVP 0\r\n" + media);
        Assert.Equal(MediaAddress.From(IPAddress.Parse(address), port), agreed.RtcpAddress);
        Assert.Equal(media.Contains("mux", StringComparison.Ordinal), Answer(Head + "m=audio 4000 RTP/AVP 0\r\n" + media).Contains("a=rtcp-mux", StringComparison.Ordinal));
    }

    [Fact]
    public void Bare_line_feeds_and_a_missing_last_one_are_read() =>
        Assert.Equal(SdpCodec.Pcma, Agree("v=0\nc=IN IP4 192.0.2.1\nm=audio 4000 RTP/AVP 8").Codec);

    [Fact]
    [Clause("13.2.1", "SDP is supported and used as RFC 3264 says")]
    public void An_offer_of_ours_is_one_that_we_would_accept()
    {
        using var key = new SrtpMasterKey(SrtpSuite.Aes128Sha1Tag80, [.. Enumerable.Range(0, 30).Select(i => (byte)i)]);
        var offer = SdpWriter.Offer(new SdpLocal(IPAddress.Parse("198.51.100.1"), 32000, 32001, 1, 1), [key]);
        var agreed = Agree(Encoding.ASCII.GetString(offer));
        Assert.Equal((SdpCodec.Pcmu, (byte?)101), (agreed.Codec, agreed.EventPayloadType));
        Assert.True(agreed.PeerCrypto!.Key.IsSameAs(key));
        Assert.Equal("[crypto]", agreed.PeerCrypto.ToString());
    }

    [Fact]
    public void What_is_too_much_is_refused()
    {
        static SdpRejection Parse(string body) => SdpParser.TryParse(Encoding.ASCII.GetBytes(body), out _);
        Assert.Equal(SdpRejection.TooLarge, Parse(Head + new string('a', SdpParser.MostBytes)));
        Assert.Equal(SdpRejection.TooManyLines, Parse(Head + string.Concat(Enumerable.Repeat("a=x\r\n", SdpParser.MostLines))));
        Assert.Equal(SdpRejection.TooManyMedia, Parse(Head + string.Concat(Enumerable.Repeat("m=audio 1 RTP/AVP 0\r\n", SdpParser.MostMedia + 1))));
        Assert.Equal(SdpRejection.TooManyFormats, Parse(Head + "m=audio 1 RTP/AVP" + string.Concat(Enumerable.Repeat(" 0", SdpParser.MostFormats + 1)) + "\r\n"));
        Assert.Equal(
            SdpRejection.TooManyAttributes, Parse(Head + "m=audio 1 RTP/AVP 0\r\n" + string.Concat(Enumerable.Repeat("a=rtpmap:9 G722/8000\r\n", SdpParser.MostRtpMaps + 1))));
        Assert.Equal(SdpRejection.MalformedLine, Parse(Head + "nonsense\r\n"));
        Assert.Equal(SdpRejection.MalformedMedia, Parse(Head + "m=audio 1 RTP/AVP 0 \u0001\r\n"));
    }

    [Theory]
    [InlineData("a=fmtp:\r\na=fmtp:0\r\na=fmtp:0 \r\na=fmtp:99999999999999999999 x\r\na=fmtp:101 0-99999999999999999\r\n")]
    [InlineData("a=rtpmap:\r\na=rtpmap:0\r\na=rtpmap:0 /\r\na=rtpmap:0 PCMU/\r\na=rtpmap:999 PCMU/8000\r\na=rtcp:\r\na=rtcp:x\r\na=\r\na=:\r\n")]
    [InlineData("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:|||||\r\na=ptime:0\r\nb=AS:-1\r\nk=clear:x\r\n")]
    public void Broken_attributes_are_skipped(string attributes) =>
        Assert.Equal(SdpCodec.Pcmu, Agree(Head + "m=audio 4000 RTP/AVP 0\r\n" + attributes).Codec);

    [Fact]
    public void Mutated_offers_are_read_or_refused_but_never_throw()
    {
        var seed = Encoding.ASCII.GetBytes(
            Head + "m=audio 4000 RTP/SAVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=rtcp:5\r\na=sendonly\r\n" + Crypto + "m=video 1 RTP/AVP 9\r\n");
        var random = new Random(1);
        var accepted = 0;
        for (var i = 0; i < 100_000; i++)
        {
            var bytes = ((byte[])seed.Clone()).AsSpan(0, random.Next(4) == 0 ? random.Next(seed.Length) : seed.Length);
            for (var n = random.Next(6); n > 0 && bytes.Length > 0; n--) bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            if (SdpParser.TryParse(bytes, out var offer) != SdpRejection.None) continue;
            if (SdpNegotiator.Negotiate(offer, Tls, AddressFamily.InterNetwork, out var agreed) != SdpRefusal.None) continue;
            accepted++;
            var answer = SdpWriter.Answer(offer, agreed!, new SdpLocal(IPAddress.Loopback, 32000, 32001, 1, 1), agreed!.PeerCrypto?.Key);
            Assert.Equal(SdpRejection.None, SdpParser.TryParse(answer, out var again));
            Assert.Equal(offer.Media.Count, again.Media.Count);
        }
        Assert.InRange(accepted, 1000, 99_000);
    }
}
