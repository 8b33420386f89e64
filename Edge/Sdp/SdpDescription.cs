using System.Net;
using IvrActors.Edge.Srtp;

namespace IvrActors.Edge.Sdp;

/// <summary>What a session description (RFC 4566) says that matters here. Everything else in it is skipped.</summary>
public sealed class SdpDescription
{
    /// <summary>Session-level <c>c=</c>, or null.</summary>
    public IPAddress? Connection { get; set; }

    public SdpDirection Direction { get; set; } = SdpDirection.SendRecv;

    /// <summary>What <c>a=rtcp-xr</c> asks for all of the media that do not say otherwise.</summary>
    public SdpExtendedReports ExtendedReports { get; set; }

    public List<SdpMedia> Media { get; } = [];

    /// <summary>Lines before the first section, which hold for every section that has none of its own.</summary>
    public SdpTransportLines Transport { get; } = new();

    /// <summary>The peer is a lite agent (RFC 8445 2.5): it checks nothing, and neither do we.</summary>
    public bool IceLite { get; set; }

    /// <summary>Sections of the first BUNDLE group (RFC 9143), by their <c>a=mid</c>.</summary>
    public IReadOnlyList<string> Bundle { get; set; } = [];
}

/// <summary>One <c>m=</c> section.</summary>
public sealed class SdpMedia
{
    /// <summary><c>audio</c>, <c>video</c>, … as written.</summary>
    public required string Type { get; init; }

    /// <summary>0 means that the section is refused or switched off.</summary>
    public required int Port { get; init; }

    public required SdpProtocol Protocol { get; init; }

    /// <summary>The protocol and the formats as written, to refuse a section by echoing it.</summary>
    public required string ProtocolText { get; init; }
    public required string FormatsText { get; init; }

    /// <summary>Payload type numbers in the order of preference.</summary>
    public List<byte> Formats { get; } = [];

    public List<SdpRtpMap> RtpMaps { get; } = [];

    /// <summary>Media-level <c>c=</c>, or null.</summary>
    public IPAddress? Connection { get; set; }

    /// <summary>Null when only the session says it.</summary>
    public SdpDirection? Direction { get; set; }

    /// <summary>The usable <c>a=crypto</c> lines, in the order of preference.</summary>
    public List<SdpCrypto> Crypto { get; } = [];

    /// <summary>Port of <c>a=rtcp</c> (RFC 3605), or null.</summary>
    public int? RtcpPort { get; set; }

    public bool RtcpMux { get; set; }

    public SdpTransportLines Transport { get; } = new();

    /// <summary>RFC 5888 4; null when it is absent.</summary>
    public string? Mid { get; set; }

    /// <summary>What <c>a=rtcp-xr</c> asks for (RFC 3611 5.1); null when only the session says it.</summary>
    public SdpExtendedReports? ExtendedReports { get; set; }
}

/// <summary>The kinds of RTCP extended reports that are known here.</summary>
[Flags]
public enum SdpExtendedReports
{
    None = 0,

    /// <summary>RFC 3611 4.7.</summary>
    VoipMetrics = 1,

    /// <summary>RFC 3611 4.4 and 4.5: a side that sends no media measures the round trip.</summary>
    RoundTrip = 2,
}

/// <param name="Codec">Closed set: any other encoding is skipped when read.</param>
public readonly record struct SdpRtpMap(byte PayloadType, SdpCodec Codec);

public enum SdpCodec
{
    Pcmu = 0,
    Pcma = 1,
    TelephoneEvent = 2,

    /// <summary>Any other encoding or clock rate.</summary>
    Other = 3,

    /// <summary>RFC 7587.</summary>
    Opus = 4,

    /// <summary>telephone-event at the clock of Opus: an event's clock is that of the audio that it goes with (RFC 4733 2.1).</summary>
    TelephoneEvent48k = 5,
}

public enum SdpProtocol
{
    RtpAvp = 0,

    /// <summary>RTP/SAVP, or RTP/SAVPF: feedback (RFC 4585) may be left unsent.</summary>
    RtpSavp = 1,

    Other = 2,

    /// <summary>UDP/TLS/RTP/SAVP or UDP/TLS/RTP/SAVPF (RFC 5764 9).</summary>
    DtlsSavp = 3,
}

public enum SdpDirection
{
    SendRecv = 0,
    SendOnly = 1,
    RecvOnly = 2,
    Inactive = 3,
}

/// <summary>A usable <c>a=crypto</c> line (RFC 4568): one inline key of a suite that we know, no MKI, and the usual session parameters.</summary>
public sealed class SdpCrypto
{
    public required int Tag { get; init; }

    public required SrtpMasterKey Key { get; init; }

    public override string ToString() => "[crypto]";
}

/// <summary>Why a description was not read. Closed.</summary>
public enum SdpRejection
{
    None = 0,
    TooLarge,
    TooManyLines,
    MalformedLine,
    MissingVersion,
    MalformedConnection,
    MalformedMedia,
    TooManyMedia,
    TooManyFormats,
    TooManyAttributes,
}
