using System.Net;
using System.Numerics;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using IvrActors.Grains.Interfaces;
using IvrActors.Silo.Cluster;
using IvrActors.Silo.Storage;

namespace IvrActors.Silo.Security;

/// <summary>What was asked of the CA cannot be done; the message says why.</summary>
internal sealed class NodeAuthorityException(string message) : Exception(message);

/// <summary>What a node certificate says.</summary>
/// <param name="Dns">Names by which a scrape or a browser reaches the node, besides its own.</param>
internal sealed record NodeRequest(NodeIdentity Identity, IReadOnlyList<string> Dns, IReadOnlyList<IPAddress> Addresses, TimeSpan Life);

/// <summary>
/// The private CA of one cluster, in a folder: <c>ca.pem</c>, <c>ca.key</c> (PKCS#8, encrypted under a password), <c>revoked.pem</c> (RFC 5280 5), and below <c>nodes/</c> a certificate and a key for each
/// node. Whoever has the CA's key can make a silo, so the folder belongs on no node.
/// </summary>
internal sealed class NodeAuthority : IDisposable
{
    /// <summary>A password that is tried offline: long enough that the rounds make it hopeless.</summary>
    public const int LeastPassword = 12;

    // OWASP's figure for PBKDF2 with HMAC-SHA-512.
    private const int Rounds = 210_000;

    // So that a node whose clock is behind takes a new certificate for valid.
    private static readonly TimeSpan s_backdate = TimeSpan.FromHours(1);

    private readonly X509Certificate2 _certificate;

    private NodeAuthority(X509Certificate2 certificate) => _certificate = certificate;

    /// <summary>Of the CA itself.</summary>
    public DateTimeOffset Until => _certificate.NotAfter;

    public static string CertificateFile(string folder) => Path.Combine(folder, "ca.pem");

    public static string KeyFile(string folder) => Path.Combine(folder, "ca.key");

    /// <summary>The CA's list of certificates that count no more.</summary>
    public static string RevokedFile(string folder) => Path.Combine(folder, "revoked.pem");

    public static string NodeFolder(string folder) => Path.Combine(folder, "nodes");

    /// <summary>Makes a CA.</summary>
    /// <param name="name">Stands in its subject.</param>
    /// <exception cref="NodeAuthorityException">There is one, and <paramref name="replace"/> is not set; or the password is short.</exception>
    public static NodeAuthority Create(string folder, string name, TimeSpan life, Secret<char> password, bool replace, DateTimeOffset now)
    {
        if (password.Expose().Length < LeastPassword) throw new NodeAuthorityException($"The password of the CA's key must have at least {LeastPassword} characters.");
        if (!replace && (File.Exists(CertificateFile(folder)) || File.Exists(KeyFile(folder))))
            throw new NodeAuthorityException($"There is a CA in '{folder}'. With --replace it is overwritten, and no node believes the certificates that it signed once they have the new ca.pem.");
        PrivateFiles.CreateFolder(folder);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN=ivr node CA {name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: true, pathLengthConstraint: 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, critical: true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        using var certificate = request.CreateSelfSigned(now - s_backdate, now + life);
        var protection = new PbeParameters(PbeEncryptionAlgorithm.Aes256Cbc, HashAlgorithmName.SHA512, Rounds);
        Write(KeyFile(folder), key.ExportEncryptedPkcs8PrivateKeyPem(password.Expose(), protection));
        Write(CertificateFile(folder), certificate.ExportCertificatePem());
        using var alone = X509CertificateLoader.LoadCertificate(certificate.RawDataMemory.Span);
        var made = new NodeAuthority(alone.CopyWithPrivateKey(key));
        made.Write(new CertificateRevocationListBuilder(), 1, folder, now); // Empty, so that nodes can name it from the beginning.
        return made;
    }

    /// <exception cref="NodeAuthorityException">There is none, or its key does not open.</exception>
    public static NodeAuthority Open(string folder, Secret<char> password)
    {
        using var certificate = ReadCertificate(CertificateFile(folder)) ?? throw new NodeAuthorityException($"There is no CA in '{folder}'. Make one by: ivr ca init");
        if (!File.Exists(KeyFile(folder))) throw new NodeAuthorityException($"The CA's key is missing ('{KeyFile(folder)}').");
        using var key = ECDsa.Create();
        try
        {
            key.ImportFromEncryptedPem(File.ReadAllText(KeyFile(folder)), password.Expose());
            return new NodeAuthority(certificate.CopyWithPrivateKey(key));
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            throw new NodeAuthorityException($"The CA's key in '{KeyFile(folder)}' does not open with the password given, or is another's than '{CertificateFile(folder)}'.");
        }
    }

    /// <summary>The certificate in a file; null when there is no file.</summary>
    /// <exception cref="NodeAuthorityException">It cannot be read.</exception>
    public static X509Certificate2? ReadCertificate(string file)
    {
        try
        {
            return File.Exists(file) ? X509Certificate2.CreateFromPem(File.ReadAllText(file)) : null;
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException)
        {
            throw new NodeAuthorityException($"'{file}' is no certificate in PEM.");
        }
    }

    /// <summary>A key and a certificate for a node, written to <c>nodes/NAME.key</c> and <c>nodes/NAME.pem</c>.</summary>
    /// <exception cref="NodeAuthorityException">They are there and <paramref name="replace"/> is not set, or the CA expires before the certificate would.</exception>
    public X509Certificate2 Issue(string folder, NodeRequest asked, bool replace, DateTimeOffset now)
    {
        var (file, keyFile) = FilesOf(folder, asked.Identity.Name);
        if (!replace && (File.Exists(file) || File.Exists(keyFile)))
            throw new NodeAuthorityException($"There is a certificate of '{asked.Identity.Name}' ('{file}'). Renew it by: ivr ca renew {asked.Identity.Name}. With --replace it is made anew with what you say now.");
        var until = now + asked.Life;
        if (until > _certificate.NotAfter) throw new NodeAuthorityException($"The CA expires before that ({_certificate.NotAfter.ToUniversalTime():u}): make a new one, or ask for fewer days.");
        PrivateFiles.CreateFolder(NodeFolder(folder));
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var certificate = Sign(key, asked, now, until);
        Write(keyFile, key.ExportPkcs8PrivateKeyPem());
        Write(file, certificate.ExportCertificatePem());
        return X509CertificateLoader.LoadCertificate(certificate.RawDataMemory.Span);
    }

    /// <summary>Puts the certificate that a node has now on the list. A key that is used for more than one does not exist here.</summary>
    /// <exception cref="NodeAuthorityException">The list is missing or another's.</exception>
    public void Revoke(string folder, X509Certificate2 certificate, DateTimeOffset now)
    {
        try
        {
            NodeRevocations.Read(RevokedFile(folder), [_certificate]);
            var list = CertificateRevocationListBuilder.LoadPem(File.ReadAllText(RevokedFile(folder)), out var number);
            list.RemoveEntry(certificate.SerialNumberBytes.Span); // Twice is once.
            list.AddEntry(certificate, now);
            Write(list, number + 1, folder, now);
        }
        catch (Exception e) when (e is CryptographicException or FormatException)
        {
            throw new NodeAuthorityException($"'{RevokedFile(folder)}' is not this CA's list of revoked certificates.");
        }
    }

    /// <summary>What would have to be asked for to get this certificate again; null when it is no node's.</summary>
    public static NodeRequest? RequestOf(X509Certificate2 certificate)
    {
        if (NodeIdentity.Of(certificate) is not { } identity) return null;
        var names = certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>().Single();
        return new NodeRequest(identity, [.. names.EnumerateDnsNames()], [.. names.EnumerateIPAddresses()], certificate.NotAfter - certificate.NotBefore - s_backdate);
    }

    public static (string Certificate, string Key) FilesOf(string folder, string node) =>
        (Path.Combine(NodeFolder(folder), node + ".pem"), Path.Combine(NodeFolder(folder), node + ".key"));

    /// <summary>Whether this CA signed it.</summary>
    public static bool HasSigned(X509Certificate2 authority, X509Certificate2 certificate)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy = new NodeTrust([authority], NodeRevocations.None).Policy(new DateTimeOffset(certificate.NotBefore));
        return chain.Build(certificate);
    }

    public void Dispose() => _certificate.Dispose();

    private X509Certificate2 Sign(ECDsa key, NodeRequest asked, DateTimeOffset now, DateTimeOffset until)
    {
        var request = new CertificateRequest($"CN={asked.Identity.Name}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        foreach (var uri in asked.Identity.Uris) names.AddUri(new Uri(uri));
        foreach (var name in asked.Dns.Prepend(asked.Identity.Name).Distinct(StringComparer.OrdinalIgnoreCase)) names.AddDnsName(name);
        foreach (var address in asked.Addresses) names.AddIpAddress(address);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: false, hasPathLengthConstraint: false, pathLengthConstraint: 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, critical: true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(NodeUsage.Server), new Oid(NodeUsage.Client)], critical: false));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(_certificate, includeKeyIdentifier: true, includeIssuerAndSerial: false));
        var from = now - s_backdate;
        var issuerFrom = new DateTimeOffset(_certificate.NotBefore);
        return request.Create(_certificate, from < issuerFrom ? issuerFrom : from, until, RandomNumberGenerator.GetBytes(16));
    }

    private void Write(CertificateRevocationListBuilder list, BigInteger number, string folder, DateTimeOffset now) =>
        Write(RevokedFile(folder), PemEncoding.WriteString("X509 CRL", list.Build(_certificate, number, _certificate.NotAfter, HashAlgorithmName.SHA256, rsaSignaturePadding: null, now)));

    private static void Write(string file, string pem)
    {
        var bytes = Encoding.ASCII.GetBytes(pem + "\n");
        PrivateFiles.Write(file, bytes);
        CryptographicOperations.ZeroMemory(bytes);
    }
}
