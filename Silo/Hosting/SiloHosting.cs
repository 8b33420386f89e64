using IvrActors.Grains;
using IvrActors.Grains.Audit;
using IvrActors.Grains.Callers.Delivery;
using IvrActors.Grains.Interfaces.Edges;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Grains.Privacy;
using IvrActors.Silo.Cluster;
using IvrActors.Silo.Delivery;
using IvrActors.Silo.Security;
using IvrActors.Silo.Storage;
using Orleans.Configuration;
using Orleans.Streams;

namespace IvrActors.Silo.Hosting;

/// <summary>Adds a silo to a process: grains, their storage and keys, and what keeps these in order.</summary>
internal static class SiloHosting
{
    // States that die with their call: losing the last second of them to a power cut loses nothing that still exists.
    private static readonly HashSet<string> s_relaxedStates = ["call"];

    // What was tried at accounts that do not exist is not kept for ever.
    private static readonly HashSet<string> s_removableStates = ["lockout"];

    // Half of the default: a grain that nobody called for this long is a call that ended or a caller who is gone, and costs memory only.
    private static readonly TimeSpan s_idleGrain = TimeSpan.FromMinutes(7);

    public static void Add(WebApplicationBuilder builder, ClusterFile cluster, ClusterVault vault, NodeCertificate? node)
    {
        builder.Services.AddSingleton(cluster);
        AddCore(builder.Services, vault);
        builder.Services.AddKeyUpkeep(vault, cluster);
        builder.UseOrleans(orleans => AddOrleans(orleans, cluster, vault, node));
        // After the silo: it asks grains as soon as it starts. With one node there is nobody to take a call over.
        if (cluster.Nodes.Count > 1) builder.Services.AddHostedService(provider => ActivatorUtilities.CreateInstance<EdgeWatch>(provider, cluster));
        // Made here and not when the first code is to be sent: a secret that is missing keeps the cluster from starting.
        var delivery = DeliveryServices.Create(cluster, TimeProvider.System);
        builder.Services.AddSingleton<ICodeDelivery>(provider => delivery(provider.GetRequiredService<ILogger<CodeDelivery>>()));
        builder.Services.AddGrains(cluster.ToPolicy());
    }

    /// <summary>
    /// Calls of a process before this one, where that was the whole cluster: their sockets were its own, and they are over. Where there are others, calls go on, and <see cref="CallRetention"/> ends those
    /// that do not.
    /// </summary>
    public static async Task<Dictionary<string, IReadOnlyList<string>>> CallsLeftBehind(ClusterFile cluster, ClusterVault vault)
    {
        var left = new Dictionary<string, IReadOnlyList<string>>(StringComparer.Ordinal);
        if (cluster.Nodes.Count > 1 || vault.Database.States.IsShared) return left;
        foreach (var state in s_relaxedStates) left[state] = await vault.Database.States.KeysOf(state);
        return left;
    }

    public static async Task Remove(ClusterVault vault, Dictionary<string, IReadOnlyList<string>> left)
    {
        foreach (var (state, keys) in left) await vault.Database.States.Remove(state, keys);
    }

    private static void AddCore(IServiceCollection services, ClusterVault vault)
    {
        vault.Ring.AddTo(services);
        services.AddSingleton(vault.Keys);
        services.AddSingleton<IClusterKeys>(vault.Keys);
        services.AddSingleton<IAuditStore>(vault.Database.Audit);
        services.AddSingleton<RoleTokens>();
        services.AddSingleton<IRoleTokens>(provider => provider.GetRequiredService<RoleTokens>());
        services.AddHostedService<ActivationCounter>();
        // Before the silo, so that it ends after it: it tells how far the silo is.
        services.AddHostedService<NodeAgent>();
        services.AddHostedService<RecordingRetention>();
        services.AddSingleton(vault.Database.States);
        services.AddHostedService<LockoutRetention>();
        services.AddHostedService<CallRetention>();
        services.AddSingleton<ClockWatch>();
        services.AddHostedService(provider => provider.GetRequiredService<ClockWatch>());
    }

    private static void AddOrleans(ISiloBuilder orleans, ClusterFile cluster, ClusterVault vault, NodeCertificate? node)
    {
        if (node is not null) orleans.UseNodeTls(node);
        UseMembership(orleans, cluster, vault);
        // Grains publish to it and subscribe by their type alone: no table of subscriptions is kept.
        orleans.AddMemoryStreams(IMediaLaneGrain.Provider, streams => streams.ConfigureStreamPubSub(StreamPubSubType.ImplicitOnly));
        orleans.Services.AddEncryptedStorage(vault.Database, s_relaxedStates, s_removableStates);
        orleans.AddIncomingGrainCallFilter<AuthorizationFilter>();
        orleans.AddOutgoingGrainCallFilter<GrainMark>();
        orleans.Configure<GrainCollectionOptions>(options => options.CollectionAge = s_idleGrain);
    }

    /// <summary>Who is in the cluster: where several silos share a database, its table says so; else this silo alone.</summary>
    private static void UseMembership(ISiloBuilder orleans, ClusterFile cluster, ClusterVault vault)
    {
        var (silo, gateway) = (cluster.Listeners.Silo.Own(), cluster.Listeners.Gateway.Own());
        if (vault.Database is PostgresDatabase database)
        {
            orleans.UseAdoNetClustering(options => (options.Invariant, options.DataSource) = ("Npgsql", database.Source));
            orleans.Configure<ClusterMembershipOptions>(options =>
            {
                // A silo that was killed is known as dead within some 4 s: a caller waits for that (docs/decisions/0027).
                (options.ProbeTimeout, options.MaxProbeTimeout, options.NumMissedProbesLimit) = (TimeSpan.FromMilliseconds(500), TimeSpan.FromSeconds(1), 3);
                (options.TableRefreshTimeout, options.IAmAliveTablePublishTimeout) = (TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(5));
                options.NumVotesForDeathDeclaration = cluster.Nodes.Count(node => node.Roles.HasFlag(NodeRoles.Silo)) > 2 ? 2 : 1;
            });
        }
        else
        {
            orleans.UseDevelopmentClustering(silo);
        }
        orleans.Configure<ClusterOptions>(options => (options.ClusterId, options.ServiceId) = (cluster.Cluster, cluster.Service));
        orleans.Configure<SiloOptions>(options => options.SiloName = cluster.Node.Name);
        orleans.Configure<EndpointOptions>(options =>
        {
            (options.AdvertisedIPAddress, options.SiloPort, options.GatewayPort) = (silo.Address, silo.Port, gateway.Port);
            (options.SiloListeningEndpoint, options.GatewayListeningEndpoint) = (silo, gateway);
        });
    }
}
