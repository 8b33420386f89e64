using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using IvrActors.Silo.Cluster;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.DataProtection.KeyManagement;
using Microsoft.AspNetCore.DataProtection.XmlEncryption;
using Microsoft.Extensions.Logging.Abstractions;

namespace IvrActors.Silo.Storage;

/// <summary>A key that the ring's keys are encrypted to.</summary>
internal interface IRingKey : IDisposable
{
    /// <summary>What and where it is, for a message.</summary>
    string Name { get; }

    IXmlEncryptor Encryptor();
}

/// <summary>What the ring's keys are encrypted to: one key for what is written, and more that open what was written under them before.</summary>
internal sealed class RingProtection(IRingKey key, params IReadOnlyList<IRingKey> additional) : IDisposable
{
    public string Name => key.Name;

    private IEnumerable<IRingKey> All => additional.Prepend(key);

    public void AddTo(IDataProtectionBuilder builder)
    {
        var certificates = All.OfType<CertificateKey>().Select(held => held.Certificate).ToArray();
        if (certificates.Length > 0) builder.UnprotectKeysWithAnyCertificate(certificates);
        builder.Services.AddSingleton(new TokenKeys([.. All.OfType<TokenKey>()]));
        builder.Services.Configure<KeyManagementOptions>(options => options.XmlEncryptor = key.Encryptor());
    }

    public IXmlEncryptor Encryptor() => key.Encryptor();

    /// <summary>Opens what <c>cluster.yaml</c> names.</summary>
    /// <param name="folder">Of the certificate that a development cluster makes for itself.</param>
    /// <param name="mayCreate">Whether it may be made.</param>
    /// <exception cref="KeyRingException">Something is missing or does not open.</exception>
    public static RingProtection Open(KeyRingSettings settings, string folder, bool mayCreate, DateTimeOffset now) => Open(settings, () => CertificateKey.Generated(folder, mayCreate, now));

    /// <param name="generated">The certificate that a development cluster makes for itself.</param>
    /// <exception cref="KeyRingException">As above.</exception>
    public static RingProtection Open(KeyRingSettings settings, Func<IRingKey> generated)
    {
        var opened = new List<IRingKey>();
        try
        {
            opened.Add(settings.Key is { } key ? Open(key) : generated());
            opened.AddRange(settings.Additional.Select(Open));
            return new RingProtection(opened[0], [.. opened.Skip(1)]);
        }
        catch
        {
            foreach (var one in opened) one.Dispose();
            throw;
        }
    }

    private static IRingKey Open(RingKeySettings settings)
    {
        switch (settings)
        {
            case CertificateFileSettings file:
                using (var password = file.Password.Read()) return CertificateKey.FromFile(file.File, password.Expose());
            case TokenSettings token:
                using (var pin = token.Pin.Read()) return TokenKey.Open(token.Library, token.Token, token.Key, pin);
            default:
                throw new InvalidOperationException("internal error: a kind of key that nothing opens");
        }
    }

    public void Dispose()
    {
        foreach (var one in All) one.Dispose();
    }
}

/// <summary>An RSA certificate with its private key.</summary>
internal sealed class CertificateKey(X509Certificate2 certificate, string place) : IRingKey
{
    public X509Certificate2 Certificate => certificate;

    public string Name => $"the certificate '{certificate.Subject}' (SHA-256 {certificate.GetCertHashString(HashAlgorithmName.SHA256)[..16]}…) in {place}";

    public IXmlEncryptor Encryptor() => new CertificateXmlEncryptor(certificate, NullLoggerFactory.Instance);

    /// <summary>The one that a development cluster makes for itself.</summary>
    /// <exception cref="KeyRingException">It is missing, and may not be made.</exception>
    public static CertificateKey Generated(string folder, bool mayCreate, DateTimeOffset now) => Of(Certificates.KeyProtection(folder, mayCreate, now), $"'{Path.Combine(folder, "keyring.pem")}'");

    /// <summary>From a PKCS#12 file.</summary>
    /// <exception cref="KeyRingException">It is not there, does not open with the password, or holds no RSA private key.</exception>
    public static CertificateKey FromFile(string file, ReadOnlySpan<char> password)
    {
        try
        {
            return Of(X509CertificateLoader.LoadPkcs12FromFile(file, password), $"'{file}'");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new KeyRingException($"The certificate that protects the key ring cannot be read from '{file}'. Without it nothing stored can be read.", e);
        }
        catch (CryptographicException e)
        {
            throw new KeyRingException(
                File.Exists(file)
                    ? $"The certificate that protects the key ring, in '{file}', does not open with the password given, or is no PKCS#12 file."
                    : $"The certificate that protects the key ring is missing ('{file}'). Without it nothing stored can be read.", e);
        }
    }

    /// <exception cref="KeyRingException">It cannot open what is encrypted to it.</exception>
    public static CertificateKey Of(X509Certificate2 certificate, string place)
    {
        using var key = certificate.GetRSAPrivateKey();
        if (key is not null) return new CertificateKey(certificate, place);
        certificate.Dispose();
        throw new KeyRingException($"The certificate that protects the key ring, in {place}, has no RSA private key.");
    }

    public void Dispose() => certificate.Dispose();
}
