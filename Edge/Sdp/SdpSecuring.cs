using System.Net;
using IvrActors.Edge.Ice;

namespace IvrActors.Edge.Sdp;

/// <summary>Who begins the DTLS handshake (RFC 4145 4, RFC 8842 5.2).</summary>
public enum SdpSetup
{
    Active = 0,
    Passive = 1,
    ActPass = 2,

    /// <summary>RFC 4145's holdconn, which RFC 5763 5 forbids, and anything else.</summary>
    Unusable = 3,
}

/// <summary>What one level of a description, the session or a section, says about DTLS and ICE.</summary>
public sealed class SdpTransportLines
{
    /// <summary>Usable <c>a=fingerprint</c> lines; a peer has one for each hash or certificate.</summary>
    public const int MostFingerprints = 4;

    public List<SdpFingerprint> Fingerprints { get; } = [];

    public SdpSetup? Setup { get; set; }

    /// <summary>RFC 8842 4; null when it is absent.</summary>
    public string? TlsId { get; set; }

    public string? IceFragment { get; set; }

    /// <summary>The password itself is of no use to a lite agent, which sends no requests.</summary>
    public bool HasIcePassword { get; set; }
}

/// <summary>The peer's side of a DTLS association as agreed.</summary>
public sealed class SdpPeerDtls
{
    /// <summary>Its certificate must have one of these; never empty.</summary>
    public required IReadOnlyList<SdpFingerprint> Fingerprints { get; init; }

    public required SdpSetup Setup { get; init; }

    public string? TlsId { get; init; }

    /// <summary>The peer's ICE user name fragment; null when ICE is not used.</summary>
    public string? IceFragment { get; init; }

    /// <summary>Whether the same association goes on (RFC 8842 3.1): new fingerprints or a new id ask for a new one.</summary>
    public bool IsSameAssociationAs(SdpPeerDtls other) =>
        TlsId == other.TlsId && Fingerprints.Count == other.Fingerprints.Count && Fingerprints.All(f => other.Fingerprints.Any(f.IsSameAs));
}

/// <summary>Our side of a DTLS association, for our descriptions.</summary>
/// <param name="TlsId">Written in a first offer, and when the peer has one (RFC 8842 5.2, 5.3).</param>
/// <param name="Ice">Null when ICE is not used.</param>
/// <param name="Candidates">Our host candidates, best first.</param>
public sealed record SdpOurDtls(SdpFingerprint Fingerprint, SdpSetup Setup, string? TlsId, IceCredentials? Ice, IReadOnlyList<IPAddress> Candidates);
