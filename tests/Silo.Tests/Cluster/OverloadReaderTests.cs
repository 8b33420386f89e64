using System.Text.RegularExpressions;
using IvrActors.Edge.Admission;
using IvrActors.Silo.Cluster;
using Xunit;

namespace IvrActors.Silo.Tests.Cluster;

public sealed partial class OverloadReaderTests
{
    private static (ClusterFile? Cluster, IReadOnlyList<ClusterError> Errors) Read(string overload) => ClusterFileReader.Parse("cluster.yaml", ClusterFileTests.Text + "\n" + overload);

    [Fact]
    public void Without_a_word_about_it_the_defaults_hold()
    {
        var (cluster, errors) = Read("");
        Assert.Empty(errors);
        var rules = cluster!.Admission;
        Assert.Equal((0.95, 0.85, 50, 500, 150_000, 4000), (rules.Cpu, rules.Memory, rules.LoopDelay.TotalMilliseconds, rules.GrainLatency.TotalMilliseconds, rules.MostTransactions, rules.MostCalls));
        Assert.Equal(["112", "911"], rules.EmergencyNumbers);
    }

    [Fact]
    public void The_documented_keys_are_read_and_their_values_are_the_defaults()
    {
        var block = Documented().Match(File.ReadAllText(Path.Combine(ClusterFileTests.Root(), "docs", "operations.md"))).Groups["text"].Value;
        var (cluster, errors) = Read(block);
        Assert.Empty(errors);
        Assert.Equivalent(new AdmissionRules(), cluster!.Admission);
    }

    [Fact]
    public void Each_key_is_heard()
    {
        var (cluster, errors) = Read("overload: { cpu: 60, memory: 70, loop_delay: 20ms, grain_latency: 1s, transactions: 5000, emergency_numbers: [\"999\"] }\n");
        Assert.Empty(errors);
        var rules = cluster!.Admission;
        Assert.Equal((0.6, 0.7, 20, 1000, 5000), (rules.Cpu, rules.Memory, rules.LoopDelay.TotalMilliseconds, rules.GrainLatency.TotalMilliseconds, rules.MostTransactions));
        Assert.Equal(["999"], rules.EmergencyNumbers);
    }

    [Fact]
    public void What_is_never_blocked_and_how_long_calls_may_go_on_at_the_end_is_read()
    {
        var (fallback, _) = Read("");
        Assert.Empty(fallback!.NeverBlock);
        Assert.Equal(TimeSpan.Zero, fallback.DrainAtStop);
        var (cluster, errors) = Read("never_block: [192.0.2.0/24, \"2001:db8::/32\"]\ndrain_at_stop: 90s\n");
        Assert.Empty(errors);
        Assert.Equal(["192.0.2.0/24", "2001:db8::/32"], cluster!.NeverBlock.Select(network => network.ToString()));
        Assert.Equal(TimeSpan.FromSeconds(90), cluster.DrainAtStop);
    }

    [Theory]
    [InlineData("never_block: [everybody]", "never_block, expected a network such as 192.0.2.0/24")]
    [InlineData("drain_at_stop: long", "drain_at_stop, expected a time such as 500ms, 30s, 5m, 1h or 7d")]
    [InlineData("overload: { cpu: 101 }", "overload.cpu, expected a whole number from 10 to 100")]
    [InlineData("overload: { loop_delay: 5 }", "overload.loop_delay, expected a time such as 500ms, 30s, 5m, 1h or 7d")]
    [InlineData("overload: { transactions: 10 }", "overload.transactions, expected a whole number from 1000 to 10000000")]
    [InlineData("overload: { emergency_numbers: [] }", "overload.emergency_numbers, expected a list, each a number or user part in quotes")]
    public void A_bad_value_is_named(string text, string finding)
    {
        Assert.Contains(finding, Assert.Single(Read(text).Errors).ToString(), StringComparison.Ordinal);
    }

    [GeneratedRegex("```yaml overload\n(?<text>.*?)```", RegexOptions.Singleline)]
    private static partial Regex Documented();
}
