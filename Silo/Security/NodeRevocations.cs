using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace IvrActors.Silo.Security;

/// <summary>Certificates that are believed no more though they have not expired: what the CAs' lists say (RFC 5280 5). When a list would have to be renewed is not looked at: it counts until another is put in its place.</summary>
internal sealed class NodeRevocations
{
    public static readonly NodeRevocations None = new([]);

    private const string Label = "X509 CRL"; // RFC 7468 6
    private const string EcdsaWithSha256 = "1.2.840.10045.4.3.2";

    private readonly HashSet<string> _revoked;

    private NodeRevocations(HashSet<string> revoked) => _revoked = revoked;

    /// <summary>A PEM file of one list or several, each signed by one of the authorities with ECDSA and SHA-256.</summary>
    /// <exception cref="CryptographicException">It is none. A list that does not count must not look like one that does.</exception>
    public static NodeRevocations Read(string file, X509Certificate2Collection authorities)
    {
        var revoked = new HashSet<string>(StringComparer.Ordinal);
        var lists = 0;
        var rest = File.ReadAllText(file).AsSpan();
        for (; PemEncoding.TryFind(rest, out var found); rest = rest[found.Location.End..])
        {
            if (!rest[found.Label].SequenceEqual(Label)) continue;
            Add(Convert.FromBase64String(rest[found.Base64Data].ToString()), authorities, revoked); // The finder checked the alphabet.
            lists++;
        }
        return lists > 0 ? new NodeRevocations(revoked) : throw new CryptographicException($"'{file}' holds no list of revoked certificates.");
    }

    public bool Contains(X509Certificate2 certificate) => _revoked.Contains(KeyOf(certificate.IssuerName.RawData, certificate.SerialNumberBytes.Span));

    private static void Add(byte[] list, X509Certificate2Collection authorities, HashSet<string> revoked)
    {
        try
        {
            var whole = new AsnReader(list, AsnEncodingRules.DER);
            var outer = whole.ReadSequence();
            whole.ThrowIfNotEmpty();
            var signed = outer.ReadEncodedValue();
            var algorithm = outer.ReadSequence().ReadObjectIdentifier();
            var signature = outer.ReadBitString(out var unused);
            outer.ThrowIfNotEmpty();
            var fields = new AsnReader(signed, AsnEncodingRules.DER).ReadSequence();
            fields.ReadInteger(); // Version 2: the extensions that follow make it one.
            fields.ReadSequence();
            var issuer = fields.ReadEncodedValue().ToArray();
            if (algorithm != EcdsaWithSha256 || unused != 0 || !authorities.Any(authority => authority.SubjectName.RawData.AsSpan().SequenceEqual(issuer) && HasSigned(authority, signed.Span, signature)))
                throw new CryptographicException("A list of revoked certificates is not signed by the CA.");
            SkipTime(fields);
            if (fields.HasData && !fields.PeekTag().HasSameClassAndValue(Asn1Tag.Sequence)) SkipTime(fields);
            if (!fields.HasData || !fields.PeekTag().HasSameClassAndValue(Asn1Tag.Sequence)) return;
            for (var entries = fields.ReadSequence(); entries.HasData;) revoked.Add(KeyOf(issuer, entries.ReadSequence().ReadIntegerBytes().Span));
        }
        catch (AsnContentException e)
        {
            throw new CryptographicException("A list of revoked certificates cannot be read.", e);
        }
    }

    private static bool HasSigned(X509Certificate2 authority, ReadOnlySpan<byte> signed, byte[] signature)
    {
        using var key = authority.GetECDsaPublicKey();
        return key?.VerifyData(signed, signature, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence) ?? false;
    }

    private static void SkipTime(AsnReader fields) => fields.ReadEncodedValue();

    // Serial numbers are integers: zeros in front are no part of them.
    private static string KeyOf(byte[] issuer, ReadOnlySpan<byte> serial) => $"{Convert.ToHexString(issuer)}:{Convert.ToHexString(serial.TrimStart((byte)0))}";
}
