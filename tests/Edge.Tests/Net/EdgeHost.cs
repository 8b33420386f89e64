using System.Collections.Concurrent;
using System.Net;
using System.Reflection;
using System.Security.Cryptography;
using IvrActors.Edge.Admission;
using IvrActors.Edge.Calls;
using IvrActors.Edge.Media;
using IvrActors.Edge.Net;
using IvrActors.Edge.Net.Tls;
using IvrActors.Edge.Reputation;
using IvrActors.Edge.Stir;
using IvrActors.Edge.Tests.Calls;
using IvrActors.Edge.Tracing;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Edges;
using IvrActors.Grains.Interfaces.Flows;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Grains.Interfaces.Privacy;
using IvrActors.Grains.Interfaces.Tracing;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Orleans;
using Xunit;

namespace IvrActors.Edge.Tests.Net;

/// <summary>A whole edge on loopback with free ports; media and cluster are fakes. Calls from 127.0.31.0/24 only.</summary>
internal sealed class EdgeHost : IAsyncDisposable, ICallCluster, IPromptCatalogue, IRoleTokens
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly WebApplication _app;
    private readonly IPAddress _address;

    private EdgeHost(WebApplication app, IPAddress address) => (_app, _address) = (app, address);

    public FakeMediaEngine Media { get; } = new();

    public ConcurrentQueue<CallEvent> Events { get; } = new();

    public FakeEdgeGrain Grain { get; } = new();

    public FakeBlockList Blocks { get; } = new();

    public FakeTraceGrain TraceGrain { get; } = new();

    public FakeLimits Limits { get; } = new();

    public FakeKnown Known { get; } = new();

    /// <summary>Whether callers prove who they are.</summary>
    public bool Verifies { get; set; }

    public long Now => TimeProvider.System.GetElapsedTime(0).Ticks;

    /// <summary>Names of calls in the order of their events.</summary>
    public ConcurrentQueue<CallId> Calls { get; } = new();

    public Func<CallEvent, List<CallCommand>?> Flow { get; set; } = e => e is CallOffered ? [new Answer()] : [];

    public EdgeReadiness Readiness => _app.Services.GetRequiredService<EdgeReadiness>();

    public ISourceReputation Reputation => _app.Services.GetRequiredService<ISourceReputation>();

    public EdgeLoop Loop => _app.Services.GetRequiredService<EdgeLoop>();

    public IPEndPoint Udp => new(_address, _app.Services.GetRequiredService<SipTransports>().Address.UdpPort);

    /// <summary>Open SIP stream connections.</summary>
    public int Connections => _app.Services.GetRequiredService<SipTransports>().Connections.Count();

    public IPEndPoint Tcp => Listener(0);

    public IPEndPoint Tls => Listener(1);

    /// <summary>With a second address and without WebSockets.</summary>
    public IPEndPoint TcpV6 => new(IPAddress.IPv6Loopback, new Uri(_app.Urls.ElementAt(2)).Port);

    public IPEndPoint Ws => Listener(2);

    public IPEndPoint Wss => Listener(3);

    public SipTap Tap => _app.Services.GetRequiredService<SipTap>();

    public SipTransports Transports => _app.Services.GetRequiredService<SipTransports>();

    /// <summary>Connections that are open, in a handshake or not upgraded yet.</summary>
    public int Admitted => _app.Services.GetRequiredService<ConnectionGate>().Open;

    public T Service<T>()
        where T : notnull => _app.Services.GetRequiredService<T>();

    public EdgeTrunk Trunk(string name) => _app.Services.GetRequiredService<EdgeOptions>().Trunks.Single(trunk => trunk.Name == name);

    /// <param name="neverBlock">By default everybody: few tests are about blocks, and many send garbage.</param>
    /// <param name="trunks">Beside the trunk of 127.0.31.0/24.</param>
    /// <param name="certificate">Of TLS; null: any.</param>
    /// <param name="tlsPort">A port that is known before the first connection, for who names it in a Via; 0: any. So is <paramref name="tcpPort"/>.</param>
    /// <param name="second">An address of the other family.</param>
    /// <param name="address">Where it listens; null: 127.0.0.1. On ::1 the trunk calls from there.</param>
    public static async Task<EdgeHost> Start(RateLimit? limit = null, IReadOnlyList<EdgeTrunk>? trunks = null, ServerCertificate? certificate = null, IPAddress? second = null,
        bool webSockets = false, IReadOnlyList<string>? origins = null, string neverBlock = "0.0.0.0/0", UnknownSources unknown = UnknownSources.Silent, int tlsPort = 0,
        IPAddress? address = null, int mostCalls = 4000, TimeSpan drainAtStop = default, int tcpPort = 0, TimeSpan? longestCall = null, StirOptions? stir = null)
    {
        var options = new EdgeOptions
        {
            Name = "edge-test",
            Address = address ?? IPAddress.Loopback,
            UdpPort = 0,
            TcpPort = tcpPort,
            TlsPort = tlsPort,
            WsPort = webSockets ? 0 : null,
            WssPort = webSockets ? 0 : null,
            WebSocketOrigins = origins,
            SecondAddress = second,
            Certificate = certificate ?? AnyCertificate(),
            Trunks = [new EdgeTrunk { Name = "test", Tenant = "demo", From = [address is null ? IPNetwork.Parse("127.0.31.0/24") : new IPNetwork(address, 128)] }, .. trunks ?? []],
            MessagesPerSource = limit ?? new RateLimit(10_000, TimeSpan.FromSeconds(1), 10_000),
            UnknownSources = unknown,
            DrainAtStop = drainAtStop,
            LongestCall = longestCall ?? TimeSpan.FromHours(4),
            SessionInterval = TimeSpan.FromMinutes(20),
            Stir = stir ?? new StirOptions(),
            // A busy machine turns no call of a test away.
            Admission = new AdmissionRules { MostCalls = mostCalls, Cpu = 100, LoopDelay = Patience, GrainLatency = Patience },
            LimitPatience = TimeSpan.FromSeconds(5),
            NeverBlock = address is null ? [IPNetwork.Parse(neverBlock)] : [new IPNetwork(address, 128)],
            PromptFolder = "none",
            RenderedPromptFolder = "none",
        };
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        EdgeHost? host = null;
        builder.Services.AddSingleton<ICallCluster>(_ => host!);
        builder.Services.AddSingleton<IMediaEngine>(_ => host!.Media);
        builder.Services.AddSingleton<IPromptCatalogue>(_ => host!);
        builder.Services.AddSingleton<IRoleTokens>(_ => host!);
        builder.Services.AddSingleton(_ => FakeGrains.With(host!.Grain, host.TraceGrain, host.Blocks, new FakeMediaLane(), host.Limits.Of, host.Known));
        builder.Services.AddEdge(options);
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.ListenSip(options, kestrel.ApplicationServices));
        var app = builder.Build();
        app.UseSipWebSockets();
        host = new EdgeHost(app, options.Address);
        host.Limits.Know(options);
        await app.StartAsync();
        await Until(() => host.Readiness.IsReady);
        return host;
    }

    private static ServerCertificate AnyCertificate()
    {
        using var authority = new TestAuthority();
        return ServerCertificate.Of(authority.Issue("edge"));
    }

    public static async Task Until(Func<bool> condition)
    {
        var end = DateTime.UtcNow + Patience;
        while (!condition())
        {
            if (DateTime.UtcNow > end) throw new TimeoutException("the condition did not come true");
            await Task.Delay(10);
        }
    }

    public Task<CallReply?> Handle(CallId call, LegEvent legEvent)
    {
        Calls.Enqueue(call);
        Events.Enqueue(legEvent.Event);
        if (IsFormerOwner) return Task.FromResult<CallReply?>(new CallReply { Seq = legEvent.Event.Seq, Commands = [], Gone = true });
        return Task.FromResult(Flow(legEvent.Event) is { } commands ? new CallReply { Seq = legEvent.Event.Seq, Commands = commands, Flow = "bank", Step = "menu", Verified = Verifies } : null);
    }

    /// <summary>Dialogs that are to be kept, of calls where no event was due.</summary>
    public ConcurrentQueue<(CallId Call, CallDialog Dialog)> Kept { get; } = new();

    public Task<bool> Keep(CallId call, int epoch, CallDialog dialog, CallDialog? other)
    {
        Kept.Enqueue((call, dialog));
        return Task.FromResult(true);
    }

    /// <summary>Has every event answered as of a call that another edge has by now.</summary>
    public bool IsFormerOwner { get; set; }

    public Task Stop() => _app.StopAsync();

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    bool IPromptCatalogue.Contains(string promptId) => true;

    bool IPromptCatalogue.TryCover(string text, out IReadOnlyList<string> promptIds)
    {
        promptIds = [];
        return false;
    }

    bool IPromptCatalogue.CanRender => false;

    string IRoleTokens.Issue(string name, string role) => $"{name}/{role}";

    private IPEndPoint Listener(int index) => new(_address, new Uri(_app.Urls.ElementAt(index)).Port);
}

/// <summary>An edge grain that gives a sealing key and remembers the last report.</summary>
internal sealed class FakeEdgeGrain : IEdgeGrain
{
    private readonly ECDiffieHellman _key = ECDiffieHellman.Create(ECCurve.NamedCurves.nistP256);

    public EdgeReport? Last { get; private set; }

    /// <summary>The life that was missed; null: none.</summary>
    public string? Missed { get; set; }

    public int Beats { get; private set; }

    public Task<bool> Beat(string incarnation)
    {
        Beats++;
        return Task.FromResult(incarnation != Missed);
    }

    public Task<EdgeLoss?> Watch() => throw new NotSupportedException();

    public Task Settled(EdgeLoss loss) => throw new NotSupportedException();

    public IEdgeObserver? Observer { get; private set; }

    public DateTimeOffset? DrainUntil { get; set; }

    public bool DrainUnknown { get; set; }

    /// <summary>What the answer to a report says is to be traced.</summary>
    public List<TraceOrder> Traces { get; set; } = [];

    public Task<EdgeOrders> Report(EdgeReport report, IEdgeObserver observer)
    {
        (Last, Observer) = (report, observer);
        return Task.FromResult(new EdgeOrders { SealingKey = SecretSealer.PublicKeyOf("k1", _key), Traces = Traces, DrainUntil = DrainUntil, DrainUnknown = DrainUnknown, Superseded = report.Incarnation == Missed });
    }

    public Task<EdgeReport?> GetReport() => Task.FromResult(Last);

    public Task<bool> Send(CallId call, CallCommand command) => Task.FromResult(false);

    public Task<bool> Drain(DateTimeOffset deadline) => throw new NotSupportedException();

    public Task<bool> Undrain() => throw new NotSupportedException();

    public Task<bool> Trace(List<TraceOrder> orders) => Task.FromResult(false);
}

/// <summary>The list of blocks of a cluster: takes what an edge tells, and tells what the test says.</summary>
internal sealed class FakeBlockList : IBlockListGrain
{
    public ConcurrentQueue<BlockNews> Heard { get; } = new();

    public ConcurrentQueue<BlockUpdate> Updates { get; } = new();

    /// <summary>Whether it is lost.</summary>
    public bool IsGone { get; set; }

    public Task<BlockUpdate> Exchange(BlockNews news)
    {
        if (IsGone) throw new TimeoutException();
        Heard.Enqueue(news);
        return Task.FromResult(Updates.TryDequeue(out var update) ? update : new BlockUpdate { Epoch = 1, Version = news.Version, Begun = [], Lifted = [] });
    }

    public Task<List<SharedBlock>> List() => throw new NotSupportedException();

    public Task<bool> Add(string source, TimeSpan time, string reason) => throw new NotSupportedException();

    public Task<bool> Remove(string source, string reason) => throw new NotSupportedException();
}

/// <summary>The limit grains of a cluster.</summary>
internal sealed class FakeLimits
{
    private readonly ConcurrentDictionary<string, FakeLimit> _limits = new();

    public void Know(EdgeOptions options)
    {
        _limits[ILimitGrain.ClusterKey] = new FakeLimit(options.ClusterLimit);
        foreach (var (tenant, rule) in options.TenantLimits) _limits[ILimitGrain.TenantKey(tenant)] = new FakeLimit(rule);
        foreach (var trunk in options.Trunks) _limits[ILimitGrain.TrunkKey(trunk.Tenant, trunk.Name)] = new FakeLimit(trunk.Limit);
    }

    public ILimitGrain Of(string key) => _limits[key];

    private sealed class FakeLimit(LimitRule rule) : ILimitGrain
    {
        private readonly LimitLedger _ledger = new(TimeProvider.System.GetElapsedTime(0).Ticks, 7, rule, TimeSpan.FromHours(4), LimitBounds.None);

        public Task<LimitGrant> Lease(LimitAsk ask)
        {
            lock (_ledger) return Task.FromResult(_ledger.Ask(TimeProvider.System.GetElapsedTime(0).Ticks, ask));
        }

        public Task EdgeGone(string edge) => throw new NotSupportedException();
    }
}

/// <summary>The known callers of a cluster: takes what an edge tells.</summary>
internal sealed class FakeKnown : IKnownCallersGrain
{
    public ConcurrentQueue<ulong> Told { get; } = new();

    public Task<KnownUpdate> Exchange(KnownNews news)
    {
        foreach (var caller in news.Verified) Told.Enqueue(caller);
        return Task.FromResult(new KnownUpdate { Epoch = 1, Version = 0, More = false, Callers = [], Days = [], HashKey = new byte[32] });
    }
}

/// <summary>A trace that keeps what edges publish.</summary>
internal sealed class FakeTraceGrain : ITraceGrain
{
    private readonly List<TracedMessage> _messages = [];

    public long Dropped { get; private set; }

    public bool GoesOn { get; set; } = true;

    public bool Fails { get; set; }

    public int Failed { get; private set; }

    public List<TracedMessage> Messages
    {
        get { lock (_messages) return [.. _messages]; }
    }

    public Task<bool> Publish(TraceBatch batch)
    {
        lock (_messages)
        {
            if (Fails)
            {
                Failed++;
                throw new TimeoutException();
            }
            _messages.AddRange(batch.Messages);
            Dropped += batch.Dropped;
        }
        return Task.FromResult(GoesOn);
    }

    public Task<TraceStarted> Start(TraceRequest request) => throw new NotSupportedException();

    public Task<TraceView> Read() => throw new NotSupportedException();

    public Task Stop() => throw new NotSupportedException();
}

internal sealed class FakeMediaLane : IMediaLaneGrain
{
    public List<MediaEventBatch> Batches { get; } = [];

    public bool Fails { get; set; }

    public Task Publish(MediaEventBatch batch)
    {
        if (Fails) throw new TimeoutException();
        lock (Batches) Batches.Add(batch);
        return Task.CompletedTask;
    }
}

/// <summary>A grain factory that knows one edge grain, one trace and one list of blocks.</summary>
public class FakeGrains : DispatchProxy
{
    private object? _edge;
    private object? _trace;
    private object? _blocks;
    private object? _lane;

    private Func<string, object> _limits = _ => throw new NotSupportedException();
    private object? _known;

    public static IGrainFactory With(object edge, object trace, object blocks, object lane, Func<string, object>? limits = null, object? known = null)
    {
        var factory = Create<IGrainFactory, FakeGrains>();
        var grains = (FakeGrains)(object)factory;
        (grains._edge, grains._trace, grains._blocks, grains._lane) = (edge, trace, blocks, lane);
        (grains._limits, grains._known) = (limits ?? grains._limits, known);
        return factory;
    }

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) => targetMethod!.Name switch
    {
        "CreateObjectReference" => args![0],
        "GetGrain" when targetMethod.IsGenericMethod && targetMethod.GetGenericArguments()[0] == typeof(IEdgeGrain) => _edge,
        "GetGrain" when targetMethod.IsGenericMethod && targetMethod.GetGenericArguments()[0] == typeof(IBlockListGrain) => _blocks,
        "GetGrain" when targetMethod.IsGenericMethod && targetMethod.GetGenericArguments()[0] == typeof(ITraceGrain) => _trace,
        "GetGrain" when targetMethod.IsGenericMethod && targetMethod.GetGenericArguments()[0] == typeof(IMediaLaneGrain) => _lane,
        "GetGrain" when targetMethod.IsGenericMethod && targetMethod.GetGenericArguments()[0] == typeof(ILimitGrain) => _limits((string)args![0]!),
        "GetGrain" when targetMethod.IsGenericMethod && targetMethod.GetGenericArguments()[0] == typeof(IKnownCallersGrain) => _known,
        "DeleteObjectReference" => null,
        _ => throw new NotSupportedException(targetMethod.Name),
    };
}
