using System.Net;
using IvrActors.Grains.Interfaces;
using IvrActors.Silo.Cluster;
using IvrActors.Silo.Security;
using Prometheus;

namespace IvrActors.Silo.Tests.Security.Nodes;

/// <summary>A CA, a month old, and a test's nodes that it signs. The CA is made once for all tests: the rounds of its password take a while.</summary>
internal sealed class NodePki : IDisposable
{
    private static readonly Lazy<(NodeAuthority Authority, string Pem, string List)> s_ours = new(Make);
    private static readonly Lazy<(NodeAuthority Authority, string Pem, string List)> s_strangers = new(Make);
    private static readonly Lock s_lock = new();

    private readonly TestFolder _folder = new();
    private readonly NodeAuthority _authority;

    /// <param name="strangers">Another CA than the one that tests have otherwise.</param>
    public NodePki(bool strangers = false)
    {
        (_authority, var pem, var list) = strangers ? s_strangers.Value : s_ours.Value;
        File.WriteAllText(NodeAuthority.CertificateFile(_folder), pem);
        File.WriteAllText(NodeAuthority.RevokedFile(_folder), list);
    }

    private static (NodeAuthority Authority, string Pem, string List) Make()
    {
        using var folder = new TestFolder();
        using var password = new Secret<char>("correct horse battery".ToCharArray());
        var made = NodeAuthority.Create(folder, "test", TimeSpan.FromDays(365), password, replace: false, Now.AddDays(-30));
        return (made, File.ReadAllText(NodeAuthority.CertificateFile(folder)), File.ReadAllText(NodeAuthority.RevokedFile(folder)));
    }

    public static DateTimeOffset Now => DateTimeOffset.UtcNow;

    /// <summary>Files of a node; those of the same name are replaced.</summary>
    /// <param name="now">When it is issued.</param>
    public NodeTlsSettings Issue(string name, NodeRoles roles, DateTimeOffset? now = null, TimeSpan? life = null)
    {
        lock (s_lock) _authority.Issue(_folder, new NodeRequest(new NodeIdentity(name, roles), [], [IPAddress.Loopback], life ?? TimeSpan.FromDays(90)), replace: true, now ?? Now).Dispose();
        var (certificate, key) = NodeAuthority.FilesOf(_folder, name);
        return new NodeTlsSettings(NodeAuthority.CertificateFile(_folder), certificate, key, NodeAuthority.RevokedFile(_folder));
    }

    public void Revoke(NodeProof proof)
    {
        lock (s_lock) _authority.Revoke(_folder, proof.Certificate, Now);
    }

    public NodeCertificate Node(string name, NodeRoles roles) => NodeCertificate.Load(Issue(name, roles), new NodeIdentity(name, roles), Now);

    /// <summary>What a node shows that does not ask itself whether anybody takes it.</summary>
    public NodeProof Proof(NodeRoles roles, DateTimeOffset? now = null, TimeSpan? life = null) => NodeCertificate.Read(Issue("peer", roles, now, life));

    /// <summary>Of names with commas.</summary>
    public static NodeRoles RolesOf(string text) => text.Split(',').Aggregate(NodeRoles.None, (all, role) => all | NodeRoleNames.RoleOf(role));

    public void Dispose() => _folder.Dispose();

    /// <summary>What was refused until now. Tests run beside each other: others may count, too.</summary>
    public static double Refused(string reason) => Metrics.CreateCounter("ivr_node_tls_refused_total", "", "reason").WithLabels(reason).Value;
}
