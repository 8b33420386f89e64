using System.Net;

namespace IvrActors.Silo.Cluster;

/// <summary>Reads <c>listeners</c> and <c>nodes</c>: what each process is, where it listens, and where the others reach it.</summary>
/// <param name="weak">Reports a setting that only a development cluster may have.</param>
internal sealed class NodeReader(string folder, bool development, Action<YamlMap, string, string, string> weak)
{
    /// <summary>All nodes, in the order of the file; one at least, also where there is none.</summary>
    /// <param name="data">The cluster's data folder.</param>
    public List<NodeSettings> Read(YamlMap root, string data)
    {
        var map = root.Map("listeners");
        var maps = root.Maps("nodes");
        var common = ReadListeners(map, null, isAlone: maps.Count <= 1);
        var nodes = new List<NodeSettings>();
        foreach (var one in maps)
        {
            var node = ReadNode(one, common, data, isAlone: maps.Count == 1);
            if (nodes.Exists(other => other.Name == node.Name)) one.Report("name", "duplicate node", "each name once");
            nodes.Add(node);
        }
        if (nodes.Count == 0) return [new NodeSettings { Name = "", Roles = NodeRoles.None, DataFolder = data, Listeners = common }]; // What is missing is reported.
        var silos = nodes.Where(node => node.Roles.HasFlag(NodeRoles.Silo)).ToList();
        if (silos.Count == 0) root.Report("nodes", "no silo", "at least one node with the role silo");
        foreach (var twice in silos.SelectMany(node => (NodeAddress[])[node.Listeners.Silo, node.Listeners.Gateway]).GroupBy(end => end).Where(same => same.Count() > 1))
            root.Report("nodes", $"two silos at {twice.Key}", "listeners.silo and listeners.gateway of its own for each node with the role silo");
        return nodes;
    }

    private NodeSettings ReadNode(YamlMap map, ListenerSettings common, string data, bool isAlone)
    {
        var name = map.Name("name");
        var roles = map.List("roles", "silo, edge or dashboard", text => NodeRoleNames.RoleOf(text) is not (NodeRoles.None or NodeRoles.Monitor) and var role ? role : (NodeRoles?)null);
        if (roles.Count != roles.Distinct().Count()) map.Report("roles", "duplicate role", "each role once");
        var node = new NodeSettings
        {
            Name = name,
            Roles = roles.Aggregate(NodeRoles.None, (all, role) => all | role),
            DataFolder = map.OptionalText("data", "a folder") is { } own ? Path.GetFullPath(own, folder) : data,
            Listeners = map.Has("listeners") ? ReadListeners(map.Map("listeners"), common, isAlone) : map.Absent<ListenerSettings>("listeners") ?? common,
            Tls = NodeTlsReader.Read(map, folder),
        };
        if (!isAlone && node.Tls is null) map.Report("node_tls", "no certificate", "ca, certificate and key: nodes know each other by nothing else (ivr ca makes them)");
        map.Done();
        return node;
    }

    /// <param name="common">Of the cluster, for what a node does not say of its own; null: these are the cluster's.</param>
    private ListenerSettings ReadListeners(YamlMap map, ListenerSettings? common, bool isAlone)
    {
        var (first, last) = Own("media", common, out var media) ? ReadMedia(media) : (common!.FirstMediaPort, common.LastMediaPort);
        var (metricsEnd, metricsTls) = Own("metrics", common, out var metrics) ? ReadMetrics(metrics) : (common!.Metrics, common.MetricsTls);
        var listeners = new ListenerSettings
        {
            Sip = Own("sip", common, out var sip) ? new SipListenerReader(development, weak).Read(sip) : common!.Sip,
            FirstMediaPort = first,
            LastMediaPort = last,
            Dashboard = Own("dashboard", common, out var dashboard) ? ReadDashboard(dashboard) : common!.Dashboard,
            Metrics = metricsEnd,
            MetricsTls = metricsTls,
            Health = map.Has("health") ? ReadHealth(map.Map("health")) : map.Absent<IPEndPoint>("health") ?? common?.Health,
            Silo = Own("silo", common, out var silo) ? ReadNodePort(silo, 11111, isAlone) : common!.Silo,
            Gateway = Own("gateway", common, out var gateway) ? ReadNodePort(gateway, 30000, isAlone) : common!.Gateway,
        };
        // What answers there is told apart by the port alone.
        if (listeners.Health is { Port: > 0 and var health } && (health == listeners.Metrics.Port || health == listeners.Dashboard.Port)) map.Report("health", "the port of another listener", "a port of its own");
        map.Done();
        return listeners;

        bool Own(string key, ListenerSettings? fallback, out YamlMap own)
        {
            var has = fallback is null || map.Has(key);
            own = map.Map(key, required: has);
            return has;
        }
    }

    private static (int First, int Last) ReadMedia(YamlMap map)
    {
        var first = map.Number("first", 1024, 65534, 20000);
        var last = map.Number("last", 1025, 65535, 29999);
        if (first % 2 != 0) map.Report("first", "bad value", "an even port: RTP is even, RTCP the next odd one (RFC 3550 11)");
        if (last <= first) map.Report("last", "bad value", "a port above listeners.media.first");
        map.Done();
        return (first, last);
    }

    private IPEndPoint ReadDashboard(YamlMap map)
    {
        var end = ReadEndPoint(map, 8443);
        if (!IPAddress.IsLoopback(end.Address) && development) map.Report("address", "weak setting: a generated certificate on a listener beyond this machine", "a loopback address while development is true");
        map.Done();
        return end;
    }

    private (IPEndPoint End, bool Tls) ReadMetrics(YamlMap map)
    {
        var (end, tls) = (ReadEndPoint(map, 9464), map.Flag("tls", false));
        if (!IPAddress.IsLoopback(end.Address) && !tls) weak(map, "address", "metrics without TLS beyond this machine", "a loopback address, or tls: true");
        map.Done();
        return (end, tls);
    }

    /// <summary>One bit for whoever asks, so it may stand in clear on any address.</summary>
    private static IPEndPoint ReadHealth(YamlMap map)
    {
        var end = ReadEndPoint(map, 9465);
        map.Done();
        return end;
    }

    /// <summary>Where other nodes reach it, so no wildcard.</summary>
    private static NodeAddress ReadNodePort(YamlMap map, int fallback, bool isAlone)
    {
        var end = new NodeAddress(map.Text("address", "an IP address, or a name", IPAddress.Loopback.ToString(), NodeAddress.IsHost), map.Number("port", 1, 65535, fallback));
        if (isAlone && !end.IsLoopback) map.Report("address", "bad value", "a loopback address: one node has nobody to speak to");
        if (end.IsWildcard) map.Report("address", "bad value", "the address, or the name, at which the other nodes reach it");
        map.Done();
        return end;
    }

    private static IPEndPoint ReadEndPoint(YamlMap map, int port) => new(map.Address("address", IPAddress.Loopback), map.Number("port", 0, 65535, port));
}
