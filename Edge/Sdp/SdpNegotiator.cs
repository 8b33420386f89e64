using System.Net;
using System.Net.Sockets; // AddressFamily only.
using IvrActors.Edge.Rtp;
using IvrActors.Edge.Srtp;

namespace IvrActors.Edge.Sdp;

/// <summary>Why an offer is refused. Closed; the value's name in kebab case is the reason that is reported.</summary>
public enum SdpRefusal
{
    None = 0,
    MalformedSdp,
    NoAudio,
    NoCommonCodec,
    UnsupportedProtocol,
    UnusableAddress,
    SrtpRequired,
    SrtpNotAllowed,
    SdesNeedsTls,
    NoUsableCrypto,

    /// <summary>A fingerprint in signalling without TLS proves nothing.</summary>
    FingerprintNeedsTls,
}

/// <summary>What an offer and our policy agree on: how to send to the peer and what to expect.</summary>
public sealed class NegotiatedMedia
{
    /// <summary>The <c>m=</c> section that was taken.</summary>
    public required int MediaIndex { get; init; }
    public required SdpCodec Codec { get; init; }
    public required byte PayloadType { get; init; }

    /// <summary>Payload type of telephone-event, or null when keys do not come as RTP events.</summary>
    public required byte? EventPayloadType { get; init; }

    /// <summary>Durations of events count 48 kHz, as beside Opus they should (RFC 4733 2.1), and not 8 kHz, as some phones have it all the same.</summary>
    public bool EventsAt48k { get; init; }

    public required MediaAddress RtpAddress { get; init; }
    public required MediaAddress RtcpAddress { get; init; }
    public required bool RtcpMux { get; init; }

    /// <summary>From our side.</summary>
    public required SdpDirection Direction { get; init; }

    /// <summary>What the peer wants to have in our reports. We ask for nothing ourselves: both sides of a call send media, so SR and RR tell the round trip.</summary>
    public SdpExtendedReports ExtendedReports { get; init; }

    /// <summary>The peer's key, and the tag to answer it with; null for plain RTP.</summary>
    public SdpCrypto? PeerCrypto { get; init; }

    /// <summary>The peer's side of DTLS-SRTP, when keys come by it.</summary>
    public SdpPeerDtls? PeerDtls { get; init; }

    /// <summary>The protocol as the peer wrote it.</summary>
    public string ProtocolText { get; init; } = "RTP/AVP";

    /// <summary>The section's <c>a=mid</c>, and whether it stands in the BUNDLE group.</summary>
    public string? Mid { get; init; }
    public bool Bundled { get; init; }

    public bool IsEncrypted => PeerCrypto is not null || PeerDtls is not null;

    public bool Sends => Direction is SdpDirection.SendRecv or SdpDirection.SendOnly;

    public bool Receives => Direction is SdpDirection.SendRecv or SdpDirection.RecvOnly;
}

/// <summary>Which protections the policy of a trunk lets pass.</summary>
/// <param name="SrtpAllowed">SDES and DTLS-SRTP may be used: keys are safe in this signalling and fingerprints are authentic, and the trunk wants SRTP.</param>
/// <param name="PlainAllowed">Plain RTP may be used.</param>
/// <param name="SrtpBlockedBy">Why SRTP is not allowed.</param>
public sealed record SdpPolicy(bool SrtpAllowed, bool PlainAllowed, SdpRefusal SrtpBlockedBy)
{
    /// <summary>Codecs of the trunk in the order of our offers; null for those of G.711.</summary>
    public IReadOnlyList<SdpCodec>? Codecs { get; init; }

    /// <summary>Suites of SRTP that the trunk may have, in the order of our offers.</summary>
    public IReadOnlyList<SrtpSuite> Suites { get; init; } = SrtpSuite.Usual;

    /// <summary>The suites of our offer by tag, from 1, when its answer is read; null for an offer of the peer.</summary>
    public IReadOnlyList<SrtpSuite>? Offered { get; init; }

    /// <summary>Whether DTLS may bring the keys; an answer can't change what our offer says.</summary>
    public bool TakesDtls { get; init; } = true;

    /// <summary>Of <see cref="Suites"/> those that DTLS knows and whose tag is long.</summary>
    public IEnumerable<SrtpSuite> DtlsSuites => Suites.Where(suite => suite.Profile is not null && !suite.HasShortTag);

    /// <summary>Whether a peer's key may be used. An answer must name one of the lines of our offer by its tag and its suite (RFC 4568 5.1.3).</summary>
    public bool Takes(SdpCrypto crypto) => Offered is { } offered
        ? crypto.Tag >= 1 && crypto.Tag <= offered.Count && offered[crypto.Tag - 1] == crypto.Key.Suite
        : Suites.Contains(crypto.Key.Suite);

    public static SdpPolicy For(bool secureSignalling, bool sdesWithoutTls, SrtpPolicy srtp) => srtp switch
    {
        SrtpPolicy.Off => new SdpPolicy(false, true, SdpRefusal.SrtpNotAllowed),
        _ when secureSignalling || sdesWithoutTls => new SdpPolicy(true, srtp != SrtpPolicy.Required, SdpRefusal.None),
        _ => new SdpPolicy(false, srtp != SrtpPolicy.Required, SdpRefusal.SdesNeedsTls),
    };
}

/// <summary>Offer and policy in, agreement or refusal out (RFC 3264 6). Pure.</summary>
public static class SdpNegotiator
{
    private static readonly SdpCodec[] s_g711 = [SdpCodec.Pcmu, SdpCodec.Pcma];

    /// <summary>SIP status of a refusal.</summary>
    public static int StatusOf(SdpRefusal refusal) => refusal == SdpRefusal.MalformedSdp ? 400 : 488;

    /// <summary>The reason as metrics and Warning name it.</summary>
    public static string ReasonOf(SdpRefusal refusal) => refusal switch
    {
        SdpRefusal.None => "",
        SdpRefusal.MalformedSdp => "malformed-sdp",
        SdpRefusal.NoAudio => "no-audio",
        SdpRefusal.NoCommonCodec => "no-common-codec",
        SdpRefusal.UnsupportedProtocol => "unsupported-protocol",
        SdpRefusal.UnusableAddress => "unusable-address",
        SdpRefusal.SrtpRequired => "srtp-required",
        SdpRefusal.SrtpNotAllowed => "srtp-not-allowed",
        SdpRefusal.SdesNeedsTls => "sdes-needs-tls",
        SdpRefusal.NoUsableCrypto => "no-usable-crypto",
        SdpRefusal.FingerprintNeedsTls => "fingerprint-needs-tls",
        _ => throw new InvalidOperationException("internal error: unknown refusal"),
    };

    /// <summary>
    /// Picks the <c>m=audio</c> section to use: the first encrypted one that is acceptable, else the first plain one. Of the codecs that the trunk may
    /// have, the first in the offer's order is taken (RFC 3264 6.1); of its suites too (RFC 4568 5.1.2).
    /// Works for offers and, because the rules are the same, for the answer to an offer of ours.
    /// </summary>
    public static SdpRefusal Negotiate(SdpDescription offer, SdpPolicy policy, AddressFamily family, out NegotiatedMedia? agreed)
    {
        agreed = null;
        var refusal = SdpRefusal.NoAudio;
        for (var i = 0; i < offer.Media.Count; i++)
        {
            if (offer.Media[i].Type != "audio" || offer.Media[i].Port == 0) continue;
            var why = Try(offer, i, policy, family, out var candidate);
            if (candidate is { IsEncrypted: true })
            {
                agreed = candidate;
                return SdpRefusal.None;
            }
            agreed ??= candidate;
            // The first section's reason is the one that tells most.
            if (refusal == SdpRefusal.NoAudio) refusal = why;
        }
        return agreed is null ? refusal : SdpRefusal.None;
    }

    private static SdpRefusal Try(SdpDescription offer, int index, SdpPolicy policy, AddressFamily family, out NegotiatedMedia? agreed)
    {
        agreed = null;
        var media = offer.Media[index];
        switch (media.Protocol)
        {
            case SdpProtocol.Other: return SdpRefusal.UnsupportedProtocol;
            case SdpProtocol.RtpAvp when !policy.PlainAllowed: return SdpRefusal.SrtpRequired;
            case SdpProtocol.DtlsSavp when !policy.SrtpAllowed: return policy.SrtpBlockedBy == SdpRefusal.SdesNeedsTls ? SdpRefusal.FingerprintNeedsTls : policy.SrtpBlockedBy;
            case SdpProtocol.RtpSavp when !policy.SrtpAllowed: return policy.SrtpBlockedBy;
        }
        var crypto = media.Protocol == SdpProtocol.RtpSavp ? media.Crypto.Find(policy.Takes) : null;
        var dtls = crypto is null && policy.TakesDtls && policy.DtlsSuites.Any() ? DtlsOf(offer, media) : null;
        if (media.Protocol != SdpProtocol.RtpAvp && crypto is null && dtls is null) return SdpRefusal.NoUsableCrypto;
        if (PickCodec(media, policy.Codecs) is not { } codec) return SdpRefusal.NoCommonCodec;

        var address = media.Connection ?? offer.Connection;
        var ice = dtls?.IceFragment is not null;
        // With ICE the address is a default for those who have none; a browser writes 0.0.0.0 there (RFC 9429 5.2.1), and its checks say where it is.
        if (!ice && (address is null || address.AddressFamily != family || IsMulticastOrBroadcast(address))) return SdpRefusal.UnusableAddress;
        // RFC 2543 hold: nowhere to send to.
        var nowhere = !ice && (address!.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any));
        var rtcpPort = media.RtcpMux ? media.Port : media.RtcpPort ?? Math.Min(65535, media.Port + 1);
        var wideEvents = codec.Codec == SdpCodec.Opus ? PickEvents(media, SdpCodec.TelephoneEvent48k) : null;
        agreed = new NegotiatedMedia
        {
            MediaIndex = index,
            Codec = codec.Codec,
            PayloadType = codec.PayloadType,
            EventPayloadType = wideEvents ?? PickEvents(media, SdpCodec.TelephoneEvent),
            EventsAt48k = wideEvents is not null,
            RtpAddress = nowhere || ice ? default : MediaAddress.From(address!, media.Port),
            RtcpAddress = nowhere || ice ? default : MediaAddress.From(address!, rtcpPort),
            RtcpMux = media.RtcpMux,
            ExtendedReports = media.ExtendedReports ?? offer.ExtendedReports,
            Direction = Mirror(media.Direction ?? offer.Direction, nowhere),
            PeerCrypto = crypto,
            PeerDtls = dtls,
            ProtocolText = media.ProtocolText,
            Mid = media.Mid,
            Bundled = media.Mid is not null && offer.Bundle.Contains(media.Mid),
        };
        return SdpRefusal.None;
    }

    /// <summary>
    /// DTLS-SRTP of a section, or null. RTP/SAVP with a fingerprint and no usable SDES key is how it was written before RFC 5764 gave it its own name, and RFC 9429 5.1.2
    /// has both be taken.
    /// </summary>
    private static SdpPeerDtls? DtlsOf(SdpDescription offer, SdpMedia media)
    {
        if (media.Protocol != SdpProtocol.DtlsSavp && media.Protocol != SdpProtocol.RtpSavp) return null;
        var (own, shared) = (media.Transport, offer.Transport);
        var fingerprints = own.Fingerprints.Count > 0 ? own.Fingerprints : shared.Fingerprints;
        // RFC 4145 4: without the line its sender is active.
        var setup = own.Setup ?? shared.Setup ?? SdpSetup.Active;
        if (fingerprints.Count == 0 || setup == SdpSetup.Unusable) return null;
        // One component: RTCP has no port of its own with ICE. A lite peer sends no checks, so that there is nothing for us to answer.
        var ice = media.RtcpMux && !offer.IceLite && (own.HasIcePassword || shared.HasIcePassword);
        return new SdpPeerDtls
        {
            Fingerprints = fingerprints,
            Setup = setup,
            TlsId = own.TlsId ?? shared.TlsId,
            IceFragment = ice ? own.IceFragment ?? shared.IceFragment : null,
        };
    }

    private static SdpRtpMap? PickCodec(SdpMedia media, IReadOnlyList<SdpCodec>? codecs)
    {
        foreach (var format in media.Formats)
        {
            if (CodecOf(media, format) is var codec and (SdpCodec.Pcmu or SdpCodec.Pcma or SdpCodec.Opus) && (codecs ?? s_g711).Contains(codec)) return new SdpRtpMap(format, codec);
        }
        return null;
    }

    private static byte? PickEvents(SdpMedia media, SdpCodec events)
    {
        foreach (var format in media.Formats)
        {
            if (CodecOf(media, format) == events) return format;
        }
        return null;
    }

    /// <summary>Payload types 0 and 8 are static (RFC 3551 6): they need no rtpmap, and one that names another codec does not change them.</summary>
    private static SdpCodec CodecOf(SdpMedia media, byte format)
    {
        if (format == 0) return SdpCodec.Pcmu;
        if (format == 8) return SdpCodec.Pcma;
        // RFC 3551 leaves 96 to 127 to dynamic use; 72 to 76 would collide with RTCP on a shared port.
        if (format < 96) return SdpCodec.Other;
        foreach (var map in media.RtpMaps)
        {
            if (map.PayloadType == format) return map.Codec;
        }
        return SdpCodec.Other;
    }

    private static bool IsMulticastOrBroadcast(IPAddress address)
    {
        if (address.AddressFamily == AddressFamily.InterNetworkV6) return address.IsIPv6Multicast;
        Span<byte> bytes = stackalloc byte[4];
        address.TryWriteBytes(bytes, out _);
        return bytes[0] >= 224;
    }

    private static SdpDirection Mirror(SdpDirection offered, bool nowhere) => offered switch
    {
        SdpDirection.SendOnly => SdpDirection.RecvOnly,
        SdpDirection.RecvOnly => nowhere ? SdpDirection.Inactive : SdpDirection.SendOnly,
        SdpDirection.Inactive => SdpDirection.Inactive,
        _ => nowhere ? SdpDirection.RecvOnly : SdpDirection.SendRecv,
    };
}
