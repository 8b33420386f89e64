using System.Net;
using System.Net.Sockets;
using System.Text;
using IvrActors.Edge.Ice;
using IvrActors.Edge.Sdp;
using IvrActors.Edge.Srtp;
using Xunit;

namespace IvrActors.Edge.Tests.Sdp;

/// <summary>Offers with DTLS-SRTP and ICE, and our answers.</summary>
public sealed class DtlsSdpTests
{
    private const string Head = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n";
    private const string Print = "a=fingerprint:sha-256 " + BrowserOffers.Fingerprint + "\r\n";
    private const string Audio = "m=audio 4000 UDP/TLS/RTP/SAVP 0\r\n";
    private const string Crypto = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj\r\n";
    private const string Ice = "a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n";

    private static readonly SdpPolicy Tls = SdpPolicy.For(secureSignalling: true, sdesWithoutTls: false, SrtpPolicy.Required);

    private static SdpRefusal Negotiate(string body, out SdpDescription offer, out NegotiatedMedia? agreed, SdpPolicy? policy = null)
    {
        Assert.Equal(SdpRejection.None, SdpParser.TryParse(Encoding.UTF8.GetBytes(body), out offer));
        return SdpNegotiator.Negotiate(offer, policy ?? Tls, AddressFamily.InterNetwork, out agreed);
    }

    private static NegotiatedMedia Agree(string body, SdpPolicy? policy = null)
    {
        Assert.Equal(SdpRefusal.None, Negotiate(body, out _, out var agreed, policy));
        return agreed!;
    }

    private static string Answer(string body, SdpSetup setup = SdpSetup.Passive, string? tlsId = null)
    {
        Assert.Equal(SdpRefusal.None, Negotiate(body, out var offer, out var agreed));
        using var ice = agreed!.PeerDtls!.IceFragment is null ? null : new IceCredentials(Encoding.ASCII.GetBytes("OURFRAG1ourpasswordourpassword12"));
        var address = IPAddress.Parse("198.51.100.1");
        var dtls = new SdpOurDtls(new SdpFingerprint(SdpHash.Sha256, [.. Enumerable.Range(0, 32).Select(i => (byte)i)]), setup, tlsId, ice, [address]);
        return Encoding.ASCII.GetString(SdpWriter.Answer(offer, agreed, new SdpLocal(address, 32000, 32001, 77, 3) { Dtls = dtls }, ourKey: null));
    }

    [Fact]
    public void The_offer_of_a_browser_is_answered_with_g711_dtls_and_a_lite_agent()
    {
        Assert.Equal(
            BrowserOffers.Crlf("""
                v=0
                o=- 77 3 IN IP4 198.51.100.1
                s=-
                c=IN IP4 198.51.100.1
                t=0 0
                a=group:BUNDLE 0
                a=ice-lite
                m=audio 32000 UDP/TLS/RTP/SAVPF 0 126
                a=rtpmap:0 PCMU/8000
                a=rtpmap:126 telephone-event/8000
                a=fmtp:126 0-15
                a=ptime:20
                a=sendrecv
                a=rtcp-mux
                a=mid:0
                a=setup:passive
                a=fingerprint:sha-256 00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F
                a=ice-ufrag:OURFRAG1
                a=ice-pwd:ourpasswordourpassword12
                a=candidate:1 1 udp 2130706431 198.51.100.1 32000 typ host
                a=end-of-candidates
                m=video 0 UDP/TLS/RTP/SAVPF 96 97

                """),
            Answer(BrowserOffers.Crlf(BrowserOffers.Chrome)));
    }

    [Theory]
    [InlineData(BrowserOffers.Chrome, "CsxZ", 126)]
    [InlineData(BrowserOffers.Firefox, "0a1b2c3d", 101)]
    public void What_a_browser_says_of_its_transport_is_read_from_either_level(string offer, string fragment, int events)
    {
        var agreed = Agree(BrowserOffers.Crlf(offer));
        Assert.Equal(BrowserOffers.Fingerprint.Replace(":", "", StringComparison.Ordinal), Convert.ToHexString(Assert.Single(agreed.PeerDtls!.Fingerprints).Value));
        Assert.Equal((fragment, SdpSetup.ActPass), (agreed.PeerDtls.IceFragment, agreed.PeerDtls.Setup));
        Assert.Equal(((byte)events, true, true, SdpDirection.SendRecv), (agreed.EventPayloadType, agreed.RtcpMux, agreed.Bundled, agreed.Direction));
        // Where it is, its checks will say; no name is ever looked up.
        Assert.True(agreed.RtpAddress.IsNone && agreed.RtcpAddress.IsNone);
    }

    [Theory]
    [InlineData("a=setup:actpass\r\n", SdpSetup.ActPass)]
    [InlineData("a=setup:active\r\n", SdpSetup.Active)]
    [InlineData("a=setup:passive\r\n", SdpSetup.Passive)]
    [InlineData("", SdpSetup.Active)]
    public void The_role_is_as_offered_and_active_where_nothing_is_said(string line, SdpSetup setup) =>
        Assert.Equal(setup, Agree(Head + Audio + Print + line).PeerDtls!.Setup);

    [Theory]
    [InlineData("UDP/TLS/RTP/SAVP", Print)]
    [InlineData("UDP/TLS/RTP/SAVPF", Print)]
    [InlineData("RTP/SAVPF", Print)]
    [InlineData("RTP/SAVP", Print)]
    [InlineData("UDP/TLS/RTP/SAVP", Print + Crypto)]
    public void Every_name_of_dtls_srtp_is_taken(string protocol, string lines)
    {
        var agreed = Agree($"{Head}m=audio 4000 {protocol} 0\r\n{lines}");
        Assert.NotNull(agreed.PeerDtls);
        Assert.Null(agreed.PeerCrypto);
        Assert.Contains($"m=audio 32000 {protocol} 0\r\n", Answer($"{Head}m=audio 4000 {protocol} 0\r\n{lines}"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("RTP/SAVP")]
    [InlineData("RTP/SAVPF")]
    public void An_sdes_key_beside_a_fingerprint_is_taken_as_before(string protocol)
    {
        var agreed = Agree($"{Head}m=audio 4000 {protocol} 0\r\n{Print}{Crypto}");
        Assert.NotNull(agreed.PeerCrypto);
        Assert.Null(agreed.PeerDtls);
    }

    [Theory]
    [InlineData("")]
    [InlineData(Crypto)]
    [InlineData("a=fingerprint:sha-1 4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB\r\n")]
    [InlineData("a=fingerprint:sha-256 4A:AD:B9\r\n")]
    [InlineData("a=fingerprint:sha-256 7B-8B:F0:65:5F:78:E2:51:3B:AC:6F:F3:3F:46:1B:35:DC:B8:5F:64:1A:24:C2:43:F0:A1:58:D0:A1:2C:19:08\r\n")]
    [InlineData("a=fingerprint:sha-256 7G:8B:F0:65:5F:78:E2:51:3B:AC:6F:F3:3F:46:1B:35:DC:B8:5F:64:1A:24:C2:43:F0:A1:58:D0:A1:2C:19:08\r\n")]
    [InlineData(Print + "a=setup:holdconn\r\n")]
    public void Dtls_without_a_fingerprint_that_proves_something_or_without_a_role_is_refused(string lines) =>
        Assert.Equal(SdpRefusal.NoUsableCrypto, Negotiate(Head + Audio + lines, out _, out _));

    [Fact]
    public void Fingerprints_by_several_hashes_are_all_kept()
    {
        string Of(string name, int size) => $"a=fingerprint:{name} {string.Join(':', Enumerable.Repeat("0a", size))}\r\n";
        var agreed = Agree(Head + Audio + Of("SHA-256", 32) + Of("sha-384", 48) + Of("sha-512", 64) + Of("md5", 16));
        Assert.Equal([SdpHash.Sha256, SdpHash.Sha384, SdpHash.Sha512], agreed.PeerDtls!.Fingerprints.Select(f => f.Hash));
    }

    [Theory]
    [InlineData(true, false, SrtpPolicy.Required, SdpRefusal.None)]
    [InlineData(true, false, SrtpPolicy.Preferred, SdpRefusal.None)]
    [InlineData(true, false, SrtpPolicy.Off, SdpRefusal.SrtpNotAllowed)]
    [InlineData(false, true, SrtpPolicy.Required, SdpRefusal.None)]
    [InlineData(false, false, SrtpPolicy.Required, SdpRefusal.FingerprintNeedsTls)]
    [InlineData(false, false, SrtpPolicy.Preferred, SdpRefusal.FingerprintNeedsTls)]
    public void A_fingerprint_counts_where_the_key_of_sdes_would(bool secure, bool withoutTls, SrtpPolicy srtp, SdpRefusal expected) =>
        Assert.Equal(expected, Negotiate(Head + Audio + Print, out _, out _, SdpPolicy.For(secure, withoutTls, srtp)));

    [Theory]
    [InlineData("a=rtcp-mux\r\n" + Ice, true)]
    [InlineData(Ice, false)]
    [InlineData("a=rtcp-mux\r\na=ice-ufrag:abcd\r\n", false)]
    [InlineData("a=rtcp-mux\r\na=ice-ufrag:abc\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n", false)]
    [InlineData("a=rtcp-mux\r\na=ice-ufrag:ab;d\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n", false)]
    [InlineData("a=rtcp-mux\r\na=ice-ufrag:abcd\r\na=ice-pwd:short\r\n", false)]
    public void Ice_is_used_where_both_credentials_are_there_and_rtcp_has_no_port_of_its_own(string lines, bool used)
    {
        var answer = Answer(Head + Audio + Print + lines);
        Assert.Equal(used, answer.Contains("a=ice-lite\r\n", StringComparison.Ordinal));
        Assert.Equal(used, answer.Contains("a=candidate:", StringComparison.Ordinal));
        Assert.Equal(used, Agree(Head + Audio + Print + lines).RtpAddress.IsNone);
    }

    [Fact]
    public void A_trunk_whose_suites_dtls_does_not_know_takes_none() =>
        Assert.Equal(SdpRefusal.NoUsableCrypto, Negotiate(Head + Audio + Print, out _, out _, Tls with { Suites = [SrtpSuite.Aes256Sha1Tag80] }));

    [Fact]
    public void An_answer_with_a_fingerprint_to_an_offer_of_keys_is_refused() =>
        Assert.Equal(SdpRefusal.NoUsableCrypto, Negotiate(Head + Audio + Print, out _, out _, Tls with { Offered = [SrtpSuite.Aes128Gcm], TakesDtls = false }));

    /// <summary>RFC 8842 5.2, RFC 8839 4.2, RFC 9143 7.2.</summary>
    [Fact]
    public void Our_first_offer_of_dtls_srtp_is_one_that_a_browser_takes()
    {
        using var ice = new IceCredentials("OURFRAG1ourpasswordourpassword12"u8.ToArray());
        var print = new SdpFingerprint(SdpHash.Sha256, Convert.FromHexString(BrowserOffers.Fingerprint.Replace(":", "", StringComparison.Ordinal)));
        var local = new SdpLocal(IPAddress.Parse("198.51.100.1"), 32000, 32001, 1, 1) { Dtls = new SdpOurDtls(print, SdpSetup.ActPass, "oursoursoursoursoursours", ice, [IPAddress.Parse("198.51.100.1")]) };
        Assert.Equal(
            """
            v=0
            o=- 1 1 IN IP4 198.51.100.1
            s=-
            c=IN IP4 198.51.100.1
            t=0 0
            a=group:BUNDLE 0
            a=ice-lite
            m=audio 32000 UDP/TLS/RTP/SAVPF 0 8 101
            a=rtpmap:0 PCMU/8000
            a=rtpmap:8 PCMA/8000
            a=rtpmap:101 telephone-event/8000
            a=fmtp:101 0-15
            a=ptime:20
            a=sendrecv
            a=rtcp-mux
            a=mid:0
            a=setup:actpass
            a=fingerprint:sha-256 7B:8B:F0:65:5F:78:E2:51:3B:AC:6F:F3:3F:46:1B:35:DC:B8:5F:64:1A:24:C2:43:F0:A1:58:D0:A1:2C:19:08
            a=tls-id:oursoursoursoursoursours
            a=ice-ufrag:OURFRAG1
            a=ice-pwd:ourpasswordourpassword12
            a=candidate:1 1 udp 2130706431 198.51.100.1 32000 typ host
            a=end-of-candidates

            """,
            Encoding.ASCII.GetString(SdpWriter.Offer(local, [])).ReplaceLineEndings("\n"));
    }

    [Fact]
    public void Two_lite_agents_use_the_addresses_of_the_description()
    {
        var agreed = Agree("v=0\r\na=ice-lite\r\nc=IN IP4 192.0.2.1\r\n" + Audio + Print + "a=rtcp-mux\r\n" + Ice);
        Assert.Null(agreed.PeerDtls!.IceFragment);
        Assert.Equal(4000, agreed.RtpAddress.Port);
    }

    [Fact]
    public void A_tls_id_is_answered_with_ours_and_another_one_is_another_association()
    {
        const string Id = "a=tls-id:abcdefghijklmnopqrstuvwxyz\r\n";
        Assert.Contains("a=tls-id:oursoursoursoursoursours\r\n", Answer(Head + Audio + Print + Id, tlsId: "oursoursoursoursoursours"), StringComparison.Ordinal);
        var dtls = Agree(Head + Audio + Print + Id).PeerDtls!;
        Assert.True(dtls.IsSameAssociationAs(Agree(Head + Audio + Print + Id).PeerDtls!));
        Assert.False(dtls.IsSameAssociationAs(Agree(Head + Audio + Print + Id.Replace('a', 'b')).PeerDtls!));
        Assert.False(dtls.IsSameAssociationAs(Agree(Head + Audio + Print.Replace("7B", "7C", StringComparison.Ordinal) + Id).PeerDtls!));
    }

    [Fact]
    public void Encrypted_beats_plain_whatever_brings_its_keys()
    {
        var either = SdpPolicy.For(secureSignalling: true, sdesWithoutTls: false, SrtpPolicy.Preferred);
        Assert.Equal(1, Agree(Head + "m=audio 4000 RTP/AVP 0\r\n" + Audio.Replace("4000", "4002", StringComparison.Ordinal) + Print, either).MediaIndex);
    }
}
