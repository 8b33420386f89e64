using IvrActors.Grains.Interfaces.Callers;

namespace IvrActors.Grains.Callers.Factors;

/// <summary>What kind of proof a factor is (NIST SP 800-63B-4 2.2 counts kinds, not factors).</summary>
internal enum FactorCategory
{
    /// <summary>Something the caller knows.</summary>
    Knowledge,

    /// <summary>Something the caller has.</summary>
    Possession,
}

/// <summary>What a factor is worth. Ordered: more is worth more.</summary>
internal enum FactorStrength
{
    /// <summary>A sign: somebody else vouches for it.</summary>
    Weak,

    /// <summary>The caller proved it in this call.</summary>
    Strong,

    /// <summary>Strong, and it goes through no telephone number, which can be forwarded, ported or talked out of its owner (NIST SP 800-63B-4 3.1.3.3).</summary>
    OffTheNetwork,
}

/// <summary>The one table of what factors are, from which assurance follows.</summary>
internal readonly record struct FactorTraits(FactorCategory Category, FactorStrength Strength)
{
    public static FactorTraits Of(FactorKind kind) => kind switch
    {
        // A PIN of 4 to 8 digits is weak by the standard (3.1.1.2): whatever it comes to, it comes to with another factor.
        FactorKind.Pin => new(FactorCategory.Knowledge, FactorStrength.Weak),
        FactorKind.Totp or FactorKind.Hotp or FactorKind.Device => new(FactorCategory.Possession, FactorStrength.OffTheNetwork),
        // A recovery code is strong, but it is paper: what it is asked for under suspicion may have been read out.
        FactorKind.SentCode or FactorKind.CallBack or FactorKind.RecoveryCode => new(FactorCategory.Possession, FactorStrength.Strong),
        FactorKind.Attestation => new(FactorCategory.Possession, FactorStrength.Weak),
        _ => throw new InvalidOperationException("internal error: unknown kind of factor"),
    };

    /// <summary>The kind's name in metrics and audit records.</summary>
    public static string NameOf(FactorKind kind) => kind switch
    {
        FactorKind.Pin => "pin",
        FactorKind.Totp => "totp",
        FactorKind.Hotp => "hotp",
        FactorKind.SentCode => "sent_code",
        FactorKind.CallBack => "call_back",
        FactorKind.Attestation => "attestation",
        FactorKind.Device => "device",
        FactorKind.RecoveryCode => "recovery_code",
        _ => "other",
    };
}
