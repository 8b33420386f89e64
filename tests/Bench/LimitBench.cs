using System.Diagnostics;
using System.Globalization;
using System.Net;
using IvrActors.Edge;
using IvrActors.Edge.Calls;
using IvrActors.Edge.Limits;
using IvrActors.Grains;
using IvrActors.Grains.Interfaces;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Grains.Interfaces.Privacy;
using IvrActors.Grains.Policies;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Hosting;
using Orleans.Runtime;
using Orleans.TestingHost;

namespace IvrActors.Bench;

/// <summary>
/// What limits cost: decisions through grains of a silo in this process (the limits of callers and called numbers, asked one by one, and requests for leases), each second and each second of processor time; and
/// decisions at an edge by its leases, which is what an INVITE meets.
/// </summary>
public static class LimitBench
{
    private const int InFlight = 128, Callers = 1000;

    private static readonly TimeSpan s_time = TimeSpan.FromSeconds(5);
    private static readonly RateLimit s_wide = new(1_000_000, TimeSpan.FromSeconds(1), 1_000_000);
    private static int s_calls;

    public static void Run()
    {
        AtTheEdge();
        ThroughGrains().GetAwaiter().GetResult();
    }

    private static void AtTheEdge()
    {
        var rule = new LimitRule { Calls = s_wide, AtOnce = 100_000, KnownShare = 0.2 };
        var trunk = new EdgeTrunk { Name = "t", Tenant = "demo", Limit = rule };
        var options = new EdgeOptions
        {
            Name = "edge-1",
            Address = IPAddress.Loopback,
            Trunks = [trunk],
            MessagesPerSource = s_wide,
            ClusterLimit = rule,
            TenantLimits = new Dictionary<string, LimitRule> { ["demo"] = rule },
            PromptFolder = "none",
            RenderedPromptFolder = "none",
        };
        var limits = new EdgeLimits(options, 0, 1);
        var ledgers = limits.All.ToDictionary(limit => limit, _ => new LimitLedger(0, 7, rule, TimeSpan.FromHours(4), LimitBounds.None));
        var calls = new TrunkCalls(trunk, limits);
        var (now, taken, asks) = (0L, 0, 0);
        var clock = Stopwatch.StartNew();
        while (clock.Elapsed < s_time)
        {
            // A call each 10 µs of virtual time; the keeper looks every 50 ms, and when it is called.
            for (var i = 0; i < 1000; i++, now += 100) taken += calls.TryTake(now, static () => false).Status == 0 ? 1 : 0;
            foreach (var (limit, ledger) in ledgers)
            {
                while (limit.Lease.Next(now) is { } ask)
                {
                    asks++;
                    limit.Lease.Answered(now, ask.Seq, ledger.Ask(now, ask));
                }
            }
        }
        Say($"at the edge, cluster, tenant and trunk by lease: {clock.Elapsed.TotalNanoseconds / taken:F0} ns a call that is let in; {taken / (double)asks:F0} calls for each request to a limit's grain");
    }

    private static async Task ThroughGrains()
    {
        var policy = new ClusterPolicy
        {
            Tenants = new Dictionary<string, TenantPolicy>
            {
                ["demo"] = new()
                {
                    Name = "demo",
                    Numbers = new Dictionary<string, string>(),
                    TransferTargets = new Dictionary<string, string>(),
                    Trunks = new Dictionary<string, TrunkPolicy> { ["t"] = new() { Name = "t", Limit = new LimitRule { Calls = s_wide, AtOnce = 100_000, KnownShare = 0.2 } } },
                    Lockout = new LockoutRule(),
                },
            },
        };
        var builder = new InProcessTestClusterBuilder(1);
        builder.ConfigureSilo((_, silo) =>
        {
            silo.AddMemoryGrainStorage("encrypted");
            silo.Services.AddGrains(policy);
        });
        await using var cluster = builder.Build();
        await cluster.DeployAsync();
        var callers = Enumerable.Range(0, Callers).Select(i => cluster.Client.GetGrain<IRateLimitGrain>(IRateLimitGrain.CallerKey(new CallerKey($"n:{i}"), OriginClass.TrustedTrunk))).ToArray();
        var hotline = cluster.Client.GetGrain<IRateLimitGrain>(IRateLimitGrain.DestinationKey("demo", "hotline"));
        var limit = cluster.Client.GetGrain<ILimitGrain>(ILimitGrain.TrunkKey("demo", "t"));
        await Measure("limits of 1,000 callers", i => callers[i % Callers].Take(Take()));
        await Measure("limit of one number, the same for all calls", _ => hotline.Take(Take()));
        RequestContext.Set(RequestActor.ContextKey, "edge-1");
        var epoch = (await limit.Lease(new LimitAsk { Edge = "edge-1", Incarnation = 1, Seq = 1, Epoch = 0 })).Epoch;
        var granted = 0L;
        // One trunk, many edges; each request tells of the last grant and asks for thirty calls.
        var seqs = new long[InFlight];
        var asks = await Measure("requests for leases of one limit, 30 calls each", async i =>
        {
            RequestContext.Set(RequestActor.ContextKey, "edge-1");
            var seq = ++seqs[i % InFlight] + 1;
            var grant = await limit.Lease(new LimitAsk
            {
                Edge = "edge-1",
                Incarnation = 1000 + i % InFlight,
                Seq = seq,
                Epoch = epoch,
                Leases = [new LeaseNews { Seq = seq - 1, OrdinaryUsed = 30, KnownUsed = 0, Closed = true }],
                Ordinary = 30,
            });
            Interlocked.Add(ref granted, grant.Ordinary);
        });
        Say($"which are {granted / s_time.TotalSeconds / 1.5:F0} calls a second that are decided at edges");
    }

    private static LimitTake Take() => new() { Call = "call-" + Interlocked.Increment(ref s_calls), Calls = s_wide, LongestCall = TimeSpan.FromHours(1) };

    /// <summary>Does it over and over, <see cref="InFlight"/> at once, each with numbers of its own; how often.</summary>
    private static async Task<long> Measure(string what, Func<int, Task> act)
    {
        var count = 0L;
        for (var warm = 0; warm < 2; warm++)
        {
            count = 0;
            var end = Stopwatch.GetTimestamp() + (long)(s_time.TotalSeconds / (2 - warm) * Stopwatch.Frequency);
            var (clock, busy) = (Stopwatch.StartNew(), Environment.CpuUsage.TotalTime);
            await Task.WhenAll(Enumerable.Range(0, InFlight).Select(lane => Task.Run(async () =>
            {
                for (var i = lane; Stopwatch.GetTimestamp() < end; i += InFlight)
                {
                    await act(i);
                    Interlocked.Increment(ref count);
                }
            })));
            if (warm == 0) continue;
            var cpu = Environment.CpuUsage.TotalTime - busy;
            Say($"{what}: {count / clock.Elapsed.TotalSeconds:F0} a second, {count / cpu.TotalSeconds:F0} for each second of a core (client and silo together), {cpu / clock.Elapsed:F2} cores busy");
        }
        return count;
    }

    private static void Say(FormattableString text) => Console.WriteLine(text.ToString(CultureInfo.InvariantCulture));
}
