using System.Runtime.CompilerServices;
using System.Security.Cryptography.X509Certificates;

namespace IvrActors.Edge.Stir;

/// <summary>
/// The authorities that are trusted to make certificates for PASSporTs, and their revocation lists. A chain that was built is remembered with the certificate, so that a call
/// costs one signature and no chain. Any thread.
/// </summary>
internal sealed class StirTrust(X509Certificate2Collection authorities, IReadOnlyList<StirCrl> lists)
{
    /// <summary>How long a chain that could not be built is not tried again.</summary>
    private static readonly TimeSpan s_retry = TimeSpan.FromSeconds(60);

    /// <summary>Trusts nobody.</summary>
    public static StirTrust None { get; } = new([], []);

    private readonly ConditionalWeakTable<StirCertificate, Chain> _chains = [];

    /// <summary>Whether a certificate is trusted now, and was when it signed.</summary>
    /// <param name="signedAt"><c>iat</c>: RFC 8224 6.2 step 4 wants it within the validity, too.</param>
    public StirFailure Judge(StirCertificate certificate, DateTimeOffset now, DateTimeOffset signedAt)
    {
        if (now < certificate.NotBefore || now > certificate.NotAfter || signedAt < certificate.NotBefore || signedAt > certificate.NotAfter) return StirFailure.Expired;
        if (!_chains.TryGetValue(certificate, out var chain) || now < chain.From || now > chain.Until)
        {
            chain = Build(certificate, now);
            _chains.AddOrUpdate(certificate, chain);
        }
        if (chain.Failure != StirFailure.None) return chain.Failure;
        return now > chain.ListsUntil ? StirFailure.RevocationUnknown : StirFailure.None;
    }

    private Chain Build(StirCertificate certificate, DateTimeOffset now)
    {
        using var builder = new X509Chain();
        var policy = builder.ChainPolicy;
        policy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        policy.CustomTrustStore.AddRange(authorities);
        policy.ExtraStore.AddRange(certificate.Others);
        policy.VerificationTime = now.UtcDateTime;
        // Nothing that a stranger's certificate names is asked: lists come from files.
        policy.RevocationMode = X509RevocationMode.NoCheck;
        policy.DisableCertificateDownloads = true;
        if (authorities.Count == 0 || !builder.Build(certificate.Leaf))
        {
            var isTime = builder.ChainStatus.Length > 0 && builder.ChainStatus.All(status => status.Status == X509ChainStatusFlags.NotTimeValid);
            return new Chain(isTime ? StirFailure.Expired : StirFailure.Untrusted, now, now + s_retry, DateTimeOffset.MaxValue);
        }
        return Judge(certificate.Numbers, [.. builder.ChainElements.Select(element => element.Certificate)]);
    }

    /// <param name="path">The leaf first, the root last.</param>
    private Chain Judge(TnAuthList numbers, X509Certificate2[] path)
    {
        var from = path.Max(one => (DateTimeOffset)one.NotBefore);
        var until = path.Min(one => (DateTimeOffset)one.NotAfter);
        var listsUntil = DateTimeOffset.MaxValue;
        foreach (var list in lists)
        {
            // A list counts when an authority of ours signed it, or one of this very path.
            if (!authorities.Concat(path.Skip(1)).Any(list.IsSignedBy)) continue;
            if (path.SkipLast(1).Any(list.Revokes)) return new Chain(StirFailure.Revoked, from, until, listsUntil);
            if (path.SkipLast(1).Any(list.IsOfIssuerOf) && list.NextUpdate < listsUntil) listsUntil = list.NextUpdate;
        }
        return new Chain(path.Skip(1).All(issuer => MayGive(issuer, numbers)) ? StirFailure.None : StirFailure.NoAuthority, from, until, listsUntil);
    }

    /// <summary>An authority that is given numbers itself gives others none but these (RFC 9060 4.1); one without a list is not bound so.</summary>
    private static bool MayGive(X509Certificate2 issuer, TnAuthList numbers) =>
        issuer.Extensions[TnAuthList.Oid] is not { } extension || (TnAuthList.Read(extension.RawData) is { } own && own.Encompasses(numbers));

    /// <param name="From">With <paramref name="Until"/>: when it holds.</param>
    /// <param name="ListsUntil">When the first of its revocation lists is over its time.</param>
    private sealed record Chain(StirFailure Failure, DateTimeOffset From, DateTimeOffset Until, DateTimeOffset ListsUntil);
}
