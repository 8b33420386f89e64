using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using IvrActors.Edge.Net.Tls;

namespace IvrActors.Silo.Storage;

/// <summary>Generated certificates of a development cluster: a small CA, the server certificate of the listeners, and the one that protects the key ring.</summary>
internal static class Certificates
{
    private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";
    private const string ClientAuthentication = "1.3.6.1.5.5.7.3.2";

    private static readonly string[] s_keyProtection = ["keyring.key", "keyring.pem"];

    // Renewed at a start when less than this is left, so that a development cluster never meets an expired one.
    private static readonly TimeSpan s_renewBefore = TimeSpan.FromDays(30);
    private static readonly TimeSpan s_serverLife = TimeSpan.FromDays(397);
    private static readonly TimeSpan s_authorityLife = TimeSpan.FromDays(3650);

    /// <summary>The server certificate with its key and the CA that signed it; generated when absent or about to expire.</summary>
    public static ServerCertificate Server(string folder, DateTimeOffset now)
    {
        PrivateFiles.CreateFolder(folder);
        using (var existing = TryLoad(folder, "server"))
        {
            if (existing is null || existing.NotAfter.ToUniversalTime() <= (now + s_renewBefore).UtcDateTime) NewServer(folder, now);
        }
        return ServerCertificate.FromFiles(Path.Combine(folder, "server.pem"), Path.Combine(folder, "server.key"));
    }

    /// <summary>
    /// The certificate that key files are encrypted to (RSA: XML encryption knows no other kind). Generated only while no key files exist: a
    /// new one could not open them.
    /// </summary>
    /// <exception cref="KeyRingException">It is missing, but there are keys that need it.</exception>
    public static X509Certificate2 KeyProtection(string folder, bool mayCreate, DateTimeOffset now)
    {
        PrivateFiles.CreateFolder(folder);
        if (TryLoad(folder, "keyring") is { } existing) return existing;
        if (!mayCreate)
            throw new KeyRingException($"The certificate that protects the key ring is missing ('{Path.Combine(folder, "keyring.pem")}' and '.key'). Restore it: without it nothing stored can be read.");
        using var key = RSA.Create(3072);
        var request = new CertificateRequest("CN=ivr key ring", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyEncipherment, true));
        using var certificate = request.CreateSelfSigned(now.AddHours(-1), now + s_authorityLife);
        Save(folder, "keyring", certificate, key.ExportPkcs8PrivateKeyPem());
        return TryLoad(folder, "keyring")!;
    }

    /// <summary>The files of that certificate, by their names; none where it was not made.</summary>
    public static IEnumerable<(string Name, byte[] Content)> KeyProtectionFiles(string folder) =>
        from name in s_keyProtection where File.Exists(Path.Combine(folder, name)) select (name, File.ReadAllBytes(Path.Combine(folder, name)));

    private static void NewServer(string folder, DateTimeOffset now)
    {
        using var authority = TryLoad(folder, "ca") is { } found && found.NotAfter.ToUniversalTime() > (now + s_serverLife).UtcDateTime ? found : NewAuthority(folder, now);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        names.AddIpAddress(IPAddress.Loopback);
        names.AddIpAddress(IPAddress.IPv6Loopback);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(ServerAuthentication), new Oid(ClientAuthentication)], false));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(authority, true, false));
        using var certificate = request.Create(authority, now.AddHours(-1), now + s_serverLife, RandomNumberGenerator.GetBytes(16));
        Save(folder, "server", certificate, key.ExportPkcs8PrivateKeyPem());
    }

    private static X509Certificate2 NewAuthority(string folder, DateTimeOffset now)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=ivr development CA", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, true, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        using var certificate = request.CreateSelfSigned(now.AddHours(-1), now + s_authorityLife);
        Save(folder, "ca", certificate, key.ExportPkcs8PrivateKeyPem());
        return TryLoad(folder, "ca")!;
    }

    private static void Save(string folder, string name, X509Certificate2 certificate, string keyPem)
    {
        PrivateFiles.Write(Path.Combine(folder, name + ".key"), System.Text.Encoding.ASCII.GetBytes(keyPem));
        PrivateFiles.Write(Path.Combine(folder, name + ".pem"), System.Text.Encoding.ASCII.GetBytes(certificate.ExportCertificatePem()));
    }

    private static X509Certificate2? TryLoad(string folder, string name)
    {
        var certificate = Path.Combine(folder, name + ".pem");
        var key = Path.Combine(folder, name + ".key");
        return File.Exists(certificate) && File.Exists(key) ? X509Certificate2.CreateFromPemFile(certificate, key) : null;
    }
}
