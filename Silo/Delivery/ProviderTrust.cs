using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace IvrActors.Silo.Delivery;

/// <summary>Whom a provider's certificate must come from: authorities of its own, or those that the system trusts. The name must be right in either case.</summary>
internal sealed class ProviderTrust
{
    private readonly X509Certificate2Collection? _authorities;

    /// <param name="authorityFile">PEM; null: the system's.</param>
    /// <exception cref="System.Security.Cryptography.CryptographicException">The file holds no certificate.</exception>
    public ProviderTrust(string? authorityFile)
    {
        if (authorityFile is null) return;
        _authorities = [];
        _authorities.ImportFromPemFile(authorityFile);
    }

    public void ApplyTo(SslClientAuthenticationOptions options)
    {
        if (_authorities is not null) options.CertificateChainPolicy = Policy(_authorities);
    }

    /// <summary>For libraries that ask with what the platform found.</summary>
    public bool Accepts(X509Certificate? certificate, SslPolicyErrors errors)
    {
        if (_authorities is null || certificate is null) return errors == SslPolicyErrors.None;
        if ((errors & ~SslPolicyErrors.RemoteCertificateChainErrors) != SslPolicyErrors.None) return false;
        using var chain = new X509Chain { ChainPolicy = Policy(_authorities) };
        return chain.Build(certificate as X509Certificate2 ?? X509CertificateLoader.LoadCertificate(certificate.GetRawCertData()));
    }

    // Lists of revoked certificates are not fetched: a certificate would choose what we connect to.
    private static X509ChainPolicy Policy(X509Certificate2Collection authorities)
    {
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true };
        policy.CustomTrustStore.AddRange(authorities);
        policy.ApplicationPolicy.Add(new System.Security.Cryptography.Oid("1.3.6.1.5.5.7.3.1"));
        return policy;
    }
}
