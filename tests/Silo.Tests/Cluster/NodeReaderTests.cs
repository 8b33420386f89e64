using System.Net;
using System.Text.RegularExpressions;
using IvrActors.Silo.Cluster;
using Xunit;

namespace IvrActors.Silo.Tests.Cluster;

public sealed class NodeReaderTests
{
    private const string Committed = "  - name: node-1\n    roles: [silo, edge, dashboard]   # one process with everything is the simplest thing that takes a call\n";

    private const string Nodes =
        """
          - name: silo-1
            roles: [silo]
            node_tls: { ca: LICENSE, certificate: LICENSE, key: LICENSE }
          - name: edge-1
            roles: [edge]
            data: data/edge-1
            listeners:
              sip: { udp: 5070, tcp: 5070, tls: 5071, wss: 7444 }
              metrics: { port: 9465 }
            node_tls: { ca: LICENSE, certificate: LICENSE, key: LICENSE }

        """;

    private static (ClusterFile? Cluster, IReadOnlyList<ClusterError> Errors) Read(string nodes, string? node = null, Func<string, string>? change = null)
    {
        var text = ClusterFileTests.Text.Replace(Committed, nodes, StringComparison.Ordinal);
        Assert.NotEqual(ClusterFileTests.Text, text);
        if (change is not null) text = change(text);
        return ClusterFileReader.Parse(Path.Combine(ClusterFileTests.Root(), "cluster.yaml"), text, node);
    }

    private static string Finding(string nodes, string? node = null) => string.Join('|', Read(nodes, node).Errors.Select(error => error.ToString()));

    [Fact]
    public void Each_node_has_roles_a_folder_and_listeners_and_what_it_does_not_say_is_the_clusters()
    {
        var (cluster, errors) = Read(Nodes, "edge-1");
        Assert.Empty(errors);
        Assert.Equal(["silo-1", "edge-1"], cluster!.Nodes.Select(node => node.Name));
        Assert.Equal((NodeRoles.Edge, "edge-1"), (cluster.Node.Roles, cluster.Node.Name));
        Assert.Equal((5070, 9465, 20000), (cluster.Listeners.Sip.Udp, cluster.Listeners.Metrics.Port, cluster.Listeners.FirstMediaPort));
        Assert.Equal(Path.Combine(ClusterFileTests.Root(), "data", "edge-1"), cluster.DataFolder);
        Assert.Null(cluster.DashboardAddress);
        Assert.Equal("silo-1", Read(Nodes).Cluster!.Node.Name);
        Assert.Equal(11111, cluster.Nodes[0].Listeners.Silo.Port);
    }

    [Fact]
    public void Files_that_silos_alone_use_are_looked_for_on_silos_alone()
    {
        string Postgres(string text) => Regex.Replace(text, @"(?m)^storage:\n(?: .*\n)+", "storage: { kind: postgresql, host: db.example, database: ivr, user: ivr, password_file: nowhere }\n");
        Assert.Contains("no such file (storage.password_file, ", Assert.Single(Read(Nodes, "silo-1", Postgres).Errors).ToString(), StringComparison.Ordinal);
        Assert.Empty(Read(Nodes, "edge-1", Postgres).Errors);
    }

    [Fact]
    public void Files_that_edges_alone_use_are_looked_for_on_edges_alone()
    {
        string Carrier(string text) => text
            .Replace("  - name: loopback\n", "  - name: loopback\n        tls: { identities: [sip.carrier.example], ca: nowhere.pem }\n        outbound: { proxy: \"sips:sip.carrier.example\", user: ivr, password_file: nowhere }\n", StringComparison.Ordinal)
            .Replace("limits:  ", "certificates: { server: { file: nowhere, key: nowhere } }\nlimits:  ", StringComparison.Ordinal);
        Assert.Equal(4, Read(Nodes, "edge-1", Carrier).Errors.Count(error => error.Message.StartsWith("no such file", StringComparison.Ordinal)));
        Assert.Empty(Read(Nodes, "silo-1", Carrier).Errors);
    }

    [Fact]
    public async Task A_silo_is_reached_by_address_or_by_a_name_behind_which_the_address_may_change()
    {
        var (cluster, errors) = Read(Nodes.Replace("roles: [silo]\n", "roles: [silo]\n    listeners: { silo: { address: silo-1.silo.example }, gateway: { address: localhost, port: 30001 } }\n", StringComparison.Ordinal), "edge-1");
        Assert.Empty(errors);
        Assert.Equal(("silo-1.silo.example:11111", "localhost:30001"), (cluster!.Nodes[0].Listeners.Silo.ToString(), cluster.Gateways[0].ToString()));
        Assert.Contains(new IPEndPoint(IPAddress.Loopback, 30001), await cluster.Gateways[0].Find());
        Assert.Equal([new IPEndPoint(IPAddress.Parse("2001:db8::1"), 7)], await new NodeAddress("2001:db8::1", 7).Find());
        Assert.Empty(await new NodeAddress("nowhere.invalid", 7).Find());
        var alone = Committed.Replace("dashboard]", "dashboard]\n    listeners: { silo: { address: silo.example } }", StringComparison.Ordinal);
        Assert.Contains("a loopback address: one node has nobody to speak to", Finding(alone), StringComparison.Ordinal);
        Assert.Contains("listeners.silo.address, expected an IP address, or a name", Finding(alone.Replace("silo.example", "192.0.2.300", StringComparison.Ordinal)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_node_listens_where_its_name_leads_on_this_machine_and_says_when_that_is_nowhere()
    {
        Assert.True(IPAddress.IsLoopback(new NodeAddress("localhost", 7).Own().Address));
        Assert.Contains("leads nowhere", Assert.Throws<NodeAddressException>(() => new NodeAddress("nowhere.invalid", 7).Own()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Health_has_a_listener_of_its_own_where_the_file_says_so()
    {
        string With(string health) => Nodes.Replace("metrics: { port: 9465 }", $"metrics: {{ port: 9465 }}\n      health: {{ {health} }}", StringComparison.Ordinal);
        Assert.Null(Read(Nodes, "edge-1").Cluster!.Listeners.Health);
        Assert.Equal(new IPEndPoint(IPAddress.Any, 9466), Read(With("address: 0.0.0.0, port: 9466"), "edge-1").Cluster!.Listeners.Health);
        Assert.Contains("the port of another listener (nodes[1].listeners.health,", Finding(With("port: 9465")), StringComparison.Ordinal);
    }

    [Fact]
    public void What_contradicts_itself_is_named_with_its_place()
    {
        Assert.Equal("cluster.yaml:18:3: no silo (nodes, expected at least one node with the role silo)", Finding("  - { name: a, roles: [edge] }\n"));
        Assert.Contains("cluster.yaml:19:13: duplicate node (nodes[1].name, expected each name once)", Finding("  - { name: a, roles: [silo] }\n  - { name: a, roles: [edge] }\n"), StringComparison.Ordinal);
        Assert.Contains("no node 'c' (nodes, expected one of a, b)", Finding("  - { name: a, roles: [silo] }\n  - { name: b, roles: [edge] }\n", "c"), StringComparison.Ordinal);
        Assert.Contains("two silos at 127.0.0.1:11111", Finding("  - { name: a, roles: [silo] }\n  - { name: b, roles: [silo] }\n"), StringComparison.Ordinal);
        Assert.Contains(
            "the address, or the name, at which the other nodes reach it", Finding("  - { name: a, roles: [silo], listeners: { silo: { address: 0.0.0.0 } } }\n  - { name: b, roles: [edge] }\n"), StringComparison.Ordinal);
        Assert.Contains("unknown key (nodes[0].listeners.sap,", Finding("  - { name: a, roles: [silo], listeners: { sap: { udp: 5070 } } }\n"), StringComparison.Ordinal);
    }
}
