using System.Net;
using IvrActors.Edge;
using IvrActors.Edge.Admission;
using IvrActors.Edge.Stir;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Grains.Policies;
using IvrActors.Grains.Policies.Risk;

namespace IvrActors.Silo.Cluster;

/// <summary>What <c>cluster.yaml</c> says, checked. Relative paths in it are relative to the file.</summary>
internal sealed class ClusterFile
{
    /// <summary>Full path of the file.</summary>
    public required string Path { get; init; }
    public required string Cluster { get; init; }
    public required string Service { get; init; }
    public required bool Development { get; init; }
    public required string FlowFolder { get; init; }
    public required string PromptFolder { get; init; }
    public required LogLevel LogLevel { get; init; }
    public required StorageSettings Storage { get; init; }

    /// <summary>All processes of the cluster, in the order of the file.</summary>
    public required IReadOnlyList<NodeSettings> Nodes { get; init; }

    /// <summary>The one that this process is.</summary>
    public required NodeSettings Node { get; init; }
    public required IReadOnlyList<IPEndPoint> DnsServers { get; init; }

    /// <summary>HEP collectors beyond this machine that a trace may be sent to.</summary>
    public required IReadOnlyList<IPEndPoint> TraceCollectors { get; init; }
    public required CertificateSettings Certificates { get; init; }
    public required KeySettings Keys { get; init; }
    public required LimitSettings Limits { get; init; }
    public required AdmissionRules Admission { get; init; }

    /// <summary>Networks that are never blocked.</summary>
    public required IReadOnlyList<IPNetwork> NeverBlock { get; init; }

    /// <summary>How long calls may go on when the process is asked to end.</summary>
    public required TimeSpan DrainAtStop { get; init; }
    /// <summary>Null: nothing is recorded.</summary>
    public RecordingSettings? Recordings { get; init; }
    public required SpeechSettings Speech { get; init; }

    /// <summary>Whose certificates are trusted when callers' identities are verified.</summary>
    public required StirOptions Stir { get; init; }
    public required DeliverySettings Delivery { get; init; }
    public required LockoutRule Lockout { get; init; }
    public required RiskPolicy Risk { get; init; }
    public required PinSettings Pins { get; init; }
    public required UnknownSources UnknownSources { get; init; }
    public required IReadOnlyList<TenantSettings> Tenants { get; init; }

    /// <summary>How many demo callers a development cluster has.</summary>
    public required int DemoCallers { get; init; }

    /// <summary>Null: no devices approve calls.</summary>
    public DevicePolicy? Devices { get; init; }

    /// <summary>The dashboard's phone page; null: it only says how it is switched on.</summary>
    public PhoneSettings? Phone { get; init; }

    /// <summary>The trunk as which the phone page calls by passes, and its tenant.</summary>
    public (TenantSettings Tenant, TrunkSettings Trunk)? PhoneTrunk =>
        Tenants.SelectMany(tenant => tenant.Trunks.Select(trunk => (tenant, trunk))).Where(one => one.trunk.Digest is { Operators: true }).Cast<(TenantSettings, TrunkSettings)?>().FirstOrDefault();

    public ListenerSettings Listeners => Node.Listeners;

    /// <summary>Where silos take edges, dashboards and the command line.</summary>
    public IReadOnlyList<NodeAddress> Gateways => [.. Nodes.Where(node => node.Roles.HasFlag(NodeRoles.Silo)).Select(node => node.Listeners.Gateway)];

    /// <summary>Where operators sign in: at this node, or at the first one with the dashboard; null: nowhere.</summary>
    public IPEndPoint? DashboardAddress => Nodes.OrderByDescending(node => node == Node).FirstOrDefault(node => node.Roles.HasFlag(NodeRoles.Dashboard))?.Listeners.Dashboard;

    public string DataFolder => Node.DataFolder;

    public string KeyFolder => System.IO.Path.Combine(DataFolder, "keys");

    /// <summary>Where rendered speech is kept, encrypted.</summary>
    public string RenderedFolder => System.IO.Path.Combine(DataFolder, "rendered");

    public string CertificateFolder => System.IO.Path.Combine(DataFolder, "certs");
}

/// <summary>One process of the cluster.</summary>
internal sealed class NodeSettings
{
    public required string Name { get; init; }
    public required NodeRoles Roles { get; init; }

    /// <summary>Whether it listens for telephones or browsers, to whom it shows the server certificate.</summary>
    public bool MeetsStrangers => (Roles & (NodeRoles.Edge | NodeRoles.Dashboard)) != NodeRoles.None;

    /// <summary>Full path.</summary>
    public required string DataFolder { get; init; }
    public required ListenerSettings Listeners { get; init; }

    /// <summary>Null: it speaks to no other node.</summary>
    public NodeTlsSettings? Tls { get; init; }
}

/// <summary>Where the process listens. A port of 0 takes any free one, null turns a listener off.</summary>
internal sealed class ListenerSettings
{
    public required SipListenerSettings Sip { get; init; }
    public required int FirstMediaPort { get; init; }
    public required int LastMediaPort { get; init; }
    public required IPEndPoint Dashboard { get; init; }
    public required IPEndPoint Metrics { get; init; }

    /// <summary>Whether a scrape needs a certificate of a node or a monitor.</summary>
    public bool MetricsTls { get; init; }

    /// <summary>Where it says that it runs and whether it is ready, and nothing else, without TLS; null: beside the metrics only.</summary>
    public IPEndPoint? Health { get; init; }

    /// <summary>Where other silos reach it.</summary>
    public required NodeAddress Silo { get; init; }

    /// <summary>Where edges, dashboards and the command line reach it.</summary>
    public required NodeAddress Gateway { get; init; }
}

/// <summary>Files of certificates; null where they are generated (development).</summary>
internal sealed class CertificateSettings
{
    public string? ServerFile { get; init; }
    public string? ServerKeyFile { get; init; }

    public required KeyRingSettings KeyRing { get; init; }
}

/// <summary>The one table of limits.</summary>
internal sealed class LimitSettings
{
    public required RateLimit MessagesPerSource { get; init; }

    /// <summary>Calls at once of one edge.</summary>
    public required int CallsAtOnce { get; init; }
    public required LimitRule Cluster { get; init; }

    /// <summary>Of each tenant and each trunk that says nothing else.</summary>
    public required LimitRule Tenant { get; init; }
    public required LimitRule Trunk { get; init; }
    public required LimitRule Caller { get; init; }
    public required LimitRule Destination { get; init; }

    /// <summary>Calls out of each tenant that says nothing else; money is each tenant's own.</summary>
    public required OutboundLimits Outbound { get; init; }
    public required TimeSpan LongestCall { get; init; }

    /// <summary>RFC 4028 session interval that is offered.</summary>
    public required TimeSpan SessionInterval { get; init; }
}

internal sealed record OutboundLimits(RateLimit Calls, int CallsAtOnce, TimeSpan LongestCall);

/// <param name="Folder">Full path.</param>
/// <param name="Keep">How long.</param>
internal sealed record RecordingSettings(string Folder, TimeSpan Keep);

/// <param name="Expire">How long a PIN is good; zero: for ever.</param>
internal sealed record PinSettings(int MemoryKiB, int Passes, int AtOnce, TimeSpan Floor, TimeSpan Expire);

internal sealed class TenantSettings
{
    public required string Name { get; init; }
    public required IReadOnlyDictionary<string, string> Numbers { get; init; }
    public required IReadOnlyDictionary<string, string> TransferTargets { get; init; }
    public required IReadOnlyList<TrunkSettings> Trunks { get; init; }
    public required LimitRule Limit { get; init; }

    /// <summary>By channel, the provider of one-time codes where it is another than the cluster's.</summary>
    public required IReadOnlyDictionary<CodeChannel, string> Delivery { get; init; }

    /// <summary>Null: it makes no calls.</summary>
    public OutboundPolicy? Outbound { get; init; }

    /// <summary>Whether its callers hear that an account is locked.</summary>
    public bool TellsLocks { get; init; }
}
