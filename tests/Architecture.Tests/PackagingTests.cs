using System.Text.Json;
using System.Text.RegularExpressions;

namespace IvrActors.Architecture.Tests;

/// <summary>The systemd unit and the container file. That the program runs as they say is shown in tests/System.Tests.</summary>
public sealed partial class PackagingTests
{
    private const string Unit = "deploy/systemd/ivr@.service";
    private const string ContainerFile = "deploy/container/Containerfile";

    // systemd's measure from 0 to 10, in tenths. What is left is what a server of calls needs: the network, and memory that its compiler writes.
    private const int MostExposed = 20;

    [Fact]
    public void Systemd_accepts_the_unit()
    {
        Assert.Equal((0, ""), Verify(Repository.Read(Unit)));
    }

    [Theory]
    [InlineData("ProtectHome=true", "ProtectHouse=true")]
    [InlineData("WatchdogSec=60s", "WatchdogSec=often")]
    [InlineData("Type=notify", "Type=noisy")]
    public void What_systemd_does_not_know_is_found(string right, string wrong)
    {
        Assert.Contains(right, Repository.Read(Unit), StringComparison.Ordinal);

        Assert.NotEqual("", Verify(Repository.Read(Unit).Replace(right, wrong, StringComparison.Ordinal)).Output);
    }

    [Fact]
    public void The_unit_is_as_confined_as_systemd_can_make_a_server_that_compiles_while_it_runs()
    {
        var (code, output) = Tool.Run("systemd-analyze", "security", "--offline=true", $"--threshold={MostExposed}", Repository.PathOf(Unit));

        Assert.True(code == 0, output);
    }

    [Fact]
    public void The_journal_that_fail2ban_reads_is_that_of_the_units()
    {
        // systemd.special(7): instances of ivr@.service are in system-ivr.slice.
        Assert.Contains($"journalmatch = _SYSTEMD_SLICE=system-{Path.GetFileName(Unit).Split('@')[0]}.slice\n", Repository.Read("deploy/fail2ban/jail.d/ivractors.conf"), StringComparison.Ordinal);
    }

    [Fact]
    public void The_kernel_grants_the_buffer_that_an_edge_asks_for()
    {
        Assert.Contains("ReceiveBuffer = 4 * 1024 * 1024;", Repository.Read("Edge/Net/UdpListener.cs"), StringComparison.Ordinal);
        Assert.All(["net.core.rmem_max", "net.core.wmem_max"], key => Assert.Contains($"{key} = {4 * 1024 * 1024}\n", Repository.Read("deploy/systemd/ivr.sysctl.conf"), StringComparison.Ordinal));
    }

    [Fact]
    public void The_container_file_copies_what_is_there_and_all_that_the_program_is_made_of()
    {
        var sources = Copy().Matches(Repository.Read(ContainerFile)).SelectMany(copy => copy.Groups["sources"].Value.Split(' ')).ToHashSet();
        var let = Repository.Read(".dockerignore").Split('\n').Where(line => line.StartsWith('!')).Select(line => line[1..]).ToHashSet();
        var projects = Reference().Matches(Repository.Read("Silo/Silo.csproj")).Select(reference => reference.Groups["project"].Value).Append("Silo");

        Assert.All(sources, source => Assert.True(File.Exists(Repository.PathOf(source)) || Directory.Exists(Repository.PathOf(source)), source));
        Assert.Equal(sources.Order(), let.Order());
        Assert.Subset(sources, projects.Append("Directory.Build.props").Append("Directory.Packages.props").ToHashSet());
        Assert.All(Repository.Files("*.csproj").Where(file => sources.Contains(file.Split('/')[0])), file => Assert.True(File.Exists(Path.Combine(Path.GetDirectoryName(Repository.PathOf(file))!, "packages.lock.json")), file));
    }

    [Fact]
    public void The_container_is_not_root_needs_no_shell_and_runs_what_the_unit_runs()
    {
        var text = Repository.Read(ContainerFile);
        var last = text[text.LastIndexOf("\nFROM ", StringComparison.Ordinal)..];
        var command = Json(last, "ENTRYPOINT").Concat(Json(last, "CMD")).ToList();

        Assert.Matches(@"\nUSER 1654:1654\n", last);
        Assert.DoesNotContain("\nRUN ", last, StringComparison.Ordinal);
        Assert.Equal(["/opt/ivr/ivr", "run", "--cluster", "/etc/ivr/cluster.yaml"], command);
        Assert.Contains("ExecStart=/opt/ivr/ivr run --quiet --cluster /etc/ivr/cluster.yaml --node %i\n", Repository.Read(Unit), StringComparison.Ordinal);
        Assert.Contains(" --locked-mode\n", text, StringComparison.Ordinal);
    }

    /// <summary>With a program that is there in place of ours.</summary>
    private static (int Code, string Output) Verify(string unit)
    {
        var folder = Directory.CreateTempSubdirectory("ivr-unit-").FullName;
        try
        {
            var file = Path.Combine(folder, "ivr@silo-1.service");
            File.WriteAllText(file, unit.Replace("/opt/ivr/ivr ", "/bin/true ", StringComparison.Ordinal));
            return Tool.Run("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", file);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static string[] Json(string text, string instruction) => JsonSerializer.Deserialize<string[]>(Regex.Match(text, $@"(?m)^{instruction} (\[.+\])$").Groups[1].Value)!;

    [GeneratedRegex(@"^COPY (?!--)(?<sources>.+) \S+$", RegexOptions.Multiline)]
    private static partial Regex Copy();

    [GeneratedRegex(@"<ProjectReference Include=""\.\./(?<project>[A-Za-z.]+)/")]
    private static partial Regex Reference();
}
