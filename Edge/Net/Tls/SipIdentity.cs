using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace IvrActors.Edge.Net.Tls;

/// <summary>For which SIP domains a certificate speaks (RFC 5922 7). Says nothing of who signed it.</summary>
public static class SipIdentity
{
    /// <summary>A certificate for more domains than this is no trunk's.</summary>
    private const int MostNames = 256;

    private static readonly Asn1Tag s_dnsName = new(TagClass.ContextSpecific, 2);
    private static readonly Asn1Tag s_uri = new(TagClass.ContextSpecific, 6);

    /// <summary>Whether the certificate is for this domain: compared without case, octet by octet otherwise (RFC 5922 7.2); names with a wildcard match nothing.</summary>
    public static bool Matches(X509Certificate2 certificate, string domain) => IdentitiesOf(certificate).Contains(domain, StringComparer.OrdinalIgnoreCase);

    /// <summary>
    /// RFC 5922 7.1: the hosts of <c>sip:</c> URIs without a user part; only without any of these the DNS names; only without a subjectAltName
    /// the common name. A malformed certificate has no identity.
    /// </summary>
    public static IReadOnlyList<string> IdentitiesOf(X509Certificate2 certificate)
    {
        ArgumentNullException.ThrowIfNull(certificate);
        var extension = certificate.Extensions.FirstOrDefault(e => e.Oid?.Value == "2.5.29.17");
        try
        {
            var names = extension is null ? CommonNames(certificate.SubjectName) : AlternativeNames(extension.RawData);
            return [.. names.Where(name => name.Length > 0 && !name.Contains('*', StringComparison.Ordinal)).Distinct(StringComparer.OrdinalIgnoreCase)];
        }
        catch (Exception e) when (e is AsnContentException or CryptographicException)
        {
            return [];
        }
    }

    private static List<string> AlternativeNames(byte[] encoded)
    {
        List<string> hosts = [];
        List<string> dnsNames = [];
        var names = new AsnReader(encoded, AsnEncodingRules.DER).ReadSequence();
        for (var count = 0; names.HasData && count < MostNames; count++)
        {
            var tag = names.PeekTag();
            if (tag.HasSameClassAndValue(s_dnsName)) dnsNames.Add(names.ReadCharacterString(UniversalTagNumber.IA5String, s_dnsName));
            else if (!tag.HasSameClassAndValue(s_uri)) names.ReadEncodedValue();
            else if (HostOf(names.ReadCharacterString(UniversalTagNumber.IA5String, s_uri)) is { } host) hosts.Add(host);
        }
        return hosts.Count > 0 ? hosts : dnsNames;
    }

    /// <summary>The host of <c>sip:example.com</c>. A URI with a user part is a person, and one with a port or parameters names no domain.</summary>
    private static string? HostOf(string uri) =>
        Sip.Message.SipUri.TryParse(uri, out var sip) && sip is { Scheme: "sip", User: null, Port: null, HasHeaders: false } && uri.Length == "sip:".Length + sip.Host.Length ? sip.Host : null;

    private static List<string> CommonNames(X500DistinguishedName subject) =>
    [
        .. subject.EnumerateRelativeDistinguishedNames()
            .Where(name => !name.HasMultipleElements && name.GetSingleElementType().Value == "2.5.4.3")
            .Select(name => name.GetSingleElementValue() ?? ""),
    ];
}
