using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using IvrActors.Silo.Cluster;
using IvrActors.Silo.Hosting;
using IvrActors.Silo.Tests.Security.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Xunit;

namespace IvrActors.Silo.Tests.Hosting;

/// <summary>A node without a silo, started before there is one.</summary>
public sealed class WaitingNodeTests
{
    [Fact]
    public async Task It_asks_again_with_its_ports_closed_and_ends_as_soon_as_it_is_asked_to()
    {
        using var folder = new TestFolder();
        using var pki = new NodePki();
        var edge = pki.Issue("edge-1", NodeRoles.Edge);
        // In a silo's place somebody who hangs up.
        using var gateway = new TcpListener(IPAddress.Loopback, 0);
        gateway.Start();
        var file = Path.Combine(folder, "cluster.yaml");
        await File.WriteAllTextAsync(file, Regex.Replace(HostTests.Yaml(), @"(?m)^nodes:\n(?: .*\n)+", $$"""
            nodes:
              - name: silo-1
                roles: [silo]
                node_tls: { ca: ca.pem, certificate: silo-1.pem, key: silo-1.key }
                listeners: { gateway: { port: {{((IPEndPoint)gateway.LocalEndpoint).Port}} } }
              - name: edge-1
                roles: [edge]
                node_tls: { ca: {{edge.AuthorityFile}}, certificate: {{edge.CertificateFile}}, key: {{edge.KeyFile}} }

            """), TestContext.Current.CancellationToken);
        var (cluster, errors) = ClusterFileReader.Read(file, "edge-1");
        Assert.Empty(errors);
        await using var process = IvrProcess.Create(cluster!, LogLevel.None);

        var start = process.Start();
        for (var asked = 0; asked < 2; asked++) (await gateway.AcceptTcpClientAsync(TestContext.Current.CancellationToken)).Dispose();
        Assert.False(start.IsCompleted);
        using var probe = new TcpClient();
        await Assert.ThrowsAsync<SocketException>(() => probe.ConnectAsync(cluster!.Listeners.Health!, TestContext.Current.CancellationToken).AsTask());

        process.Services.GetRequiredService<IHostApplicationLifetime>().StopApplication();
        await Assert.ThrowsAnyAsync<Exception>(() => start.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken));
        Assert.True(start.IsCompleted && process.IsStopping);
    }
}
