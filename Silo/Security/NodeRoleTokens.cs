using System.Security.Cryptography.X509Certificates;
using IvrActors.Grains.Interfaces.Operators;

namespace IvrActors.Silo.Security;

/// <summary>Role tokens of a node that has no key of the cluster, an edge or a dashboard: signed with its certificate, and used again until half of their life is over.</summary>
internal sealed class NodeRoleTokens(NodeCertificate own, TimeProvider time) : IRoleTokens
{
    /// <summary>
    /// A token has at least half of it left when it is sent: more than five minutes, so that a node whose clock is that much behind still works.
    /// </summary>
    public static readonly TimeSpan Life = TimeSpan.FromMinutes(12);

    /// <summary>Of each half: one for each person who is signed in.</summary>
    private const int MostTokens = 256;

    private volatile Made _made = new(own.Current);

    public object Signer => own.Current;

    /// <exception cref="ArgumentException">This node may not say that, or the name holds a bar or is too long.</exception>
    public string Issue(string name, string role)
    {
        var (now, proof) = (time.GetUtcNow(), own.Current);
        var made = _made;
        // A renewed certificate signs at once: the old one may be about to expire.
        if (!ReferenceEquals(made.By, proof)) _made = made = new Made(proof);
        var key = role + "|" + name;
        if (made.Tokens.TryGet(key, out var token) && now < token.RenewAt) return token.Text;
        if (proof.Identity is not { } identity || !NodeRights.MaySign(identity, name, role)) throw new ArgumentException($"This node may not speak in the role '{role}' by this name.", nameof(role));
        // A key object of its own per signature: they are not safe to share among threads.
        using var signing = proof.Certificate.GetECDsaPrivateKey() ?? throw new InvalidOperationException("internal error: a node certificate has an ECDSA key");
        token = new Issued(NodeToken.Sign(name, role, now + Life, identity.Name, signing, proof.Certificate.RawData), now + (Life / 2));
        made.Tokens.Add(key, token);
        return token.Text;
    }

    private sealed record Issued(string Text, DateTimeOffset RenewAt);

    private sealed class Made(NodeProof by)
    {
        public NodeProof By => by;

        public BoundedCache<Issued> Tokens { get; } = new(MostTokens);
    }
}
