using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Grains.Interfaces.Privacy;

namespace IvrActors.Grains.Interfaces.Callers;

/// <summary>What an operator hands over to enrol a caller. PIN and TOTP key are sealed with the caller key as context.</summary>
[GenerateSerializer, Immutable, Alias("ivr.CallerEnrolment")]
public sealed class CallerEnrolment
{
    public const string PinPurpose = "enrol-pin";
    public const string TotpPurpose = "enrol-totp";
    public const string HotpPurpose = "enrol-hotp";

    [Id(0)] public required string Tenant { get; init; }

    /// <summary>The account number in clear, kept only inside encrypted state.</summary>
    [Id(1)] public required PersonalText Account { get; init; }
    [Id(2)] public PhoneNumber? Number { get; init; }

    /// <summary>4 to 8 ASCII digits.</summary>
    [Id(3)] public required SealedSecret Pin { get; init; }

    /// <summary>The TOTP key's bytes (at least 14, RFC 6238 with SHA-1, 6 digits, 30 s), or null for none.</summary>
    [Id(4)] public SealedSecret? TotpKey { get; init; }
    [Id(5)] public CallerFacts Facts { get; init; } = new();

    /// <summary>The key's bytes of a token that counts (at least 16, RFC 4226 R6), or null for none.</summary>
    [Id(6)] public SealedSecret? HotpKey { get; init; }

    /// <summary>The token's counter: the first code that counts.</summary>
    [Id(7)] public long HotpCounter { get; init; }

    /// <summary>Where codes are sent; it was validated beforehand. One that replaces another counts a day later. Null: nowhere.</summary>
    [Id(8)] public CodeDestination? CodesTo { get; init; }

    /// <summary>Until when that which the caller has (tokens, devices, codes) counts; null: without an end. PINs expire by the cluster's rule.</summary>
    [Id(9)] public DateTimeOffset? Until { get; init; }
}

[GenerateSerializer, Immutable, Alias("ivr.EnrolmentResult")]
public sealed class EnrolmentResult
{
    /// <summary>Null when enrolled; otherwise what is wrong, without the value.</summary>
    [Id(0)] public string? Error { get; init; }
}

/// <summary>What an operator binds anew; what is null stays. Secrets are sealed as in a <see cref="CallerEnrolment"/>.</summary>
[GenerateSerializer, Immutable, Alias("ivr.CallerRebinding")]
public sealed class CallerRebinding
{
    [Id(0)] public required string Tenant { get; init; }
    [Id(1)] public SealedSecret? Pin { get; init; }
    [Id(2)] public SealedSecret? TotpKey { get; init; }
    [Id(3)] public SealedSecret? HotpKey { get; init; }
    [Id(4)] public long HotpCounter { get; init; }
    [Id(5)] public PhoneNumber? Number { get; init; }
    [Id(6)] public CodeDestination? CodesTo { get; init; }
    [Id(7)] public DateTimeOffset? Until { get; init; }

    /// <summary>Factors that the caller has lost; not the PIN.</summary>
    [Id(8)] public List<FactorKind> Lost { get; init; } = [];
}

/// <summary>Where one-time codes of a caller go.</summary>
[GenerateSerializer, Immutable, Alias("ivr.CodeDestination")]
public sealed class CodeDestination
{
    [Id(0)] public required CodeChannel Channel { get; init; }

    /// <summary>A number in E.164 with its plus sign, or an address of mail.</summary>
    [Id(1)] public required PersonalText Address { get; init; }

    public override string ToString() => "[personal]";
}

/// <summary>How a code reaches its caller.</summary>
[GenerateSerializer, Alias("ivr.CodeChannel")]
public enum CodeChannel
{
    /// <summary>A text message to the number.</summary>
    Sms = 0,

    /// <summary>A call of the provider to the number, which speaks the code.</summary>
    Voice = 1,

    Email = 2,
}

[GenerateSerializer, Immutable, Alias("ivr.RecoveryCodesRequest")]
public sealed class RecoveryCodesRequest
{
    public const string Purpose = "recovery-codes";

    [Id(0)] public required string Tenant { get; init; }

    /// <summary>To whom the codes are sealed: a key pair of the one who asks, made for this.</summary>
    [Id(1)] public required SealingKey To { get; init; }
}

[GenerateSerializer, Immutable, Alias("ivr.RecoveryCodesResult")]
public sealed class RecoveryCodesResult
{
    /// <summary>Null when made; otherwise what is wrong.</summary>
    [Id(0)] public string? Error { get; init; }

    /// <summary>The codes in ASCII, one a line, sealed with the caller key as context and <see cref="RecoveryCodesRequest.Purpose"/>.</summary>
    [Id(1)] public SealedSecret? Codes { get; init; }
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
