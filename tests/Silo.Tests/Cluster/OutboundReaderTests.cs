using System.Text.RegularExpressions;
using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Silo.Cluster;
using Xunit;

namespace IvrActors.Silo.Tests.Cluster;

/// <summary><c>tenants[].outbound</c>, and numbers among the transfer targets.</summary>
public sealed partial class OutboundReaderTests
{
    private const string Trunk = "outbound: { proxy: \"sips:sip.carrier.example\" }, destinations: [\"+49\"], region: DE";
    private const string Outbound = "{ prices: { \"+49\": 2 }, spend: { hour: 100, day: 200 } }";

    [Fact]
    public void The_example_of_the_documentation_is_what_it_says()
    {
        var example = Block().Match(File.ReadAllText(Path.Combine(ClusterFileTests.Root(), "docs/operations.md"))).Groups["text"].Value;
        var tenant = Right(ClusterFileTests.Text[..ClusterFileTests.Text.IndexOf("tenants:", StringComparison.Ordinal)] + example).Tenants[0];
        var outbound = tenant.Outbound!;
        Assert.Equal([("+49", 2), ("+4915", 12), ("+49180", null), ("+870", 650)], outbound.Prices.Select(p => (p.Key, p.Value)));
        Assert.Equal([NumberKind.Satellite], outbound.Unblocked);
        Assert.Equal((5000, 20000, 5, TimeSpan.FromMinutes(30)), (outbound.Spend.PerHour, outbound.Spend.PerDay, outbound.Spend.CallsAtOnce, outbound.Spend.LongestCall));
        Assert.Equal(new RateLimit(6, TimeSpan.FromMinutes(1), 6), outbound.Spend.Calls);
        Assert.Equal("+4930123456", tenant.TransferTargets["desk"]);
    }

    [Fact]
    public void What_grains_decide_by_is_what_the_file_says()
    {
        var policy = Right(Cluster(Outbound, Trunk, "desk: \"+4930123456\"")).ToPolicy().Tenants["demo"];
        Assert.Equal(2, policy.Outbound!.Prices["+49"]);
        Assert.Equal((10, TimeSpan.FromHours(1), new RateLimit(10, TimeSpan.FromMinutes(1), 10)), (policy.Outbound.Spend.CallsAtOnce, policy.Outbound.Spend.LongestCall, policy.Outbound.Spend.Calls));
        Assert.Equal("+49 DE", string.Join(' ', [.. policy.Trunks["t"].WayOut!.Prefixes, policy.Trunks["t"].WayOut!.Region]));
    }

    [Fact]
    public void A_tenant_of_an_old_file_makes_no_calls()
    {
        var tenant = Right(ClusterFileTests.Text).ToPolicy().Tenants["demo"];
        Assert.Null(tenant.Outbound);
        Assert.All(tenant.Trunks.Values, trunk => Assert.Null(trunk.WayOut));
    }

    [Theory]
    [InlineData("{ spend: { hour: 1, day: 1 } }", "outbound.prices: missing key: a mapping")]
    [InlineData("{ prices: { \"49\": 1 }, spend: { hour: 1, day: 1 } }", "outbound.prices.49: bad prefix: the beginning of numbers in E.164 such as +49")]
    [InlineData("{ prices: { \"+4x\": 1 }, spend: { hour: 1, day: 1 } }", "outbound.prices.+4x: bad prefix: the beginning of numbers in E.164 such as +49")]
    [InlineData("{ prices: { \"+49\": 0.5 }, spend: { hour: 1, day: 1 } }", "outbound.prices.+49: bad value: the price of a minute in minor units, or forbidden")]
    [InlineData("{ prices: { \"+49\": -1 }, spend: { hour: 1, day: 1 } }", "outbound.prices.+49: bad value: the price of a minute in minor units, or forbidden")]
    [InlineData("{ prices: { \"+49\": 1 } }", "outbound.spend: missing key: a mapping")]
    [InlineData("{ prices: { \"+49\": 1 }, spend: { hour: 100 } }", "outbound.spend.day: missing key: a whole number from 1 to 1000000000")]
    [InlineData("{ prices: { \"+49\": 1 }, spend: { hour: 100, day: 99 } }", "outbound.spend.day: bad value: an amount not below spend.hour")]
    [InlineData("{ prices: { \"+49\": 1 }, spend: { hour: 0, day: 99 } }", "outbound.spend.hour: bad value: a whole number from 1 to 1000000000")]
    [InlineData("{ prices: { \"+49\": 1 }, spend: { hour: 1, day: 1, month: 1 } }", "outbound.spend.month: unknown key: one of day, hour")]
    [InlineData("{ prices: { \"+49\": 1 }, spend: { hour: 1, day: 1 }, unblock: [gambling] }", "outbound.unblock: bad value: one of premium, shared-cost, satellite, personal")]
    [InlineData("{ prices: { \"+49\": 1 }, spend: { hour: 1, day: 1 }, longest_call: 5h }", "outbound.longest_call: bad value: a time from 1m to 4h")]
    [InlineData("{ prices: { \"+49\": 1 }, spend: { hour: 1, day: 1 }, calls_at_once: 5000 }", "outbound.calls_at_once: bad value: a whole number from 1 to 1000")]
    [InlineData("{ prices: { \"+49\": 1 }, spend: { hour: 1, day: 1 }, limit: 1 }", "outbound.limit: unknown key: one of calls, calls_at_once, longest_call, prices, spend, unblock")]
    public void Each_mistake_is_named_with_its_key(string outbound, string finding) => Assert.Equal(finding, Finding(Cluster(outbound, Trunk)));

    [Theory]
    [InlineData("from: [192.0.2.0/24]", "outbound: no way out: a trunk with outbound and destinations")]
    [InlineData("outbound: { proxy: \"sips:b.example\" }", "outbound: no way out: a trunk with outbound and destinations")]
    public void Who_may_call_needs_a_trunk_that_can(string trunk, string finding) => Assert.Equal(finding, Finding(Cluster(Outbound, trunk)));

    [Theory]
    [InlineData("+43123456789", "transfer_targets.desk: no call to this number is allowed: not-on-trunk: a number that outbound.prices of the tenant and destinations of a trunk name")]
    [InlineData("+499001234567", "transfer_targets.desk: no call to this number is allowed: premium: a number that outbound.prices of the tenant and destinations of a trunk name")]
    [InlineData("030123456", "transfer_targets.desk: bad value: a SIP URI, or a number that exists such as +493012345678")]
    [InlineData("+4930", "transfer_targets.desk: bad value: a SIP URI, or a number that exists such as +493012345678")]
    public void A_number_that_could_never_be_called_is_no_transfer_target(string number, string finding) => Assert.Equal(finding, Finding(Cluster(Outbound, Trunk, $"desk: \"{number}\"")));

    [Fact]
    public void A_number_is_no_transfer_target_of_a_tenant_without_outbound() =>
        Assert.StartsWith("transfer_targets.desk: no call to this number is allowed: tenant-may-not", Finding(Cluster(null, Trunk, "desk: \"+4930123456\"")), StringComparison.Ordinal);

    private static ClusterFile Right(string text)
    {
        var (cluster, errors) = ClusterFileReader.Parse("/nowhere/cluster.yaml", text);
        Assert.Empty(errors);
        return cluster!;
    }

    private static string Finding(string text)
    {
        var (_, errors) = ClusterFileReader.Parse("/nowhere/cluster.yaml", text);
        var error = Assert.Single(errors);
        Assert.InRange(error.Line, ClusterFileTests.Text.Split('\n').TakeWhile(line => line != "tenants:").Count() + 2, 1000);
        var match = Parts().Match(error.Message);
        return $"{match.Groups["path"].Value}: {match.Groups["what"].Value}: {match.Groups["expected"].Value}";
    }

    private static string Cluster(string? outbound, string trunk, string targets = "") =>
        ClusterFileTests.Text[..ClusterFileTests.Text.IndexOf("tenants:", StringComparison.Ordinal)]
        + $"tenants:\n  - name: demo\n    numbers: {{ bank: bank }}\n    transfer_targets: {{ {targets} }}\n{(outbound is null ? "" : $"    outbound: {outbound}\n")}    trunks:\n      - {{ name: t, {trunk} }}\n";

    [GeneratedRegex("```yaml outbound\n(?<text>.*?)```", RegexOptions.Singleline)]
    private static partial Regex Block();

    [GeneratedRegex(@"^(?<what>.*) \(tenants\[0\]\.(?<path>[\w.+]+), expected (?<expected>.*)\)$")]
    private static partial Regex Parts();
}
