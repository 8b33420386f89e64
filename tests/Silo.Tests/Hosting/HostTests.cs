using System.Text.RegularExpressions;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Edges;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Grains.Interfaces.Privacy;
using IvrActors.Grains.Interfaces.Recordings;
using IvrActors.Silo.Cluster;
using IvrActors.Silo.Commands;
using IvrActors.Silo.Hosting;
using IvrActors.Silo.Security;
using IvrActors.Silo.Storage;
using IvrActors.Silo.Tests.Cluster;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Xunit;

namespace IvrActors.Silo.Tests.Hosting;

public sealed partial class HostTests : IDisposable
{
    private readonly TestFolder _folder = new();
    private readonly string _clusterFile;
    private readonly ClusterFile _cluster;

    public HostTests()
    {
        _clusterFile = Path.Combine(_folder, "cluster.yaml");
        File.WriteAllText(_clusterFile, Yaml());
        var (cluster, errors) = ClusterFileReader.Read(_clusterFile);
        Assert.Empty(errors);
        _cluster = cluster!;
        TestKeys.CopyTo(_cluster.DataFolder, _cluster.Service);
    }

    /// <summary>The committed cluster with ports of its own.</summary>
    internal static string Yaml()
    {
        var root = ClusterFileTests.Root();
        var text = File.ReadAllText(Path.Combine(root, "cluster.yaml"))
            .Replace("flows: flows ", $"flows: {root}/flows ", StringComparison.Ordinal)
            .Replace("prompts: flows/prompts", $"prompts: {root}/flows/prompts", StringComparison.Ordinal)
            .Replace("  metrics:", "  health: { address: 127.0.0.1, port: 9465 }\n  metrics:", StringComparison.Ordinal);
        text = PortNumber().Replace(text, match => match.Groups[1].Value + TestSilo.FreePort());
        return text.Replace("first: 20000, last: 29999", "first: 36000, last: 36099", StringComparison.Ordinal);
    }

    private string DatabaseFile => ((SqliteSettings)_cluster.Storage).File;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_cluster_starts_is_observed_is_administered_and_starts_again_on_its_data()
    {
        string[] accounts;
        await using (var process = await Started())
        {
            Assert.NotNull(process.Opening!.FirstInvitation);
            accounts = [.. process.Opening!.DemoCallers.Select(c => c.Account)];
            Assert.Equal(3, accounts.Distinct().Count());
            await It_is_observed();
            await It_hears_of_media(process);
            await It_is_administered(process.Opening!.DemoCallers[0]);
            await Its_keys_are_rotated(process);
            await A_second_process_on_the_same_data_changes_nothing();
            await process.Stop();
        }
        await using (var again = await Started())
        {
            Assert.Equal(0, CallRows());
            Assert.Equal(accounts, again.Opening!.DemoCallers.Select(c => c.Account));
            await again.Stop();
        }
        Nothing_personal_stands_in_clear(accounts);
        var (exit, output, error) = await Ivr("", "audit", "verify");
        Assert.Equal("", error);
        Assert.Equal(ExitCode.Done, exit);
        Assert.Matches("(?m)^demo: [1-9][0-9]* records, the chain holds", output);
    }

    [Fact]
    public async Task A_flow_with_a_mistake_keeps_the_cluster_from_opening_and_is_named()
    {
        var flows = Directory.CreateDirectory(Path.Combine(_folder, "flows")).FullName;
        await File.WriteAllTextAsync(Path.Combine(flows, "bank.yaml"), "flow: bank\nlanguage: en\nstart: nowhere\nsteps:\n  a: { play: [welcome], hang_up: true }\n", TestContext.Current.CancellationToken);
        var text = Regex.Replace(await File.ReadAllTextAsync(_clusterFile, TestContext.Current.CancellationToken), "(?m)^flows: [^ ]+", "flows: flows");
        await File.WriteAllTextAsync(_clusterFile, text, TestContext.Current.CancellationToken);
        var (exit, output, error) = await Ivr("", "run");
        Assert.Equal(ExitCode.Unusable, exit);
        Assert.Contains("bank.yaml:3:", error, StringComparison.Ordinal);
        Assert.Empty(output);
    }

    [Fact]
    public async Task The_web_server_logs_no_form_and_no_link_at_any_level()
    {
        await using var process = IvrProcess.Create(_cluster, LogLevel.Trace);
        var loggers = process.Services.GetRequiredService<ILoggerFactory>();
        Assert.True(loggers.CreateLogger("Orleans.Runtime").IsEnabled(LogLevel.Trace));
        // Prints the arguments of page handlers, and the address with its query.
        Assert.False(loggers.CreateLogger("Microsoft.AspNetCore.Mvc.RazorPages.Infrastructure.PageActionInvoker").IsEnabled(LogLevel.Information));
        Assert.False(loggers.CreateLogger("Microsoft.AspNetCore.Hosting.Diagnostics").IsEnabled(LogLevel.Information));
    }

    [Fact]
    public async Task Without_a_silo_the_command_line_says_so()
    {
        ClusterVaultOf(_cluster);
        var (exit, _, error) = await Ivr("", "lockout", "list");
        Assert.Equal(ExitCode.Unreachable, exit);
        Assert.Contains("Is the cluster running?", error, StringComparison.Ordinal);
        Assert.Equal((ExitCode.Unreachable, "", $"Nothing answers on {_cluster.Listeners.Health}. Does node 'node-1' run on this machine?"), Trimmed(await Ivr("", "health")));
    }

    private static void ClusterVaultOf(ClusterFile cluster) => Silo.Storage.ClusterVault.OpenOrCreate(cluster, DateTimeOffset.UtcNow).Dispose();

    private async Task<IvrProcess> Started()
    {
        var process = IvrProcess.Create(_cluster, LogLevel.Error);
        await process.Start();
        Assert.Empty(process.Opening!.FlowErrors);
        return process;
    }

    private async Task Its_keys_are_rotated(IvrProcess process)
    {
        var ring = process.Services.GetRequiredService<KeyRing>();
        var before = ring.Live.Current.KeyId;
        var (exit, output, error) = await Ivr("", "keys", "rotate");
        Assert.Equal((ExitCode.Done, ""), (exit, error));
        await Eventually(() => Task.FromResult(output.Contains($"key {ring.Live.Current.KeyId:D} is current", StringComparison.Ordinal)));
        (_, output, _) = await Ivr("", "audit", "export");
        Assert.Contains($"\"action\":\"keys.rotated\",\"result\":\"Success\",\"origin\":\"terminal\",\"object\":\"{before:D}\"", output, StringComparison.Ordinal);
    }

    private async Task A_second_process_on_the_same_data_changes_nothing()
    {
        TestSilo.SqlOn(DatabaseFile, "INSERT INTO grain_state VALUES ('call', 'call-left', 1, x'00')");
        await using var second = IvrProcess.Create(_cluster, LogLevel.Critical);
        await Assert.ThrowsAnyAsync<Exception>(second.Start);
        Assert.Equal(1, CallRows());
    }

    private long CallRows()
    {
        using var database = new SqliteDatabase(DatabaseFile);
        using var connection = database.OpenReader();
        using var command = connection.CreateCommand();
        command.CommandText = "SELECT count(*) FROM grain_state WHERE state = 'call'";
        return (long)command.ExecuteScalar()!;
    }

    /// <summary>A client may publish nothing to a stream; the edge's grain does, and the grain that listens is reached, with all of the filters in place.</summary>
    private static async Task It_hears_of_media(IvrProcess process)
    {
        var grains = process.Services.GetRequiredService<IGrainFactory>();
        var tokens = process.Services.GetRequiredService<IRoleTokens>();
        var key = IMediaLaneGrain.Key("elsewhere");
        var batch = new MediaEventBatch
        {
            At = DateTimeOffset.UtcNow,
            Events = [new MediaEvent { Call = new CallId("call-x"), Kind = MediaEventKind.Quality, AgoMs = 0, Quality = new MediaQuality { Mos = 3 } }],
        };
        await Eventually(async () =>
        {
            RequestContext.Set(RoleToken.ContextKey, tokens.Issue("elsewhere", Roles.Edge));
            await grains.GetGrain<IMediaLaneGrain>(key).Publish(batch);
            RequestContext.Set(RoleToken.ContextKey, tokens.Issue("vic", Roles.Viewer));
            return await grains.GetGrain<IMediaQualityGrain>(key).GetView() is { Calls: 1, Poor: 1, Mos: 3 };
        });
        // So is the one that looks at the times of keys, and it reaches the one that attempts ask.
        var keys = new MediaEventBatch { At = DateTimeOffset.UtcNow, Events = [.. Enumerable.Range(0, 8).Select(i => new MediaEvent { Call = new CallId("call-y"), Kind = MediaEventKind.Key, AgoMs = 1600 - 200 * i })] };
        RequestContext.Set(RoleToken.ContextKey, tokens.Issue("elsewhere", Roles.Edge));
        await grains.GetGrain<IMediaLaneGrain>(key).Publish(keys);
        RequestContext.Set(RoleToken.ContextKey, process.Services.GetRequiredService<RoleTokens>().IssueSystem());
        async Task<bool> IsSuspect(string call) => (await Task.WhenAll(Enumerable.Range(0, 64).Select(shard => grains.GetGrain<IRiskCallGrain>(IRiskCallGrain.Key(shard)).IsSuspect(new CallId(call))))).Any(found => found);
        await Eventually(() => IsSuspect("call-y"));
        Assert.False(await IsSuspect("call-x"));
        // Every edge has a token that the permission covers: the name in it must be the one that is spoken for.
        RequestContext.Set(RoleToken.ContextKey, tokens.Issue("another", Roles.Edge));
        await Assert.ThrowsAsync<UnauthorizedAccessException>(() => grains.GetGrain<IMediaLaneGrain>(key).Publish(batch));
        var begin = new RecordingBegin { Edge = "elsewhere", Key = new SealedSecret { KeyId = "", EphemeralPublicKey = [], Ciphertext = [] } };
        await Assert.ThrowsAsync<UnauthorizedAccessException>(() => grains.GetGrain<IRecordingGrain>("rec-x-1").Begin(begin));
        RequestContext.Clear();
    }

    private async Task It_is_observed()
    {
        using var http = new HttpClient { BaseAddress = new Uri($"http://{_cluster.Listeners.Metrics}") };
        var cancellation = TestContext.Current.CancellationToken;
        Assert.Equal("live\n", await http.GetStringAsync("/health/live", cancellation));
        await Eventually(async () => (await http.GetAsync("/health/ready", cancellation)).IsSuccessStatusCode);
        var metrics = await http.GetStringAsync("/metrics", cancellation);
        Assert.Contains("ivr_build_info{", metrics, StringComparison.Ordinal);
        Assert.Contains("ivr_storage_seconds_count{", metrics, StringComparison.Ordinal);
        Assert.Contains("ivr_encryption_seconds_count{", metrics, StringComparison.Ordinal);
        Assert.Contains("orleans", metrics, StringComparison.Ordinal);
        Assert.Equal(System.Net.HttpStatusCode.NotFound, (await http.GetAsync("/", cancellation)).StatusCode);
        await Eventually(async () => (await http.GetStringAsync("/metrics", cancellation)).Contains("ivr_grain_activations{type=\"CallerGrain\"}", StringComparison.Ordinal));
        await The_dashboard_answers_nothing_of_it();
        await The_health_listener_says_whether_it_is_ready_and_nothing_else();
    }

    private async Task The_health_listener_says_whether_it_is_ready_and_nothing_else()
    {
        using var http = new HttpClient { BaseAddress = new Uri($"http://{_cluster.Listeners.Health}") };
        var cancellation = TestContext.Current.CancellationToken;
        Assert.Equal("ready\n", await http.GetStringAsync("/health/ready", cancellation));
        foreach (var path in new[] { "/metrics", "/", "/signin" }) Assert.Equal(System.Net.HttpStatusCode.NotFound, (await http.GetAsync(path, cancellation)).StatusCode);
        Assert.Equal((ExitCode.Done, "ready", ""), Trimmed(await Ivr("", "health")));
        Assert.Equal((ExitCode.Done, "live", ""), Trimmed(await Ivr("", "health", "--live")));
    }

    private async Task The_dashboard_answers_nothing_of_it()
    {
        using var handler = new HttpClientHandler { ServerCertificateCustomValidationCallback = (_, _, _, _) => true, AllowAutoRedirect = false };
        using var http = new HttpClient(handler) { BaseAddress = new Uri($"https://{_cluster.Listeners.Dashboard}") };
        using var request = new HttpRequestMessage(HttpMethod.Get, "/metrics");
        request.Headers.Host = _cluster.Listeners.Metrics.ToString();
        using var answer = await http.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.DoesNotContain("ivr_build_info", await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
        using var page = await http.GetAsync("/", TestContext.Current.CancellationToken);
        Assert.Contains("/signin", page.Headers.Location?.ToString() ?? "", StringComparison.Ordinal);
    }

    private async Task It_is_administered(DemoCaller demo)
    {
        var (exit, output, error) = await Ivr(
            """
            {"tenant":"demo","account":"77001122","number":"+12125550177","pin":"480261","totpSecret":"JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP","balance":"120.50","currency":"EUR","transactions":[{"date":"2026-11-02","amount":"-20.00"}]}
            {"tenant":"nobody","account":"77001123","pin":"480261"}
            {"tenant":"demo","account":"77001124","pin":"12"}
            {"tenant":"demo","account":"77001125","pin":"480261","pim":"1"}
            not json
            """, "caller", "add");
        Assert.Equal(ExitCode.Findings, exit);
        Assert.Equal("1 enrolled, 4 refused", output.Trim());
        Assert.Contains("line 2: ", error, StringComparison.Ordinal);
        Assert.Contains("line 5: not a caller in JSON", error, StringComparison.Ordinal);
        Assert.DoesNotContain("480261", error, StringComparison.Ordinal);
        await Rows_that_were_refused_are_mended_and_fed_again();
        await A_caller_is_bound_anew();

        Assert.Equal((ExitCode.Done, "", ""), await Ivr("", "lockout", "list"));
        Assert.Equal((ExitCode.Done, "", ""), await Ivr("", "risk", "list"));
        Assert.Equal(ExitCode.Findings, (await Ivr("", "risk", "lift", "demo", "number:n:1/TrustedTrunk", "--reason", "a call centre")).Exit);
        var link = await Ivr("", "operator", "invite", "viewer");
        Assert.StartsWith($"https://{_cluster.Listeners.Dashboard}/join?code=", link.Output, StringComparison.Ordinal);

        var code = await Ivr("", "demo", "code", demo.Account);
        Assert.Matches("^[0-9]{6}$", code.Output.Trim());
        Assert.Equal(ExitCode.Findings, (await Ivr("", "demo", "code", "00000000")).Exit);
    }

    private async Task Rows_that_were_refused_are_mended_and_fed_again()
    {
        // Outside of the data folder: both hold PINs.
        var (file, rejects) = (Path.Combine(_folder, "callers.csv"), Path.Combine(_folder, "rejects.csv"));
        await File.WriteAllTextAsync(file, "tenant,account,pin\ndemo,77001122,480261\ndemo,77001126,48\ndemo,77001127,480261\n", TestContext.Current.CancellationToken);
        var (exit, output, error) = await Ivr("", "caller", "add", file, "--rejects", rejects);
        Assert.Equal((ExitCode.Findings, "1 enrolled, 1 replaced, 1 refused"), (exit, output.Trim()));
        Assert.Equal("line 3: a PIN has 4 to 8 digits", error.Trim());
        Assert.Equal("tenant,account,pin\ndemo,77001126,48\n", (await File.ReadAllTextAsync(rejects, TestContext.Current.CancellationToken)).ReplaceLineEndings("\n"));
        if (!OperatingSystem.IsWindows()) Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(rejects));
        Assert.Equal(ExitCode.Usage, (await Ivr("", "caller", "add", file, "--rejects", rejects)).Exit);

        await File.WriteAllTextAsync(file, (await File.ReadAllTextAsync(rejects, TestContext.Current.CancellationToken)).Replace(",48", ",480261", StringComparison.Ordinal) + "demo,77001127,480262\n", TestContext.Current.CancellationToken);
        Assert.Equal((ExitCode.Done, "1 enrolled, 1 left as they were, 0 refused", ""), Trimmed(await Ivr("", "caller", "add", file, "--only-new")));
    }

    private async Task A_caller_is_bound_anew()
    {
        var made = await Ivr("", "caller", "recovery-codes", "--tenant", "demo", "--account", "77001127");
        Assert.Equal(ExitCode.Done, made.Exit);
        Assert.Equal(10, made.Output.Trim().Split('\n').Count(line => line.Trim().Length == 10));
        Assert.Equal((ExitCode.Done, "bound anew", ""), Trimmed(await Ivr("739482\n", "caller", "rebind", "--tenant", "demo", "--account", "77001127", "--pin", "--lost", "recovery_code")));
        Assert.Equal((ExitCode.Findings, "", "no such caller"), Trimmed(await Ivr("", "caller", "rebind", "--tenant", "demo", "--account", "99999999", "--lost", "totp")));
        Assert.Equal((ExitCode.Findings, "", "no such tenant"), Trimmed(await Ivr("", "caller", "recovery-codes", "--tenant", "nobody", "--account", "77001127")));
        Assert.Equal((ExitCode.Usage, "", "Nothing is to be bound anew: see --help."), Trimmed(await Ivr("", "caller", "rebind", "--tenant", "demo", "--account", "77001127")));
    }

    private static (int, string, string) Trimmed((int Exit, string Output, string Error) answer) => (answer.Exit, answer.Output.Trim(), answer.Error.Trim());

    private void Nothing_personal_stands_in_clear(IEnumerable<string> accounts)
    {
        string[] known = [.. accounts, "77001122", "12125550177", "480261", "JBSWY3DPEHPK3PXP"];
        foreach (var file in Directory.EnumerateFiles(_cluster.DataFolder, "*", SearchOption.AllDirectories))
        {
            var bytes = File.ReadAllBytes(file);
            Assert.All(known, text => Assert.True(bytes.AsSpan().IndexOf(System.Text.Encoding.ASCII.GetBytes(text)) < 0, file));
        }
    }

    private async Task<(int Exit, string Output, string Error)> Ivr(string input, params string[] arguments)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        return (await CommandLine.Run([.. arguments, "--cluster", _clusterFile], new StringReader(input), output, error), output.ToString(), error.ToString());
    }

    private static async Task Eventually(Func<Task<bool>> condition)
    {
        var until = DateTime.UtcNow.AddSeconds(30);
        while (!await condition())
        {
            Assert.True(DateTime.UtcNow < until, "the condition did not come true in 30 s");
            await Task.Delay(50);
        }
    }

    [GeneratedRegex("((?:udp|tcp|tls|wss|port): )[0-9]+")]
    private static partial Regex PortNumber();
}
