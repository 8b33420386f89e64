using System.Collections.Concurrent;
using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using IvrActors.Grains;
using IvrActors.Grains.Audit;
using IvrActors.Grains.Interfaces;
using IvrActors.Grains.Interfaces.Audit;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Grains.Interfaces.Privacy;
using IvrActors.Grains.Policies;
using IvrActors.Grains.Policies.Risk;
using IvrActors.Grains.Privacy;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans.Configuration;
using Orleans.Runtime;
using Orleans.Storage;

namespace IvrActors.Bench;

/// <summary>
/// Attempts through the judgement of risk alone, in one silo in memory: with PINs of all kinds, and with one PIN on every account. How many a second, and what share of all messages the busiest grain of each kind gets.
/// </summary>
public static class RiskBench
{
    private const string Tenant = "demo";
    private const int AtOnce = 256;

    private static readonly TimeSpan s_time = TimeSpan.FromSeconds(8);

    public static int Run() => RunAsync().GetAwaiter().GetResult();

    private static async Task<int> RunAsync()
    {
        var calls = new Counter();
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.UseOrleans(silo =>
        {
            silo.UseLocalhostClustering(25911, 25912, serviceId: "risk", clusterId: "risk");
            silo.AddMemoryGrainStorage("encrypted");
            silo.AddIncomingGrainCallFilter(calls);
            silo.Configure<SiloMessagingOptions>(options => options.ResponseTimeout = TimeSpan.FromSeconds(60));
        });
        builder.Services.AddSingleton<IClusterKeys>(new BenchKeys());
        builder.Services.AddSingleton<IAuditStore, NoLedger>();
        builder.Services.AddGrains(new ClusterPolicy { Tenants = new Dictionary<string, TenantPolicy> { [Tenant] = Policy() } });
        using var host = builder.Build();
        await host.StartAsync();
        var desk = host.Services.GetRequiredService<RiskDesk>();
        await Measure(desk, calls, "warming up", i => i % 9000);
        await Measure(desk, calls, "many PINs", i => i % 9000);
        await Measure(desk, calls, "one PIN", _ => 4826);
        await host.StopAsync();
        return 0;
    }

    private static async Task Measure(RiskDesk desk, Counter calls, string name, Func<int, int> pin)
    {
        calls.Clear();
        var next = 0;
        var clock = Stopwatch.StartNew();
        await Task.WhenAll(Enumerable.Range(0, AtOnce).Select(_ => Task.Run(async () =>
        {
            while (clock.Elapsed < s_time) await Try(desk, Interlocked.Increment(ref next), pin);
        })));
        var rate = next / clock.Elapsed.TotalSeconds;
        // The last second's notes reach their shards.
        await Task.Delay(TimeSpan.FromSeconds(2));
        Console.WriteLine($"{name}: {rate:0} attempts/s");
        foreach (var kind in calls.Kinds) Console.WriteLine($"  {kind.Kind,-16} {kind.Messages,9} messages to {kind.Grains,3} grains, the busiest {kind.Busiest:P1} of them and {kind.Busiest * kind.Messages / clock.Elapsed.TotalSeconds:0}/s");
    }

    private static async Task Try(RiskDesk desk, int i, Func<int, int> pin)
    {
        var attempt = new FactorAttempt
        {
            Call = CallId.New(),
            Seq = i,
            Tenant = Tenant,
            Factor = FactorKind.Pin,
            Digits = new SealedSecret { KeyId = "", EphemeralPublicKey = [], Ciphertext = [] },
            Purpose = "pin",
            Origin = OriginClass.Unattested,
            From = new CallOrigin { Trunk = "carrier", Class = OriginClass.Unattested, Attestation = Attestation.None, Calling = new CallerKey($"n:{i % 20_000}"), Source = "s:carrier" },
        };
        var account = new CallerKey($"u:{i % 10_000}");
        var tag = desk.TagOf(attempt, Encoding.ASCII.GetBytes(pin(i).ToString("D4", System.Globalization.CultureInfo.InvariantCulture)));
        var assessment = await desk.Assess(attempt, account, tag);
        desk.Note(attempt, account, tag, i % 30 == 0 ? FactorOutcome.Refused : FactorOutcome.Accepted, assessment);
    }

    private static TenantPolicy Policy() => new()
    {
        Name = Tenant,
        Numbers = new Dictionary<string, string>(),
        TransferTargets = new Dictionary<string, string>(),
        Trunks = new Dictionary<string, TrunkPolicy> { ["carrier"] = new() { Name = "carrier" } },
        Lockout = new LockoutRule(),
    };

    private sealed class Counter : IIncomingGrainCallFilter
    {
        private readonly ConcurrentDictionary<GrainId, int> _calls = new();

        public IEnumerable<(string Kind, int Messages, int Grains, double Busiest)> Kinds =>
            _calls.Where(c => c.Key.Key.ToString()!.StartsWith("risk-", StringComparison.Ordinal)).GroupBy(c => c.Key.Type.ToString()!)
                .Select(g => (g.Key, g.Sum(c => c.Value), g.Count(), g.Max(c => c.Value) / (double)g.Sum(c => c.Value))).OrderBy(k => k.Key);

        public void Clear() => _calls.Clear();

        public Task Invoke(IIncomingGrainCallContext context)
        {
            _calls.AddOrUpdate(context.TargetId, 1, static (_, n) => n + 1);
            return context.Invoke();
        }
    }

    private sealed class BenchKeys : IClusterKeys
    {
        private readonly byte[] _key = RandomNumberGenerator.GetBytes(32);

        public SealingKey SealingKey => throw new NotSupportedException();

        public ReadOnlySpan<byte> Pepper => _key;

        public ReadOnlySpan<byte> ProofKey => _key;

        public ReadOnlySpan<byte> RiskKey => _key;

        public Secret<byte>? Open(SealedSecret sealedSecret, string context, string purpose) => null;

        public ReadOnlySpan<byte> PseudonymKey(string tenant) => _key;

        public ReadOnlySpan<byte> AuditKey(string tenant) => _key;
    }

    private sealed class NoLedger : IAuditStore
    {
        public Task<AuditHead> ReadHead(string tenant) => throw new NotSupportedException();

        public Task Append(string tenant, AuditHead expected, IReadOnlyList<AuditRecord> records, AuditHead head) => throw new NotSupportedException();

        public IAsyncEnumerable<AuditRecord> Read(string tenant, long from) => throw new NotSupportedException();

        public Task<AuditPage> Search(string tenant, AuditQuery query) => throw new NotSupportedException();
    }
}
