using System.Security.Cryptography;
using System.Text;

namespace IvrActors.Grains.Interfaces.Privacy;

/// <summary>Seals and opens secret digits: ECDH P-256 (ephemeral-static), HKDF-SHA-256 (RFC 5869), AES-256-GCM.</summary>
public static class SecretSealer
{
    private const int TagSize = 16;
    private const int PointSize = 65;

    // Digits and keys are shorter by far; the bound keeps a hostile client from making us allocate.
    private const int MostCiphertext = 1024 + TagSize;
    private static readonly byte[] s_info = "ivr seal v1"u8.ToArray();

    /// <summary>Encrypts <paramref name="secret"/> so that it opens only for this key, this context (call id) and this purpose.</summary>
    public static SealedSecret Seal(SealingKey to, string context, string purpose, ReadOnlySpan<byte> secret)
    {
        using var ephemeral = ECDiffieHellman.Create(ECCurve.NamedCurves.nistP256);
        using var recipient = ECDiffieHellman.Create(Parameters(to.PublicKey));
        var point = Point(ephemeral.ExportParameters(false).Q);
        var ciphertext = new byte[secret.Length + TagSize];
        Span<byte> keys = stackalloc byte[32 + 12];
        var shared = ephemeral.DeriveRawSecretAgreement(recipient.PublicKey);
        try
        {
            DeriveKeys(shared, point, to.PublicKey, keys);
            using var gcm = new AesGcm(keys[..32], TagSize);
            gcm.Encrypt(keys[32..], secret, ciphertext.AsSpan(0, secret.Length), ciphertext.AsSpan(secret.Length), Associated(to.KeyId, context, purpose));
        }
        finally
        {
            CryptographicOperations.ZeroMemory(shared);
            CryptographicOperations.ZeroMemory(keys);
        }
        return new SealedSecret { KeyId = to.KeyId, EphemeralPublicKey = point, Ciphertext = ciphertext };
    }

    /// <summary>Opens a sealed secret, or returns null when key, context, purpose or a byte of it does not match.</summary>
    public static Secret<byte>? Open(ECDiffieHellman key, string context, string purpose, SealedSecret sealedSecret)
    {
        // What came over the wire may lack members, whatever the type says.
        if (sealedSecret is not { KeyId: not null, EphemeralPublicKey: [4, ..] and { Length: PointSize }, Ciphertext.Length: >= TagSize and <= MostCiphertext }) return null;
        var length = sealedSecret.Ciphertext.Length - TagSize;
        var clear = new byte[length];
        Span<byte> keys = stackalloc byte[32 + 12];
        var shared = Array.Empty<byte>();
        try
        {
            using var sender = ECDiffieHellman.Create(Parameters(sealedSecret.EphemeralPublicKey));
            shared = key.DeriveRawSecretAgreement(sender.PublicKey);
            DeriveKeys(shared, sealedSecret.EphemeralPublicKey, Point(key.ExportParameters(false).Q), keys);
            using var gcm = new AesGcm(keys[..32], TagSize);
            gcm.Decrypt(keys[32..], sealedSecret.Ciphertext.AsSpan(0, length), sealedSecret.Ciphertext.AsSpan(length), clear, Associated(sealedSecret.KeyId, context, purpose));
            return new Secret<byte>(clear);
        }
        catch (CryptographicException)
        {
            CryptographicOperations.ZeroMemory(clear);
            return null;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(shared);
            CryptographicOperations.ZeroMemory(keys);
        }
    }

    /// <summary>The public half of a key pair in the form that <see cref="SealingKey"/> carries.</summary>
    public static SealingKey PublicKeyOf(string keyId, ECDiffieHellman key) => new() { KeyId = keyId, PublicKey = Point(key.ExportParameters(false).Q) };

    private static void DeriveKeys(byte[] shared, byte[] ephemeral, byte[] recipient, Span<byte> keys)
    {
        // Both public keys are in the salt, so that the derived key is bound to this very exchange.
        Span<byte> salt = stackalloc byte[2 * PointSize];
        ephemeral.CopyTo(salt);
        recipient.CopyTo(salt[PointSize..]);
        HKDF.DeriveKey(HashAlgorithmName.SHA256, shared, keys, salt, s_info);
    }

    // Lengths stand before the parts so that no two triples give the same bytes.
    private static byte[] Associated(string keyId, string context, string purpose) =>
        Encoding.UTF8.GetBytes($"{keyId.Length}:{keyId}{context.Length}:{context}{purpose.Length}:{purpose}");

    private static byte[] Point(ECPoint q)
    {
        var point = new byte[PointSize];
        point[0] = 4;
        q.X!.CopyTo(point, 1);
        q.Y!.CopyTo(point, 33);
        return point;
    }

    private static ECParameters Parameters(byte[] point) => new()
    {
        Curve = ECCurve.NamedCurves.nistP256,
        Q = new ECPoint { X = point[1..33], Y = point[33..65] },
    };
}
