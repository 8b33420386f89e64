using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using IvrActors.Grains.Callers;
using IvrActors.Grains.Interfaces;
using IvrActors.Grains.Interfaces.Audit;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Grains.Interfaces.Privacy;
using IvrActors.Silo.Cluster;
using IvrActors.Silo.Hosting;
using IvrActors.Silo.Security;
using IvrActors.Silo.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans.Configuration;
using Orleans.Runtime;

namespace IvrActors.Bench;

/// <summary>
/// Guesses PINs on a silo of its own: a process with encrypted SQLite storage and the audit ledger. A thousand numbers spray twenty PINs over ten thousand accounts; then each owner calls with attestation A. The attempts go to the caller grains as calls
/// make them, without telephony and without admission, so attackers that are blocked go on. Argon2id is lowered to 64 KiB and one pass: at its real cost 200 attempts/s take six cores.
/// Settings by environment: ATTACK_ACCOUNTS, ATTACK_ORIGINS, ATTACK_RATE, ATTACK_SECONDS.
/// </summary>
public static class AttackBench
{
    private const string Tenant = "demo", Trunk = "carrier";
    private const int AtOnce = 64, FirstPort = 25900;

    private static readonly string[] s_sprayed = [.. Enumerable.Range(0, 40).Select(n => (4826 + 131 * n).ToString(CultureInfo.InvariantCulture)).Where(pin => !WeakPins.Contains(Encoding.ASCII.GetBytes(pin))).Take(20)];

    public static int Run() => RunAsync().GetAwaiter().GetResult();

    private static async Task<int> RunAsync()
    {
        var (accounts, origins, rate, seconds) = (Setting("ACCOUNTS", 10_000), Setting("ORIGINS", 1000), Setting("RATE", 200), Setting("SECONDS", 60));
        var folder = Directory.CreateTempSubdirectory("ivr-attack-").FullName;
        var file = Path.Combine(folder, "cluster.yaml");
        await File.WriteAllTextAsync(file, ClusterText(folder));
        var (cluster, errors) = ClusterFileReader.Read(file);
        if (cluster is null) throw new InvalidOperationException(string.Join('\n', errors));
        using var silo = StartSilo(file);
        try
        {
            await UntilReady(silo);
            using var vault = ClusterVault.OpenExisting(cluster, DateTimeOffset.UtcNow);
            using var client = await Connect(cluster);
            var world = new World(client.Services.GetRequiredService<IClusterClient>(), vault.Keys);

            var started = Stopwatch.StartNew();
            await Each(accounts, world.Enrol);
            Console.WriteLine($"enrolled {accounts} accounts in {started.Elapsed.TotalSeconds:0} s; {origins} numbers spray {s_sprayed.Length} PINs at {rate} attempts/s for {seconds} s");

            var began = DateTimeOffset.UtcNow;
            var attack = await world.Attack(accounts, origins, rate, seconds);
            var lasted = DateTimeOffset.UtcNow - began;
            Console.WriteLine($"attempts: {attack.Outcomes.Values.Sum()} in {lasted.TotalSeconds:0.0} s ({attack.Outcomes.Values.Sum() / lasted.TotalSeconds:0}/s): {string.Join(", ", attack.Outcomes.Select(o => $"{o.Value} {o.Key}"))}; p50 {attack.Quantile(0.5):0} ms, p99 {attack.Quantile(0.99):0} ms");

            var alarms = await world.Audited("risk.alarm");
            foreach (var alarm in alarms.OrderBy(a => a.At)) Console.WriteLine($"alarm after {(alarm.At - began).TotalSeconds:0.0} s: {alarm.Entry.Detail} {alarm.Entry.Object.Split(':')[0]}");
            var blocked = (await world.Audited("risk.block")).Count;

            var owners = await world.Owners(accounts);
            var guesses = (await world.Audited("factor.verified", began)).Where(r => r.Entry.Result is AuditResult.Failure).GroupBy(r => r.Entry.Actor).Select(g => g.Count()).ToList();
            Console.WriteLine($"origins blocked: {blocked}; accounts guessed on: {guesses.Count}; guesses verified for one account: at most {guesses.DefaultIfEmpty().Max()}, {guesses.DefaultIfEmpty().Average():0.00} on average");
            Console.WriteLine($"owners with attestation A: {owners.Outcomes.GetValueOrDefault(FactorOutcome.Accepted)} of {accounts} accepted; p50 {owners.Quantile(0.5):0} ms, p99 {owners.Quantile(0.99):0} ms");

            string[] needed = ["sprayed-pin", "failure-wave"];
            var inTime = needed.All(reason => alarms.Exists(a => a.Entry.Detail.StartsWith(reason, StringComparison.Ordinal) && a.At - began <= TimeSpan.FromMinutes(1)));
            // Three are tried before the first lock, and one after each lock that ends meanwhile: 30 s, a minute, two …
            var allowed = 3 + Math.Max(0, (int)Math.Floor(Math.Log2((lasted.TotalSeconds + 30) / 30)));
            var isRight = inTime && guesses.Count > 0 && guesses.Max() <= allowed && owners.Outcomes.GetValueOrDefault(FactorOutcome.Accepted) == accounts && !attack.Outcomes.ContainsKey(FactorOutcome.Accepted);
            Console.WriteLine(isRight ? $"held: both alarms within 60 s, at most {allowed} guesses for each account, every owner let in" : "FAILED");
            return isRight ? 0 : 1;
        }
        finally
        {
            if (!silo.HasExited) silo.Kill(entireProcessTree: true);
            await silo.WaitForExitAsync();
            Directory.Delete(folder, recursive: true);
        }
    }

    private static int Setting(string name, int usual) =>
        int.TryParse(Environment.GetEnvironmentVariable("ATTACK_" + name), NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : usual;

    private static async Task Each(int count, Func<int, Task> work) =>
        await Parallel.ForEachAsync(Enumerable.Range(0, count), new ParallelOptions { MaxDegreeOfParallelism = AtOnce }, async (i, _) => await work(i));

    private static string ClusterText(string folder) => $$"""
        cluster: attack
        service: attack
        development: true
        data: {{folder}}/data
        flows: {{folder}}
        prompts: {{Root}}/flows/prompts
        log: warning
        storage: { kind: sqlite, file: ivr.db }
        nodes:
          - { name: node-1, roles: [silo] }
        listeners:
          sip: { address: 127.0.0.1, udp: 0, tcp: 0, tls: 0 }
          media: { first: 28000, last: 28099 }
          dashboard: { address: 127.0.0.1, port: {{FirstPort}} }
          metrics: { address: 127.0.0.1, port: {{FirstPort + 1}} }
          silo: { address: 127.0.0.1, port: {{FirstPort + 2}} }
          gateway: { address: 127.0.0.1, port: {{FirstPort + 3}} }
        limits:
          source: { messages: { count: 1000, period: 1s, burst: 1000 } }
          edge: { calls_at_once: 4000 }
          trunk: { calls: { count: 1000, period: 1s, burst: 1000 } }
          caller: { calls: { count: 30, period: 1m, burst: 30 } }
        pins: { argon2_memory_kib: 64, argon2_passes: 1, check_floor: 100ms }
        tenants:
          - name: {{Tenant}}
            numbers: { bank: bank }
            transfer_targets: { agent: "sip:agent@127.0.0.1:5080" }
            trunks:
              - { name: {{Trunk}}, from: [127.0.0.0/8], srtp: preferred }
        """;

    private static string Root
    {
        get
        {
            var folder = AppContext.BaseDirectory;
            while (!File.Exists(Path.Combine(folder, "IvrActors.slnx"))) folder = Path.GetDirectoryName(folder)!;
            return folder;
        }
    }

    private static Process StartSilo(string file)
    {
        File.Copy(Path.Combine(Root, "flows", "bank.yaml"), Path.Combine(Path.GetDirectoryName(file)!, "bank.yaml"));
        return Process.Start(new ProcessStartInfo("dotnet", [Path.Combine(Root, "Silo/bin/Release/net10.0/Silo.dll"), "run", "--cluster", file, "--quiet"]) { RedirectStandardInput = true })!;
    }

    private static async Task UntilReady(Process silo)
    {
        using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(5) };
        for (var tries = 0; tries < 600; tries++)
        {
            if (silo.HasExited) throw new InvalidOperationException("the silo ended by itself");
            try
            {
                if ((await http.GetAsync(new Uri($"http://127.0.0.1:{FirstPort + 1}/health/ready"))).IsSuccessStatusCode) return;
            }
            catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
            {
            }
            await Task.Delay(200);
        }
        throw new TimeoutException("the silo did not become ready");
    }

    private static async Task<IHost> Connect(ClusterFile cluster)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.UseOrleansClient(orleans =>
        {
            orleans.UseCluster(cluster);
            orleans.Configure<ClientMessagingOptions>(options => options.ResponseTimeout = TimeSpan.FromSeconds(60));
        });
        var host = builder.Build();
        await host.StartAsync();
        return host;
    }

    /// <summary>What attempts came to.</summary>
    private sealed class Tally
    {
        private readonly ConcurrentQueue<double> _times = new();

        public ConcurrentDictionary<FactorOutcome, int> Outcomes { get; } = new();

        public void Add(FactorOutcome outcome, double milliseconds)
        {
            Outcomes.AddOrUpdate(outcome, 1, (_, n) => n + 1);
            _times.Enqueue(milliseconds);
        }

        public double Quantile(double share) => _times.Order().ElementAtOrDefault((int)(share * (_times.Count - 1)));
    }

    private sealed class World(IGrainFactory grains, ClusterKeys keys)
    {
        private int _seq;

        public async Task Enrol(int i)
        {
            var caller = KeyOf(i);
            Authorize();
            var result = await grains.GetGrain<ICallerGrain>(caller.Value).Enrol(new CallerEnrolment
            {
                Tenant = Tenant,
                Account = new PersonalText(AccountOf(i)),
                Pin = SecretSealer.Seal(keys.SealingKey, caller.Value, CallerEnrolment.PinPurpose, Encoding.ASCII.GetBytes(PinOf(i))),
            });
            if (result.Error is { } error) throw new InvalidOperationException(error);
        }

        /// <summary>At the rate, whether or not answers come.</summary>
        public async Task<Tally> Attack(int accounts, int origins, int rate, int seconds)
        {
            var tally = new Tally();
            var clock = Stopwatch.StartNew();
            List<Task> under = [];
            for (var i = 0; i < rate * seconds; i++)
            {
                var wait = TimeSpan.FromSeconds(i / (double)rate) - clock.Elapsed;
                if (wait > TimeSpan.Zero) await Task.Delay(wait);
                // The accounts one after the other, each round with another PIN.
                under.Add(Try(tally, i % accounts, s_sprayed[(i + i / accounts) % s_sprayed.Length], From($"x{i % origins}", Attestation.None)));
            }
            await Task.WhenAll(under);
            return tally;
        }

        public async Task<Tally> Owners(int accounts)
        {
            var tally = new Tally();
            await Each(accounts, i => Try(tally, i, PinOf(i), From(AccountOf(i), Attestation.A)));
            return tally;
        }

        public async Task<List<AuditRecord>> Audited(string action, DateTimeOffset? from = null)
        {
            List<AuditRecord> all = [];
            for (long? before = null; ;)
            {
                Authorize();
                var page = await grains.GetGrain<IAuditGrain>(IAuditGrain.Key(Tenant)).Search(new AuditQuery { Action = action, From = from, Before = before, Limit = 500 });
                all.AddRange(page.Records);
                if (page.Next is null) return all;
                before = page.Next;
            }
        }

        private async Task Try(Tally tally, int account, string pin, CallOrigin from)
        {
            var call = CallId.New();
            var started = Stopwatch.GetTimestamp();
            Authorize();
            var result = await grains.GetGrain<ICallerGrain>(KeyOf(account).Value).Verify(new FactorAttempt
            {
                Call = call,
                Seq = Interlocked.Increment(ref _seq),
                Tenant = Tenant,
                Factor = FactorKind.Pin,
                Digits = SecretSealer.Seal(keys.SealingKey, call.Value, "pin", Encoding.ASCII.GetBytes(pin)),
                Purpose = "pin",
                Origin = from.Class,
                From = from,
                Wanted = Assurance.Low,
            });
            tally.Add(result.Outcome, Stopwatch.GetElapsedTime(started).TotalMilliseconds);
        }

        private void Authorize() => RequestContext.Set(RoleToken.ContextKey, new RoleTokens(keys, TimeProvider.System).IssueSystem());

        private CallOrigin From(string number, Attestation attestation) => new()
        {
            Trunk = Trunk,
            Class = attestation is Attestation.A ? OriginClass.Attested : OriginClass.Unattested,
            Attestation = attestation,
            Calling = CallerKey.ForNumber(keys.PseudonymKey(Tenant), Tenant, number),
            Source = "s:carrier",
        };

        private CallerKey KeyOf(int i) => CallerKey.ForAccount(keys.PseudonymKey(Tenant), Tenant, AccountOf(i));

        private static string AccountOf(int i) => (20_000_000 + i).ToString(CultureInfo.InvariantCulture);

        /// <summary>Six digits: none of the sprayed ones, and none that is refused as weak.</summary>
        private static string PinOf(int i) => Enumerable.Range(0, 10).Select(n => ((i * 7919L + n) % 900_000 + 100_000).ToString(CultureInfo.InvariantCulture)).First(pin => !WeakPins.Contains(Encoding.ASCII.GetBytes(pin)));
    }
}
