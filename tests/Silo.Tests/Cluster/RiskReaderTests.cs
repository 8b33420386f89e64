using System.Text.RegularExpressions;
using IvrActors.Grains.Policies.Risk;
using IvrActors.Silo.Cluster;
using Xunit;

namespace IvrActors.Silo.Tests.Cluster;

public sealed partial class RiskReaderTests
{
    private static (ClusterFile? Cluster, IReadOnlyList<ClusterError> Errors) Read(string risk) => ClusterFileReader.Parse("cluster.yaml", ClusterFileTests.Text + "\n" + risk);

    [Fact]
    public void Without_a_word_about_it_everything_is_on()
    {
        var (cluster, errors) = Read("");
        Assert.Empty(errors);
        Assert.Equal(new RiskPolicy(), cluster!.Risk);
        Assert.Equal((true, true, 1, 3, 30), (cluster.Risk.StepUp, cluster.Risk.Alarm, cluster.Risk.SlowDown!.Value.TotalSeconds, cluster.Risk.Tarpit!.Value.TotalSeconds, cluster.Risk.Block!.Value.TotalMinutes));
    }

    [Fact]
    public void The_documented_keys_are_read_and_their_values_are_the_defaults()
    {
        var block = Documented().Match(File.ReadAllText(Path.Combine(ClusterFileTests.Root(), "docs", "operations.md"))).Groups["text"].Value;
        Assert.NotEmpty(block);
        var (cluster, errors) = Read(block);
        Assert.Empty(errors);
        Assert.Equal(new RiskPolicy(), cluster!.Risk);
    }

    [Fact]
    public void Each_key_is_heard_and_each_action_can_be_switched_off()
    {
        var (cluster, errors) = Read("risk: { raised: 20, high: 60, half_life: 5m, accounts_of_origin: 3, accounts_to_block: 7, calls_of_origin: 9, step_up: false, slow_down: off, tarpit: { time: off, at_once: 7 }, block: off, alarm: false }\n");
        Assert.Empty(errors);
        Assert.Equal(
            new RiskPolicy
            {
                Raised = 20,
                High = 60,
                HalfLife = TimeSpan.FromMinutes(5),
                AccountsOfOrigin = 3,
                AccountsToBlock = 7,
                CallsOfOrigin = 9,
                StepUp = false,
                SlowDown = null,
                Tarpit = null,
                TarpitsAtOnce = 7,
                Block = null,
                Alarm = false,
            },
            cluster!.Risk);
    }

    [Theory]
    [InlineData("risk: { raised: 0 }", "risk.raised, expected a whole number from 1 to 100")]
    [InlineData("risk: { high: 10 }", "risk.high, expected a score not below risk.raised")]
    [InlineData("risk: { half_life: 1s }", "risk.half_life, expected a time from 1m to 1d")]
    [InlineData("risk: { accounts_to_block: 3 }", "risk.accounts_to_block, expected a number not below risk.accounts_of_origin")]
    [InlineData("risk: { slow_down: 1m, tarpit: { time: off } }", "risk.slow_down, expected off, or a time of at most 3s")]
    [InlineData("risk: { slow_down: 2s, tarpit: { time: 1s } }", "risk.tarpit.time, expected a time not below risk.slow_down")]
    [InlineData("risk: { block: 7d }", "risk.block, expected off, or a time of at most 1d")]
    [InlineData("risk: { step_up: maybe }", "risk.step_up, expected true or false")]
    [InlineData("risk: { score: 7 }", "unknown key (risk.score")]
    public void A_bad_value_is_named_with_its_line(string text, string finding)
    {
        var error = Assert.Single(Read("\n" + text).Errors);
        Assert.Contains(finding, error.ToString(), StringComparison.Ordinal);
        Assert.Equal((ClusterFileTests.Text + "\n\n").Split('\n').Length, error.Line);
    }

    [Fact]
    public void A_trunk_says_where_it_is_and_whether_its_addresses_are_everybody_s()
    {
        var text = ClusterFileTests.Text.Replace("from: [", "location: { latitude: -33.9, longitude: 151.2 }\n        from: [", StringComparison.Ordinal);
        Assert.NotEqual(ClusterFileTests.Text, text);
        var (cluster, errors) = ClusterFileReader.Parse("cluster.yaml", text);
        Assert.Empty(errors);
        var trunk = cluster!.ToPolicy().Tenants.Values.First().Trunks.Values.First();
        Assert.Equal(new GeoPoint(-33.9, 151.2), trunk.Location);
        Assert.True(trunk.IsCarrier);
        Assert.Contains("latitude, expected degrees from -90 to 90 such as 52.5", Assert.Single(ClusterFileReader.Parse("cluster.yaml", text.Replace("-33.9", "-93.9", StringComparison.Ordinal)).Errors).ToString(), StringComparison.Ordinal);
    }

    [GeneratedRegex("```yaml risk\n(?<text>.*?)```", RegexOptions.Singleline)]
    private static partial Regex Documented();
}
