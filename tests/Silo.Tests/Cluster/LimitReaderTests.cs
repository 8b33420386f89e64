using System.Text.RegularExpressions;
using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Silo.Cluster;
using Xunit;

namespace IvrActors.Silo.Tests.Cluster;

/// <summary>The one table of limits, and what tenants and trunks say instead of their row.</summary>
public sealed partial class LimitReaderTests
{
    private static readonly RateLimit s_trunk = new(100, TimeSpan.FromSeconds(1), 200);

    private static string Without => Table().Replace(ClusterFileTests.Text, "");

    private static ClusterFile Right(string text)
    {
        var (cluster, errors) = ClusterFileReader.Parse("cluster.yaml", text);
        Assert.Empty(errors);
        return cluster!;
    }

    [Fact]
    public void Without_a_table_trunks_callers_sources_and_edges_have_the_limits_of_the_committed_one()
    {
        var (limits, committed) = (Right(Without).Limits, Right(ClusterFileTests.Text).Limits);
        Assert.Equal(committed.Trunk, limits.Trunk);
        Assert.Equal(committed.Caller, limits.Caller);
        Assert.Equal((committed.MessagesPerSource, committed.CallsAtOnce, committed.Outbound), (limits.MessagesPerSource, limits.CallsAtOnce, limits.Outbound));
        Assert.False(limits.Cluster.Bounds || limits.Tenant.Bounds || limits.Destination.Bounds);
    }

    [Fact]
    public void The_table_of_the_documentation_is_right_and_reaches_edges_and_grains()
    {
        var example = Documented().Match(File.ReadAllText(Path.Combine(ClusterFileTests.Root(), "docs", "operations.md"))).Groups["text"].Value;
        var cluster = Right(Without + example);
        var policy = cluster.ToPolicy();
        Assert.Equal(new LimitRule { Calls = new RateLimit(400, TimeSpan.FromSeconds(1), 800), AtOnce = 6000, KnownShare = 0.2, OpenWhenUnavailable = true }, policy.Limit);
        Assert.Equal(policy.Limit, policy.LimitOf(ILimitGrain.ClusterKey));
        Assert.Equal(2000, policy.LimitOf(ILimitGrain.TenantKey("demo"))!.AtOnce);
        Assert.Equal((s_trunk, 500), (policy.LimitOf(ILimitGrain.TrunkKey("demo", "loopback"))!.Calls, policy.LimitOf(ILimitGrain.TrunkKey("demo", "loopback"))!.AtOnce));
        Assert.Equal((5, 300), (policy.Tenants["demo"].Caller.AtOnce, policy.Tenants["demo"].Destination.AtOnce));
        Assert.False(policy.Tenants["demo"].Caller.OpenWhenUnavailable);
        Assert.Null(policy.LimitOf(ILimitGrain.TrunkKey("demo", "other")));
        Assert.Null(policy.LimitOf(ILimitGrain.TenantKey("other")));
    }

    [Fact]
    public void A_tenant_and_a_trunk_say_key_by_key_what_is_different()
    {
        var text = ClusterFileTests.Text.Replace("    numbers: {", "    limits: { calls_at_once: 50, when_unavailable: closed }\n    numbers: {", StringComparison.Ordinal)
            .Replace("        srtp: preferred", "        limits: { known_share: 50% }\n        srtp: preferred", StringComparison.Ordinal);
        var tenant = Right(text).ToPolicy().Tenants["demo"];
        Assert.Equal(new LimitRule { Calls = new RateLimit(200, TimeSpan.FromSeconds(1), 400), AtOnce = 50, KnownShare = 0.2, OpenWhenUnavailable = false }, tenant.Limit);
        Assert.Equal(new LimitRule { Calls = s_trunk, KnownShare = 0.5, OpenWhenUnavailable = true }, tenant.Trunks["loopback"].Limit);
    }

    [Theory]
    [InlineData("limits: { cluster: { calls_at_once: 10 }, trunk: { calls_at_once: 11 } }", "limits.trunk.calls_at_once: more than the cluster takes: at most limits.cluster.calls_at_once, 10")]
    [InlineData("limits: { cluster: { known_share: 51% } }", "limits.cluster.known_share: bad value: a share from 0% to 50%")]
    [InlineData("limits: { outbound: { when_unavailable: open } }", "limits.outbound.when_unavailable: unknown key: one of calls, calls_at_once, longest_call")]
    [InlineData("limits: { outbound: { longest_call: 5h } }", "limits.outbound.longest_call: bad value: a time from 1m to 4h")]
    [InlineData("limits: { edge: { calls: { count: 1, period: 1s, burst: 1 } } }", "limits.edge.calls: unknown key: one of calls_at_once")]
    public void Each_mistake_is_named(string table, string finding)
    {
        var (_, errors) = ClusterFileReader.Parse("cluster.yaml", Without + table + "\n");
        var message = Assert.Single(errors).Message;
        Assert.Equal(finding, Place().Replace(message, match => $"{match.Groups["path"].Value}: {match.Groups["what"].Value}: {match.Groups["expected"].Value}"));
    }

    [GeneratedRegex(@"(?ms)^limits:.*?^\r?\n")]
    private static partial Regex Table();

    [GeneratedRegex(@"```yaml limits\n(?<text>.*?)```", RegexOptions.Singleline)]
    private static partial Regex Documented();

    [GeneratedRegex(@"^(?<what>.*) \((?<path>[^,]*), expected (?<expected>.*)\)$")]
    private static partial Regex Place();
}
