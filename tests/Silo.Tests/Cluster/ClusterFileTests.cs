using IvrActors.Edge;
using IvrActors.Silo.Cluster;
using Xunit;

namespace IvrActors.Silo.Tests.Cluster;

public sealed class ClusterFileTests
{
    private static readonly string s_text = File.ReadAllText(Path.Combine(Root(), "cluster.yaml"));

    /// <summary>The committed file.</summary>
    internal static string Text => s_text;

    /// <summary>Where its one trunk begins; 1-based.</summary>
    internal static int LineOfTrunk => s_text[..s_text.IndexOf("- name: loopback", StringComparison.Ordinal)].Count(c => c == '\n') + 1;

    [Fact]
    public void The_committed_development_cluster_is_right()
    {
        var (cluster, errors) = ClusterFileReader.Read(Path.Combine(Root(), "cluster.yaml"));
        Assert.Empty(errors);
        Assert.True(cluster!.Development);
        Assert.Equal(5060, cluster.Listeners.Sip.Udp);
        Assert.Equal(5061, cluster.Listeners.Sip.Tls);
        Assert.Equal(new SqliteSettings(Path.Combine(Root(), "data", "ivr.db")), cluster.Storage);
        Assert.Equal(NodeRoles.Silo | NodeRoles.Edge | NodeRoles.Dashboard, cluster.Node.Roles);
        var tenant = Assert.Single(cluster.Tenants);
        Assert.Equal("bank", tenant.Numbers["bank"]);
        Assert.Equal(SrtpPolicy.Preferred, Assert.Single(tenant.Trunks).Srtp);
        Assert.Equal(TimeSpan.FromSeconds(30), cluster.Lockout.First);
    }

    [Fact]
    public void A_tenant_tells_of_locks_as_the_cluster_does_unless_it_says_otherwise()
    {
        bool[] Tells(string text, string replacement)
        {
            var (cluster, errors) = ClusterFileReader.Parse("cluster.yaml", ReplaceFirst(text, replacement));
            Assert.Empty(errors);
            return [.. cluster!.ToPolicy().Tenants.Values.Select(tenant => tenant.Lockout.Tell)];
        }

        Assert.Equal([false], Tells("failures: 3", "failures: 3"));
        Assert.Equal([true], Tells("failures: 3", "tell: true"));
        Assert.Equal([true], Tells("- name: demo", "- name: demo\n    lockout: { tell: true }"));
        Assert.Equal(TimeSpan.FromHours(24), ClusterFileReader.Parse("cluster.yaml", s_text).Cluster!.Lockout.Window);
    }

    // Text of the committed file → what replaces it → the findings, whole.
    [Theory]
    [InlineData("data: data ", "dato: data ", "cluster.yaml:8:1: unknown key (dato, expected one of certificates, cluster, data, delivery, demo_callers, development, devices, dns, drain_at_stop, flows, keys, limits, listeners, lockout, log, never_block, nodes, overload, phone, pins, prompts, recordings, risk, service, speech, stir, storage, tenants, trace, unknown_sources)")]
    [InlineData("udp: 5060,", "upd: 5060,", "cluster.yaml:22:30: unknown key (listeners.sip.upd, expected one of address, tcp, tls, udp, websocket, ws, wss)")]
    [InlineData("udp: 5060,", "udp: 70000,", "cluster.yaml:22:35: bad value (listeners.sip.udp, expected a whole number from 0 to 65535)")]
    [InlineData("udp: 5060,", "udp: -1,", "cluster.yaml:22:35: bad value (listeners.sip.udp, expected a whole number from 0 to 65535)")]
    [InlineData("address: 127.0.0.1, udp", "address: localhost, udp", "cluster.yaml:22:19: bad value (listeners.sip.address, expected an IP address, or a list of one of each family)")]
    [InlineData("cluster: ivr-dev  ", "cluster: Ivr Dev  ", "cluster.yaml:5:10: bad value (cluster, expected a name of a-z, 0-9 and dashes, at most 40 characters)")]
    [InlineData("service: ivr ", "# ", "cluster.yaml:5:1: missing key (service, expected a name of a-z, 0-9 and dashes, at most 40 characters)")]
    [InlineData("service: ivr ", "cluster: ivr ", "cluster.yaml:5:1: missing key (service, expected a name of a-z, 0-9 and dashes, at most 40 characters)|cluster.yaml:6:1: duplicate key (cluster, expected one, the first stands in line 5)")]
    [InlineData("development: true", "development: yes", null)]
    [InlineData("log: information", "log: loud", "cluster.yaml:11:6: bad value (log, expected one of trace, debug, information, warning, error, critical)")]
    [InlineData("kind: sqlite", "kind: postgres", "cluster.yaml:14:9: bad value (storage.kind, expected one of sqlite, postgresql)")]
    [InlineData("file: ivr.db", "file: ../ivr.db", "cluster.yaml:15:9: bad value (storage.file, expected a file name in the data folder)")]
    [InlineData("roles: [silo, edge, dashboard]", "roles: [silo, edg]", "cluster.yaml:19:19: bad value (nodes[0].roles, expected silo, edge or dashboard)")]
    [InlineData("roles: [silo, edge, dashboard]", "roles: [edge]", "cluster.yaml:18:3: no silo (nodes, expected at least one node with the role silo)")]
    [InlineData("first: 20000,", "first: 20001,", "cluster.yaml:23:19: bad value (listeners.media.first, expected an even port: RTP is even, RTCP the next odd one (RFC 3550 11))")]
    [InlineData("last: 29999", "last: 19000", "cluster.yaml:23:32: bad value (listeners.media.last, expected a port above listeners.media.first)")]
    [InlineData("dashboard: { address: 127.0.0.1", "dashboard: { address: 0.0.0.0", "cluster.yaml:24:25: weak setting: a generated certificate on a listener beyond this machine (listeners.dashboard.address, expected a loopback address while development is true)")]
    [InlineData("calls_at_once: 4000", "calls_at_once: many", "cluster.yaml:35:26: bad value (limits.edge.calls_at_once, expected a whole number from 1 to 100000)")]
    [InlineData("known_share: 20%", "known_share: 0.2", "cluster.yaml:38:72: bad value (limits.trunk.known_share, expected a share from 0% to 50%)")]
    [InlineData("when_unavailable: open", "when_unavailable: maybe", "cluster.yaml:38:95: bad value (limits.trunk.when_unavailable, expected one of open, closed)")]
    [InlineData("burst: 30 }, when_unavailable: closed", "burst: 30 }, known_share: 20%", "cluster.yaml:39:58: unknown key (limits.caller.known_share, expected one of calls, calls_at_once, when_unavailable)")]
    [InlineData("  source: {", "  calls_per_trunk: 5 #", "cluster.yaml:34:3: unknown key (limits.calls_per_trunk, expected one of caller, cluster, destination, edge, longest_call, outbound, session_interval, source, tenant, trunk)")]
    [InlineData("period: 1m", "period: 1 minute", "cluster.yaml:39:41: bad value (limits.caller.calls.period, expected a time such as 500ms, 30s, 5m, 1h or 7d)")]
    [InlineData("  # longest_call: 4h", "  longest_call: 30s ", "cluster.yaml:42:17: bad value (limits.longest_call, expected a time from 1m to 24h)")]
    [InlineData("  # session_interval: 30m", "  session_interval: 60s ", "cluster.yaml:43:21: bad value (limits.session_interval, expected a time from 90s (RFC 4028 4) to 2h)")]
    [InlineData("longest: 1h", "longest: 1s", "cluster.yaml:48:12: bad value (lockout.longest, expected a time not below lockout.first)")]
    [InlineData("longest: 1h  ", "window: 59m  ", "cluster.yaml:48:11: bad value (lockout.window, expected a time not below lockout.longest)")]
    [InlineData("127.0.0.0/8", "127.0.0.0/99", "cluster.yaml:62:16: bad value (tenants[0].trunks[0].from, expected a network such as 192.0.2.0/24)")]
    [InlineData("srtp: preferred", "srtp: maybe", "cluster.yaml:63:15: bad value (tenants[0].trunks[0].srtp, expected one of required, preferred, off)")]
    [InlineData("numbers: { bank: bank }", "numbers: { bank: Bank! }", "cluster.yaml:58:22: bad value (tenants[0].numbers.bank, expected the name of a flow)")]
    [InlineData("agent: \"sip:agent", "agent: \"http:agent", "cluster.yaml:59:32: bad value (tenants[0].transfer_targets.agent, expected a SIP URI, or a number that exists such as +493012345678)")]
    [InlineData("- name: demo", "- name: cluster", "cluster.yaml:57:11: reserved name 'cluster' (tenants[0].name, expected another name: this one stands for records of no tenant)")]
    [InlineData("data: data ", "data: &a data ", "cluster.yaml:8:7: not YAML: anchors and aliases are not used here")]
    public void Each_mistake_is_named_with_its_place(string text, string replacement, string? findings)
    {
        Assert.Contains(text, s_text, StringComparison.Ordinal);
        var (cluster, errors) = ClusterFileReader.Parse("cluster.yaml", ReplaceFirst(text, replacement));
        Assert.Null(cluster);
        if (findings is null) Assert.Contains(errors, e => e.ToString() == "cluster.yaml:7:14: bad value (development, expected true or false)");
        else Assert.Equal(findings.Split('|'), errors.Select(e => e.ToString()));
    }

    [Fact]
    public void Every_weak_setting_stops_a_cluster_that_is_not_for_development_and_is_named()
    {
        var (cluster, errors) = ClusterFileReader.Parse("cluster.yaml", ReplaceFirst("development: true", "development: false").Replace("srtp: preferred", "srtp: off\n        sdes_without_tls: true", StringComparison.Ordinal));
        Assert.Null(cluster);
        string[] expected =
        [
            "cluster.yaml:5:1: weak setting: a generated server certificate (certificates.server, expected file and key, or development: true)",
            "cluster.yaml:5:1: weak setting: a generated certificate for the key ring (certificates.key_ring, expected file or pkcs11, or development: true)",
            "cluster.yaml:63:15: weak setting: media without encryption (tenants[0].trunks[0].srtp, expected required, or development: true)",
            "cluster.yaml:64:27: weak setting: media keys in clear signalling (tenants[0].trunks[0].sdes_without_tls, expected false, or development: true)",
            "cluster.yaml:67:8: weak setting: a telephone whose calls are let in by their address alone (phone, expected a trunk with digest.operators: true, or development: true)",
            "cluster.yaml:69:15: weak setting: demo callers, whose PINs are printed (demo_callers, expected 0, or development: true)",
        ];
        Assert.Equal(expected.Order(), errors.Select(e => e.ToString()).Order());
    }

    [Fact]
    public void A_missing_file_is_named()
    {
        var (_, errors) = ClusterFileReader.Read("/nowhere/cluster.yaml");
        Assert.Equal("cluster.yaml:1:1: there is no such file (looked for '/nowhere/cluster.yaml')", Assert.Single(errors).ToString());
    }

    [Theory, InlineData(""), InlineData("- a"), InlineData("just text"), InlineData("a: [1"), InlineData("{{{{"), InlineData("? [a]\n: b")]
    public void No_text_makes_the_reader_throw(string text)
    {
        var (cluster, errors) = ClusterFileReader.Parse("cluster.yaml", text);
        Assert.Null(cluster);
        Assert.NotEmpty(errors);
    }

    internal static string Root()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "IvrActors.slnx"))) folder = Path.GetDirectoryName(folder) ?? throw new InvalidOperationException("No repository above the tests.");
        return folder;
    }

    private static string ReplaceFirst(string text, string replacement)
    {
        var at = s_text.IndexOf(text, StringComparison.Ordinal);
        return s_text[..at] + replacement + s_text[(at + text.Length)..];
    }
}
