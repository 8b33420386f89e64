using System.Net;
using System.Net.Sockets;
using System.Text;
using IvrActors.Edge.Sdp;
using IvrActors.Edge.Srtp;
using static IvrActors.Fuzz.OracleException;

namespace IvrActors.Fuzz;

/// <summary>SDP parser, negotiation and answers. Oracle: the answer to any acceptable offer is itself readable and agrees with what was negotiated.</summary>
public sealed class SdpTarget : IFuzzTarget
{
    private const int OurPort = 20_000;

    private static readonly SdpPolicy AllAllowed = new(SrtpAllowed: true, PlainAllowed: true, SdpRefusal.None);
    private static readonly SdpPolicy OnlySrtp = new(SrtpAllowed: true, PlainAllowed: false, SdpRefusal.None);
    private static readonly SrtpMasterKey[] OurKeys = [.. SrtpSuite.All.Select(suite => new SrtpMasterKey(suite, [.. Enumerable.Range(1, suite.KeyAndSaltSize).Select(i => (byte)i)]))];

    public string Name => "sdp";

    public IReadOnlyList<byte[]> Dictionary { get; } =
    [
        .. new[]
        {
            "\r\n", "\n", "v=0\r\n", "m=audio 4000 RTP/AVP 0 8 101\r\n", "m=audio 0 RTP/AVP 0\r\n", "m=audio 4000 RTP/SAVP 8\r\n", "m=video 4002 RTP/AVP 96\r\n",
            "m=image 4004 udptl t38\r\n", "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n", "c=IN IP4 127.0.0.1\r\n", "c=IN IP6 ::1\r\n", "c=IN IP4 0.0.0.0\r\n",
            "c=IN IP4 224.2.1.1/127\r\n", "a=rtpmap:101 telephone-event/8000\r\n", "a=rtpmap:96 PCMA/8000/2\r\n", "a=fmtp:101 0-16\r\n", "a=rtcp-mux\r\n", "a=rtcp:65535\r\n",
            "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|2^20|1:32\r\n",
            "a=crypto:3 AEAD_AES_256_GCM inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVzWVNfX19zZW1jdGwgKCk=\r\n", "a=crypto:4 AEAD_AES_128_GCM inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubA==\r\n",
            "a=crypto:5 AES_256_CM_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVzWVNfX19zZW1jdGwgKCkgew==\r\n", "AES_CM_128_HMAC_SHA1_32", "AES_256_CM_HMAC_SHA1_32",
            "a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz\r\n", "a=inactive\r\n", "a=sendonly\r\n", "a=recvonly\r\n", "a=sendrecv\r\n",
            "65536", "-1", "0", "127", "128", "999999999999", " ", "  ", "/", "/2", "|", ":", "=", "%", "\0", "\u00ff",
        }.Select(Encoding.Latin1.GetBytes),
    ];

    public bool Run(ReadOnlyMemory<byte> input)
    {
        if (SdpParser.TryParse(input.Span, out var offer) != SdpRejection.None)
            return false;
        foreach (var policy in (ReadOnlySpan<SdpPolicy>)[AllAllowed, OnlySrtp])
        {
            foreach (var address in (ReadOnlySpan<IPAddress>)[IPAddress.Loopback, IPAddress.IPv6Loopback])
                CheckNegotiation(offer, policy, address);
        }
        return true;
    }

    private static void CheckNegotiation(SdpDescription offer, SdpPolicy policy, IPAddress address)
    {
        var refusal = SdpNegotiator.Negotiate(offer, policy, address.AddressFamily, out var agreed);
        Require((refusal == SdpRefusal.None) == (agreed is not null), "an agreement and a refusal");
        if (agreed is null)
        {
            Require(SdpNegotiator.ReasonOf(refusal).Length > 0 && SdpNegotiator.StatusOf(refusal) is 400 or 488, "a refusal without reason");
            return;
        }
        Require(policy.PlainAllowed || agreed.PeerCrypto is not null, "plain RTP agreed where only SRTP is allowed");
        Require(agreed.PeerCrypto is null || policy.Suites.Contains(agreed.PeerCrypto.Key.Suite), "a suite that is not allowed");
        var ourKey = Array.Find(OurKeys, key => key.Suite == agreed.PeerCrypto?.Key.Suite);
        var written = SdpWriter.Answer(offer, agreed, new SdpLocal(address, OurPort, OurPort + 1, 1, 1), ourKey);
        var rejection = SdpParser.TryParse(written, out var answer);
        // Our own lines may carry a description over the limit on size or lines that the offer just met.
        if (rejection is SdpRejection.TooLarge or SdpRejection.TooManyLines)
            return;
        Require(rejection == SdpRejection.None, $"our answer is refused: {rejection}");
        Require(answer.Media.Count == offer.Media.Count, "the answer has other sections than the offer (RFC 3264 6)");
        for (var i = 0; i < answer.Media.Count; i++)
            Require(answer.Media[i].Port == (i == agreed.MediaIndex ? OurPort : 0), "a port of the answer is wrong");
        Require(SdpNegotiator.Negotiate(answer, policy, address.AddressFamily, out var mirrored) == SdpRefusal.None, "our answer can't be negotiated");
        Require(
            mirrored!.Codec == agreed.Codec && mirrored.PayloadType == agreed.PayloadType && mirrored.EventPayloadType == agreed.EventPayloadType,
            "the answer names other formats than were agreed");
        Require(ourKey is null ? mirrored.PeerCrypto is null : mirrored.PeerCrypto?.Key.IsSameAs(ourKey) == true, "the answer carries another key");
    }
}
