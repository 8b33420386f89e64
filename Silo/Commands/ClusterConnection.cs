using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Silo.Cluster;
using IvrActors.Silo.Hosting;
using IvrActors.Silo.Security;
using IvrActors.Silo.Storage;
using Orleans.Configuration;

namespace IvrActors.Silo.Commands;

/// <summary>
/// The command line as a client of the running silo. Its right comes from the key ring: whoever can read that on the
/// silo's machine is its administrator, and is audited as <c>command-line</c>.
/// </summary>
internal sealed class ClusterConnection : IAsyncDisposable
{
    private readonly IHost _host;

    private ClusterConnection(IHost host) => _host = host;

    public IGrainFactory Grains => _host.Services.GetRequiredService<IClusterClient>();

    /// <summary>Runs <paramref name="work"/> with an administrator's token; what the silo refuses or fails becomes a message and an exit code.</summary>
    public static async Task<int> Use(ClusterFile cluster, Terminal terminal, Func<IGrainFactory, Task<int>> work)
    {
        var token = NewToken(cluster);
        try
        {
            await using var connection = await Open(cluster);
            RequestContext.Set(RoleToken.ContextKey, token);
            return await work(connection.Grains);
        }
        catch (IvrActors.Grains.StorageUnavailableException e)
        {
            await terminal.Error.WriteLineAsync(e.Message + " Is the database there?");
            return ExitCode.Unreachable;
        }
        catch (Exception e) when (e is OrleansException or TimeoutException or System.Net.Sockets.SocketException or Orleans.Runtime.Messaging.ConnectionFailedException)
        {
            await terminal.Error.WriteLineAsync($"No silo answers on {cluster.Listeners.Gateway} ({e.GetType().Name}). Is the cluster running?");
            return ExitCode.Unreachable;
        }
        catch (UnauthorizedAccessException)
        {
            await terminal.Error.WriteLineAsync("The silo refused this: it runs with other keys than those of this data folder.");
            return ExitCode.Findings;
        }
    }

    /// <summary>Runs <paramref name="work"/> with this token, where a silo is known to answer. What goes wrong is thrown.</summary>
    public static async Task<T> With<T>(ClusterFile cluster, string token, Func<IGrainFactory, Task<T>> work)
    {
        await using var connection = await Connect(cluster);
        RequestContext.Set(RoleToken.ContextKey, token);
        return await work(connection.Grains);
    }

    /// <summary>An administrator's token, good for a few minutes.</summary>
    public static string NewToken(ClusterFile cluster)
    {
        using var vault = ClusterVault.OpenExisting(cluster, DateTimeOffset.UtcNow);
        return new RoleTokens(vault.Keys, TimeProvider.System).Issue(RequestActor.CommandLine, Roles.Administrator);
    }

    public async ValueTask DisposeAsync()
    {
        await _host.StopAsync();
        _host.Dispose();
    }

    private static async Task<ClusterConnection> Open(ClusterFile cluster)
    {
        // A client of the runtime tries for minutes; a person at a terminal wants to know at once that nothing listens.
        await Probe(cluster.Gateways);
        return await Connect(cluster);
    }

    private static async Task<ClusterConnection> Connect(ClusterFile cluster)
    {
        var certificate = NodeCertificate.Of(cluster.Node, DateTimeOffset.UtcNow);
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.UseOrleansClient(client =>
        {
            client.UseCluster(cluster);
            if (certificate is not null) client.UseNodeTls(certificate);
            client.Configure<ClientMessagingOptions>(options => options.ResponseTimeout = TimeSpan.FromSeconds(30));
        });
        var host = builder.Build();
        try
        {
            await host.StartAsync();
            return new ClusterConnection(host);
        }
        catch
        {
            host.Dispose();
            throw;
        }
    }

    /// <summary>Whether one of the silos answers.</summary>
    private static async Task Probe(IReadOnlyList<NodeAddress> gateways)
    {
        for (var i = 0; ; i++)
        {
            try
            {
                using var probe = new System.Net.Sockets.TcpClient();
                await probe.ConnectAsync(gateways[i].Host, gateways[i].Port);
                return;
            }
            catch (System.Net.Sockets.SocketException) when (i < gateways.Count - 1)
            {
                // The next.
            }
        }
    }
}
