using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using IvrActors.Grains.Interfaces;
using NSec.Cryptography;

namespace IvrActors.Silo.Backup;

/// <summary>What trying one password costs: Argon2id's memory (KiB) and passes, one lane.</summary>
internal readonly record struct PasswordCost(int MemoryKiB, int Passes)
{
    /// <summary>libsodium's "moderate": 256 MiB and three passes, about a second. Once a backup, so well above what RFC 9106 4 recommends where memory is short.</summary>
    public static readonly PasswordCost Default = new(256 * 1024, 3);

    /// <summary>What a header may ask of who opens it.</summary>
    public bool IsBearable => MemoryKiB is >= 8 and <= 1024 * 1024 && Passes is >= 1 and <= 16;
}

/// <summary>Argon2id (RFC 9106) of a password, which closes the file's key by AES-256-GCM.</summary>
/// <remarks><code>salt (16) | memory, KiB (4) | passes (4) | ciphertext (32) | tag (16)</code> The key is this salt's alone, so the nonce is zero; salt and cost are associated data.</remarks>
internal sealed class PasswordLock(Secret<char> password, PasswordCost cost) : IBackupLock, IBackupOpener
{
    public const byte Kind = 1;

    /// <summary>Of a password for a new backup: who has the file has all the time in the world.</summary>
    public const int LeastCharacters = 12;

    private const int SaltSize = 16;
    private const int ParametersSize = SaltSize + 8;
    private const int TagSize = 16;

    public string Name => "this password";

    public Stanza Close(ReadOnlySpan<byte> fileKey)
    {
        var body = new byte[ParametersSize + fileKey.Length + TagSize];
        RandomNumberGenerator.Fill(body.AsSpan(0, SaltSize));
        BinaryPrimitives.WriteInt32BigEndian(body.AsSpan(SaltSize), cost.MemoryKiB);
        BinaryPrimitives.WriteInt32BigEndian(body.AsSpan(SaltSize + 4), cost.Passes);
        using var cipher = CipherOf(body, cost);
        cipher.Encrypt(new byte[12], fileKey, body.AsSpan(ParametersSize, fileKey.Length), body.AsSpan(ParametersSize + fileKey.Length), body.AsSpan(0, ParametersSize));
        return new Stanza(Kind, body);
    }

    public byte[]? Open(Stanza stanza)
    {
        var body = stanza.Body;
        if (stanza.Kind != Kind || body.Length != ParametersSize + BackupEnvelope.KeySize + TagSize) return null;
        var asked = new PasswordCost(BinaryPrimitives.ReadInt32BigEndian(body.AsSpan(SaltSize)), BinaryPrimitives.ReadInt32BigEndian(body.AsSpan(SaltSize + 4)));
        if (!asked.IsBearable) return null;
        using var cipher = CipherOf(body, asked);
        var fileKey = new byte[BackupEnvelope.KeySize];
        try
        {
            cipher.Decrypt(new byte[12], body.AsSpan(ParametersSize, fileKey.Length), body.AsSpan(ParametersSize + fileKey.Length), fileKey, body.AsSpan(0, ParametersSize));
            return fileKey;
        }
        catch (AuthenticationTagMismatchException)
        {
            return null;
        }
    }

    private AesGcm CipherOf(byte[] body, PasswordCost of)
    {
        var text = new byte[Encoding.UTF8.GetMaxByteCount(password.Length)];
        var key = new byte[BackupEnvelope.KeySize];
        try
        {
            var length = Encoding.UTF8.GetBytes(password.Expose(), text);
            PasswordBasedKeyDerivationAlgorithm.Argon2id(new Argon2Parameters { DegreeOfParallelism = 1, MemorySize = of.MemoryKiB, NumberOfPasses = of.Passes })
                .DeriveBytes(text.AsSpan(0, length), body.AsSpan(0, SaltSize), key);
            return new AesGcm(key, TagSize);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(text);
            CryptographicOperations.ZeroMemory(key);
        }
    }
}

/// <summary>The RSA key of a certificate, whose private half need not be where backups are made. RSAES-OAEP with SHA-256 (RFC 8017 7.1).</summary>
/// <remarks><code>SHA-256 of the certificate (32) | ciphertext</code></remarks>
internal sealed class CertificateLock(X509Certificate2 certificate) : IBackupLock, IDisposable
{
    public const byte Kind = 2;

    private const int LeastBits = 2048;
    private const int HashSize = 32;

    /// <param name="file">A certificate in PEM or DER.</param>
    /// <exception cref="BackupException">It cannot be read, or has no RSA key of 2048 bits or more.</exception>
    public static CertificateLock FromFile(string file)
    {
        X509Certificate2 certificate;
        try
        {
            certificate = X509CertificateLoader.LoadCertificateFromFile(file);
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException)
        {
            throw new BackupException($"There is no certificate in '{file}'.");
        }
        using var key = certificate.GetRSAPublicKey();
        if (key is { KeySize: >= LeastBits }) return new CertificateLock(certificate);
        certificate.Dispose();
        throw new BackupException($"The certificate in '{file}' has no RSA key of {LeastBits} bits or more.");
    }

    public Stanza Close(ReadOnlySpan<byte> fileKey)
    {
        using var key = certificate.GetRSAPublicKey()!;
        return new Stanza(Kind, [.. certificate.GetCertHash(HashAlgorithmName.SHA256), .. key.Encrypt(fileKey, RSAEncryptionPadding.OaepSHA256)]);
    }

    /// <summary>The part of a stanza that is closed; empty when it is none of these.</summary>
    public static ReadOnlySpan<byte> CiphertextOf(Stanza stanza) => stanza.Kind == Kind && stanza.Body.Length > HashSize ? stanza.Body.AsSpan(HashSize) : [];

    public static string NameOf(Stanza stanza) => $"the key of the certificate with the SHA-256 {Convert.ToHexStringLower(stanza.Body.AsSpan(0, Math.Min(8, stanza.Body.Length)))}…";

    public void Dispose() => certificate.Dispose();
}

/// <summary>The private key of such a certificate.</summary>
internal sealed class PrivateKeyOpener(RSA key, string file) : IBackupOpener, IDisposable
{
    public string Name => $"the key in '{file}'";

    /// <param name="file">The key in PEM.</param>
    /// <param name="password">Of the key, where it is encrypted.</param>
    /// <exception cref="BackupException">It cannot be read.</exception>
    public static PrivateKeyOpener FromFile(string file, Secret<char>? password)
    {
        var key = RSA.Create();
        try
        {
            var pem = File.ReadAllText(file);
            if (password is null) key.ImportFromPem(pem);
            else key.ImportFromEncryptedPem(pem, password.Expose());
            return new PrivateKeyOpener(key, file);
        }
        catch (Exception e) when (e is ArgumentException or CryptographicException or IOException or UnauthorizedAccessException)
        {
            key.Dispose();
            throw new BackupException($"There is no RSA key in '{file}' that opens {(password is null ? "without a password" : "with this password")}.");
        }
    }

    public byte[]? Open(Stanza stanza)
    {
        var sealedKey = CertificateLock.CiphertextOf(stanza);
        if (sealedKey.IsEmpty) return null;
        try
        {
            return key.Decrypt(sealedKey, RSAEncryptionPadding.OaepSHA256);
        }
        catch (CryptographicException)
        {
            return null;
        }
    }

    public void Dispose() => key.Dispose();
}
