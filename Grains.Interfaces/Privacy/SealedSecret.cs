namespace IvrActors.Grains.Interfaces.Privacy;

/// <summary>
/// Secret digits encrypted at the edge to the cluster's sealing key: ECDH P-256, HKDF-SHA-256, AES-256-GCM, with key id,
/// call id and purpose as associated data. Only the grain that verifies a factor opens it.
/// </summary>
[GenerateSerializer, Immutable, Alias("ivr.SealedSecret")]
public sealed class SealedSecret
{
    /// <summary>Which sealing key it was encrypted to.</summary>
    [Id(0)] public required string KeyId { get; init; }

    /// <summary>The sender's ephemeral public key: uncompressed P-256 point, 65 bytes.</summary>
    [Id(1)] public required byte[] EphemeralPublicKey { get; init; }

    /// <summary>Ciphertext followed by the 16-byte tag. The nonce is derived with the key, which is used once.</summary>
    [Id(2)] public required byte[] Ciphertext { get; init; }
}

/// <summary>The public half of the cluster's sealing key.</summary>
[GenerateSerializer, Immutable, Alias("ivr.SealingKey")]
public sealed class SealingKey
{
    [Id(0)] public required string KeyId { get; init; }

    /// <summary>Uncompressed P-256 point (0x04, X, Y), 65 bytes.</summary>
    [Id(1)] public required byte[] PublicKey { get; init; }
}
