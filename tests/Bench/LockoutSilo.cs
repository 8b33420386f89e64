using System.Net;
using System.Net.Sockets;
using IvrActors.Grains;
using IvrActors.Grains.Audit;
using IvrActors.Grains.Flows;
using IvrActors.Grains.Interfaces.Flows;
using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Grains.Policies;
using IvrActors.Grains.Privacy;
using IvrActors.Silo.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Hosting;
using Orleans.Storage;

namespace IvrActors.Bench;

/// <summary>A silo in this process with the real grains, keys, encrypted storage and audit chain over a data folder, and nothing else of the application.</summary>
internal sealed class LockoutSilo : IAsyncDisposable
{
    public const string Tenant = "demo";
    private const string Service = "bench";

    private readonly IHost _host;
    private readonly KeyRing _ring;
    private readonly IDatabase _database;

    private LockoutSilo(IHost host, KeyRing ring, IDatabase database, ClusterKeys keys) => (_host, _ring, _database, Keys) = (host, ring, database, keys);

    public ClusterKeys Keys { get; }

    public IGrainFactory Grains => _host.Services.GetRequiredService<IGrainFactory>();

    public IGrainStorage Storage => _host.Services.GetRequiredKeyedService<IGrainStorage>(StorageServices.Name);

    /// <summary>Opens what an earlier process left in the folder, or begins.</summary>
    /// <param name="rule">PINs are hashed at the least cost: what is looked at is what stands around them.</param>
    public static async Task<LockoutSilo> Start(string folder, LockoutRule rule)
    {
        IDatabase database = new SqliteDatabase(Path.Combine(folder, "ivr.db"));
        var first = database.IsNew;
        var ring = KeyRing.Open(new FileKeyStore(Path.Combine(folder, "keys")), new RingProtection(CertificateKey.Generated(Path.Combine(folder, "certs"), first, DateTimeOffset.UtcNow)), Service, first);
        var keys = ClusterKeys.Load(ring, first);
        database.Migrate();
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Logging.SetMinimumLevel(LogLevel.None);
        ring.AddTo(builder.Services);
        builder.Services.AddSingleton<IClusterKeys>(keys);
        builder.Services.AddSingleton<IAuditStore>(database.Audit);
        builder.Services.AddSingleton<IPromptCatalogue, AnyPrompt>();
        builder.Services.AddGrains(PolicyOf(rule));
        builder.UseOrleans(orleans =>
        {
            orleans.UseLocalhostClustering(FreePort(), FreePort(), serviceId: Service, clusterId: Service);
            orleans.Services.AddEncryptedStorage(database, new HashSet<string> { "call" });
        });
        var host = builder.Build();
        await host.StartAsync();
        return new LockoutSilo(host, ring, database, keys);
    }

    public async ValueTask DisposeAsync()
    {
        await _host.StopAsync();
        _host.Dispose();
        _database.Dispose();
        _ring.Dispose();
    }

    private static ClusterPolicy PolicyOf(LockoutRule rule) => new()
    {
        Tenants = new Dictionary<string, TenantPolicy>
        {
            [Tenant] = new()
            {
                Name = Tenant,
                Numbers = new Dictionary<string, string> { ["bank"] = "bank" },
                TransferTargets = new Dictionary<string, string> { ["agent"] = "sip:agent@127.0.0.1:5080" },
                Trunks = new Dictionary<string, TrunkPolicy> { ["local"] = new() { Name = "local" } },
                Lockout = rule,
            },
        },
        Argon2MemoryKiB = 64,
        Argon2Passes = 1,
    };

    private sealed class AnyPrompt : IPromptCatalogue
    {
        public bool CanRender => false;

        public bool Contains(string promptId) => true;

        public bool TryCover(string text, out IReadOnlyList<string> promptIds)
        {
            promptIds = [];
            return false;
        }
    }

    private static int FreePort()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }
}
