namespace IvrActors.Edge.Stir;

/// <summary>Why no identity of a call was verified.</summary>
internal enum StirFailure
{
    None = 0,

    /// <summary>No Identity header of a kind that is known here.</summary>
    Missing,

    /// <summary>It, or the PASSporT in it, is not what the RFCs describe.</summary>
    Malformed,

    /// <summary>It names no certificate, or another one than the PASSporT does.</summary>
    BadInfo,

    /// <summary>The certificate could not be had, or may not be asked for.</summary>
    NotFetched,

    /// <summary>Date or <c>iat</c> is too far from now.</summary>
    Stale,

    /// <summary>What was fetched is no certificate for this: no P-256 key, no TNAuthList.</summary>
    BadCertificate,

    /// <summary>No chain to an authority that is trusted.</summary>
    Untrusted,

    /// <summary>A certificate of the chain is not valid yet, or no longer.</summary>
    Expired,

    /// <summary>A certificate of the chain stands on a revocation list.</summary>
    Revoked,

    /// <summary>The revocation list that would say so is over its time.</summary>
    RevocationUnknown,

    /// <summary>The certificate lists numbers, and not this one; or its issuer's list does not encompass its own.</summary>
    NoAuthority,
    BadSignature,

    /// <summary>Signed for another caller than the signalling names.</summary>
    WrongOrigin,

    /// <summary>Signed for a call to somebody else, and no chain of diversions leads here.</summary>
    WrongDestination,

    /// <summary>The same PASSporT came with another call.</summary>
    Replayed,

    /// <summary>Too many verifications or fetches are under way.</summary>
    Busy,

    /// <summary>An error of ours.</summary>
    Internal,
}

internal static class StirFailures
{
    /// <summary>What RFC 8224 6.2.2 answers.</summary>
    public static int StatusOf(StirFailure failure) => failure switch
    {
        StirFailure.None => 0,
        StirFailure.Missing => 428,
        StirFailure.BadInfo or StirFailure.NotFetched => 436,
        StirFailure.Stale => 403,
        StirFailure.BadCertificate or StirFailure.Untrusted or StirFailure.Expired or StirFailure.Revoked or StirFailure.RevocationUnknown or StirFailure.NoAuthority => 437,
        StirFailure.Busy => 503,
        StirFailure.Internal => 500,
        _ => 438,
    };

    /// <summary>The reason phrase where it is not the status' own.</summary>
    public static string? PhraseOf(StirFailure failure) => failure == StirFailure.Stale ? "Stale Date" : null;

    /// <summary>Metric label.</summary>
    public static string NameOf(StirFailure failure) => failure switch
    {
        StirFailure.None => "verified",
        StirFailure.Missing => "missing",
        StirFailure.Malformed => "malformed",
        StirFailure.BadInfo => "bad_info",
        StirFailure.NotFetched => "not_fetched",
        StirFailure.Stale => "stale",
        StirFailure.BadCertificate => "bad_certificate",
        StirFailure.Untrusted => "untrusted",
        StirFailure.Expired => "expired",
        StirFailure.Revoked => "revoked",
        StirFailure.RevocationUnknown => "revocation_unknown",
        StirFailure.NoAuthority => "no_authority",
        StirFailure.BadSignature => "bad_signature",
        StirFailure.WrongOrigin => "wrong_origin",
        StirFailure.WrongDestination => "wrong_destination",
        StirFailure.Replayed => "replayed",
        StirFailure.Busy => "busy",
        _ => "error",
    };
}
