using System.Reflection;
using System.Text.RegularExpressions;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Grains.Interfaces.Tracing;
using IvrActors.Silo.Cluster;
using IvrActors.Silo.Commands;
using IvrActors.Silo.Tests.Cluster;
using Xunit;

namespace IvrActors.Silo.Tests.Tracing;

/// <summary>Who may trace, what <c>cluster.yaml</c> says about it, and what the command line takes.</summary>
public sealed partial class TraceSettingsTests
{
    private static (ClusterFile? Cluster, IReadOnlyList<ClusterError> Errors) Read(string trace) => ClusterFileReader.Parse("cluster.yaml", ClusterFileTests.Text + "\n" + trace);

    [Theory]
    [InlineData(Roles.Viewer, false)]
    [InlineData(Roles.Operator, false)]
    [InlineData(Roles.Administrator, true)]
    [InlineData(Roles.Edge, false)]
    [InlineData(Roles.SignIn, false)]
    [InlineData("nobody", false)]
    public void Only_an_administrator_may_start_read_and_stop_a_trace(string role, bool allowed)
    {
        foreach (var method in new[] { nameof(ITraceGrain.Start), nameof(ITraceGrain.Read), nameof(ITraceGrain.Stop) })
            Assert.Equal(allowed, Roles.Allows(role, typeof(ITraceGrain).GetMethod(method)!.GetCustomAttribute<RequiresAttribute>()!.Permission));
        Assert.Equal(role == Roles.Edge, Roles.Allows(role, typeof(ITraceGrain).GetMethod(nameof(ITraceGrain.Publish))!.GetCustomAttribute<RequiresAttribute>()!.Permission));
    }

    [Fact]
    public void Without_a_word_about_it_no_collector_beyond_this_machine_is_trusted() => Assert.Empty(Read("").Cluster!.TraceCollectors);

    [Fact]
    public void The_documented_collectors_are_read()
    {
        var block = Documented().Match(File.ReadAllText(Path.Combine(ClusterFileTests.Root(), "docs", "operations.md"))).Groups["text"].Value;
        var (cluster, errors) = Read(block);

        Assert.Empty(errors);
        Assert.Equal(["192.0.2.80:9060"], cluster!.TraceCollectors.Select(collector => collector.ToString()));
    }

    [Theory]
    [InlineData("trace: { collectors: [\"192.0.2.80\"] }", "trace.collectors, expected an address and a port such as 192.0.2.80:9060")]
    [InlineData("trace: { collectors: [\"homer.example:9060\"] }", "trace.collectors, expected an address and a port such as 192.0.2.80:9060")]
    [InlineData("trace: { collector: [] }", "unknown key (trace.collector, expected one of collectors)")]
    public void A_bad_value_is_named(string text, string finding) => Assert.Contains(finding, Assert.Single(Read(text).Errors).ToString(), StringComparison.Ordinal);

    [Theory]
    [InlineData("trace", "or else --all")]
    [InlineData("trace --all --trunk carrier", "or else --all")]
    [InlineData("trace --all --for soon", "--for: expected a time")]
    [InlineData("trace --source host.example", "--source: expected an address")]
    [InlineData("trace --all --hep 192.0.2.80:9060", "--hep: expected")]
    [InlineData("trace --all --hep 127.0.0.1", "--hep: expected")]
    public async Task A_trace_that_cannot_be_asked_for_is_refused_before_anything_is_connected(string line, string reason)
    {
        using var error = new StringWriter();
        string[] arguments = [.. line.Split(' '), "--cluster", Path.Combine(ClusterFileTests.Root(), "cluster.yaml")];

        Assert.Equal(ExitCode.Usage, await CommandLine.Run(arguments, TextReader.Null, TextWriter.Null, error));
        Assert.Contains(reason, error.ToString(), StringComparison.Ordinal);
    }

    [GeneratedRegex(@"```yaml trace\n(?<text>.*?)```", RegexOptions.Singleline)]
    private static partial Regex Documented();
}
