using IvrActors.Grains.Interfaces.Audit;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Edges;
using IvrActors.Grains.Interfaces.Flows;
using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Grains.Interfaces.Privacy;
using IvrActors.Grains.Interfaces.Recordings;

namespace IvrActors.Dashboard.Tests;

/// <summary>What a small cluster looks like on a busy morning.</summary>
internal static class Samples
{
    public static CallSummary Call(DateTimeOffset since, string step = "menu", string flow = "bank", string trunk = "open", string transport = "TLS", bool srtp = true, double loss = 0, double jitter = 1.5, string codec = "PCMA", MediaQuality? quality = null) => new()
    {
        Call = CallId.New(),
        Tenant = "demo",
        Trunk = trunk,
        Flow = flow,
        Step = step,
        Since = since,
        Codec = codec,
        Transport = transport,
        Srtp = srtp,
        Loss = loss,
        JitterMs = jitter,
        Quality = quality,
    };

    public static MediaQuality Quality(int i) => i == 5
        ? new MediaQuality { Loss = 0.034, JitterMs = 61.2, PeerLoss = 0.021, PeerJitterMs = 38, RoundTripMs = 214, Mos = 3.12 }
        : new MediaQuality { Loss = i * 0.0004, JitterMs = 0.8 + (i * 0.37), PeerLoss = i * 0.0006, PeerJitterMs = 1.1 + (i * 0.4), RoundTripMs = 18 + (i * 7), Mos = 4.37 - (i * 0.012) };

    public static void Report(FakeCluster cluster, string edge, params CallSummary[] calls) =>
        cluster.Edges[edge] = new EdgeReport { Edge = edge, At = cluster.Time.GetUtcNow(), ActiveCalls = calls.Length, Calls = [.. calls] };

    public static string Lock(FakeCluster cluster, int failures, TimeSpan ago, DateTimeOffset? until = null, OriginClass origin = OriginClass.Unattested)
    {
        var key = ILockoutGrain.Key(CallerKey.ForAccount(Guid.NewGuid().ToByteArray(), "demo", "1"), origin);
        cluster.Lockouts[key] = new LockoutSummary { LockoutKey = key, Failures = failures, Since = cluster.Time.GetUtcNow() - ago, Until = until ?? cluster.Time.GetUtcNow().AddMinutes(30) };
        return key;
    }

    public static FlowGraph Bank()
    {
        (string Name, string Kind, bool Secret)[] steps =
        [
            ("welcome", "play", false), ("ask_account", "collect", false), ("ask_pin", "collect", true), ("ask_pin_again", "collect", true), ("check_pin", "verify", true),
            ("ask_code", "collect", true), ("ask_code_again", "collect", true), ("check_code", "verify", true), ("load", "fetch", true), ("menu", "menu", false),
            ("balance", "play", true), ("transactions", "play", true), ("agent", "transfer", false), ("agent_failed", "play", false),
            ("too_many", "hang_up", false), ("trouble", "hang_up", false), ("goodbye", "hang_up", false),
        ];
        const string ways = """
            welcome next ask_account|ask_account next ask_pin|ask_account failed too_many|ask_pin next check_pin|ask_pin failed too_many|ask_pin_again next check_pin|ask_pin_again failed too_many|
            check_pin accepted ask_code|check_pin refused ask_pin_again|check_pin exhausted too_many|check_pin unavailable trouble|ask_code next check_code|ask_code failed too_many|
            ask_code_again next check_code|ask_code_again failed too_many|check_code accepted load|check_code refused ask_code_again|check_code exhausted too_many|check_code unavailable trouble|
            load next menu|load unavailable trouble|menu 1 balance|menu 2 transactions|menu 0 agent|menu 9 goodbye|menu failed goodbye|balance next menu|transactions next menu|agent failed agent_failed|agent_failed next menu
            """;
        return new FlowGraph
        {
            Flow = "bank",
            Version = "5f0c9a4be1d27c3386a1e2f4",
            Steps = [.. steps.Select(step => new FlowGraphStep { Name = step.Name, Kind = step.Kind, Secret = step.Secret })],
            Edges = [.. ways.Replace("\n", "").Split('|').Select(way => way.Split(' ')).Select(way => new FlowGraphEdge { From = way[0], Label = way[1], To = way[2] })],
        };
    }

    /// <summary>Some that were made, the first of them with its file on this machine and the second on another.</summary>
    private static void Recordings(FakeCluster cluster, DateTimeOffset now)
    {
        Recording(cluster, TestRecordings.Here, now.AddMinutes(-4), "edge-1", TimeSpan.FromSeconds(TestRecordings.Seconds), TimeSpan.FromSeconds(4.5), complete: true);
        Recording(cluster, TestRecordings.Elsewhere, now.AddMinutes(-70), "edge-2", TimeSpan.FromSeconds(312), TimeSpan.Zero, complete: true);
        Recording(cluster, "rec-0d1f5b7791c24e0a8f3e6d2b4c5a6978-3", now.AddHours(-3), "edge-1", TimeSpan.FromSeconds(45), TimeSpan.FromSeconds(9), complete: false);
        Recording(cluster, "rec-77c2c9e01b8d4f5aa6ce21f09d3b8e14-2", now.AddHours(-3).AddMinutes(-1), "edge-1", null, TimeSpan.Zero, complete: false, isKnown: false);
    }

    public static void Recording(FakeCluster cluster, string name, DateTimeOffset at, string edge, TimeSpan? length, TimeSpan secret, bool complete, bool isKnown = true)
    {
        var call = new CallId("call-" + name[4..].Split('-')[0]);
        cluster.Recordings[name] = new RecordingSummary
        {
            Recording = new RecordingId(name),
            Call = call,
            Owner = isKnown ? "n:4HqT0nJmWcZk1x77QpLmVb2RsTyUaE" : call.Value,
            Edge = edge,
            At = at,
            Length = length,
            Secret = secret,
            Complete = complete,
        };
    }

    public static void Fill(FakeCluster cluster, bool withLedger = true)
    {
        var now = cluster.Time.GetUtcNow();
        string[] steps = ["menu", "ask_pin", "balance", "ask_code", "welcome", "transactions", "check_pin", "menu", "ask_account", "agent", "menu", "balance"];
        CallSummary[] calls = [.. steps.Select((step, i) => Call(now.AddSeconds(-7 - (i * i * 9)), step, trunk: i % 3 == 2 ? "carrier-a" : "open", transport: i % 4 == 1 ? "UDP" : "TLS", srtp: i % 4 != 1, loss: i == 5 ? 0.034 : i * 0.0004, jitter: i == 5 ? 61.2 : 0.8 + (i * 0.37), codec: i % 5 == 3 ? "PCMU" : "PCMA", quality: i == 0 ? null : Quality(i)))];
        Report(cluster, "edge-1", calls[..8]);
        Report(cluster, "edge-2", calls[8..]);
        cluster.Edges["edge-3"] = new EdgeReport { Edge = "edge-3", At = now.AddSeconds(-75), ActiveCalls = 0, Calls = [] };
        Lock(cluster, 3, TimeSpan.FromSeconds(12));
        Lock(cluster, 6, TimeSpan.FromMinutes(9), origin: OriginClass.TrustedTrunk);
        Lock(cluster, 100, TimeSpan.FromHours(5), DateTimeOffset.MaxValue);
        cluster.Flows[IFlowGrain.Key("demo", "bank")] = Bank();
        Recordings(cluster, now);
        if (!withLedger) return;
        var random = new Random(4);
        for (var minute = 29; minute >= 0; minute--)
        {
            var at = now.AddMinutes(-minute);
            for (var i = random.Next(9, 19) + (15 - Math.Abs(15 - minute)); i > 0; i--) cluster.Record("demo", "call.admitted", AuditResult.Success, target: $"call-{random.NextInt64():x16}", at: at);
            for (var i = random.Next(7, 16); i > 0; i--) cluster.Record("demo", "factor.verified", AuditResult.Success, "u:4HqT0nJmWc", detail: "pin", at: at);
            for (var i = random.Next(0, 4); i > 0; i--) cluster.Record("demo", "factor.verified", AuditResult.Failure, "u:Zk1x77QpLm", detail: "totp", at: at);
        }
    }
}
