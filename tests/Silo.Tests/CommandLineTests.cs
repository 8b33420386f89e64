using IvrActors.Silo.Commands;
using IvrActors.Silo.Tests.Cluster;
using Xunit;

namespace IvrActors.Silo.Tests;

public sealed class CommandLineTests
{
    [Theory]
    [InlineData("fly")]
    [InlineData("run --loud")]
    [InlineData("run --log-level loud")]
    [InlineData("lockout unlock lock-x")]
    [InlineData("operator invite emperor")]
    public async Task A_wrong_command_line_is_refused_with_its_reason(string line)
    {
        var (exit, output, error) = await Ivr(line.Split(' '));
        Assert.Equal(ExitCode.Usage, exit);
        Assert.Empty(output);
        Assert.Contains("ivr --help", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Check_names_each_finding_and_starts_nothing()
    {
        using var folder = new TestFolder();
        var file = Path.Combine(folder, "cluster.yaml");
        await File.WriteAllTextAsync(file, "cluster: a\nservise: b\n", TestContext.Current.CancellationToken);
        var (exit, _, error) = await Ivr("check", "--cluster", file);
        Assert.Equal(ExitCode.Findings, exit);
        Assert.Contains("cluster.yaml:2:1: unknown key (servise, expected one of", error, StringComparison.Ordinal);
        Assert.Single(Directory.GetFileSystemEntries(folder));
    }

    [Fact]
    public async Task Check_finds_the_committed_cluster_and_flows_right()
    {
        var (exit, output, error) = await Ivr("check", "--cluster", Path.Combine(ClusterFileTests.Root(), "cluster.yaml"));
        Assert.Equal("", error);
        Assert.Equal(ExitCode.Done, exit);
        Assert.Contains("are right", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Check_warns_of_a_flow_that_records_where_there_is_no_place_for_it()
    {
        using var folder = new TestFolder();
        var flow = Path.Combine(folder, "rec.yaml");
        await File.WriteAllTextAsync(flow, """
            flow: rec
            language: en
            start: may_we
            steps:
              may_we: { record: start, consent: none, on: { next: bye, unavailable: bye } }
              bye: { hang_up: true, play: [goodbye] }
            """, TestContext.Current.CancellationToken);
        var (exit, _, error) = await Ivr("check", "--cluster", Path.Combine(ClusterFileTests.Root(), "cluster.yaml"), flow);
        Assert.Equal(ExitCode.Done, exit);
        Assert.Contains("rec.yaml:5:3: warning: step 'may_we' records, and cluster.yaml has no recordings", error, StringComparison.Ordinal);

        var recording = Path.Combine(folder, "cluster.yaml");
        var text = ClusterFileTests.Text.Replace("# recordings:", "recordings:", StringComparison.Ordinal);
        foreach (var name in new[] { "flows: ", "prompts: " }) text = text.Replace(name + "flows", name + Path.Combine(ClusterFileTests.Root(), "flows"), StringComparison.Ordinal);
        await File.WriteAllTextAsync(recording, text, TestContext.Current.CancellationToken);
        (exit, _, error) = await Ivr("check", "--cluster", recording, flow);
        Assert.Equal((ExitCode.Done, ""), (exit, error));
    }

    [Fact]
    public async Task A_wrong_cluster_is_not_run()
    {
        using var folder = new TestFolder();
        var (exit, _, error) = await Ivr("run", "--cluster", Path.Combine(folder, "cluster.yaml"));
        Assert.Equal(ExitCode.Unusable, exit);
        Assert.StartsWith("cluster.yaml:1:1: there is no such file", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_cluster_that_was_never_started_has_no_audit_to_verify()
    {
        using var folder = new TestFolder();
        var file = Path.Combine(folder, "cluster.yaml");
        File.Copy(Path.Combine(ClusterFileTests.Root(), "cluster.yaml"), file);
        var (exit, _, error) = await Ivr("audit", "verify", "--cluster", file);
        Assert.Equal(ExitCode.Unusable, exit);
        Assert.Contains("was never started", error, StringComparison.Ordinal);
        Assert.Single(Directory.GetFileSystemEntries(folder));
    }

    internal static async Task<(int Exit, string Output, string Error)> Ivr(params string[] arguments)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        return (await CommandLine.Run(arguments, TextReader.Null, output, error), output.ToString(), error.ToString());
    }
}
