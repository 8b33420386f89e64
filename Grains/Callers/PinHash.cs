using System.Security.Cryptography;
using NSec.Cryptography;

namespace IvrActors.Grains.Callers;

/// <summary>
/// A stored PIN: <c>HMAC-SHA-256(pepper, Argon2id(PIN, salt))</c> with the cost it was made with. The pepper lives outside the database: without it the
/// few millions of possible PINs cannot be tried at any cost setting.
/// </summary>
[GenerateSerializer, Immutable, Alias("ivr.state.PinHash")]
public sealed class PinHash
{
    public const int SaltSize = 16;
    private const int HashSize = 32;

    [Id(0)] public required byte[] Salt { get; init; }
    [Id(1)] public required PinCost Cost { get; init; }
    [Id(2)] public required byte[] Tag { get; init; }

    /// <summary>Which pepper; 0 in rows of an older version, which knew one.</summary>
    [Id(3)] public int Pepper { get; init; }

    /// <summary>As <see cref="Privacy.IClusterKeys.PepperOf"/> counts.</summary>
    public int PepperVersion => Math.Max(1, Pepper);

    /// <summary>Hashes a PIN. Costs tens of milliseconds of a core and <see cref="PinCost.MemoryKiB"/> of memory.</summary>
    public static PinHash Make(ReadOnlySpan<byte> pin, byte[] salt, PinCost cost, ReadOnlySpan<byte> pepper, int pepperVersion = 1)
    {
        Span<byte> hash = stackalloc byte[HashSize];
        try
        {
            Argon2id(pin, salt, cost, hash);
            return new PinHash { Salt = salt, Cost = cost, Tag = HMACSHA256.HashData(pepper, hash), Pepper = pepperVersion };
        }
        finally
        {
            CryptographicOperations.ZeroMemory(hash);
        }
    }

    /// <summary>Whether this is the hash of that PIN. Costs as much as <see cref="Make"/>; compares in constant time.</summary>
    public bool Matches(ReadOnlySpan<byte> pin, ReadOnlySpan<byte> pepper) => CryptographicOperations.FixedTimeEquals(Make(pin, Salt, Cost, pepper).Tag, Tag);

    /// <summary>RFC 9106, one lane (libsodium knows no other), no secret and no associated data.</summary>
    internal static void Argon2id(ReadOnlySpan<byte> pin, ReadOnlySpan<byte> salt, PinCost cost, Span<byte> hash)
    {
        var algorithm = PasswordBasedKeyDerivationAlgorithm.Argon2id(new Argon2Parameters { DegreeOfParallelism = 1, MemorySize = cost.MemoryKiB, NumberOfPasses = cost.Passes });
        algorithm.DeriveBytes(pin, salt, hash);
    }
}

/// <summary>Argon2id's memory (KiB) and passes.</summary>
[GenerateSerializer, Immutable, Alias("ivr.state.PinCost")]
public readonly record struct PinCost([property: Id(0)] int MemoryKiB, [property: Id(1)] int Passes);
