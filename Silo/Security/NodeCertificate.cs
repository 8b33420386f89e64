using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using IvrActors.Edge.Net.Tls;
using IvrActors.Silo.Cluster;
using Prometheus;

namespace IvrActors.Silo.Security;

/// <summary>The certificate of this node cannot be used; the message says which file and why.</summary>
internal sealed class NodeTlsException(string message) : Exception(message);

/// <summary>This node's certificate and key, and the CA whose nodes it believes. Read anew from their files: connections that begin afterwards use them.</summary>
internal sealed class NodeCertificate : IReloadedCertificate
{
    private const string NamedCurve = "1.2.840.10045.3.1.7"; // P-256, RFC 5480 2.1.1.1

    private static readonly Gauge s_expiry = Metrics.CreateGauge("ivr_node_certificate_expiry_timestamp_seconds", "When the certificate that this node shows to others expires, as Unix time.", new GaugeConfiguration { SuppressInitialValue = true });
    private static readonly Counter s_reloads = Metrics.CreateCounter("ivr_node_certificate_reloads_total", "Changed files of the node certificate or its CA, by what became of them.", "result");

    private readonly CertificateFiles<NodeProof> _files;
    private readonly NodeIdentity _needed;

    private NodeCertificate(CertificateFiles<NodeProof> files, NodeIdentity needed)
    {
        (_files, _needed) = (files, needed);
        Publish();
    }

    public string Purpose => "node certificate";

    X509Certificate2 IReloadedCertificate.Current => Current.Certificate;

    /// <summary>What belongs together now. Taken once for each handshake or signature.</summary>
    public NodeProof Current => _files.Current;

    /// <summary>That of a node of <c>cluster.yaml</c>; null when it speaks to no other.</summary>
    /// <exception cref="NodeTlsException">As below.</exception>
    public static NodeCertificate? Of(NodeSettings node, DateTimeOffset now) => node.Tls is { } settings ? Load(settings, new NodeIdentity(node.Name, node.Roles), now) : null;

    /// <param name="needed">The name that it must have, and the roles that must be among its own.</param>
    /// <exception cref="NodeTlsException">The node could not prove with these files that it is this node and has these roles.</exception>
    public static NodeCertificate Load(NodeTlsSettings settings, NodeIdentity needed, DateTimeOffset now)
    {
        var files = FilesOf(settings);
        return WhyUnfit(files.Current, needed, now) is { } reason
            ? throw new NodeTlsException($"The node certificate '{settings.CertificateFile}' cannot be used: {reason}.")
            : new NodeCertificate(files, needed);
    }

    public CertificateReload Reload(DateTimeOffset now)
    {
        var result = _files.Reload((used, loaded) => Choose(used, loaded, now));
        if (result == CertificateReload.Unchanged) return result;
        if (result == CertificateReload.Replaced) Publish();
        s_reloads.WithLabels(result == CertificateReload.Replaced ? "replaced" : "refused").Inc();
        return result;
    }

    /// <summary>Of a certificate that has run out or was revoked what it holds others' against counts all the same: it names who else is revoked, and this node lets nobody in whom the new one would not.</summary>
    private NodeProof Choose(NodeProof used, NodeProof loaded, DateTimeOffset now)
    {
        if (WhyUnfit(loaded, _needed, now) is null) return loaded;
        var refusal = VerifiedNode.Check(loaded.Certificate, loaded.Intermediates, loaded.Trust, ~NodeRoles.None, now).Refusal;
        return refusal is NodeRefusal.Revoked or NodeRefusal.Expired or NodeRefusal.NotYetValid ? new NodeProof(used.Certificate, used.Intermediates, loaded.Trust) : used;
    }

    /// <summary>Whether its key is one that signs role tokens.</summary>
    public static bool IsSigningKey(X509Certificate2 certificate)
    {
        using var key = certificate.GetECDsaPublicKey();
        return key?.ExportParameters(includePrivateParameters: false).Curve is { IsNamed: true, Oid.Value: NamedCurve };
    }

    private static CertificateFiles<NodeProof> FilesOf(NodeTlsSettings settings)
    {
        string[] files = [settings.AuthorityFile, settings.CertificateFile, settings.KeyFile, .. settings.RevokedFile is { } list ? [list] : Array.Empty<string>()];
        foreach (var file in files)
        {
            if (!File.Exists(file)) throw new NodeTlsException($"There is no file '{file}' (node_tls).");
        }
        try
        {
            return new CertificateFiles<NodeProof>(() => Read(settings), files);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException or ArgumentException)
        {
            throw new NodeTlsException($"{string.Join(", ", files.Select(file => $"'{file}'"))} (node_tls) are not a CA, a certificate with its key, and a list of that CA, in PEM: {e.Message}");
        }
    }

    /// <summary>What the files hold, whether or not it can be used.</summary>
    internal static NodeProof Read(NodeTlsSettings settings)
    {
        var authorities = new X509Certificate2Collection();
        authorities.ImportFromPemFile(settings.AuthorityFile);
        var chain = new X509Certificate2Collection();
        chain.ImportFromPemFile(settings.CertificateFile);
        return new NodeProof(X509Certificate2.CreateFromPemFile(settings.CertificateFile, settings.KeyFile), [.. chain.Skip(1)], new NodeTrust(authorities, settings.RevokedFile is { } list ? NodeRevocations.Read(list, authorities) : NodeRevocations.None));
    }

    // What others would refuse is refused here, where it can be said why.
    private static string? WhyUnfit(NodeProof proof, NodeIdentity needed, DateTimeOffset now)
    {
        if (!IsSigningKey(proof.Certificate)) return "its key is not ECDSA P-256";
        var (verified, refusal) = VerifiedNode.Check(proof.Certificate, proof.Intermediates, proof.Trust, ~NodeRoles.None, now);
        if (verified is null) return refusal switch
        {
            NodeRefusal.Untrusted => "node_tls.ca did not sign it, or not for a node",
            NodeRefusal.Revoked => "it is revoked",
            NodeRefusal.Expired => $"it, or its CA, expired ({proof.Certificate.NotAfter.ToUniversalTime():u})",
            NodeRefusal.NotYetValid => $"it is not valid yet ({proof.Certificate.NotBefore.ToUniversalTime():u}): is this machine's clock right?",
            _ => "it names no node (spiffe://ivr/ROLE/NAME)",
        };
        if (VerifiedNode.Check(proof.Certificate, null, proof.Trust, ~NodeRoles.None, now).Node is null) return "what signed it has to stand in node_tls.ca itself: what the node signs is checked without the certificates between";
        var identity = verified.Identity;
        if (identity.Name != needed.Name) return $"it is that of node '{identity.Name}', and this is '{needed.Name}'";
        var missing = needed.Roles & ~identity.Roles;
        return missing == NodeRoles.None ? null : $"it does not say that the node is {string.Join(" and ", NodeRoleNames.Of(missing))}";
    }

    private void Publish() => s_expiry.Set(new DateTimeOffset(Current.Certificate.NotAfter).ToUnixTimeSeconds());
}

/// <summary>What a node shows, and what it holds others' against: read together.</summary>
internal sealed class NodeProof(X509Certificate2 certificate, X509Certificate2Collection intermediates, NodeTrust trust)
{
    /// <summary>With its key.</summary>
    public X509Certificate2 Certificate => certificate;

    public X509Certificate2Collection Intermediates => intermediates;

    public NodeTrust Trust => trust;

    public NodeIdentity? Identity { get; } = NodeIdentity.Of(certificate);

    /// <summary>What a handshake sends.</summary>
    public SslStreamCertificateContext Context { get; } = SslStreamCertificateContext.Create(certificate, intermediates, offline: true);
}
