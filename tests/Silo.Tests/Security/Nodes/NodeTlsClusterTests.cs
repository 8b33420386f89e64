using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using IvrActors.Edge.Net.Tls;
using IvrActors.Silo.Cluster;
using IvrActors.Silo.Security;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;
using Orleans.Hosting;
using Xunit;

namespace IvrActors.Silo.Tests.Security.Nodes;

/// <summary>Two silos and their clients over real connections.</summary>
public sealed class NodeTlsClusterTests : IAsyncLifetime
{
    private const string Id = "tls-test";

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    private readonly NodePki _pki = new();
    private readonly NodePki _strangers = new(strangers: true);
    private readonly List<IHost> _hosts = [];
    private readonly (int Silo, int Gateway)[] _ports = [(TestSilo.FreePort(), TestSilo.FreePort()), (TestSilo.FreePort(), TestSilo.FreePort())];
    private NodeCertificate _certificate = null!;

    public async ValueTask InitializeAsync()
    {
        _certificate = _pki.Node("silo-1", NodeRoles.Silo);
        await Silo(0, _certificate);
    }

    public async ValueTask DisposeAsync()
    {
        for (var i = _hosts.Count - 1; i >= 0; i--)
        {
            await _hosts[i].StopAsync();
            _hosts[i].Dispose();
        }
        _pki.Dispose();
        _strangers.Dispose();
    }

    [Fact]
    public async Task Two_silos_and_an_edge_speak_over_mutual_TLS()
    {
        await Silo(1, _pki.Node("silo-2", NodeRoles.Silo));
        var edge = await Client(_pki.Node("edge-1", NodeRoles.Edge));
        HashSet<string> places = [];
        using var patience = new CancellationTokenSource(s_patience);
        // The edge is connected to the first silo's gateway alone: what answers from the second came through both kinds of connections.
        for (var i = 0; places.Count < 2; i++)
        {
            patience.Token.ThrowIfCancellationRequested();
            places.Add(await edge.GetGrain<IPlaceGrain>($"place-{i}").Where());
        }
    }

    [Theory]
    [InlineData(null, "plaintext")]
    [InlineData("stranger", "untrusted")] // It does not believe the silo either.
    [InlineData("monitor", "role")]
    public async Task A_client_that_is_no_node_gets_no_answer(string? which, string reason)
    {
        var before = NodePki.Refused(reason);
        var certificate = which switch
        {
            null => null,
            "stranger" => _strangers.Node("edge-1", NodeRoles.Edge),
            _ => _pki.Node("monitor", NodeRoles.Monitor),
        };
        // It would try for minutes.
        using var enough = new CancellationTokenSource();
        var connecting = Client(certificate, enough.Token);
        var until = DateTime.UtcNow + s_patience;
        while (NodePki.Refused(reason) <= before)
        {
            Assert.True(DateTime.UtcNow < until, "nobody was refused in 30 s");
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }
        Assert.False(connecting.IsCompletedSuccessfully);
        await enough.CancelAsync();
        await Assert.ThrowsAnyAsync<Exception>(() => connecting.WaitAsync(s_patience));
    }

    [Fact]
    public async Task A_certificate_of_an_edge_is_refused_on_the_silo_port()
    {
        var before = NodePki.Refused("role");
        Assert.False((await Call(_ports[0].Silo, _pki.Node("edge-1", NodeRoles.Edge), listens: true)).IsLetIn);
        Assert.True(NodePki.Refused("role") > before);
        Assert.True((await Call(_ports[0].Silo, _pki.Node("silo-2", NodeRoles.Silo), listens: true)).IsLetIn);
    }

    [Fact]
    public async Task A_renewed_certificate_is_shown_to_new_connections_and_the_old_ones_go_on()
    {
        var edge = await Client(_pki.Node("edge-1", NodeRoles.Edge));
        await edge.GetGrain<IPlaceGrain>("place-1").Where();
        var probe = _pki.Node("edge-2", NodeRoles.Edge);
        var old = (await Call(_ports[0].Gateway, probe, listens: false)).Shown;
        Assert.Equal(_certificate.Current.Certificate.Thumbprint, old);

        _pki.Issue("silo-1", NodeRoles.Silo);
        Assert.Equal(CertificateReload.Replaced, _certificate.Reload(NodePki.Now));
        var renewed = (await Call(_ports[0].Gateway, probe, listens: false)).Shown;
        Assert.NotEqual(old, renewed);
        Assert.Equal(_certificate.Current.Certificate.Thumbprint, renewed);
        await edge.GetGrain<IPlaceGrain>("place-1").Where();
    }

    // What a silo shows to whoever has this certificate, and whether it speaks with them. In TLS 1.3 a client is done before the server has seen its certificate: what follows
    // tells, on the silo port, where both ends begin with a preamble.
    private static async Task<(string Shown, bool IsLetIn)> Call(int port, NodeCertificate certificate, bool listens)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, port);
        await using var tls = new SslStream(client.GetStream());
        var handshake = new NodeHandshake(certificate.Current, NodeTls.Listening, NodePki.Now);
        await tls.AuthenticateAsClientAsync(handshake.AsClient()).WaitAsync(s_patience);
        var shown = tls.RemoteCertificate!.GetCertHashString();
        try
        {
            return (shown, listens && await tls.ReadAsync(new byte[1]).AsTask().WaitAsync(s_patience) > 0);
        }
        catch (IOException)
        {
            return (shown, false);
        }
    }

    private Task Silo(int index, NodeCertificate certificate)
    {
        var builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();
        builder.UseOrleans(orleans =>
        {
            orleans.UseLocalhostClustering(_ports[index].Silo, _ports[index].Gateway, new IPEndPoint(IPAddress.Loopback, _ports[0].Silo), Id, Id);
            orleans.UseNodeTls(certificate);
        });
        return Start(builder);
    }

    private async Task<IGrainFactory> Client(NodeCertificate? certificate, CancellationToken cancellation = default)
    {
        var builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();
        builder.UseOrleansClient(client =>
        {
            client.UseLocalhostClustering(_ports[0].Gateway, Id, Id);
            client.Configure<ClientMessagingOptions>(options => options.ResponseTimeout = TimeSpan.FromSeconds(3));
            if (certificate is not null) client.UseNodeTls(certificate);
        });
        var host = await Start(builder, cancellation);
        return host.Services.GetRequiredService<IClusterClient>();
    }

    private async Task<IHost> Start(HostApplicationBuilder builder, CancellationToken cancellation = default)
    {
        var host = builder.Build();
        try
        {
            await host.StartAsync(cancellation);
        }
        catch
        {
            host.Dispose();
            throw;
        }
        _hosts.Add(host);
        return host;
    }
}
