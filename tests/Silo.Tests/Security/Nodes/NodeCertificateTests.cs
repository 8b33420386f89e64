using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using IvrActors.Edge.Net.Tls;
using IvrActors.Silo.Cluster;
using IvrActors.Silo.Security;
using Xunit;

namespace IvrActors.Silo.Tests.Security.Nodes;

public sealed class NodeCertificateTests : IDisposable
{
    private readonly NodePki _pki = new();
    private readonly TestFolder _folder = new();

    public void Dispose()
    {
        _pki.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData("other", "silo", 0, "it is that of node 'peer', and this is 'other'")]
    [InlineData("peer", "edge,dashboard", 0, "it does not say that the node is edge and dashboard")]
    [InlineData("peer", "silo", 100, "expired (")]
    [InlineData("peer", "silo", -10, "not valid yet")]
    public void A_certificate_that_does_not_make_this_node_what_it_is_keeps_it_from_starting(string name, string roles, int inDays, string reason)
    {
        var settings = _pki.Issue("peer", NodeRoles.Silo);
        var refused = Assert.Throws<NodeTlsException>(() => NodeCertificate.Load(settings, new NodeIdentity(name, NodePki.RolesOf(roles)), NodePki.Now.AddDays(inDays)));
        Assert.Contains(reason, refused.Message, StringComparison.Ordinal);
        Assert.Contains(settings.CertificateFile, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_node_whose_signer_is_not_itself_among_the_authorities_does_not_start()
    {
        var settings = BelowASignerOfTheAuthority();
        var refused = Assert.Throws<NodeTlsException>(() => Load(settings));
        Assert.Contains("what signed it has to stand in node_tls.ca itself", refused.Message, StringComparison.Ordinal);
        // What signs nodes is believed by itself.
        File.AppendAllText(settings.AuthorityFile, File.ReadAllText(Path.Combine(_folder, "signer.pem")));
        Load(settings);
    }

    [Fact]
    public void A_file_that_is_missing_or_none_of_its_kind_is_named()
    {
        var right = _pki.Issue("peer", NodeRoles.Silo);
        var missing = Assert.Throws<NodeTlsException>(() => Load(right with { KeyFile = "/nowhere/peer.key" }));
        Assert.Contains("There is no file '/nowhere/peer.key'", missing.Message, StringComparison.Ordinal);
        var other = Path.Combine(_folder, "other.key");
        File.Copy(right.KeyFile, other);
        Assert.Contains(other, Assert.Throws<NodeTlsException>(() => Load(_pki.Issue("peer", NodeRoles.Silo) with { KeyFile = other })).Message, StringComparison.Ordinal);
        using var strangers = new NodePki(strangers: true);
        Assert.Contains("did not sign it", Assert.Throws<NodeTlsException>(() => Load(right with { AuthorityFile = strangers.Issue("peer", NodeRoles.Silo).AuthorityFile, RevokedFile = null })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Files_that_would_unmake_the_node_are_refused_and_what_it_has_stays()
    {
        var certificate = _pki.Node("peer", NodeRoles.Silo);
        var first = certificate.Current;
        Assert.Equal(CertificateReload.Unchanged, certificate.Reload(NodePki.Now));
        _pki.Issue("peer", NodeRoles.Edge);
        Assert.Equal(CertificateReload.Refused, certificate.Reload(NodePki.Now));
        Assert.Equal(CertificateReload.Unchanged, certificate.Reload(NodePki.Now));
        Assert.Same(first, certificate.Current);
        _pki.Issue("peer", NodeRoles.Silo | NodeRoles.Edge);
        Assert.Equal(CertificateReload.Replaced, certificate.Reload(NodePki.Now));
        Assert.NotSame(first, certificate.Current);
    }

    [Fact]
    public void A_node_whose_own_certificate_is_revoked_learns_who_else_is()
    {
        var certificate = _pki.Node("peer", NodeRoles.Silo);
        var stolen = NodeCertificate.Read(_pki.Issue("other", NodeRoles.Edge));
        _pki.Revoke(certificate.Current);
        _pki.Revoke(stolen);
        Assert.Equal(CertificateReload.Refused, certificate.Reload(NodePki.Now));
        Assert.Equal(NodeRefusal.Revoked, VerifiedNode.Check(stolen.Certificate, null, certificate.Current.Trust, NodeRoles.Edge, NodePki.Now).Refusal);
    }

    [Fact]
    public void While_a_CA_is_replaced_nodes_of_both_are_believed_and_afterwards_those_of_the_new_one_alone()
    {
        using var next = new NodePki(strangers: true);
        var (old, renewed) = (_pki.Issue("peer", NodeRoles.Silo), next.Issue("peer", NodeRoles.Silo));
        var both = Path.Combine(_folder, "both.pem");
        File.WriteAllText(both, File.ReadAllText(old.AuthorityFile) + File.ReadAllText(renewed.AuthorityFile));
        foreach (var certificate in new[] { old, renewed }) Load(certificate with { AuthorityFile = both });
        var trust = NodeCertificate.Read(renewed).Trust;
        Assert.Equal(NodeRefusal.Untrusted, VerifiedNode.Check(NodeCertificate.Read(old).Certificate, null, trust, NodeRoles.Silo, NodePki.Now).Refusal);
    }

    [Fact]
    public void A_list_that_the_CA_did_not_sign_as_it_stands_keeps_the_node_from_starting()
    {
        using var strangers = new NodePki(strangers: true);
        var (right, theirs) = (_pki.Issue("peer", NodeRoles.Silo), strangers.Issue("peer", NodeRoles.Silo));
        Load(right);
        _pki.Revoke(NodeCertificate.Read(_pki.Issue("other", NodeRoles.Edge)));
        Load(right);
        var list = Convert.FromBase64String(string.Concat(File.ReadAllLines(right.RevokedFile!).Where(line => !line.StartsWith('-'))));
        Assert.Contains("not signed by the CA", Assert.Throws<NodeTlsException>(() => Load(right with { RevokedFile = theirs.RevokedFile })).Message, StringComparison.Ordinal);
        Assert.Contains("holds no list", Assert.Throws<NodeTlsException>(() => Load(right with { RevokedFile = right.AuthorityFile })).Message, StringComparison.Ordinal);
        Assert.Contains("There is no file", Assert.Throws<NodeTlsException>(() => Load(right with { RevokedFile = "/nowhere/revoked.pem" })).Message, StringComparison.Ordinal);
        var file = Path.Combine(_folder, "changed.pem");
        for (var at = 0; at < list.Length; at++)
        {
            list[at] ^= 1;
            File.WriteAllText(file, PemEncoding.WriteString("X509 CRL", list));
            Assert.Throws<NodeTlsException>(() => Load(right with { RevokedFile = file }));
            list[at] ^= 1;
        }
        for (var length = 0; length < list.Length; length += 9)
        {
            File.WriteAllText(file, PemEncoding.WriteString("X509 CRL", list.AsSpan(0, length)));
            Assert.Throws<NodeTlsException>(() => Load(right with { RevokedFile = file }));
        }
    }

    [Fact]
    public void A_node_does_not_start_with_a_revoked_certificate()
    {
        var settings = _pki.Issue("peer", NodeRoles.Silo);
        _pki.Revoke(NodeCertificate.Read(settings));
        Assert.EndsWith("cannot be used: it is revoked.", Assert.Throws<NodeTlsException>(() => Load(settings)).Message, StringComparison.Ordinal);
        Load(_pki.Issue("peer", NodeRoles.Silo));
    }

    [Theory]
    [InlineData("silo/a")]
    [InlineData("silo/a", "edge/a")]
    [InlineData("silo/a", "edge/b", null)]
    [InlineData("silo/A", null)]
    [InlineData("silo/", null)]
    [InlineData("silo/a/b", null)]
    [InlineData("king/a", null)]
    [InlineData("silo/a", "king/a", null)]
    public void The_identity_is_one_name_and_known_roles_or_none(params string?[] paths)
    {
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("spiffe://ivr/silo/a");
        names.AddUri(new Uri("https://elsewhere.example/silo/b"));
        foreach (var path in paths.OfType<string>()) names.AddUri(new Uri("spiffe://ivr/" + path));
        using var certificate = SelfSigned(names.Build());
        var identity = NodeIdentity.Of(certificate);
        if (paths[^1] is null) Assert.Null(identity);
        else Assert.Equal(new NodeIdentity("a", paths.Length == 1 ? NodeRoles.Silo : NodeRoles.Silo | NodeRoles.Edge), identity);
    }

    [Fact]
    public void Alternative_names_that_cannot_be_read_name_nobody()
    {
        foreach (var bytes in new byte[][] { [], [0x30], [0x30, 0x02, 0x86], [0x30, 0x03, 0x86, 0x01, 0xFF], [0x30, 0x80, 0, 0], [0x30, 0x00, 0x00] })
        {
            using var certificate = SelfSigned(new X509Extension("2.5.29.17", bytes, critical: false));
            Assert.Null(NodeIdentity.Of(certificate));
        }
    }

    [Fact]
    public void A_certificate_of_the_CA_that_is_for_something_else_is_no_nodes()
    {
        using var authority = SelfSigned(new X509BasicConstraintsExtension(true, false, 0, true));
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddUri(new Uri("spiffe://ivr/silo/a"));
        foreach (var (usages, isNode) in new[] { (new[] { NodeUsage.Server }, false), ([NodeUsage.Client], false), ([NodeUsage.Server, NodeUsage.Client], true), (["1.3.6.1.5.5.7.3.4"], false) })
        {
            var request = new CertificateRequest("CN=b", key, HashAlgorithmName.SHA256);
            request.CertificateExtensions.Add(names.Build());
            request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([.. usages.Select(usage => new Oid(usage))], critical: false));
            using var certificate = request.Create(authority, NodePki.Now.AddHours(-1), NodePki.Now.AddDays(1), [1, 2, 3]);
            Assert.Equal(isNode, VerifiedNode.Check(certificate, null, new NodeTrust([authority], NodeRevocations.None), NodeRoles.Silo, NodePki.Now).Node is not null);
        }
    }

    private static void Load(NodeTlsSettings settings) => NodeCertificate.Load(settings, new NodeIdentity("peer", NodeRoles.Silo), NodePki.Now);

    /// <summary>Files of a node whose certificate is signed by <c>signer.pem</c>, which comes along with it, and that one by the CA.</summary>
    private NodeTlsSettings BelowASignerOfTheAuthority()
    {
        var (from, to) = (NodePki.Now.AddHours(-1), NodePki.Now.AddDays(1));
        using var root = SelfSigned(new X509BasicConstraintsExtension(true, false, 0, true));
        using var signerKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=signer", signerKey, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using var signer = request.Create(root, from, to, [1]);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        request = new CertificateRequest("CN=peer", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddUri(new Uri("spiffe://ivr/silo/peer"));
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(NodeUsage.Server), new Oid(NodeUsage.Client)], critical: false));
        using var withKey = signer.CopyWithPrivateKey(signerKey);
        using var node = request.Create(withKey, from, to, [2]);
        var settings = new NodeTlsSettings(Write("root.pem", root.ExportCertificatePem()), Write("node.pem", node.ExportCertificatePem() + "\n" + signer.ExportCertificatePem()), Write("node.key", key.ExportPkcs8PrivateKeyPem()));
        Write("signer.pem", signer.ExportCertificatePem());
        return settings;
    }

    private string Write(string name, string text)
    {
        var file = Path.Combine(_folder, name);
        File.WriteAllText(file, text + "\n");
        return file;
    }

    private static X509Certificate2 SelfSigned(X509Extension extension)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=a", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(extension);
        return request.CreateSelfSigned(NodePki.Now.AddDays(-1), NodePki.Now.AddDays(2));
    }
}
