using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using IvrActors.Silo.Cluster;

namespace IvrActors.Silo.Security;

/// <summary>Why a peer is not taken for a node of the cluster.</summary>
internal enum NodeRefusal
{
    /// <summary>What it sent is no TLS.</summary>
    Plaintext,

    /// <summary>It did not finish the handshake in time.</summary>
    TimeOut,

    /// <summary>It went away during the handshake, as port probes do.</summary>
    Closed,

    /// <summary>It and we could not agree, or it refused our certificate.</summary>
    Handshake,
    NoCertificate,

    /// <summary>Another CA, or none.</summary>
    Untrusted,
    Revoked,
    Expired,
    NotYetValid,

    /// <summary>It names no node.</summary>
    NoIdentity,

    /// <summary>A node that has no business here.</summary>
    Role,
}

/// <summary>A node whose certificate was checked. Made only by <see cref="Check"/>.</summary>
internal sealed class VerifiedNode
{
    private VerifiedNode(NodeIdentity identity, DateTimeOffset until) => (Identity, Until) = (identity, until);

    public NodeIdentity Identity { get; }

    /// <summary>When its certificate, or one above it, expires.</summary>
    public DateTimeOffset Until { get; }

    /// <summary>Checks, in this order: a chain to one of the authorities, the time, that it was not revoked, the identity, the role. Nothing is downloaded.</summary>
    /// <param name="sent">Certificates between it and the CA that came along.</param>
    /// <param name="allowed">It must have one of these roles.</param>
    public static (VerifiedNode? Node, NodeRefusal Refusal) Check(X509Certificate2? certificate, X509Certificate2Collection? sent, NodeTrust trust, NodeRoles allowed, DateTimeOffset now)
    {
        if (certificate is null) return (null, NodeRefusal.NoCertificate);
        using var chain = new X509Chain();
        chain.ChainPolicy = trust.Policy(now);
        if (sent is not null) chain.ChainPolicy.ExtraStore.AddRange(sent);
        if (!chain.Build(certificate)) return (null, RefusalOf(chain, now));
        if (chain.ChainElements.Any(element => trust.Revoked.Contains(element.Certificate))) return (null, NodeRefusal.Revoked);
        if (NodeIdentity.Of(certificate) is not { } identity) return (null, NodeRefusal.NoIdentity);
        if ((identity.Roles & allowed) == NodeRoles.None) return (null, NodeRefusal.Role);
        return (new VerifiedNode(identity, chain.ChainElements.Min(element => new DateTimeOffset(element.Certificate.NotAfter))), default);
    }

    private static NodeRefusal RefusalOf(X509Chain chain, DateTimeOffset now)
    {
        var faults = chain.ChainStatus.Aggregate(X509ChainStatusFlags.NoError, (all, status) => all | status.Status);
        if (faults != X509ChainStatusFlags.NotTimeValid) return NodeRefusal.Untrusted;
        return chain.ChainElements.Any(element => now < new DateTimeOffset(element.Certificate.NotBefore)) ? NodeRefusal.NotYetValid : NodeRefusal.Expired;
    }
}

/// <summary>Whom nodes believe: the CA's certificates, less those that it revoked, and nothing that the machine trusts besides.</summary>
internal sealed class NodeTrust(X509Certificate2Collection authorities, NodeRevocations revoked)
{
    public NodeRevocations Revoked => revoked;

    public X509ChainPolicy Policy(DateTimeOffset now)
    {
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            // The list is a file of ours, looked at afterwards. The platform would fetch one from where the certificate says.
            RevocationMode = X509RevocationMode.NoCheck,
            DisableCertificateDownloads = true,
            VerificationTimeIgnored = false,
            VerificationTime = now.LocalDateTime,
        };
        policy.CustomTrustStore.AddRange(authorities);
        // Both, since each node begins connections and takes them: a certificate for something else of the same CA is no node's.
        policy.ApplicationPolicy.Add(new Oid(NodeUsage.Client));
        policy.ApplicationPolicy.Add(new Oid(NodeUsage.Server));
        return policy;
    }
}

/// <summary>What node certificates are for (RFC 5280 4.2.1.12).</summary>
internal static class NodeUsage
{
    public const string Server = "1.3.6.1.5.5.7.3.1";
    public const string Client = "1.3.6.1.5.5.7.3.2";
}
