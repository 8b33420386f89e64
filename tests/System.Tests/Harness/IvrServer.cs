using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;

namespace IvrActors.SystemTests.Harness;

/// <summary>The real server as a process of its own: own ports, own keys, own folder unless it is a node of an <see cref="IvrCluster"/>. Restartable on the same data.</summary>
internal sealed partial class IvrServer : IAsyncDisposable
{
    /// <summary>Servers of this run, which are up at the same time, have media ports of their own; those of another run on this machine begin elsewhere.</summary>
    private static int s_servers = Random.Shared.Next(45);

    private readonly string _clusterFile;
    private readonly string? _node;
    private readonly ClusterPorts _ports;
    private readonly List<string> _outputs = [];
    private ChildProcess? _process;

    /// <param name="node">Of a cluster of several, whose folder this is; null: it is alone.</param>
    public IvrServer(string folder, string clusterFile, ClusterPorts ports, string? node = null) => (Folder, _clusterFile, _ports, _node) = (folder, clusterFile, ports, node);

    public string Folder { get; }

    public string Data => Path.Combine(Folder, "data");

    /// <summary>Of UDP and TCP.</summary>
    public int SipPort => _ports.Sip;

    public int TlsPort => _ports.Tls;

    /// <summary>Of RTP and RTCP.</summary>
    public (int First, int Last) MediaPorts => (_ports.Media, _ports.LastMedia);

    /// <summary>Where WebSockets are taken, in clear and over TLS.</summary>
    public Uri Ws => new($"ws://127.0.0.1:{_ports.Ws}/sip");

    public Uri Wss => new($"wss://127.0.0.1:{_ports.Wss}/sip");

    /// <summary>Where operators sign in.</summary>
    public Uri Dashboard => new($"https://127.0.0.1:{_ports.Dashboard}");

    public int ProcessId => _process!.Id;

    public bool HasEnded => _process is null || _process.HasExited;

    /// <summary>Sends a signal to the process that runs now.</summary>
    public Task Signal(string name) => _process!.Signal(name);

    /// <summary>Standard output and error of every start so far.</summary>
    public string Output => string.Join('\n', [.. _outputs, _process?.Output ?? ""]);


    /// <summary>Writes a development cluster into a new folder: the repository's own <c>cluster.yaml</c> with other ports, and a lock long enough to outlive a restart.</summary>
    /// <param name="change">Further changes to the text of <c>cluster.yaml</c>; gets the folder, too.</param>
    public static IvrServer Create(string name, Func<string, string, string>? change = null)
    {
        var folder = Directory.CreateTempSubdirectory("ivr-" + name + "-").FullName;
        var ports = FreePorts();
        var yaml = ClusterFile.Adapt(File.ReadAllText(Repository.At("cluster.yaml")), ports);
        if (change is not null) yaml = change(yaml, folder);
        var file = Path.Combine(folder, "cluster.yaml");
        File.WriteAllText(file, yaml);
        return new IvrServer(folder, file, ports);
    }

    public static ClusterPorts FreePorts() => new(
        Ports.Free(), Ports.Free(), Ports.Free(), Ports.Free(), Ports.Free(), Ports.Free(), Ports.Free(), Ports.Free(),
        Media: 20000 + (Interlocked.Increment(ref s_servers) % 45 * ClusterPorts.UsualMediaCount)); // Below where Linphone's media ports are.

    public async Task Start(string logLevel = "information", IReadOnlyDictionary<string, string>? environment = null)
    {
        _process = Launch(logLevel, environment);
        await Eventually.Holds(IsReady, "the server is ready", () => _process.Tail());
    }

    /// <summary>Starts it where it is to be refused, and gives what it said.</summary>
    public async Task<string> IsRefused(IReadOnlyDictionary<string, string>? environment = null)
    {
        await using var process = Launch("information", environment);
        Assert.NotEqual(0, await process.WaitForExit(Eventually.Limit));
        return process.Output;
    }

    /// <summary>Stops as an init system does, and waits for the end.</summary>
    public async Task Stop()
    {
        if (_process is null) return;
        _process.Terminate();
        await WaitForExit();
    }

    /// <summary>Ends it as a power cut does: nothing of it runs any more.</summary>
    public Task Kill()
    {
        _process!.Kill();
        return WaitForExit();
    }

    /// <summary>Until it ended, by itself where nobody else ends it. Its exit code.</summary>
    public async Task<int> WaitForExit()
    {
        var exit = await _process!.WaitForExit(Eventually.Limit);
        _outputs.Add(_process.Output);
        await _process.DisposeAsync();
        _process = null;
        return exit;
    }

    /// <summary>Runs an <c>ivr</c> verb on this cluster and gives its output; fails the test when it fails.</summary>
    public async Task<string> Ivr(IEnumerable<string> verb, string input = "", int expectedExit = 0)
    {
        await using var process = new ChildProcess("dotnet", [Silo, .. verb, "--cluster", _clusterFile], Folder);
        await process.Input.WriteAsync(input);
        process.Input.Close();
        var exit = await process.WaitForExit(Eventually.Limit);
        Assert.True(exit == expectedExit, $"ivr {string.Join(' ', verb)} ended with {exit}:\n{process.Output}\n--- server:\n{_process?.Tail()}");
        return process.Output;
    }

    /// <summary>Begins an <c>ivr</c> verb that goes on beside the server.</summary>
    public ChildProcess Begin(IEnumerable<string> verb) => new("dotnet", [Silo, .. verb, "--cluster", _clusterFile], Folder);

    public Task Enrol(TestCaller caller, string balance) => Ivr(["caller", "add"], caller.ToJson(balance) + "\n");

    public async Task<string> Metrics()
    {
        using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(10) };
        return await http.GetStringAsync(new Uri($"http://127.0.0.1:{_ports.Metrics}/metrics"));
    }

    /// <summary>Sum of a metric over all of its label sets that contain <paramref name="labels"/>.</summary>
    public async Task<double> Metric(string name, string labels = "")
    {
        var sum = 0.0;
        foreach (Match line in MetricLine().Matches(await Metrics()))
            if (line.Groups[1].Value == name && line.Groups[2].Value.Contains(labels, StringComparison.Ordinal))
                sum += double.Parse(line.Groups[3].Value, CultureInfo.InvariantCulture);
        return sum;
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is not null) await _process.DisposeAsync();
        if (_node is null && Directory.Exists(Folder)) Directory.Delete(Folder, recursive: true);
    }

    private ChildProcess Launch(string logLevel, IReadOnlyDictionary<string, string>? environment) =>
        new("dotnet", [Silo, "run", "--cluster", _clusterFile, "--log-level", logLevel, .. _node is null ? (string[])[] : ["--node", _node]], Folder, environment);

    private async Task<bool> IsReady()
    {
        if (_process!.HasExited) Assert.Fail("the server ended at start:\n" + _process.Tail());
        try
        {
            using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(5) };
            using var answer = await http.GetAsync(new Uri($"http://127.0.0.1:{_ports.Metrics}/health/ready"));
            return answer.IsSuccessStatusCode;
        }
        catch (Exception failure) when (failure is HttpRequestException or TaskCanceledException)
        {
            return false;
        }
    }

#if DEBUG
    public const string Configuration = "Debug";
#else
    public const string Configuration = "Release";
#endif

    private static string Silo => Repository.At("Silo", "bin", Configuration, "net10.0", "Silo.dll");

    [GeneratedRegex(@"^([a-z_0-9]+)(\{[^}]*\})? ([0-9eE+.\-]+)$", RegexOptions.Multiline)]
    private static partial Regex MetricLine();
}
