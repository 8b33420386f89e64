using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;
using IvrActors.SystemTests.Harness;

namespace IvrActors.SystemTests;

/// <summary>The program as the container file and the systemd unit publish and start it.</summary>
public sealed partial class DeploymentTests
{
    // Of the container and of the manifests.
    private const string NotRoot = "1654";

    private static readonly string s_containerFile = File.ReadAllText(Repository.At("deploy", "container", "Containerfile"));

    [Fact]
    public async Task The_published_program_runs_without_root_tells_systemd_how_it_is_and_answers_the_health_check()
    {
        var folder = Directory.CreateTempSubdirectory("ivr-published-").FullName;
        try
        {
            await Publish(folder);
            var ports = IvrServer.FreePorts();
            var health = Ports.Free();
            var cluster = Path.Combine(folder, "cluster.yaml");
            await File.WriteAllTextAsync(cluster, ClusterFile.Adapt(await File.ReadAllTextAsync(Repository.At("cluster.yaml")), ports)
                .Replace("data: data ", $"data: {folder}/var/data ", StringComparison.Ordinal).Replace("  metrics:", $"  health: {{ address: 0.0.0.0, port: {health} }}\n  metrics:", StringComparison.Ordinal));
            using var systemd = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
            systemd.Bind(new UnixDomainSocketEndPoint(Path.Combine(folder, "notify")));
            await Prepare(folder);

            var environment = new Dictionary<string, string>(Environments()) { ["NOTIFY_SOCKET"] = Path.Combine(folder, "notify"), ["WATCHDOG_USEC"] = "200000" };
            await using var process = Start(folder, Instruction("ENTRYPOINT").Concat(Instruction("CMD")), cluster, environment);
            Assert.Equal("READY=1", await Notice(systemd, process, but: "WATCHDOG=1"));
            Assert.Equal("WATCHDOG=1", await Notice(systemd, process));
            await using var check = Start(folder, Instruction("HEALTHCHECK"), cluster, new Dictionary<string, string>());
            Assert.True(await check.WaitForExit(Eventually.Limit) == 0, check.Output);
            Assert.Equal("ready", check.Output);
            await A_page_of_the_dashboard_is_whole(ports.Dashboard);
            process.Terminate();
            Assert.Equal("STOPPING=1", await Notice(systemd, process, but: "WATCHDOG=1"));
            Assert.Equal(0, await process.WaitForExit(Eventually.Limit));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task A_page_of_the_dashboard_is_whole(int port)
    {
        using var handler = new HttpClientHandler { ServerCertificateCustomValidationCallback = (_, _, _, _) => true };
        using var http = new HttpClient(handler) { BaseAddress = new Uri($"https://127.0.0.1:{port}") };
        var page = await http.GetStringAsync("/signin");
        var assets = Asset().Matches(page).Select(asset => asset.Groups[1].Value).ToList();
        Assert.NotEmpty(assets);
        foreach (var asset in assets) Assert.NotEqual("", await http.GetStringAsync(asset));
    }

    /// <summary>By the command of the container file, but for building again what this test run is built from.</summary>
    private static async Task Publish(string folder)
    {
        var command = Line("RUN dotnet publish ");
        Assert.Contains(" -c Release --no-restore -o /out", command, StringComparison.Ordinal);
        var arguments = command.Replace("-c Release", "-c " + IvrServer.Configuration, StringComparison.Ordinal).Replace("/out", Path.Combine(folder, "ivr"), StringComparison.Ordinal).Split(' ');
        await using var publish = new ChildProcess("dotnet", [.. arguments.Skip(2), "--no-build"], Repository.Root);
        Assert.True(await publish.WaitForExit(TimeSpan.FromMinutes(2)) == 0, publish.Output);
        Assert.StartsWith("RUN ln -s Silo /out/ivr ", Line("RUN ln "), StringComparison.Ordinal);
        File.CreateSymbolicLink(Path.Combine(folder, "ivr", "ivr"), "Silo");
    }

    /// <summary>What it may write is its own; the rest belongs to root, where this test is root.</summary>
    private static async Task Prepare(string folder)
    {
        Directory.CreateDirectory(Path.Combine(folder, "var"));
        if (!IsRoot) return;
        await using var own = new ChildProcess("sh", ["-c", $"chmod 755 . && chmod 666 notify && chown {NotRoot}:{NotRoot} var"], folder);
        Assert.True(await own.WaitForExit(Eventually.Limit) == 0, own.Output);
    }

    private static ChildProcess Start(string folder, IEnumerable<string> command, string cluster, Dictionary<string, string> environment)
    {
        var line = command.Select(word => word.Replace("/opt/ivr", Path.Combine(folder, "ivr"), StringComparison.Ordinal).Replace("/etc/ivr/cluster.yaml", cluster, StringComparison.Ordinal)).ToArray();
        if (IsRoot) line = ["setpriv", $"--reuid={NotRoot}", $"--regid={NotRoot}", "--clear-groups", "--bounding-set=-all", "--no-new-privs", .. line];
        return new ChildProcess(line[0], line[1..], Path.Combine(folder, "var"), environment);
    }

    private static bool IsRoot => Environment.UserName == "root";

    private static async Task<string> Notice(Socket systemd, ChildProcess process, string but = "")
    {
        var buffer = new byte[256];
        using var limit = new CancellationTokenSource(Eventually.Limit);
        try
        {
            while (true)
            {
                var length = await systemd.ReceiveAsync(buffer, limit.Token);
                var notice = Encoding.UTF8.GetString(buffer, 0, length);
                if (notice != but) return notice;
            }
        }
        catch (OperationCanceledException)
        {
            throw new TimeoutException("systemd was told nothing:\n" + process.Tail());
        }
    }

    private static string Line(string start) => s_containerFile.Split('\n').Last(line => line.StartsWith(start, StringComparison.Ordinal));

    private static string[] Instruction(string name) => [.. Words().Matches(Line(name)[(Line(name).IndexOf('[', StringComparison.Ordinal))..]).Select(word => word.Groups[1].Value)];

    private static IEnumerable<KeyValuePair<string, string>> Environments() =>
        s_containerFile.Split('\n').Where(line => line.StartsWith("ENV ", StringComparison.Ordinal)).Select(line => line[4..].Split('=')).Select(pair => KeyValuePair.Create(pair[0], pair[1]));

    [GeneratedRegex("\"([^\"]+)\"")]
    private static partial Regex Words();

    [GeneratedRegex("(?:href|src)=\"(/[^\"]+\\.(?:css|js)[^\"]*)\"")]
    private static partial Regex Asset();
}
