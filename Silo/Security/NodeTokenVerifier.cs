using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Silo.Cluster;

namespace IvrActors.Silo.Security;

/// <summary>Checks tokens that nodes signed with their certificates: the chain to the CA, the times, the signature, and that this node may say this.</summary>
internal sealed class NodeTokenVerifier(NodeCertificate own, TimeProvider time)
{
    /// <summary>What a token may last at most, and by how much a node's clock may be ahead of ours.</summary>
    public static readonly TimeSpan MostAhead = NodeRoleTokens.Life + TimeSpan.FromMinutes(6);

    /// <summary>Of each half: what is used at once is a token for each edge and signed-in person. About 3 KB each.</summary>
    private const int MostTokens = 1024;
    private const int MostNodes = 256;

    private volatile Believed _believed = new(own.Current.Trust);

    /// <summary>The token, or null when it is malformed, forged, expired, or of a node that may not say this.</summary>
    public RoleToken? Verify(string text)
    {
        var now = time.GetUtcNow();
        var believed = Current();
        if (!believed.Tokens.TryGet(text, out var known))
        {
            if (Check(text, believed, now) is not { } token) return null;
            known = token;
            believed.Tokens.Add(text, known);
        }
        return now < known.Until ? known.Token : null;
    }

    // With another CA everything is looked at again.
    private Believed Current()
    {
        var believed = _believed;
        var trust = own.Current.Trust;
        return ReferenceEquals(believed.Trust, trust) ? believed : _believed = new Believed(trust);
    }

    private static VerifiedToken? Check(string text, Believed believed, DateTimeOffset now)
    {
        if (NodeToken.Parse(text) is not { } token || token.Expires <= now || token.Expires > now + MostAhead) return null;
        if (SignerOf(token, believed, now) is not { } signer || now >= signer.Node.Until) return null;
        var identity = signer.Node.Identity;
        if (token.Node != identity.Name || !NodeRights.MaySign(identity, token.Name, token.Role)) return null;
        // A key object of its own per check: they are not safe to share among threads.
        using var key = ECDsa.Create();
        key.ImportSubjectPublicKeyInfo(signer.PublicKey, out _);
        if (!token.IsSignedBy(key)) return null;
        var until = token.Expires < signer.Node.Until ? token.Expires : signer.Node.Until;
        return new VerifiedToken(new RoleToken { Name = token.Name, Role = token.Role, Expires = token.Expires }, until);
    }

    private static Signer? SignerOf(NodeToken token, Believed believed, DateTimeOffset now)
    {
        var hash = Convert.ToHexString(SHA256.HashData(token.Certificate));
        if (believed.Nodes.TryGet(hash, out var known)) return known;
        if (Load(token.Certificate, believed.Trust, now) is not { } signer) return null;
        believed.Nodes.Add(hash, signer);
        return signer;
    }

    private static Signer? Load(byte[] encoded, NodeTrust trust, DateTimeOffset now)
    {
        try
        {
            using var certificate = X509CertificateLoader.LoadCertificate(encoded);
            var (node, _) = VerifiedNode.Check(certificate, null, trust, NodeRoles.Silo | NodeRoles.Edge | NodeRoles.Dashboard, now);
            return node is not null && NodeCertificate.IsSigningKey(certificate) ? new Signer(node, certificate.PublicKey.ExportSubjectPublicKeyInfo()) : null;
        }
        catch (CryptographicException)
        {
            return null;
        }
    }

    private sealed record Signer(VerifiedNode Node, byte[] PublicKey);

    private sealed record VerifiedToken(RoleToken Token, DateTimeOffset Until);

    /// <summary>What was verified against one CA.</summary>
    private sealed class Believed(NodeTrust trust)
    {
        public NodeTrust Trust => trust;

        public BoundedCache<VerifiedToken> Tokens { get; } = new(MostTokens);

        public BoundedCache<Signer> Nodes { get; } = new(MostNodes);
    }
}
