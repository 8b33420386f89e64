using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using System.Text.RegularExpressions;
using IvrActors.Silo.Cluster;
using IvrActors.Silo.Commands;
using IvrActors.Silo.Hosting;
using IvrActors.Silo.Security;
using IvrActors.Silo.Tests.Cluster;
using IvrActors.Silo.Tests.Security.Nodes;
using Microsoft.Extensions.Logging;
using Xunit;

namespace IvrActors.Silo.Tests.Hosting;

/// <summary>A whole process with a node certificate.</summary>
public sealed partial class NodeTlsHostTests : IDisposable
{
    private const NodeRoles Every = NodeRoles.Silo | NodeRoles.Edge | NodeRoles.Dashboard;

    private readonly TestFolder _folder = new();
    private readonly NodePki _pki = new();
    private readonly string _clusterFile;
    private readonly NodeTlsSettings _node;

    public NodeTlsHostTests()
    {
        _node = _pki.Issue("node-1", Every);
        var root = ClusterFileTests.Root();
        var text = ClusterFileTests.Text
            .Replace("flows: flows ", $"flows: {root}/flows ", StringComparison.Ordinal)
            .Replace("prompts: flows/prompts", $"prompts: {root}/flows/prompts", StringComparison.Ordinal)
            .Replace("port: 9464", "port: 9464, tls: true", StringComparison.Ordinal)
            .Replace("  - name: node-1\n", $"  - name: node-1\n    node_tls: {{ ca: {_node.AuthorityFile}, certificate: {_node.CertificateFile}, key: {_node.KeyFile} }}\n", StringComparison.Ordinal)
            .Replace("first: 20000, last: 29999", "first: 30500, last: 30599", StringComparison.Ordinal);
        _clusterFile = Path.Combine(_folder, "cluster.yaml");
        File.WriteAllText(_clusterFile, PortNumber().Replace(text, match => match.Groups[1].Value + TestSilo.FreePort()));
    }

    public void Dispose()
    {
        _pki.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task The_command_line_reaches_the_silo_and_monitors_its_metrics_and_nobody_else_does()
    {
        var (cluster, errors) = ClusterFileReader.Read(_clusterFile);
        Assert.Empty(errors);
        TestKeys.CopyTo(cluster!.DataFolder, cluster.Service);
        await using var process = IvrProcess.Create(cluster, LogLevel.Critical);
        await process.Start();

        using var output = new StringWriter();
        using var error = new StringWriter();
        Assert.Equal((ExitCode.Done, ""), (await CommandLine.Run(["lockout", "list", "--cluster", _clusterFile], TextReader.Null, output, error), error.ToString()));

        using var health = new StringWriter();
        Assert.Equal((ExitCode.Done, ""), (await CommandLine.Run(["health", "--cluster", _clusterFile], TextReader.Null, health, error), error.ToString()));
        Assert.Equal("ready\n", health.ToString());

        var port = cluster.Listeners.Metrics.Port;
        Assert.Contains("ivr_node_certificate_expiry_timestamp_seconds ", await Scrape(port, _pki.Node("prometheus", NodeRoles.Monitor)), StringComparison.Ordinal);
        await Refused(port, null, "no_certificate");
        using var strangers = new NodePki(strangers: true);
        await Refused(port, strangers.Node("prometheus", NodeRoles.Monitor), "untrusted");
        using var plain = new HttpClient();
        await Assert.ThrowsAsync<HttpRequestException>(() => plain.GetStringAsync($"http://127.0.0.1:{port}/metrics", TestContext.Current.CancellationToken));
        await process.Stop();
    }

    [Fact]
    public async Task A_node_whose_certificate_is_another_nodes_does_not_start_and_says_why()
    {
        _pki.Issue("node-2", Every);
        File.Copy(_node.CertificateFile.Replace("node-1", "node-2", StringComparison.Ordinal), _node.CertificateFile, overwrite: true);
        File.Copy(_node.KeyFile.Replace("node-1", "node-2", StringComparison.Ordinal), _node.KeyFile, overwrite: true);
        using var error = new StringWriter();
        Assert.Equal(ExitCode.Unusable, await CommandLine.Run(["run", "--cluster", _clusterFile], TextReader.Null, TextWriter.Null, error));
        Assert.Equal($"The node certificate '{_node.CertificateFile}' cannot be used: it is that of node 'node-2', and this is 'node-1'.", error.ToString().Trim());
        Assert.False(Directory.Exists(Path.Combine(_folder, "data")));
    }

    private async Task Refused(int port, NodeCertificate? certificate, string reason)
    {
        var before = NodePki.Refused(reason);
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => Scrape(port, certificate));
        Assert.True(NodePki.Refused(reason) > before);
    }

    // As Prometheus does: it checks the server's name, which is the node's.
    private async Task<string> Scrape(int port, NodeCertificate? certificate)
    {
        using var authority = X509Certificate2.CreateFromPem(await File.ReadAllTextAsync(_node.AuthorityFile, TestContext.Current.CancellationToken));
        using var handler = new SocketsHttpHandler();
        handler.SslOptions = new SslClientAuthenticationOptions
        {
            TargetHost = "node-1",
            ClientCertificates = certificate is null ? [] : [certificate.Current.Certificate],
            LocalCertificateSelectionCallback = certificate is null ? null : (_, _, _, _, _) => certificate.Current.Certificate,
            CertificateChainPolicy = new NodeTrust([authority], NodeRevocations.None).Policy(NodePki.Now),
        };
        using var http = new HttpClient(handler);
        return await http.GetStringAsync($"https://127.0.0.1:{port}/metrics", TestContext.Current.CancellationToken);
    }

    [GeneratedRegex("((?:udp|tcp|tls|wss|port): )[0-9]+")]
    private static partial Regex PortNumber();
}
