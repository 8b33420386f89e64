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
        AddCore(builder.Services, vault);
        builder.Services.AddKeyUpkeep(vault, cluster);
        builder.UseOrleans(orleans => AddOrleans(orleans, cluster, vault, node));
        // Made here and not when the first code is to be sent: a secret that is missing keeps the cluster from starting.
        var delivery = DeliveryServices.Create(cluster, TimeProvider.System);
        builder.Services.AddSingleton<ICodeDelivery>(provider => delivery(provider.GetRequiredService<ILogger<CodeDelivery>>()));
        builder.Services.AddGrains(cluster.ToPolicy());
    }

    /// <summary>
    /// Calls of a process before this one, whose sockets were its own: what was killed left them, and they would otherwise stay for ever. None where several silos share the
    /// database: there calls go on with another one.
    /// </summary>
    public static async Task<Dictionary<string, IReadOnlyList<string>>> CallsLeftBehind(ClusterVault vault)
    {
        var left = new Dictionary<string, IReadOnlyList<string>>(StringComparer.Ordinal);
        if (vault.Database.States.IsShared) return left;
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
        services.AddHostedService<RecordingRetention>();
        services.AddSingleton(vault.Database.States);
        services.AddHostedService<LockoutRetention>();
    }

    private static void AddOrleans(ISiloBuilder orleans, ClusterFile cluster, ClusterVault vault, NodeCertificate? node)
    {
        if (node is not null) orleans.UseNodeTls(node);
        orleans.UseLocalhostClustering(cluster.Listeners.Silo.Port, cluster.Listeners.Gateway.Port, serviceId: cluster.Service, clusterId: cluster.Cluster);
        // Grains publish to it and subscribe by their type alone: no table of subscriptions is kept.
        orleans.AddMemoryStreams(IMediaLaneGrain.Provider, streams => streams.ConfigureStreamPubSub(StreamPubSubType.ImplicitOnly));
        orleans.Services.AddEncryptedStorage(vault.Database, s_relaxedStates, s_removableStates);
        orleans.AddIncomingGrainCallFilter<AuthorizationFilter>();
        orleans.AddOutgoingGrainCallFilter<GrainMark>();
        orleans.Configure<GrainCollectionOptions>(options => options.CollectionAge = s_idleGrain);
    }
}
