using System.Security.Cryptography.X509Certificates;
using Org.BouncyCastle.Asn1.X509;
using Org.BouncyCastle.Math;
using Org.BouncyCastle.Security;
using Org.BouncyCastle.Security.Certificates;
using Org.BouncyCastle.X509;

namespace IvrActors.Edge.Stir;

/// <summary>
/// A revocation list (RFC 5280 5) from a file of ours. The platform's chain takes none, so it is looked up here; also an indirect one, which one authority signs for all, as the
/// administration of SHAKEN does.
/// </summary>
internal sealed class StirCrl
{
    private readonly X509Crl _crl;
    private readonly HashSet<(X509Name Issuer, BigInteger Serial)> _revoked = new(new EntryComparer());

    private StirCrl(X509Crl crl)
    {
        _crl = crl;
        NextUpdate = crl.NextUpdate is { } next ? new DateTimeOffset(DateTime.SpecifyKind(next, DateTimeKind.Utc)) : DateTimeOffset.MaxValue;
        foreach (var entry in crl.GetRevokedCertificates() ?? new HashSet<X509CrlEntry>())
        {
            // Of a list that only adds to another one, an entry may take a hold back (RFC 5280 5.3.1).
            _revoked.Add((entry.GetCertificateIssuer() ?? crl.IssuerDN, entry.SerialNumber));
        }
    }

    /// <summary>When a newer one is due; after that this one says nothing.</summary>
    public DateTimeOffset NextUpdate { get; }

    /// <summary>Reads PEM or DER; null when it is no list.</summary>
    public static StirCrl? Read(byte[] content)
    {
        try
        {
            return new X509CrlParser().ReadCrl(content) is { } crl ? new StirCrl(crl) : null;
        }
        catch (Exception e) when (e is GeneralSecurityException or IOException or ArgumentException or InvalidOperationException or FormatException)
        {
            return null;
        }
    }

    /// <summary>Whether this certificate's key signed it.</summary>
    public bool IsSignedBy(X509Certificate2 issuer)
    {
        try
        {
            var certificate = new Org.BouncyCastle.X509.X509Certificate(issuer.RawData);
            if (!certificate.SubjectDN.Equivalent(_crl.IssuerDN)) return false;
            _crl.Verify(certificate.GetPublicKey());
            return true;
        }
        catch (Exception e) when (e is GeneralSecurityException or CertificateException or IOException or ArgumentException or InvalidOperationException)
        {
            return false;
        }
    }

    public bool Revokes(X509Certificate2 certificate) =>
        _revoked.Contains((X509Name.GetInstance(certificate.IssuerName.RawData), new BigInteger(1, certificate.SerialNumberBytes.ToArray())));

    /// <summary>Whether it is the list of this certificate's issuer itself.</summary>
    public bool IsOfIssuerOf(X509Certificate2 certificate) => _crl.IssuerDN.Equivalent(X509Name.GetInstance(certificate.IssuerName.RawData));

    private sealed class EntryComparer : IEqualityComparer<(X509Name Issuer, BigInteger Serial)>
    {
        public bool Equals((X509Name Issuer, BigInteger Serial) x, (X509Name Issuer, BigInteger Serial) y) => x.Serial.Equals(y.Serial) && x.Issuer.Equivalent(y.Issuer);

        public int GetHashCode((X509Name Issuer, BigInteger Serial) entry) => entry.Serial.GetHashCode();
    }
}
