using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace IvrActors.Edge.Stir;

/// <summary>A certificate that was fetched for a PASSporT, with the others of its chain that came with it (RFC 8226). Whether it is trusted is <see cref="StirTrust"/>'s to say.</summary>
internal sealed class StirCertificate
{
    private const string EllipticCurve = "1.2.840.10045.2.1";

    /// <summary>The parameters of a key on P-256: the curve's name, 1.2.840.10045.3.1.7, in DER.</summary>
    private static readonly byte[] s_p256 = [0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07];

    private StirCertificate(X509Certificate2 leaf, X509Certificate2Collection others, TnAuthList numbers) => (Leaf, Others, Numbers) = (leaf, others, numbers);

    public X509Certificate2 Leaf { get; }

    public X509Certificate2Collection Others { get; }

    public TnAuthList Numbers { get; }

    public DateTimeOffset NotBefore => Leaf.NotBefore;

    public DateTimeOffset NotAfter => Leaf.NotAfter;

    /// <summary>Reads what a server gave: PEM with the leaf first, or one certificate in DER. Null when there is none that a PASSporT may be signed with: no P-256 key, no TNAuthList, not for signatures.</summary>
    public static StirCertificate? Read(byte[] content)
    {
        if (content.Length > StirLimits.CertificateBytes || ReadAll(content) is not { Count: > 0 } certificates) return null;
        var leaf = certificates[0];
        try
        {
            if (!IsForSignatures(leaf) || leaf.Extensions[TnAuthList.Oid] is not { } extension || TnAuthList.Read(extension.RawData) is not { } numbers) return null;
            certificates.RemoveAt(0);
            return new StirCertificate(leaf, certificates, numbers);
        }
        catch (CryptographicException)
        {
            // Extensions are decoded only when they are asked.
            return null;
        }
    }

    /// <summary>Whether the signature of a PASSporT is this certificate's.</summary>
    public bool Signed(Passport passport)
    {
        try
        {
            using var key = Leaf.GetECDsaPublicKey();
            return key is not null && passport.IsSignedBy(key);
        }
        catch (CryptographicException)
        {
            // Its key is no point of the curve.
            return false;
        }
    }

    private static bool IsForSignatures(X509Certificate2 leaf)
    {
        if (leaf.PublicKey.Oid.Value != EllipticCurve || leaf.PublicKey.EncodedParameters is not { } curve || !curve.RawData.AsSpan().SequenceEqual(s_p256)) return false;
        foreach (var extension in leaf.Extensions)
        {
            if (extension is X509BasicConstraintsExtension { CertificateAuthority: true }) return false;
            if (extension is X509KeyUsageExtension usage && (usage.KeyUsages & X509KeyUsageFlags.DigitalSignature) == 0) return false;
        }
        return true;
    }

    private static X509Certificate2Collection? ReadAll(byte[] content)
    {
        var certificates = new X509Certificate2Collection();
        try
        {
            if (content.AsSpan().StartsWith([(byte)0x30]))
            {
                certificates.Add(X509CertificateLoader.LoadCertificate(content));
                return certificates;
            }
            var text = Encoding.Latin1.GetString(content).AsSpan();
            while (PemEncoding.TryFind(text, out var fields))
            {
                if (text[fields.Label] is "CERTIFICATE")
                {
                    if (certificates.Count == StirLimits.Certificates) return null;
                    certificates.Add(X509CertificateLoader.LoadCertificate(Convert.FromBase64String(text[fields.Base64Data].ToString())));
                }
                text = text[fields.Location.End..];
            }
            return certificates;
        }
        catch (Exception e) when (e is CryptographicException or FormatException)
        {
            return null;
        }
    }
}
