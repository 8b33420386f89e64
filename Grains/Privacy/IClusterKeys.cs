using IvrActors.Grains.Interfaces;
using IvrActors.Grains.Interfaces.Privacy;

namespace IvrActors.Grains.Privacy;

/// <summary>The keys that grains use. They live outside the database, in the key ring that the composition root opens.</summary>
public interface IClusterKeys
{
    /// <summary>The public key to which edges seal digits now.</summary>
    SealingKey SealingKey { get; }

    /// <summary>Opens sealed digits; null when key, context, purpose or a byte does not match. The caller disposes the secret.</summary>
    Secret<byte>? Open(SealedSecret sealedSecret, string context, string purpose);

    /// <summary>32 bytes, per tenant: the key of its callers' pseudonyms.</summary>
    ReadOnlySpan<byte> PseudonymKey(string tenant);

    /// <summary>32 bytes: the keyed step on top of Argon2id, for what is hashed from now on.</summary>
    ReadOnlySpan<byte> Pepper { get; }

    /// <summary>The number of <see cref="Pepper"/>, from 1.</summary>
    int PepperVersion => 1;

    /// <summary>A pepper of now or before; empty when it is not known here.</summary>
    ReadOnlySpan<byte> PepperOf(int version) => version == PepperVersion ? Pepper : default;

    /// <summary>32 bytes: MAC key of <c>VerifiedCaller</c> statements.</summary>
    ReadOnlySpan<byte> ProofKey { get; }

    /// <summary>32 bytes: what the keys are derived from under which tried PINs are counted, for a day each.</summary>
    ReadOnlySpan<byte> RiskKey { get; }

    /// <summary>32 bytes, per tenant: MAC key of the audit chain.</summary>
    ReadOnlySpan<byte> AuditKey(string tenant);
}
