using System.Text.RegularExpressions;
using IvrActors.Silo.Cluster;
using Xunit;

namespace IvrActors.Silo.Tests.Cluster;

public sealed partial class SipListenerReaderTests
{
    private const string Default = "  sip: { address: 127.0.0.1, udp: 5060, tcp: 5060, tls: 5061, wss: 7443 }";

    private static (ClusterFile? Cluster, string[] Errors) Parse(string sip, string more = "", bool development = true)
    {
        // Without its telephone, which needs a listener.
        var text = Phone().Replace(ClusterFileTests.Text.Replace(Default, sip, StringComparison.Ordinal), "") + more;
        Assert.Contains(sip, text, StringComparison.Ordinal);
        var (cluster, errors) = ClusterFileReader.Parse(Path.Combine(ClusterFileTests.Root(), "cluster.yaml"), development ? text : text.Replace("development: true", "development: false", StringComparison.Ordinal));
        return (cluster, [.. errors.Select(e => e.Message)]);
    }

    [Fact]
    public void The_example_of_the_documentation_is_right_and_has_nothing_weak()
    {
        var example = Block().Match(File.ReadAllText(Path.Combine(ClusterFileTests.Root(), "docs/operations.md")));
        var (cluster, errors) = Parse(example.Groups["sip"].Value, "\n" + example.Groups["dns"].Value, development: false);
        Assert.Null(cluster); // What is weak elsewhere in the development cluster's file.
        Assert.DoesNotContain(errors, e => e.Contains("listeners.sip", StringComparison.Ordinal) || e.Contains("dns", StringComparison.Ordinal));
        (cluster, errors) = Parse(example.Groups["sip"].Value.Replace("192.0.2.10", "127.0.0.1", StringComparison.Ordinal).Replace("2001:db8::10", "::1", StringComparison.Ordinal), "\n" + example.Groups["dns"].Value);
        Assert.Equal([], errors);
        var sip = cluster!.Listeners.Sip;
        Assert.Equal(("127.0.0.1", "::1", 8443, null, "/sip"), (sip.Address.ToString(), sip.SecondAddress!.ToString(), sip.Wss, sip.Ws, sip.WebSocketPath));
        Assert.Equal(["https://phone.example"], sip.WebSocketOrigins);
        Assert.Equal(["192.0.2.53:53", "[2001:db8::53]:53"], cluster.DnsServers.Select(s => s.ToString()));
    }

    [Fact]
    public void An_old_file_has_no_websockets_one_address_and_the_systems_dns()
    {
        var (cluster, errors) = Parse("  sip: { address: 127.0.0.1, udp: 5060, tcp: 5060, tls: 5061 }");
        Assert.Equal([], errors);
        var sip = cluster!.Listeners.Sip;
        Assert.Equal((null, null, null, "/sip", null), (sip.SecondAddress, sip.Ws, sip.Wss, sip.WebSocketPath, sip.WebSocketOrigins));
        Assert.Empty(cluster.DnsServers);
    }

    [Theory]
    [InlineData("address: [127.0.0.1, 127.0.0.2]", "bad value (listeners.sip.address, expected an IP address, or a list of one of each family)")]
    [InlineData("address: [127.0.0.1, nowhere]", "bad value (listeners.sip.address, expected an IP address, or a list of one of each family)")]
    [InlineData("address: 0.0.0.0", "bad value (listeners.sip.address, expected the address that peers reach, not a wildcard)")]
    [InlineData("ws: 70000", "bad value (listeners.sip.ws, expected a whole number from 0 to 65535)")]
    [InlineData("websocket: { path: sip }", "bad value (listeners.sip.websocket.path, expected a path such as /sip)")]
    [InlineData("websocket: { origins: [\"https://phone.example/page\"] }", "bad value (listeners.sip.websocket.origins, expected an origin such as https://phone.example)")]
    [InlineData("websocket: { orgins: [] }", "unknown key (listeners.sip.websocket.orgins, expected one of origins, path)")]
    public void What_is_wrong_is_named(string setting, string expected) => Assert.Contains(expected, Parse($"  sip: {{ {setting} }}").Errors);

    [Theory]
    [InlineData("\ndns: { servers: [resolver] }\n", "bad value (dns.servers, expected an address, with a port or without)")]
    [InlineData("\ndns: { server: 192.0.2.53 }\n", "unknown key (dns.server, expected one of servers)")]
    public void What_is_wrong_with_dns_is_named(string dns, string expected) => Assert.Contains(expected, Parse(Default, dns).Errors);

    [Fact]
    public void WebSockets_without_tls_are_weak_beyond_this_machine()
    {
        Assert.Contains(Parse("  sip: { address: 192.0.2.10, ws: 8080 }", development: false).Errors, e => e.StartsWith("weak setting: calls from browsers without TLS", StringComparison.Ordinal));
        Assert.DoesNotContain(Parse("  sip: { address: 127.0.0.1, ws: 8080 }", development: false).Errors, e => e.Contains("listeners.sip.ws", StringComparison.Ordinal));
    }

    [GeneratedRegex("(?m)^phone: .*$")]
    private static partial Regex Phone();

    [GeneratedRegex("```yaml listeners\nlisteners:\n(?<sip>.*?)(?<dns>dns:.*?)```", RegexOptions.Singleline)]
    private static partial Regex Block();
}
