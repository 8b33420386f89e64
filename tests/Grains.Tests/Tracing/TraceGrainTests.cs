using IvrActors.Grains.Audit;
using IvrActors.Grains.Interfaces.Audit;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Edges;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Grains.Interfaces.Tracing;
using IvrActors.Grains.Privacy;
using IvrActors.Grains.Tests.Audit;
using IvrActors.Grains.Tests.Callers;
using IvrActors.Grains.Tests.Privacy;
using IvrActors.Grains.Tracing;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Core.Internal;
using Orleans.Runtime;
using Orleans.Storage;
using Orleans.TestingHost;
using Xunit;

namespace IvrActors.Grains.Tests.Tracing;

/// <summary>Traces in a silo whose clock is nobody else's: each test has its own, since they move it.</summary>
public sealed class TraceGrainTests : IAsyncLifetime
{
    private readonly TestClock _time = new();
    private readonly TestAuditStore _ledger = new();
    private readonly Edge _edge = new();
    private readonly string _id = Guid.NewGuid().ToString("N");
    private InProcessTestCluster _cluster = null!;
    private IEdgeObserver _observer = null!;

    public async ValueTask InitializeAsync()
    {
        var builder = new InProcessTestClusterBuilder(1);
        builder.ConfigureSilo((_, silo) =>
        {
            silo.Services.AddSingleton<TimeProvider>(_time);
            silo.Services.AddSingleton<IClusterKeys>(new TestKeys());
            silo.Services.AddSingleton<IAuditStore>(_ledger);
            // Of the edge grains: whether they are to drain.
            silo.Services.AddKeyedSingleton<IGrainStorage>("encrypted", (services, _) => new TestStorage(services));
        });
        _cluster = builder.Build();
        await _cluster.DeployAsync();
        _observer = _cluster.Client.CreateObjectReference<IEdgeObserver>(_edge);
    }

    public async ValueTask DisposeAsync() => await _cluster.DisposeAsync();

    private ITraceGrain Trace(string? id = null) => _cluster.Client.GetGrain<ITraceGrain>(ITraceGrain.Key(id ?? _id));

    // An async method of its own: what it sets in the request context ends with it.
    private async Task<EdgeOrders> Report()
    {
        RequestContext.Set(RequestActor.ContextKey, "e1");
        return await _cluster.Client.GetGrain<IEdgeGrain>(IEdgeGrain.Key("e1")).Report(new EdgeReport { Edge = "e1", At = _time.GetUtcNow(), ActiveCalls = 0, Calls = [] }, _observer);
    }

    private static TraceBatch Batch(int messages, long dropped = 0) => new() { Messages = [.. Enumerable.Range(0, messages).Select(i => TraceRulesTests.Message($"{i}"))], Dropped = dropped };

    /// <summary>As the authorization filter would say it of a client.</summary>
    private static async Task<T> As<T>(string actor, Func<Task<T>> call)
    {
        RequestContext.Set(RequestActor.ContextKey, actor);
        return await call();
    }

    private async Task<TraceStarted> Start(double seconds = 300, int messages = 1000, TraceFilter? filter = null) =>
        await As("ann", () => Trace().Start(TraceRulesTests.Request(filter ?? new TraceFilter { Trunk = "carrier" }, seconds, messages)));

    private Task<TraceView> Read(string actor = "ann") => As(actor, () => Trace().Read());

    private async Task<List<AuditEntry>> Records() => (await _ledger.Search(IAuditGrain.Cluster, new AuditQuery { Limit = 100 })).Records.Select(record => record.Entry).Reverse().ToList();

    [Fact]
    public async Task A_trace_is_recorded_before_it_begins_and_the_edges_hear_of_it_at_once_and_with_their_reports()
    {
        Assert.Empty((await Report()).Traces);
        var started = await Start();

        Assert.Equal((TraceRefusal.None, "e1"), (started.Refusal, string.Join(',', started.Edges)));
        var entry = Assert.Single(await Records());
        Assert.Equal(("ann", "trace.started", AuditResult.Success, "trace-" + _id[..8], "trunk carrier for 300 s, 1000 messages"), (entry.Actor, entry.Action, entry.Result, entry.Object, entry.Detail));
        var order = Assert.Single(_edge.Orders);
        Assert.Equal((_id, "carrier"), (order.Id, order.Filter.Trunk));
        _time.Advance(TimeSpan.FromSeconds(10));
        Assert.InRange(Assert.Single((await Report()).Traces).Left, TimeSpan.FromSeconds(280), TimeSpan.FromSeconds(290));
        GC.KeepAlive(_edge);
    }

    [Fact]
    public async Task What_cannot_be_recorded_is_not_traced()
    {
        await Report();
        _ledger.BeforeAppend = _ => throw new IOException("the disk is full");
        await Assert.ThrowsAnyAsync<InvalidOperationException>(() => Start());

        Assert.Empty(_edge.Orders);
        Assert.False(await Trace().Publish(Batch(1)));
        _ledger.BeforeAppend = _ => Task.CompletedTask;
        Assert.Equal(TraceRefusal.None, (await Start()).Refusal);
        Assert.Equal(TraceRefusal.Started, (await Start()).Refusal);
    }

    [Fact]
    public async Task What_edges_publish_is_read_once_by_who_started_it_and_by_nobody_else()
    {
        await Start();
        Assert.True(await Trace().Publish(Batch(3, dropped: 2)));

        Assert.Equal((0, TraceEnd.Unknown), (await Read("eve")) is var others ? (others.Messages.Count, others.End) : default);
        var view = await Read();
        Assert.Equal(["0", "1", "2"], view.Messages.Select(message => message.Text));
        Assert.Equal((2, TraceEnd.None), (view.Dropped, view.End));
        Assert.Empty((await Read()).Messages);
        await As("eve", async () =>
        {
            await Trace().Stop();
            return 0;
        });
        Assert.True(await Trace().Publish(Batch(1)));
    }

    [Fact]
    public async Task It_ends_when_it_is_stopped_and_what_came_before_is_still_read()
    {
        await Report();
        await Start();
        await Trace().Publish(Batch(1));
        await As("ann", async () =>
        {
            await Trace().Stop();
            return 0;
        });

        Assert.False(await Trace().Publish(Batch(1)));
        Assert.Empty(_edge.Orders);
        Assert.Empty((await Report()).Traces);
        var view = await Read();
        Assert.Equal((1, TraceEnd.Stopped), (view.Messages.Count, view.End));
        Assert.Equal("Stopped: 1 messages", (await Records())[^1].Detail);
    }

    [Fact]
    public async Task A_stop_while_the_edges_are_told_stops_it()
    {
        await Report();
        var stopping = Task.CompletedTask;
        _edge.WhileTold = async () =>
        {
            RequestContext.Set(RequestActor.ContextKey, "ann");
            // It ends when this edge, which hears one order after the other, was told so.
            stopping = Trace().Stop();
            while (await Trace().Publish(Batch(0))) await Task.Yield();
        };
        await Start();
        await stopping;

        Assert.False(await Trace().Publish(Batch(1)));
        Assert.Empty((await Report()).Traces);
        Assert.Equal(TraceEnd.Stopped, (await Read()).End);
    }

    [Fact]
    public async Task What_no_activation_knows_any_more_ends_at_the_edges_with_their_next_batch()
    {
        await Report();
        await Start();
        await Trace().Cast<IGrainManagementExtension>().DeactivateOnIdle();
        // The activation may still be on its way down.
        while (await Trace().Publish(Batch(1))) await Task.Yield();

        Assert.Empty((await Report()).Traces);
        Assert.Empty(_edge.Orders);
    }

    [Fact]
    public async Task It_ends_with_its_time()
    {
        await Report();
        await Start(seconds: 5);
        _time.Advance(TimeSpan.FromSeconds(6));

        Assert.False(await Trace().Publish(Batch(1)));
        Assert.Equal(TraceEnd.TimeOver, (await Read()).End);
        Assert.Empty((await Report()).Traces);
    }

    [Fact]
    public async Task It_ends_when_nobody_reads_any_more()
    {
        await Start();
        _time.Advance(TraceRules.Patience - TimeSpan.FromSeconds(1));
        Assert.True(await Trace().Publish(Batch(1)));
        await Read();
        _time.Advance(TraceRules.Patience + TimeSpan.FromSeconds(1));

        Assert.False(await Trace().Publish(Batch(1)));
        Assert.Equal(("trace.ended", "NobodyReads: 1 messages"), (await Records())[^1] is var entry ? (entry.Action, entry.Detail) : default);
    }

    [Fact]
    public async Task It_ends_after_as_many_messages_as_were_asked_for()
    {
        await Start(messages: 4);
        Assert.True(await Trace().Publish(Batch(3)));
        Assert.False(await Trace().Publish(Batch(3)));

        var view = await Read();
        Assert.Equal((4, TraceEnd.Enough), (view.Messages.Count, view.End));
    }

    [Fact]
    public async Task A_bad_request_a_short_name_and_one_trace_too_many_are_refused()
    {
        Assert.Equal(TraceRefusal.BadRequest, (await Start(filter: new TraceFilter { Source = "host.example" })).Refusal);
        Assert.Equal(TraceRefusal.BadRequest, (await Trace("short").Start(TraceRulesTests.Request(new TraceFilter()))).Refusal);
        for (var i = 0; i < TraceRules.MostTraces; i++) Assert.Equal(TraceRefusal.None, (await Trace($"{i:D32}").Start(TraceRulesTests.Request(new TraceFilter(), 60))).Refusal);

        Assert.Equal(TraceRefusal.TooMany, (await Start()).Refusal);
        Assert.False(await Trace().Publish(Batch(1)));
        _time.Advance(TimeSpan.FromSeconds(61));
        Assert.Equal(TraceRefusal.None, (await Trace(Guid.NewGuid().ToString("N")).Start(TraceRulesTests.Request(new TraceFilter()))).Refusal);
    }

    [Fact]
    public async Task An_edge_that_does_not_take_the_order_hears_of_it_with_its_next_report()
    {
        await Report();
        _edge.Fails = true;
        Assert.Empty((await Start()).Edges);

        Assert.Single((await Report()).Traces);
    }

    private sealed class Edge : IEdgeObserver
    {
        public bool Fails { get; set; }

        public List<TraceOrder> Orders { get; private set; } = [];

        /// <summary>Once, while it is told of a trace.</summary>
        public Func<Task>? WhileTold { get; set; }

        public Task Order(CallId call, CallCommand command) => Task.CompletedTask;

        public async Task Trace(List<TraceOrder> orders)
        {
            if (Fails) throw new IOException("gone");
            Orders = orders;
            var act = WhileTold;
            WhileTold = null;
            if (act is not null) await act();
        }
    }
}
