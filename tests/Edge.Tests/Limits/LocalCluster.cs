using System.Net;
using IvrActors.Edge.Calls;
using IvrActors.Edge.Limits;
using IvrActors.Grains.Interfaces.Policies;

namespace IvrActors.Edge.Tests.Limits;

/// <summary>The limit grains of a cluster, in memory and in virtual time, and one edge that leases from them.</summary>
internal sealed class LocalCluster
{
    private readonly Dictionary<string, LimitLedger> _ledgers = [];

    public LocalCluster(IReadOnlyList<EdgeTrunk> trunks, LimitRule? cluster = null, LimitRule? tenant = null)
    {
        Limits = new EdgeLimits(Options(trunks, cluster, tenant), 0, 1);
        foreach (var limit in Limits.All)
        {
            var rule = limit.Scope switch { "cluster" => cluster, "tenant" => tenant, _ => trunks.Single(trunk => limit.Key == ILimitGrain.TrunkKey(trunk.Tenant, trunk.Name)).Limit };
            _ledgers[limit.Key] = new LimitLedger(0, 7, rule!, TimeSpan.FromHours(4), LimitBounds.None);
        }
    }

    public EdgeLimits Limits { get; }

    /// <summary>Whether the cluster answers.</summary>
    public bool IsGone { get; set; }

    /// <summary>Counts requests.</summary>
    public int Asks { get; private set; }

    /// <summary>Calls of one trunk, with a lease.</summary>
    public static (TrunkCalls Calls, LocalCluster Cluster) Of(LimitRule rule)
    {
        var trunk = new EdgeTrunk { Name = "t", Tenant = "demo", Limit = rule };
        var cluster = new LocalCluster([trunk]);
        return (new TrunkCalls(trunk, cluster.Limits), cluster);
    }

    /// <summary>Asks and is answered until nothing more is to be asked.</summary>
    public void Exchange(long now)
    {
        for (var goesOn = true; goesOn;)
        {
            goesOn = false;
            foreach (var limit in Limits.All)
            {
                if (limit.Lease.Next(now) is not { } ask) continue;
                Asks++;
                goesOn = !IsGone;
                if (IsGone) limit.Lease.Failed(now, ask.Seq);
                else limit.Lease.Answered(now, ask.Seq, _ledgers[limit.Key].Ask(now, ask));
            }
        }
    }

    private static EdgeOptions Options(IReadOnlyList<EdgeTrunk> trunks, LimitRule? cluster, LimitRule? tenant) => new()
    {
        Name = "edge-1",
        Address = IPAddress.Loopback,
        Trunks = trunks,
        MessagesPerSource = new RateLimit(1, TimeSpan.FromSeconds(1), 1),
        ClusterLimit = cluster ?? new LimitRule(),
        TenantLimits = tenant is null ? new Dictionary<string, LimitRule>() : trunks.Select(trunk => trunk.Tenant).Distinct().ToDictionary(name => name, _ => tenant),
        PromptFolder = "none",
        RenderedPromptFolder = "none",
    };
}
