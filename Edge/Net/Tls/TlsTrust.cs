using System.Net;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging;

namespace IvrActors.Edge.Net.Tls;

/// <summary>Whether a peer's certificate proves what it must: a chain to the authorities of the trunk, and an identity by RFC 5922 7.</summary>
internal sealed partial class TlsTrust
{
    private const string ExtendedKeyUsage = "2.5.29.37";

    /// <summary>RFC 5924 4.1: a certificate that says what it is for must be for SIP, TLS, or anything.</summary>
    private static readonly string[] s_usages = ["1.3.6.1.5.5.7.3.20", "2.5.29.37.0", "1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"];

    private readonly EdgeTrunk[] _known;
    private readonly Dictionary<string, X509Certificate2Collection> _authorities = new(StringComparer.Ordinal);

    public TlsTrust(EdgeOptions options, ILogger<TlsTrust> log)
    {
        _known = [.. options.Trunks.Where(trunk => trunk.Tls is not null)];
        foreach (var file in _known.Select(trunk => trunk.Tls!.AuthorityFile).OfType<string>().Distinct(StringComparer.Ordinal)) _authorities[file] = Load(file, log);
    }

    /// <summary>Whether certificates are asked for at all.</summary>
    public bool AsksForCertificates => _known.Length > 0;

    /// <summary>Whether a source that is no trunk's by its address alone may show a certificate.</summary>
    public bool MayProve(IPAddress source) => Array.Exists(_known, trunk => IsFrom(trunk, source));

    /// <summary>Whether the certificate of a server that we called is for <paramref name="domain"/>, or without one for any domain of the trunk.</summary>
    /// <param name="sent">Intermediate certificates that came with it.</param>
    public bool IsServer(X509Certificate2 certificate, X509Certificate2Collection? sent, EdgeTrunk trunk, string? domain)
    {
        var identities = SipIdentity.IdentitiesOf(certificate);
        var expected = domain is null ? trunk.Tls?.Identities ?? [] : [domain];
        return Overlap(identities, expected) && IsTrusted(certificate, sent, trunk.Tls?.AuthorityFile);
    }

    /// <summary>
    /// Looks at what a client showed. True with null for a certificate that claims to be no trunk's, which is as good as none; false for one that
    /// claims to be and is not.
    /// </summary>
    public bool TryIdentify(X509Certificate2 certificate, X509Certificate2Collection? sent, IPAddress source, out TlsPeer? peer)
    {
        peer = null;
        var identities = SipIdentity.IdentitiesOf(certificate);
        var claimed = Array.FindAll(_known, trunk => Overlap(identities, trunk.Tls!.Identities));
        var proven = Array.FindAll(claimed, trunk => IsFrom(trunk, source) && IsTrusted(certificate, sent, trunk.Tls!.AuthorityFile));
        if (proven.Length > 0) peer = new TlsPeer(proven, identities);
        return proven.Length > 0 || claimed.Length == 0;
    }

    /// <summary>A trunk with address ranges demands both.</summary>
    private static bool IsFrom(EdgeTrunk trunk, IPAddress source) => trunk.From.Count == 0 || trunk.IsFrom(source);

    private static bool Overlap(IReadOnlyList<string> identities, IReadOnlyList<string> expected) => identities.Intersect(expected, StringComparer.OrdinalIgnoreCase).Any();

    private bool IsTrusted(X509Certificate2 certificate, X509Certificate2Collection? sent, string? authorityFile)
    {
        if (!IsForSip(certificate)) return false;
        using var chain = new X509Chain();
        // Revocation lists are behind addresses that the certificate names: an outgoing request that a stranger chooses. Trunks change seldom; their authority file is the list.
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        if (authorityFile is not null)
        {
            chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
            chain.ChainPolicy.CustomTrustStore.AddRange(_authorities[authorityFile]);
        }
        if (sent is not null) chain.ChainPolicy.ExtraStore.AddRange(sent);
        return chain.Build(certificate);
    }

    private static bool IsForSip(X509Certificate2 certificate)
    {
        var usage = certificate.Extensions.OfType<X509EnhancedKeyUsageExtension>().FirstOrDefault();
        if (usage is null) return certificate.Extensions[ExtendedKeyUsage] is null;
        foreach (var oid in usage.EnhancedKeyUsages)
        {
            if (s_usages.Contains(oid.Value)) return true;
        }
        return false;
    }

    /// <summary>A file that cannot be read trusts nobody.</summary>
    private static X509Certificate2Collection Load(string file, ILogger log)
    {
        var authorities = new X509Certificate2Collection();
        try
        {
            authorities.ImportFromPemFile(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or System.Security.Cryptography.CryptographicException)
        {
            Unreadable(log, file, e.GetType().Name);
            authorities.Clear();
        }
        return authorities;
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "the certificates of authorities in {File} cannot be read ({Error}): no certificate of their trunks is trusted")]
    private static partial void Unreadable(ILogger log, string file, string error);
}
