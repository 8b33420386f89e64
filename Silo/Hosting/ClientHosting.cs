using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Silo.Cluster;
using IvrActors.Silo.Security;
using Microsoft.AspNetCore.DataProtection;
using Orleans.Configuration;
using Orleans.Messaging;
using Orleans.Runtime.Messaging;

namespace IvrActors.Silo.Hosting;

/// <summary>Makes a process without a silo a client of the cluster: it reaches the gateways that cluster.yaml names, and shows who it is by its node certificate.</summary>
internal static partial class ClientHosting
{
    /// <summary>How soon a gateway that is gone or back is noticed.</summary>
    private static readonly TimeSpan s_gateways = TimeSpan.FromSeconds(2);

    public static void Add(WebApplicationBuilder builder, ClusterFile cluster, NodeCertificate node)
    {
        builder.UseOrleansClient(client =>
        {
            client.UseNodeTls(node);
            client.UseCluster(cluster);
            client.UseConnectionRetryFilter<KeepTrying>();
            client.Configure<GatewayOptions>(options => options.GatewayListRefreshPeriod = s_gateways);
        });
        builder.Services.AddSingleton<IRoleTokens, NodeRoleTokens>();
        builder.Services.AddSingleton(cluster);
        // After the client, so that it ends before it, with a last word.
        builder.Services.AddHostedService<NodeAgent>();
        // Sign-ins of this dashboard alone, and until it ends: the cluster's keys stay with the silos.
        builder.Services.AddDataProtection().UseEphemeralDataProtectionProvider();
    }

    /// <summary>The cluster's gateways, as nodes outside it and the command line reach them.</summary>
    public static void UseCluster(this IClientBuilder client, ClusterFile cluster)
    {
        client.Services.AddSingleton<IGatewayListProvider>(new NamedGateways(cluster.Gateways, s_gateways));
        client.Configure<ClusterOptions>(options => (options.ClusterId, options.ServiceId) = (cluster.Cluster, cluster.Service));
    }

    /// <summary>A node that starts before the silos waits for them; it is not ready, and says so.</summary>
    private sealed partial class KeepTrying(TimeProvider time, ILogger<KeepTrying> log) : IClientConnectionRetryFilter
    {
        private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(1);

        public async Task<bool> ShouldRetryConnectionAttempt(Exception exception, CancellationToken cancellationToken)
        {
            LogWaiting(log, exception is SiloUnavailableException or ConnectionFailedException ? "no silo answers" : exception.GetType().Name);
            await Task.Delay(s_pause, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return !cancellationToken.IsCancellationRequested;
        }

        [LoggerMessage(Level = LogLevel.Warning, Message = "waiting for the cluster: {Why}")]
        private static partial void LogWaiting(ILogger log, string why);
    }
}
