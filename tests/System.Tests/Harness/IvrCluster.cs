using System.Text;
using System.Text.RegularExpressions;
using IvrActors.TestPostgres;

namespace IvrActors.SystemTests.Harness;

/// <summary>Several processes of one cluster.yaml, each with roles and ports of its own, and certificates of a CA that <c>ivr ca</c> made.</summary>
internal sealed class IvrCluster : IAsyncDisposable
{
    /// <summary>Of nodes with more media ports than usual: above those that <see cref="Ports"/> gives.</summary>
    private const int FirstMedia = 20000;

    private readonly string _folder;
    private readonly PostgresServer? _postgres;
    private readonly Dictionary<string, IvrServer> _nodes = [];

    private IvrCluster(string folder, PostgresServer? postgres) => (_folder, _postgres) = (folder, postgres);

    public PostgresServer Postgres => _postgres ?? throw new InvalidOperationException("this cluster has no PostgreSQL");

    public IvrServer this[string node] => _nodes[node];

    public IEnumerable<IvrServer> Nodes => _nodes.Values;

    /// <summary>Where there are several silos.</summary>
    public PostgresServer Database => _postgres ?? throw new InvalidOperationException("one silo has its database to itself");

    /// <summary>Names of the nodes that have nothing but a silo.</summary>
    public IEnumerable<string> Silos => _nodes.Keys.Where(node => node.StartsWith("silo-", StringComparison.Ordinal));

    /// <param name="nodes">Name and roles of each; an edge's and a dashboard's data are in a folder of the node's name.</param>
    /// <param name="change">Further changes to the text of <c>cluster.yaml</c>.</param>
    /// <param name="onPostgres">Also where one silo could do without.</param>
    /// <param name="calls">How many an edge can hold at once, where those of a test are more than usual; such a test runs alone.</param>
    public static async Task<IvrCluster> Create(string name, (string Name, string Roles)[] nodes, Func<string, string>? change = null, int? calls = null, bool onPostgres = false)
    {
        var folder = Directory.CreateTempSubdirectory("ivr-" + name + "-").FullName;
        // Several silos share a database.
        var needsPostgres = onPostgres || nodes.Count(node => IsSilo(node.Roles)) > 1;
        if (needsPostgres && PostgresServer.Programs is null) Programs.Lack("PostgreSQL is not installed: the README's test command installs it");
        var cluster = new IvrCluster(folder, needsPostgres ? await PostgresServer.Start() : null);
        try
        {
            var file = Path.Combine(folder, "cluster.yaml");
            var text = ClusterFile.Adapt(await File.ReadAllTextAsync(Repository.At("cluster.yaml")), IvrServer.FreePorts());
            var list = new StringBuilder("nodes:\n");
            foreach (var (node, roles) in nodes)
            {
                var ports = IvrServer.FreePorts();
                if (calls is { } most) ports = ports with { MediaCount = 2 * most, Media = FirstMedia + cluster._nodes.Count * 2 * most };
                cluster._nodes[node] = new IvrServer(folder, file, ports, node);
                list.Append(EntryOf(node, roles, ports));
            }
            text = Regex.Replace(text, @"(?m)^nodes:\n(?: .*\n)+", list.ToString());
            text = Regex.Replace(text, @"(?m)^phone:.*\n(?: .*\n)*", ""); // Its passes are made with keys that silos keep.
            if (cluster._postgres is { } server) text = Regex.Replace(text, @"(?m)^storage:\n(?: .*\n)+", await StorageOf(server));
            await File.WriteAllTextAsync(file, change is null ? text : change(text));
            await cluster.MakeCertificates(nodes);
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>A metric over several nodes.</summary>
    public async Task<double> Sum(IEnumerable<string> nodes, string metric, string labels)
    {
        var sum = 0.0;
        foreach (var node in nodes) sum += await _nodes[node].Metric(metric, labels);
        return sum;
    }

    public async Task Start()
    {
        foreach (var node in _nodes.Values) await node.Start();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var node in _nodes.Values.Reverse()) await node.DisposeAsync();
        if (_postgres is not null) await _postgres.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private static bool IsSilo(string roles) => roles.Contains("silo", StringComparison.Ordinal);

    private static async Task<string> StorageOf(PostgresServer server) =>
        $"storage: {{ kind: postgresql, host: {PostgresServer.Host}, port: {server.Port}, database: {await server.CreateDatabase()}, user: {PostgresServer.User}, password_file: {server.PasswordFile}, ca: {server.AuthorityFile} }}\n";

    private static string EntryOf(string node, string roles, ClusterPorts ports)
    {
        return $$"""
              - name: {{node}}
                roles: [{{roles}}]
                data: {{(IsSilo(roles) ? "data" : node)}}
                node_tls: { ca: ca/ca.pem, certificate: ca/nodes/{{node}}.pem, key: ca/nodes/{{node}}.key }
                listeners:
                  sip: { address: 127.0.0.1, udp: {{ports.Sip}}, tcp: {{ports.Sip}}, tls: {{ports.Tls}} }
                  media: { first: {{ports.Media}}, last: {{ports.LastMedia}} }
                  dashboard: { port: {{ports.Dashboard}} }
                  metrics: { port: {{ports.Metrics}} }
                  silo: { address: localhost, port: {{ports.Silo}} }
                  gateway: { address: localhost, port: {{ports.Gateway}} }

            """;
    }

    private async Task MakeCertificates((string Name, string Roles)[] nodes)
    {
        var password = Path.Combine(_folder, "ca-password");
        await File.WriteAllTextAsync(password, Convert.ToHexString(System.Security.Cryptography.RandomNumberGenerator.GetBytes(16)));
        string[] of = ["ca", "--folder", Path.Combine(_folder, "ca"), "--password-file", password];
        var any = _nodes.Values.First();
        await any.Ivr([.. of, "init"]);
        foreach (var (node, roles) in nodes) await any.Ivr([.. of, "node", node, "--roles", roles.Replace(" ", "", StringComparison.Ordinal), "--ip", "127.0.0.1"]);
    }
}
