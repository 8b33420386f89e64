using System.Text.RegularExpressions;
using IvrActors.Silo.Cluster;
using Xunit;

namespace IvrActors.Silo.Tests.Cluster;

public sealed partial class NodeTlsReaderTests
{
    [Fact]
    public void A_nodes_files_are_relative_to_the_cluster_file_and_need_not_be_on_this_machine()
    {
        var (cluster, errors) = With("    node_tls: { ca: tls/ca.pem, certificate: tls/node-1.pem, key: /etc/ivr/node-1.key, revoked: tls/revoked.pem }\n");
        Assert.Empty(errors);
        Assert.Equal(new NodeTlsSettings("/srv/ivr/tls/ca.pem", "/srv/ivr/tls/node-1.pem", "/etc/ivr/node-1.key", "/srv/ivr/tls/revoked.pem"), cluster!.Node.Tls);
    }

    [Fact]
    public void A_node_alone_needs_none() => Assert.Null(With("").Cluster!.Node.Tls);

    [Theory]
    [InlineData("    node_tls: { ca: ca.pem, certificate: a.pem }\n", "missing key (nodes[0].node_tls.key, expected a PEM file)")]
    [InlineData("    node_tls: { ca: ca.pem, certificate: a.pem, key: a.key, crl: a }\n", "unknown key (nodes[0].node_tls.crl, expected one of ca, certificate, key, revoked)")]
    [InlineData("    node_tls: yes\n", "not a mapping (nodes[0].node_tls, expected keys with values)")]
    public void A_mistake_is_named(string lines, string finding)
    {
        var (cluster, errors) = With(lines);
        Assert.Null(cluster);
        Assert.Contains(errors, error => error.ToString().EndsWith(": " + finding, StringComparison.Ordinal));
    }

    [Fact]
    public void Metrics_need_a_loopback_address_or_TLS_and_TLS_a_certificate()
    {
        const string tls = "    node_tls: { ca: ca.pem, certificate: a.pem, key: a.key }\n";
        const string weak = "weak setting: metrics without TLS beyond this machine (listeners.metrics.address, expected a loopback address, or tls: true, or development: true)";
        const string bare = "TLS for metrics and no certificate (listeners, expected node_tls of each node, or no listeners.metrics.tls)";
        Assert.Contains(Texts(With(tls, "address: 192.0.2.1", "", "false")), text => text.EndsWith(weak, StringComparison.Ordinal));
        Assert.DoesNotContain(Texts(With(tls, "address: 192.0.2.1", ", tls: true", "false")), text => text.Contains("metrics", StringComparison.Ordinal));
        Assert.Contains(Texts(With("", "address: 127.0.0.1", ", tls: true")), text => text.EndsWith(bare, StringComparison.Ordinal));
        Assert.True(With(tls, "address: 127.0.0.1", ", tls: true").Cluster!.Listeners.MetricsTls);
    }

    [Fact]
    public void Of_several_nodes_each_has_a_certificate()
    {
        const string edge = "    node_tls: { ca: ca.pem, certificate: a.pem, key: a.key }\n  - name: edge-1\n    roles: [edge]\n";
        const string bare = "no certificate (nodes[1].node_tls, expected ca, certificate and key: nodes know each other by nothing else (ivr ca makes them))";
        Assert.Contains(Texts(With(edge)), text => text.EndsWith(bare, StringComparison.Ordinal));
        Assert.Contains(Texts(With(edge.Replace("[edge]", "[silo]", StringComparison.Ordinal))), text => text.EndsWith(bare, StringComparison.Ordinal));
        Assert.DoesNotContain(Texts(With(edge + "    node_tls: { ca: ca.pem, certificate: b.pem, key: b.key }\n")), text => text.Contains("node_tls", StringComparison.Ordinal));
    }

    [Fact]
    public void The_documented_example_is_right()
    {
        var block = Block().Match(File.ReadAllText(Path.Combine(ClusterFileTests.Root(), "docs", "operations.md"))).Groups["text"].Value;
        string Line(string key) => Assert.Single(block.Split('\n'), line => line.TrimStart().StartsWith(key + ":", StringComparison.Ordinal));
        var (cluster, errors) = ClusterFileReader.Parse("/srv/ivr/cluster.yaml", Regex.Replace(
            ClusterFileTests.Text.Replace("  - name: node-1\n", $"  - name: node-1\n{Line("node_tls")}\n", StringComparison.Ordinal), "(?m)^  metrics: .*$", Line("metrics")));
        Assert.Empty(errors);
        Assert.Equal(("/srv/ivr/ca.pem", true), (cluster!.Node.Tls!.AuthorityFile, cluster.Listeners.MetricsTls));
    }

    [GeneratedRegex("```yaml node_tls\n(?<text>.*?)```", RegexOptions.Singleline)]
    private static partial Regex Block();

    private static IEnumerable<string> Texts((ClusterFile? Cluster, IReadOnlyList<ClusterError> Errors) read) => read.Errors.Select(error => error.ToString());

    private static (ClusterFile? Cluster, IReadOnlyList<ClusterError> Errors) With(string node, string metrics = "address: 127.0.0.1", string more = "", string development = "true") => ClusterFileReader.Parse(
        "/srv/ivr/cluster.yaml",
        Regex.Replace(ClusterFileTests.Text, "(?m)^    roles: \\[silo, edge, dashboard\\].*\n", match => match.Value + node)
            .Replace("metrics: { address: 127.0.0.1, port: 9464", $"metrics: {{ {metrics}, port: 9464{more}", StringComparison.Ordinal)
            .Replace("development: true ", $"development: {development} ", StringComparison.Ordinal));
}
