using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using IvrActors.Silo.Cluster;

namespace IvrActors.Silo.Security;

/// <summary>One TLS 1.3 handshake between nodes: both show a certificate, and what the other's proves is decided here alone (RFC 8446 4.4).</summary>
/// <param name="allowed">Roles of which the peer must have one.</param>
internal sealed class NodeHandshake(NodeProof own, NodeRoles allowed, DateTimeOffset now)
{
    /// <summary>One that takes longer is an attack or a dead peer.</summary>
    public static readonly TimeSpan MostTime = TimeSpan.FromSeconds(5);

    // Nodes are reached by address. A name must be sent all the same, or the platform takes the address for one.
    private const string ServerName = "node.ivr";

#pragma warning disable CA5398 // The only version between nodes (Mozilla "modern"): no negotiation downwards.
    private static SslProtocols Version { get; } = SslProtocols.Tls13;
#pragma warning restore CA5398

    /// <summary>Why the peer's certificate was refused; null as long as it was not.</summary>
    public NodeRefusal? Refusal { get; private set; }

    /// <summary>Of the certificate that the peer showed.</summary>
    public string? Subject { get; private set; }

    public VerifiedNode? Peer { get; private set; }

    public SslServerAuthenticationOptions AsServer() => new()
    {
        ServerCertificateContext = own.Context,
        ClientCertificateRequired = true,
        EnabledSslProtocols = Version,
        // A resumed session shows no certificate, so that one refused meanwhile would go on.
        AllowTlsResume = false,
        AllowRenegotiation = false,
        CertificateChainPolicy = own.Trust.Policy(now),
        RemoteCertificateValidationCallback = Check,
    };

    public SslClientAuthenticationOptions AsClient() => new()
    {
        TargetHost = ServerName,
        ClientCertificateContext = own.Context,
        EnabledSslProtocols = Version,
        AllowTlsResume = false,
        AllowRenegotiation = false,
        CertificateChainPolicy = own.Trust.Policy(now),
        RemoteCertificateValidationCallback = Check,
    };

    // The platform's own verdict is on host names, which nodes do not have.
    private bool Check(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        Subject = certificate?.Subject;
        var (node, refusal) = VerifiedNode.Check(certificate as X509Certificate2, chain?.ChainPolicy.ExtraStore, own.Trust, allowed, now);
        (Peer, Refusal) = (node, node is null ? refusal : null);
        return node is not null;
    }
}
