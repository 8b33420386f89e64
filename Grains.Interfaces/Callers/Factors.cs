using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Grains.Interfaces.Privacy;

namespace IvrActors.Grains.Interfaces.Callers;

[GenerateSerializer, Alias("ivr.FactorKind")]
public enum FactorKind
{
    /// <summary>Something known, keyed whole.</summary>
    Pin = 0,

    /// <summary>A code of an authenticator app (RFC 6238).</summary>
    Totp = 1,

    /// <summary>A code of a token that counts (RFC 4226).</summary>
    Hotp = 2,

    /// <summary>A code sent out of band, for this call.</summary>
    SentCode = 3,

    /// <summary>The caller answered at the number that is registered.</summary>
    CallBack = 4,

    /// <summary>The calling number, attested in full (RFC 8588), is the one that is registered.</summary>
    Attestation = 5,

    /// <summary>The caller approved the call with a passkey of a device of theirs (WebAuthn).</summary>
    Device = 6,

    /// <summary>A look-up secret, used up with its use (NIST SP 800-63B-4 3.1.2).</summary>
    RecoveryCode = 7,
}

[GenerateSerializer, Immutable, Alias("ivr.FactorAttempt")]
public sealed class FactorAttempt
{
    [Id(0)] public required CallId Call { get; init; }

    /// <summary>Seq of the event that carried the digits: with the call id it names the attempt, so that a repeat is not counted twice.</summary>
    [Id(1)] public required int Seq { get; init; }
    [Id(2)] public required string Tenant { get; init; }
    [Id(3)] public required FactorKind Factor { get; init; }

    /// <summary>The digits, sealed for the call with <see cref="Purpose"/>.</summary>
    [Id(4)] public required SealedSecret Digits { get; init; }
    [Id(5)] public required string Purpose { get; init; }
    [Id(6)] public required OriginClass Origin { get; init; }

    /// <summary>The proof of the factors that this call verified before, or null for the first.</summary>
    [Id(7)] public VerifiedCaller? Before { get; init; }

    /// <summary>Where the call comes from, for what is learned from failures and for attestation; null from a cluster of an older version.</summary>
    [Id(8)] public CallOrigin? From { get; init; }

    /// <summary>What the flow wants to reach, so that the answer can name the factor to ask for next; none: the flow says itself what it asks for.</summary>
    [Id(9)] public Assurance Wanted { get; init; }

    /// <summary>What is known against the call so far; a proof keeps the worst that any of its factors was verified under.</summary>
    [Id(10)] public RiskLevel Risk { get; init; }
}

[GenerateSerializer, Immutable, Alias("ivr.FactorResult")]
public sealed class FactorResult
{
    [Id(0)] public required FactorOutcome Outcome { get; init; }

    /// <summary>Only when the outcome is <see cref="FactorOutcome.Accepted"/>: the factors verified in this call so far.</summary>
    [Id(1)] public VerifiedCaller? Proof { get; init; }

    /// <summary>What the proof comes to, risk considered.</summary>
    [Id(2)] public Assurance Reached { get; init; }

    /// <summary>The factor to ask for next, where the wanted assurance is not reached; null: it is, or it cannot be.</summary>
    [Id(3)] public FactorKind? Next { get; init; }

    /// <summary>Factors that would do in place of <see cref="Next"/>, each by itself, best first. Told only after a right PIN, as everything of the account is.</summary>
    [Id(4)] public List<FactorKind> Others { get; init; } = [];

    /// <summary>The PIN was right and its time is over: the proof is good for changing it, and for nothing else.</summary>
    [Id(5)] public bool MustChange { get; init; }
}

[GenerateSerializer, Alias("ivr.FactorOutcome")]
public enum FactorOutcome
{
    Accepted = 0,

    /// <summary>Wrong, replayed, unknown account: not told apart.</summary>
    Refused = 1,

    /// <summary>Too many failures, whatever the digits were.</summary>
    Locked = 2,

    /// <summary>Could not be checked (storage failed, row tampered with); counts as refused, spoken as a polite error.</summary>
    Unavailable = 3,
}

/// <summary>A statement that a caller's factors were verified in one call. Only a caller grain can make one that counts: it carries a MAC.</summary>
[GenerateSerializer, Immutable, Alias("ivr.VerifiedCaller")]
public sealed class VerifiedCaller
{
    [Id(0)] public required CallerKey Caller { get; init; }
    [Id(1)] public required CallId Call { get; init; }
    [Id(2)] public required List<FactorKind> Factors { get; init; }
    [Id(3)] public required byte[] Mac { get; init; }

    /// <summary>The worst that was known against the call when a factor was verified.</summary>
    [Id(4)] public RiskLevel Risk { get; init; }

    /// <summary>When the last factor was verified.</summary>
    [Id(5)] public DateTimeOffset At { get; init; }

    /// <summary>The PIN's time was over: it comes to nothing until it is changed.</summary>
    [Id(6)] public bool PinExpired { get; init; }

    public override string ToString() => $"[verified {Caller}]";
}

/// <summary>Has sent what a factor needs: a code, a question to a device, a call.</summary>
[GenerateSerializer, Immutable, Alias("ivr.FactorBegin")]
public sealed class FactorBegin
{
    [Id(0)] public required CallId Call { get; init; }

    /// <summary>Number of the event that led here.</summary>
    [Id(1)] public required int Seq { get; init; }
    [Id(2)] public required string Tenant { get; init; }
    [Id(3)] public required FactorKind Factor { get; init; }

    /// <summary>The proof of the PIN, verified in this call.</summary>
    [Id(4)] public required VerifiedCaller Proof { get; init; }
    [Id(5)] public required OriginClass Origin { get; init; }
    [Id(6)] public CallOrigin? From { get; init; }
    [Id(7)] public RiskLevel Risk { get; init; }

    /// <summary>Language of what is sent, such as <c>en</c>.</summary>
    [Id(8)] public required string Language { get; init; }
}

[GenerateSerializer, Immutable, Alias("ivr.FactorBegun")]
public sealed class FactorBegun
{
    [Id(0)] public required BeginOutcome Outcome { get; init; }
}

[GenerateSerializer, Alias("ivr.BeginOutcome")]
public enum BeginOutcome
{
    /// <summary>It is on its way; whether it arrives nobody knows.</summary>
    Sent = 0,

    /// <summary>Too many were sent to this caller lately.</summary>
    Limited = 1,

    /// <summary>It cannot be sent: no such factor, a destination that is too new, no provider, no proof.</summary>
    Unavailable = 2,
}

/// <summary>Asks what a proof comes to.</summary>
[GenerateSerializer, Immutable, Alias("ivr.AssuranceRequest")]
public sealed class AssuranceRequest
{
    [Id(0)] public required string Tenant { get; init; }
    [Id(1)] public required VerifiedCaller Proof { get; init; }
    [Id(2)] public required Assurance Wanted { get; init; }
    [Id(3)] public CallOrigin? From { get; init; }

    /// <summary>What is known against the call by now.</summary>
    [Id(4)] public RiskLevel Risk { get; init; }
}

/// <summary>Asks for what may be told to a verified caller.</summary>
[GenerateSerializer, Immutable, Alias("ivr.FactsRequest")]
public sealed class FactsRequest
{
    [Id(0)] public required VerifiedCaller Proof { get; init; }

    /// <summary>What the proof must come to; at least <see cref="Assurance.Low"/>.</summary>
    [Id(1)] public required Assurance Wanted { get; init; }

    /// <summary>What is known against the call by now.</summary>
    [Id(2)] public RiskLevel Risk { get; init; }
}

/// <summary>A new PIN, keyed twice; each is sealed for the call with its purpose.</summary>
[GenerateSerializer, Immutable, Alias("ivr.PinChange")]
public sealed class PinChange
{
    [Id(0)] public required CallId Call { get; init; }

    /// <summary>Number of the event that brought the second one.</summary>
    [Id(1)] public required int Seq { get; init; }
    [Id(2)] public required string Tenant { get; init; }
    [Id(3)] public required SealedSecret First { get; init; }
    [Id(4)] public required string FirstPurpose { get; init; }
    [Id(5)] public required SealedSecret Second { get; init; }
    [Id(6)] public required string SecondPurpose { get; init; }
    [Id(7)] public required VerifiedCaller Proof { get; init; }
    [Id(8)] public required OriginClass Origin { get; init; }

    /// <summary>What is known against the call by now.</summary>
    [Id(9)] public RiskLevel Risk { get; init; }
}

[GenerateSerializer, Immutable, Alias("ivr.PinChangeResult")]
public sealed class PinChangeResult
{
    [Id(0)] public required PinChangeOutcome Outcome { get; init; }

    /// <summary>When changed: the proof of before, in which the PIN has not expired any more.</summary>
    [Id(1)] public VerifiedCaller? Proof { get; init; }

    /// <summary>What that comes to.</summary>
    [Id(2)] public Assurance Reached { get; init; }
}

[GenerateSerializer, Alias("ivr.PinChangeOutcome")]
public enum PinChangeOutcome
{
    Changed = 0,

    /// <summary>The two are not the same.</summary>
    Different = 1,

    /// <summary>No PIN (4 to 8 digits), too easy to guess, part of the account or number, or the one of before.</summary>
    Weak = 2,

    /// <summary>The proof does not come to what a change takes.</summary>
    Refused = 3,

    /// <summary>It could not be stored; nothing is changed.</summary>
    Unavailable = 4,
}
