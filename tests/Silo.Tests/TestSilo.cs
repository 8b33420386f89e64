using System.Net;
using System.Net.Sockets;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Silo.Cluster;
using IvrActors.Silo.Security;
using IvrActors.Silo.Storage;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;
using Orleans.Hosting;
using Orleans.Storage;

namespace IvrActors.Silo.Tests;

/// <summary>A silo with our storage, keys and filter over a data folder of its own, and nothing else of the application.</summary>
internal sealed class TestSilo : IAsyncDisposable
{
    public const string Service = "test";

    // Below those that outgoing connections take.
    private const int FirstPort = 31000;
    private const int PortCount = 1000;

    private static int s_port = Random.Shared.Next(PortCount);

    private readonly IHost _host;
    private readonly KeyRing _ring;

    private TestSilo(IHost host, KeyRing ring, IDatabase database, ClusterKeys keys, RoleTokens tokens, int gatewayPort)
    {
        _host = host;
        _ring = ring;
        Database = database;
        Keys = keys;
        Tokens = tokens;
        GatewayPort = gatewayPort;
    }

    public IDatabase Database { get; }

    public RoleTokens Tokens { get; }

    public ClusterKeys Keys { get; }

    public int GatewayPort { get; }

    /// <summary>The co-hosted client, as the dashboard and the edge of a one-process cluster use it.</summary>
    public IGrainFactory Grains => _host.Services.GetRequiredService<IGrainFactory>();

    public IGrainStorage Storage => _host.Services.GetRequiredKeyedService<IGrainStorage>(StorageServices.Name);

    public static async Task<TestSilo> Start(string folder, TimeProvider? time = null, NodeTokenVerifier? nodes = null, StorageSettings? storage = null)
    {
        var database = Databases.Open(storage ?? new SqliteSettings(Path.Combine(folder, "ivr.db")));
        var first = database.IsNew;
        TestKeys.CopyTo(folder, Service);
        var ring = TestKeys.Open(folder, Service, first);
        var keys = ClusterKeys.Load(ring, first);
        var tokens = new RoleTokens(keys, time ?? TimeProvider.System, nodes);
        database.Migrate();
        var (silo, gateway) = (FreePort(), FreePort());
        var builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();
        ring.AddTo(builder.Services);
        builder.Services.AddSingleton(tokens);
        builder.UseOrleans(orleans =>
        {
            orleans.UseLocalhostClustering(silo, gateway, serviceId: Service, clusterId: Service);
            orleans.Services.AddEncryptedStorage(database, new HashSet<string> { "scratch" }, new HashSet<string> { "removable" });
            orleans.AddIncomingGrainCallFilter<AuthorizationFilter>();
            orleans.AddOutgoingGrainCallFilter<GrainMark>();
        });
        var host = builder.Build();
        await host.StartAsync();
        return new TestSilo(host, ring, database, keys, tokens, gateway);
    }

    public INoteGrain Note(string key, string role = Roles.Viewer, string name = "ann")
    {
        RequestContext.Set(RoleToken.ContextKey, Tokens.Issue(name, role));
        return Grains.GetGrain<INoteGrain>(key);
    }

    /// <summary>A client in the way that a process of its own has one: over the gateway port.</summary>
    public async Task<IHost> Client()
    {
        var builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();
        builder.UseOrleansClient(client => client.UseLocalhostClustering(GatewayPort, Service, Service));
        var host = builder.Build();
        await host.StartAsync();
        return host;
    }

    /// <summary>Runs SQL as somebody who has the file.</summary>
    public static void SqlOn(string file, string sql)
    {
        using var connection = new SqliteConnection($"Data Source={file};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    public async ValueTask DisposeAsync()
    {
        await _host.StopAsync();
        _host.Dispose();
        Database.Dispose();
        _ring.Dispose();
    }

    public static int FreePort()
    {
        for (var tried = 0; tried < 100; tried++)
        {
            var port = FirstPort + (Interlocked.Increment(ref s_port) % PortCount);
            try
            {
                using var probe = new TcpListener(IPAddress.Loopback, port);
                probe.Start();
                return port;
            }
            catch (SocketException)
            {
                // Taken: try the next.
            }
        }
        throw new InvalidOperationException("No free port for a test.");
    }
}

/// <summary>A folder that is gone after the test.</summary>
internal sealed class TestFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("ivr-silo-test-").FullName;

    public void Dispose() => Directory.Delete(Path, recursive: true);

    public static implicit operator string(TestFolder folder) => folder.Path;
}
