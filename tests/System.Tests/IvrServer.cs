using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace IvrActors.SystemTests;

/// <summary>An enrolled caller, as <c>ivr caller add</c> reads it.</summary>
internal sealed record TestCaller(string Account, string Number, string Pin, string TotpSecret, string Balance, string Currency)
{
    public string ToJson() => JsonSerializer.Serialize(new { Tenant = "demo", Account, Number, Pin, TotpSecret, Balance, Currency }, JsonSerializerOptions.Web);

    /// <summary>The one-time code of this time.</summary>
    public string CodeAt(DateTime utc) => new OtpNet.Totp(OtpNet.Base32Encoding.ToBytes(TotpSecret)).ComputeTotp(utc);
}

/// <summary>
/// The built server as a process of its own, with a folder and ports of its own: what a person starts by <c>dotnet run --project Silo</c>.
/// Everything that it prints, at the most verbose level, is kept in <see cref="Log"/>.
/// </summary>
internal sealed class IvrServer : IAsyncDisposable
{
    // The machine can stall for seconds, and several processes may start at once.
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(90);
    private static int s_mediaBlock = Environment.ProcessId % 40;

    private readonly StringBuilder _log = new();
    private readonly HttpClient _http = new();
    private Process? _process;

    private IvrServer()
    {
        Folder = Directory.CreateTempSubdirectory("ivr-").FullName;
        Media = 16000 + 100 * (Interlocked.Increment(ref s_mediaBlock) % 60);
        var ports = FreePorts(6);
        (Udp, Tls, Dashboard, Metrics) = (ports[0], ports[1], ports[2], ports[3]);
        File.WriteAllText(ClusterFile, $$"""
            cluster: test
            service: test
            development: true
            data: {{Data}}
            flows: {{Repository.PathOf("flows")}}
            prompts: {{Repository.PathOf("flows/prompts")}}
            log: trace
            storage: { kind: sqlite, file: ivr.db }
            nodes:
              - { name: node-1, roles: [silo, edge, dashboard] }
            listeners:
              sip: { address: 127.0.0.1, udp: {{Udp}}, tcp: {{Udp}}, tls: {{Tls}} }
              media: { first: {{Media}}, last: {{Media + 99}} }
              dashboard: { address: 127.0.0.1, port: {{Dashboard}} }
              metrics: { address: 127.0.0.1, port: {{Metrics}} }
              silo: { address: 127.0.0.1, port: {{ports[4]}} }
              gateway: { address: 127.0.0.1, port: {{ports[5]}} }
            limits:
              sip_messages_per_source: { count: 2000, period: 1s, burst: 4000 }
              calls_per_trunk: { count: 100, period: 1s, burst: 200 }
              calls_per_caller: { count: 100, period: 1m, burst: 100 }
              calls_at_once: 100
            lockout: { failures: 3, first: 1h, longest: 1h, disable: 100 }
            pins: { argon2_memory_kib: 19456, argon2_passes: 2, check_floor: 100ms }
            tenants:
              - name: demo
                numbers: { bank: bank }
                transfer_targets: { agent: "sip:agent@127.0.0.1:{{Udp}}" }
                trunks:
                  - { name: loopback, from: [127.0.0.0/8], srtp: preferred, trusts_caller_identity: true }
            """);
    }

    public string Folder { get; }

    public string Data => Path.Combine(Folder, "data");

    public string ClusterFile => Path.Combine(Folder, "cluster.yaml");

    public int Udp { get; }
    public int Tls { get; }
    public int Dashboard { get; }
    public int Metrics { get; }
    public int Media { get; }

    /// <summary>All that the process printed so far, over all its starts.</summary>
    public string Log
    {
        get
        {
            lock (_log) return _log.ToString();
        }
    }

    public static async Task<IvrServer> StartNew()
    {
        var server = new IvrServer();
        try
        {
            await server.Start();
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts the process and waits until it takes calls.</summary>
    public async Task Start()
    {
        var start = Ivr("run", "--cluster", ClusterFile, "--log-level", "trace");
        _process = Process.Start(start) ?? throw new InvalidOperationException("the server did not start");
        _process.OutputDataReceived += (_, line) => Keep(line.Data);
        _process.ErrorDataReceived += (_, line) => Keep(line.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        _process.StandardInput.Close();
        for (var until = Stopwatch.StartNew(); until.Elapsed < s_limit; await Task.Delay(100))
        {
            if (_process.HasExited) break;
            if (await IsReady()) return;
        }
        Assert.Fail($"the server did not become ready:\n{Tail()}");
    }

    /// <summary>Asks the process to end, as a service manager does, and waits for it.</summary>
    public async Task Stop()
    {
        if (_process is not { HasExited: false } process) return;
        using (var kill = Process.Start("kill", ["-TERM", process.Id.ToString(CultureInfo.InvariantCulture)])) await kill.WaitForExitAsync();
        await Ended(process);
    }

    /// <summary>Ends the process without a word to it, as a power cut does.</summary>
    public async Task Kill()
    {
        if (_process is not { HasExited: false } process) return;
        process.Kill();
        await Ended(process);
    }

    /// <summary>Runs one of the <c>ivr</c> verbs on this server's cluster.</summary>
    public async Task<(int ExitCode, string Output)> Run(string input, params string[] arguments)
    {
        using var process = Process.Start(Ivr([.. arguments, "--cluster", ClusterFile]))!;
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        await process.StandardInput.WriteAsync(input);
        process.StandardInput.Close();
        using var limit = new CancellationTokenSource(s_limit);
        try
        {
            await process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            Assert.Fail($"ivr {string.Join(' ', arguments)} did not end within {s_limit.TotalSeconds} s");
        }
        return (process.ExitCode, await output + await errors);
    }

    public async Task Enrol(params TestCaller[] callers)
    {
        var (code, output) = await Run(string.Concat(callers.Select(c => c.ToJson() + "\n")), "caller", "add");

        Assert.True(code == 0, output);
    }

    /// <summary>What <c>/metrics</c> says now.</summary>
    public Task<string> Scrape() => _http.GetStringAsync(new Uri($"http://127.0.0.1:{Metrics}/metrics"));

    /// <summary>The sum of a metric over the series whose labels contain all of <paramref name="labels"/> (<c>name="value"</c>).</summary>
    public async Task<double> Metric(string name, params string[] labels) =>
        (await Scrape()).Split('\n')
            .Where(line => (line.StartsWith(name + "{", StringComparison.Ordinal) || line.StartsWith(name + " ", StringComparison.Ordinal)) && labels.All(l => line.Contains(l, StringComparison.Ordinal)))
            .Sum(line => double.Parse(line[(line.LastIndexOf(' ') + 1)..], CultureInfo.InvariantCulture));

    /// <summary>Waits for a condition on this server; what is waited for goes into the failure.</summary>
    public async Task Until(string what, Func<Task<bool>> holds)
    {
        for (var until = Stopwatch.StartNew(); until.Elapsed < TimeSpan.FromSeconds(30); await Task.Delay(50))
            if (await holds()) return;
        Assert.Fail($"not within 30 s: {what}\n{Tail()}");
    }

    public string Tail() => string.Join('\n', Log.Split('\n').TakeLast(60));

    public async ValueTask DisposeAsync()
    {
        await Kill();
        _process?.Dispose();
        _http.Dispose();
        Directory.Delete(Folder, recursive: true);
    }

    private async Task<bool> IsReady()
    {
        try
        {
            using var response = await _http.GetAsync(new Uri($"http://127.0.0.1:{Metrics}/health/ready"));
            return response.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    private static async Task Ended(Process process)
    {
        using var limit = new CancellationTokenSource(s_limit);
        await process.WaitForExitAsync(limit.Token);
    }

    private void Keep(string? line)
    {
        lock (_log) _log.Append(line).Append('\n');
    }

    private static ProcessStartInfo Ivr(params string[] arguments) => new("dotnet", [Repository.Silo, .. arguments])
    {
        RedirectStandardInput = true,
        RedirectStandardOutput = true,
        RedirectStandardError = true,
        WorkingDirectory = Repository.Root,
    };

    /// <summary>Ports that nothing uses for TCP or UDP at this moment.</summary>
    public static int[] FreePorts(int count)
    {
        var taken = new List<(TcpListener Tcp, Socket Udp)>();
        try
        {
            while (taken.Count < count)
            {
                var tcp = new TcpListener(IPAddress.Loopback, 0);
                tcp.Start();
                var udp = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
                try
                {
                    udp.Bind(tcp.LocalEndpoint);
                    taken.Add((tcp, udp));
                }
                catch (SocketException)
                {
                    tcp.Dispose();
                    udp.Dispose();
                }
            }
            return [.. taken.Select(t => ((IPEndPoint)t.Tcp.LocalEndpoint).Port)];
        }
        finally
        {
            foreach (var (tcp, udp) in taken)
            {
                tcp.Dispose();
                udp.Dispose();
            }
        }
    }
}
