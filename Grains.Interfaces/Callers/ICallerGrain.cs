using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Grains.Interfaces.Privacy;

namespace IvrActors.Grains.Interfaces.Callers;

/// <summary>
/// One caller identity (an account), keyed by <see cref="CallerKey"/>. An account that was never enrolled answers like one whose
/// factor was wrong: same result, same writes, same work.
/// </summary>
[Alias("ivr.ICallerGrain")]
public interface ICallerGrain : IGrainWithStringKey
{
    /// <summary>Reserves an attempt (persisted), verifies, persists the outcome, audits, and only then answers.</summary>
    [Alias("Verify")]
    Task<FactorResult> Verify(FactorAttempt attempt);

    /// <summary>What the flow may say to this caller; empty unless <paramref name="proof"/> was made by <see cref="Verify"/> for this caller and call.</summary>
    [Alias("ReadFacts")]
    Task<CallerFacts> ReadFacts(VerifiedCaller proof);

    /// <summary>
    /// Hands out the registered number, to be called back once: only on a proof of this caller's PIN in a call that goes on, only so often in an hour, and recorded.
    /// </summary>
    /// <param name="callBack">Id of the call to be made: the same again is the same order.</param>
    [Alias("OrderCallBack")]
    Task<CallBackOrder> OrderCallBack(VerifiedCaller proof, CallId callBack);

    /// <summary>Creates or replaces the caller's factors and facts.</summary>
    [Requires(Permission.EnrolCallers), Alias("Enrol")]
    Task<EnrolmentResult> Enrol(CallerEnrolment enrolment);

    /// <summary>Destroys what is kept of this caller: factors and facts, and the keys of recordings, also of those under the number that was enrolled.</summary>
    [Requires(Permission.EraseCallers), Alias("Erase")]
    Task<ErasureResult> Erase(string tenant);
}

[GenerateSerializer, Immutable, Alias("ivr.ErasureResult")]
public sealed class ErasureResult
{
    /// <summary>Null when erased; otherwise why not.</summary>
    [Id(0)] public string? Error { get; init; }
}

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

    public override string ToString() => $"[verified {Caller}]";
}

/// <summary>Values that a flow may speak to a verified caller, by name. Prints masked.</summary>
[GenerateSerializer, Immutable, Alias("ivr.CallerFacts")]
public sealed class CallerFacts
{
    [Id(0)] public Dictionary<string, Money> Amounts { get; init; } = [];
    [Id(1)] public List<AccountTransaction> Transactions { get; init; } = [];

    public override string ToString() => "[personal]";
}

/// <summary>An amount in minor units (cents) of a currency (ISO 4217).</summary>
[GenerateSerializer, Immutable, Alias("ivr.Money")]
public sealed class Money
{
    [Id(0)] public required long Minor { get; init; }
    [Id(1)] public required string Currency { get; init; }

    public override string ToString() => "[personal]";
}

[GenerateSerializer, Immutable, Alias("ivr.AccountTransaction")]
public sealed class AccountTransaction
{
    [Id(0)] public required DateOnly On { get; init; }

    /// <summary>Positive: credit. Negative: debit.</summary>
    [Id(1)] public required Money Amount { get; init; }

    public override string ToString() => "[personal]";
}

/// <summary>What an operator hands over to enrol a caller. PIN and TOTP key are sealed with the caller key as context.</summary>
[GenerateSerializer, Immutable, Alias("ivr.CallerEnrolment")]
public sealed class CallerEnrolment
{
    public const string PinPurpose = "enrol-pin";
    public const string TotpPurpose = "enrol-totp";

    [Id(0)] public required string Tenant { get; init; }

    /// <summary>The account number in clear, kept only inside encrypted state.</summary>
    [Id(1)] public required PersonalText Account { get; init; }
    [Id(2)] public PhoneNumber? Number { get; init; }

    /// <summary>4 to 8 ASCII digits.</summary>
    [Id(3)] public required SealedSecret Pin { get; init; }

    /// <summary>The TOTP key's bytes (at least 14, RFC 6238 with SHA-1, 6 digits, 30 s), or null for none.</summary>
    [Id(4)] public SealedSecret? TotpKey { get; init; }
    [Id(5)] public CallerFacts Facts { get; init; } = new();
}

[GenerateSerializer, Immutable, Alias("ivr.EnrolmentResult")]
public sealed class EnrolmentResult
{
    /// <summary>Null when enrolled; otherwise what is wrong, without the value.</summary>
    [Id(0)] public string? Error { get; init; }
}

/// <summary>Turns an account or number into its caller key, and enrols. A stateless front for operators and the command line, key <c>enrolment</c>.</summary>
[Alias("ivr.IEnrolmentGrain")]
public interface IEnrolmentGrain : IGrainWithStringKey
{
    const string Key = "enrolment";

    /// <summary>The caller key of an account, needed to seal an enrolment to it.</summary>
    [Requires(Permission.EnrolCallers), Alias("KeyOf")]
    Task<CallerKey> KeyOf(string tenant, PersonalText account);

    /// <summary>The caller key of an account or of a number, to erase it.</summary>
    [Requires(Permission.EraseCallers), Alias("KeyToErase")]
    Task<CallerKey> KeyToErase(string tenant, PersonalText? account, PhoneNumber? number);

    [Requires(Permission.EnrolCallers), Alias("GetSealingKey")]
    Task<SealingKey> GetSealingKey();
}
