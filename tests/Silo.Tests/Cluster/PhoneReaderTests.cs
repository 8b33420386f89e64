using System.Text.RegularExpressions;
using IvrActors.Silo.Cluster;
using Xunit;

namespace IvrActors.Silo.Tests.Cluster;

/// <summary>The dashboard's telephone in cluster.yaml.</summary>
public sealed partial class PhoneReaderTests
{
    private const string Shipped = "phone: { url: \"wss://127.0.0.1:7443/sip\" }";
    private const string Url = "url: \"wss://127.0.0.1:7443/sip\"";
    private const string Trunk = "        trusts_caller_identity: false     # anybody on this machine can claim any number\n";
    private const string Operators = Trunk + "      - { name: operators, digest: { realm: ivr.example, operators: true } }\n";

    [Fact]
    public void The_shipped_file_has_a_telephone_that_only_the_dashboards_own_pages_may_use()
    {
        var cluster = Read();
        Assert.Equal(new PhoneSettings(new Uri("wss://127.0.0.1:7443/sip"), "https://127.0.0.1:8443"), cluster.Phone);
        Assert.Null(cluster.PhoneTrunk);
        Assert.Equal(["https://127.0.0.1:8443"], cluster.ToEdgeOptions(null!).WebSocketOrigins!);
    }

    [Fact]
    public void A_trunk_of_operators_needs_no_accounts_and_is_the_telephones()
    {
        var cluster = Read((Trunk, Operators), (Url, Url + ", origin: \"https://ivr.example\""));
        Assert.Equal("https://ivr.example", cluster.Phone!.Origin);
        Assert.Equal(("demo", "operators"), (cluster.PhoneTrunk!.Value.Tenant.Name, cluster.PhoneTrunk.Value.Trunk.Name));
        var asked = new List<(string, string)>();
        var edge = cluster.ToEdgeOptions(null!, (realm, user) =>
        {
            asked.Add((realm, user));
            return null;
        });
        Assert.Null(edge.Trunks.Single(trunk => trunk.Name == "operators").Digest!.Passes!("web-1"));
        Assert.Equal([("ivr.example", "web-1")], asked);
        Assert.Equal(["https://ivr.example"], edge.WebSocketOrigins!);
    }

    [Fact]
    public void The_example_of_the_documentation_is_right_and_has_nothing_weak()
    {
        var example = Example().Match(File.ReadAllText(Path.Combine(ClusterFileTests.Root(), "docs", "operations.md")));
        var cluster = Read((Shipped, example.Groups["phone"].Value), (Trunk, Trunk + example.Groups["trunk"].Value));
        Assert.Equal(new PhoneSettings(new Uri("wss://ivr.example:7443/sip"), "https://ivr.example:8443"), cluster.Phone);
        Assert.Equal("operators", cluster.PhoneTrunk!.Value.Trunk.Name);
        Assert.DoesNotContain(Errors((Shipped, example.Groups["phone"].Value), (Trunk, Trunk + example.Groups["trunk"].Value), ("development: true", "development: false")), error => error.Contains("phone", StringComparison.Ordinal) || error.Contains("trunks[1]", StringComparison.Ordinal));
    }

    [Fact]
    public void Without_a_telephone_the_edge_takes_pages_of_its_own_host_as_before()
    {
        var cluster = Read((Shipped, ""));
        Assert.Null(cluster.Phone);
        Assert.Null(cluster.ToEdgeOptions(null!).WebSocketOrigins);
    }

    [Theory]
    [InlineData(Url, "", "cluster.yaml:66:8: missing key (phone.url, expected an address such as wss://ivr.example:7443/sip)")]
    [InlineData(Url, "url: \"ws://127.0.0.1:7443/sip\"", "cluster.yaml:66:15: bad value (phone.url, expected an address such as wss://ivr.example:7443/sip)")]
    [InlineData(Url, "url: \"wss://ivr.example/sip?x=1\"", "cluster.yaml:66:15: bad value (phone.url, expected an address such as wss://ivr.example:7443/sip)")]
    [InlineData(Url, Url + ", origin: \"http://ivr.example\"", "cluster.yaml:66:51: bad value (phone.origin, expected an origin such as https://ivr.example:8443)")]
    [InlineData(Url, Url + ", origin: \"https://ivr.example/phone\"", "cluster.yaml:66:51: bad value (phone.origin, expected an origin such as https://ivr.example:8443)")]
    [InlineData(Url, Url + ", domain: ivr.example", "cluster.yaml:66:43: unknown key (phone.domain, expected one of origin, url)")]
    [InlineData(", wss: 7443", "", "cluster.yaml:66:15: nobody listens there (phone.url, expected listeners.sip.wss)")]
    [InlineData(", wss: 7443", ", wss: 7443, websocket: { origins: [\"https://phone.example\"] }", "cluster.yaml:66:8: the edge would refuse the page (phone.origin, expected one of listeners.sip.websocket.origins)")]
    public void What_is_wrong_is_named_with_its_place(string text, string by, string expected) => Assert.Equal([expected], Errors((text, by)));

    [Fact]
    public void A_trunk_of_operators_and_the_telephone_belong_together()
    {
        Assert.Contains("a trunk for operators and nothing that they call with (phone, expected url, because a trunk has digest.operators: true)", Assert.Single(Errors((Trunk, Operators), (Shipped, ""))), StringComparison.Ordinal);
        var two = Operators + "      - { name: more, digest: { realm: ivr.example, operators: true } }\n";
        Assert.Contains("several trunks for operators (phone, expected digest.operators: true at one trunk)", Assert.Single(Errors((Trunk, two))), StringComparison.Ordinal);
        var old = Operators.Replace("operators: true", "operators: true, md5: only", StringComparison.Ordinal);
        Assert.Contains("operators could not call", Assert.Single(Errors((Trunk, old))), StringComparison.Ordinal);
    }

    [Fact]
    public void Operators_call_over_wss_or_not_at_all()
    {
        const string wss = ", wss: 7443", ws = ", ws: 7443";
        Assert.Contains("through a proxy before ws they come without TLS, and without it no pass is taken (phone, expected listeners.sip.wss)", Assert.Single(Errors((wss, ws), (Trunk, Operators))), StringComparison.Ordinal);
        Assert.Empty(Errors((wss, wss + ws.Replace("7443", "7444", StringComparison.Ordinal)), (Trunk, Operators)));
        Assert.Empty(Errors((wss, ws), (Trunk, Operators.Replace("operators: true", "operators: true, without_tls: true", StringComparison.Ordinal))));
        Assert.Empty(Errors((wss, ws)));
    }

    [Fact]
    public void No_operator_may_call_as_any_number()
    {
        var trusting = Operators.Replace("name: operators,", "name: operators, trusts_caller_identity: true,", StringComparison.Ordinal);
        Assert.Contains("an operator could call as any number", Assert.Single(Errors((Trunk, trusting))), StringComparison.Ordinal);
    }

    [Fact]
    public void A_telephone_that_its_address_alone_lets_in_is_for_development()
    {
        const string weak = "weak setting: a telephone whose calls are let in by their address alone";
        Assert.Contains(Errors(("development: true", "development: false")), error => error.Contains(weak, StringComparison.Ordinal));
        Assert.DoesNotContain(Errors(("development: true", "development: false"), (Trunk, Operators)), error => error.Contains(weak, StringComparison.Ordinal));
    }

    private static ClusterFile Read(params (string Text, string By)[] changes)
    {
        var (cluster, errors) = Parse(changes);
        Assert.Empty(errors);
        return cluster!;
    }

    private static string[] Errors(params (string Text, string By)[] changes) => [.. Parse(changes).Errors.Select(error => error.ToString())];

    private static (ClusterFile? Cluster, IReadOnlyList<ClusterError> Errors) Parse((string Text, string By)[] changes)
    {
        var yaml = ClusterFileTests.Text;
        foreach (var (text, by) in changes)
        {
            Assert.Contains(text, yaml, StringComparison.Ordinal);
            yaml = yaml.Replace(text, by, StringComparison.Ordinal);
        }
        return ClusterFileReader.Parse(Path.Combine(ClusterFileTests.Root(), "cluster.yaml"), yaml);
    }

    [GeneratedRegex("```yaml phone\n.*?\n(?<phone>phone:.*?)tenants:.*?trunks:\n(?<trunk>.*?)```", RegexOptions.Singleline)]
    private static partial Regex Example();
}
