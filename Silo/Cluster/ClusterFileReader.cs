using System.Net;
using IvrActors.Edge;
using IvrActors.Grains.Interfaces.Audit;
using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Grains.Policies;

namespace IvrActors.Silo.Cluster;

/// <summary>Reads and checks <c>cluster.yaml</c> whole: every finding with its line and column, none of them thrown.</summary>
internal sealed class ClusterFileReader
{
    private static readonly Dictionary<string, LogLevel> s_levels = new(StringComparer.Ordinal)
    {
        ["trace"] = LogLevel.Trace,
        ["debug"] = LogLevel.Debug,
        ["information"] = LogLevel.Information,
        ["warning"] = LogLevel.Warning,
        ["error"] = LogLevel.Error,
        ["critical"] = LogLevel.Critical,
    };

    private static readonly Dictionary<string, UnknownSources> s_unknownSources = new(StringComparer.Ordinal)
    {
        ["silent"] = UnknownSources.Silent,
        ["forbidden"] = UnknownSources.Forbidden,
    };

    private readonly List<ClusterError> _errors = [];
    private readonly string _path;
    private readonly string _folder;
    private string? _name;
    private bool _development;

    private ClusterFileReader(string path)
    {
        _path = Path.GetFullPath(path);
        _folder = Path.GetDirectoryName(_path)!;
    }

    /// <summary>The cluster, or null with at least one error, in file order.</summary>
    /// <param name="node">The node that this process is; null: the first one with a silo, which commands speak to.</param>
    public static (ClusterFile? Cluster, IReadOnlyList<ClusterError> Errors) Read(string path, string? node = null)
    {
        if (!File.Exists(path)) return (null, [new ClusterError(Path.GetFileName(path), 1, 1, $"there is no such file (looked for '{Path.GetFullPath(path)}')")]);
        return Parse(path, File.ReadAllText(path), node);
    }

    public static (ClusterFile? Cluster, IReadOnlyList<ClusterError> Errors) Parse(string path, string text, string? node = null)
    {
        var reader = new ClusterFileReader(path) { _name = node };
        var root = YamlTree.Read(Path.GetFileName(path), text, reader._errors);
        var cluster = root is null ? null : reader.ReadCluster(new YamlMap(Path.GetFileName(path), root, "", reader._errors));
        return reader._errors.Count == 0 ? (cluster, []) : (null, [.. reader._errors.OrderBy(e => e.Line).ThenBy(e => e.Column)]);
    }

    public static bool TryParseLevel(string text, out LogLevel level) => s_levels.TryGetValue(text, out level);

    private ClusterFile ReadCluster(YamlMap root)
    {
        _development = root.Flag("development", false);
        var data = PathOf(root.Text("data", "a folder", "data"));
        var limits = LimitReader.Read(root.Map("limits", required: false));
        var nodes = new NodeReader(_folder, _development, Weak).Read(root, data);
        var node = ThisNode(root, nodes);
        var (isSilo, isEdge) = (node.Roles.HasFlag(NodeRoles.Silo), node.Roles.HasFlag(NodeRoles.Edge));
        var lockout = ReadLockout(root.Map("lockout", required: false));
        var delivery = new DeliveryReader(_folder, node.DataFolder, isSilo, Weak).Read(root.Map("delivery", required: false));
        var cluster = new ClusterFile
        {
            Path = _path,
            Development = _development,
            Cluster = root.Name("cluster"),
            Service = root.Name("service"),
            FlowFolder = PathOf(root.Text("flows", "a folder", "flows")),
            PromptFolder = PathOf(root.Text("prompts", "a folder", "flows/prompts")),
            LogLevel = root.Choice("log", s_levels, LogLevel.Information),
            Storage = new StorageReader(_folder, node.DataFolder, isSilo, Weak).Read(root.Map("storage")),
            Nodes = nodes,
            Node = node,
            DnsServers = SipListenerReader.ReadDns(root.Map("dns", required: false)),
            TraceCollectors = ReadTrace(root.Map("trace", required: false)),
            Certificates = ReadCertificates(root.Map("certificates", required: false), node),
            Keys = KeyRingReader.ReadKeys(root.Map("keys", required: false)),
            Limits = limits,
            Admission = OverloadReader.Read(root.Map("overload", required: false), limits.CallsAtOnce),
            NeverBlock = root.List("never_block", "a network such as 192.0.2.0/24", text => IPNetwork.TryParse(text, out var network) ? network : (IPNetwork?)null, required: false),
            DrainAtStop = root.OptionalTime("drain_at_stop") ?? TimeSpan.Zero,
            Recordings = root.Has("recordings") ? ReadRecordings(root.Map("recordings"), node.DataFolder) : root.Absent<RecordingSettings>("recordings"),
            Speech = new SpeechReader(_folder, Weak).Read(root.Map("speech", required: false)),
            Stir = new StirReader(_folder, isEdge).ReadOptions(root.Map("stir", required: false)),
            Delivery = delivery,
            Risk = RiskReader.Read(root.Map("risk", required: false)),
            Lockout = lockout,
            Pins = ReadPins(root.Map("pins", required: false)),
            UnknownSources = root.Choice("unknown_sources", s_unknownSources, UnknownSources.Silent),
            Tenants = ReadTenants(root, new TrunkReader(_folder, isEdge, limits, Weak), limits, delivery, lockout),
            DemoCallers = root.Number("demo_callers", 0, 20, 0),
            Devices = root.Has("devices") ? DeviceReader.Read(root.Map("devices")) : root.Absent<DevicePolicy>("devices"),
            Phone = root.Has("phone") ? PhoneReader.Read(root.Map("phone"), FirstOf(nodes, NodeRoles.Dashboard).Listeners, FirstOf(nodes, NodeRoles.Edge).Listeners) : root.Absent<PhoneSettings>("phone"),
        };
        PhoneReader.FindContradictions(root, cluster, Weak);
        StirReader.FindContradictions(root, cluster);
        if (cluster.Storage is SqliteSettings && cluster.Nodes.Count(one => one.Roles.HasFlag(NodeRoles.Silo)) > 1) root.Report("nodes", "more than one silo", "one: storage sqlite belongs to one process; several need storage.kind: postgresql");
        if (cluster.Nodes.Any(one => one is { Listeners.MetricsTls: true, Tls: null })) root.Report("listeners", "TLS for metrics and no certificate", "node_tls of each node, or no listeners.metrics.tls");
        if (cluster.DemoCallers > 0) Weak(root, "demo_callers", "demo callers, whose PINs are printed", "0");
        root.Done();
        return cluster;
    }

    private NodeSettings ThisNode(YamlMap root, List<NodeSettings> nodes)
    {
        if (_name is null) return FirstOf(nodes, NodeRoles.Silo);
        if (nodes.Find(node => node.Name == _name) is { } found) return found;
        root.Report("nodes", $"no node '{_name}'", "one of " + string.Join(", ", nodes.Select(node => node.Name)));
        return nodes[0];
    }

    private static NodeSettings FirstOf(List<NodeSettings> nodes, NodeRoles role) => nodes.Find(node => node.Roles.HasFlag(role)) ?? nodes[0];

    private static IReadOnlyList<IPEndPoint> ReadTrace(YamlMap map)
    {
        var collectors = map.Texts("collectors", "an address and a port such as 192.0.2.80:9060", text => IPEndPoint.TryParse(text, out var end) && end.Port > 0 ? end : null);
        map.Done();
        return collectors;
    }

    private static RecordingSettings ReadRecordings(YamlMap map, string data)
    {
        var settings = new RecordingSettings(Path.GetFullPath(map.Text("folder", "a folder, in the data folder where it is relative", "recordings"), data), map.Time("keep"));
        if (settings.Keep > TimeSpan.FromDays(3650)) map.Report("keep", "bad value", "a time of at most 3650d");
        map.Done();
        return settings;
    }

    private CertificateSettings ReadCertificates(YamlMap map, NodeSettings node)
    {
        var server = map.Map("server", required: false);
        var settings = new CertificateSettings
        {
            ServerFile = server.File("file", _folder, "a PEM file", node.MeetsStrangers),
            ServerKeyFile = server.File("key", _folder, "a PEM file", node.MeetsStrangers),
            KeyRing = new KeyRingReader(_folder, node.Roles.HasFlag(NodeRoles.Silo), Weak).ReadRing(map),
        };
        if (settings.ServerFile is null != settings.ServerKeyFile is null) map.Report("server", "half of a pair", "file and key, or neither");
        if (settings.ServerFile is null) Weak(map, "server", "a generated server certificate", "file and key");
        server.Done();
        map.Done();
        return settings;
    }

    private LockoutRule ReadLockout(YamlMap map)
    {
        var fallback = new LockoutRule();
        var rule = new LockoutRule
        {
            Failures = map.Number("failures", 1, 100, fallback.Failures),
            First = map.Time("first", fallback.First),
            Longest = map.Time("longest", fallback.Longest),
            Window = map.Time("window", fallback.Window),
            Disable = map.Number("disable", 1, 100, fallback.Disable),
            Tell = map.Flag("tell", fallback.Tell),
        };
        if (rule.Longest < rule.First) map.Report("longest", "bad value", "a time not below lockout.first");
        if (rule.Window < rule.Longest) map.Report("window", "bad value", "a time not below lockout.longest");
        if (rule.Disable < rule.Failures) map.Report("disable", "bad value", "a number not below lockout.failures");
        // NIST SP 800-63B-4 3.2.2: back-off of 30 s to 1 h.
        if (rule.First < TimeSpan.FromSeconds(30)) Weak(map, "first", "a first lock below 30 s", "30s or more");
        if (rule.Failures > 10) Weak(map, "failures", "more than 10 free guesses", "10 or fewer");
        map.Done();
        return rule;
    }

    private PinSettings ReadPins(YamlMap map)
    {
        var pins = new PinSettings(
            map.Number("argon2_memory_kib", 64, 1_048_576, 19456), map.Number("argon2_passes", 1, 20, 2),
            map.Number("checks_at_once", 1, 64, Math.Max(1, Environment.ProcessorCount / 2)), map.Time("check_floor", TimeSpan.FromMilliseconds(100)),
            map.OptionalTime("expire") ?? TimeSpan.Zero);
        if (pins.MemoryKiB < 19456) Weak(map, "argon2_memory_kib", "Argon2id below OWASP's minimum", "19456 or more");
        if (pins.Passes < 2) Weak(map, "argon2_passes", "Argon2id below OWASP's minimum", "2 or more");
        map.Done();
        return pins;
    }

    private List<TenantSettings> ReadTenants(YamlMap root, TrunkReader reader, LimitSettings limits, DeliverySettings delivery, LockoutRule rule)
    {
        var tenants = new List<TenantSettings>();
        foreach (var map in root.Maps("tenants"))
        {
            var numbers = ReadPairs(map, "numbers", "the name of a flow", YamlMap.IsName);
            var targets = ReadPairs(map, "transfer_targets", "a SIP URI, or a number that exists such as +493012345678", IsTarget, required: false);
            var trunks = map.Maps("trunks").Select(reader.Read).ToList();
            var outbound = map.Has("outbound") ? OutboundReader.Read(map.Map("outbound"), limits.Outbound) : map.Absent<OutboundPolicy>("outbound");
            OutboundReader.FindContradictions(map, outbound, targets, trunks);
            var channels = DeliveryReader.ReadChannels(map.Map("delivery", required: false), delivery.Providers);
            var lockout = map.Map("lockout", required: false);
            var tell = lockout.Flag("tell", rule.Tell);
            lockout.Done();
            var tenant = new TenantSettings { Name = map.Name("name"), Numbers = numbers, TransferTargets = targets, Trunks = trunks, Outbound = outbound, Delivery = channels, TellsLocks = tell, Limit = LimitReader.ReadOwn(map, limits.Tenant, limits.Cluster) };
            if (tenant.Name == IAuditGrain.Cluster) map.Report("name", $"reserved name '{IAuditGrain.Cluster}'", "another name: this one stands for records of no tenant");
            if (tenants.Any(t => t.Name == tenant.Name)) map.Report("name", "duplicate tenant", "each name once");
            // Trunk names stand in metrics and in limits of the whole edge.
            foreach (var name in trunks.Select(t => t.Name).Where(n => trunks.Count(t => t.Name == n) > 1 || tenants.Any(t => t.Trunks.Any(other => other.Name == n))).Distinct())
                map.Report("trunks", $"duplicate trunk '{name}'", "each name once in the cluster");
            // The user name tells trunks of one realm apart. Files of accounts are not read here: of these the first trunk in the file counts.
            foreach (var user in tenants.Append(tenant).SelectMany(t => t.Trunks).Select(t => t.Digest).OfType<DigestSettings>().Where(d => d.User is not null)
                .GroupBy(d => (d.Realm, d.User)).Where(g => g.Count() > 1 && trunks.Exists(t => t.Digest is { } own && own.User == g.Key.User && own.Realm == g.Key.Realm)))
                map.Report("trunks", $"duplicate user '{user.Key.User}' in realm '{user.Key.Realm}'", "each user of a realm in one trunk");
            tenants.Add(tenant);
            map.Done();
        }
        return tenants;
    }

    private static bool IsTarget(string text) => text.StartsWith("sip:", StringComparison.Ordinal) || text.StartsWith("sips:", StringComparison.Ordinal) || OutboundReader.IsNumber(text);

    private static Dictionary<string, string> ReadPairs(YamlMap parent, string key, string expected, Func<string, bool> valid, bool required = true)
    {
        var map = parent.Map(key, required);
        return map.Keys.ToDictionary(name => name, name => map.Text(name, expected, valid: valid), StringComparer.Ordinal);
    }

    /// <summary>A setting that only a development cluster may have.</summary>
    private void Weak(YamlMap map, string key, string what, string expected)
    {
        if (!_development) map.Report(key, "weak setting: " + what, expected + ", or development: true");
    }

    private string PathOf(string path) => Path.GetFullPath(path, _folder);
}
