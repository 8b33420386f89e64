using IvrActors.Grains.Interfaces.Audit;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Edges;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Grains.Interfaces.Tracing;
using IvrActors.Grains.Tests.Callers;
using Orleans.Core.Internal;
using Orleans.Runtime;
using Xunit;

namespace IvrActors.Grains.Tests.Edges;

[Collection(CallersCluster.Name)]
public sealed class EdgeGrainTests(CallersCluster cluster)
{
    private readonly string _name = "e" + Guid.NewGuid().ToString("N");

    private bool _beats = true;

    private IEdgeGrain Edge => As(_name);

    /// <summary>The edge's grain, called with the token of some edge.</summary>
    private IEdgeGrain As(string caller)
    {
        RequestContext.Set(RequestActor.ContextKey, caller);
        return cluster.Grains.GetGrain<IEdgeGrain>(IEdgeGrain.Key(_name));
    }

    [Fact]
    public async Task Another_edge_neither_reports_nor_takes_orders_in_its_name()
    {
        var observer = cluster.Grains.CreateObjectReference<IEdgeObserver>(new Phone());
        await Assert.ThrowsAsync<UnauthorizedAccessException>(() => As("another").Report(Report(1), observer));
        Assert.Null(await Edge.GetReport());
    }

    private IEdgeDirectoryGrain Directory => cluster.Grains.GetGrain<IEdgeDirectoryGrain>(IEdgeDirectoryGrain.Key);

    [Fact]
    public async Task An_edge_that_reports_is_listed_gets_the_sealing_key_and_takes_orders_until_it_falls_silent()
    {
        var phone = new Phone();
        var observer = cluster.Grains.CreateObjectReference<IEdgeObserver>(phone);
        Assert.False(await Edge.Send(new CallId("call-1"), new HangUp()));

        var orders = await Edge.Report(Report(3), observer);
        Assert.Equal(cluster.Keys.SealingKey.PublicKey, orders.SealingKey.PublicKey);
        Assert.Contains(_name, await Directory.List());
        Assert.Equal(3, (await Edge.GetReport())!.ActiveCalls);
        Assert.True(await Edge.Send(new CallId("call-1"), new HangUp { AtOnce = true }));
        Assert.Equal(("call-1", true), (phone.Call, phone.AtOnce));

        cluster.Time.Advance(TimeSpan.FromSeconds(31));
        Assert.Null(await Edge.GetReport());
        Assert.False(await Edge.Send(new CallId("call-1"), new HangUp()));
        await Edge.Report(Report(4), observer);
        Assert.True(await Edge.Send(new CallId("call-1"), new HangUp()));

        cluster.Time.Advance(TimeSpan.FromSeconds(61));
        Assert.DoesNotContain(_name, await Directory.List());
        await Edge.Report(Report(4), observer);
        Assert.Contains(_name, await Directory.List());
        GC.KeepAlive(phone);
    }

    [Fact]
    public async Task An_edge_that_fails_an_order_is_detached_until_its_next_report()
    {
        var phone = new Phone { Fails = true };
        var observer = cluster.Grains.CreateObjectReference<IEdgeObserver>(phone);
        await Edge.Report(Report(1), observer);
        Assert.False(await Edge.Send(new CallId("call-1"), new HangUp()));
        phone.Fails = false;
        Assert.False(await Edge.Send(new CallId("call-1"), new HangUp()));
        await Edge.Report(Report(1), observer);
        Assert.True(await Edge.Send(new CallId("call-1"), new HangUp()));
        GC.KeepAlive(phone);
    }

    [Fact]
    public async Task An_edge_that_is_to_drain_hears_it_with_its_reports_until_it_is_to_take_calls_again_and_both_are_recorded()
    {
        var phone = new Phone();
        var observer = cluster.Grains.CreateObjectReference<IEdgeObserver>(phone);
        Assert.False(await Edge.Undrain());
        var until = new DateTimeOffset(2030, 1, 2, 3, 4, 5, TimeSpan.Zero);
        Assert.False(await Edge.Drain(until), "it has not reported");
        Assert.Equal(until, (await Edge.Report(Report(1), observer)).DrainUntil);
        Assert.True(await Edge.Drain(until + TimeSpan.FromHours(1)));
        await Edge.Cast<IGrainManagementExtension>().DeactivateOnIdle();
        Assert.Equal(until + TimeSpan.FromHours(1), (await Edge.Report(Report(1), observer)).DrainUntil);
        Assert.True(await Edge.Undrain());
        Assert.Null((await Edge.Report(Report(1), observer)).DrainUntil);
        var records = (await cluster.Grains.GetGrain<IAuditGrain>(IAuditGrain.Key(IAuditGrain.Cluster)).Search(new AuditQuery { Object = _name })).Records;
        Assert.Equal(["edge.undrain ", "edge.drain until=2030-01-02T04:04:05Z", "edge.drain until=2030-01-02T03:04:05Z"], records.Where(record => record.Entry.Object == _name).Select(record => $"{record.Entry.Action} {record.Entry.Detail}"));
        GC.KeepAlive(phone);
    }

    [Fact]
    public async Task An_edge_whose_row_cannot_be_read_is_told_that_this_is_not_known()
    {
        var phone = new Phone();
        var observer = cluster.Grains.CreateObjectReference<IEdgeObserver>(phone);
        cluster.Storage.Before = (operation, state) => _ = state == "edge-drain" ? throw new IOException("gone") : operation;
        var orders = await Edge.Report(Report(1), observer);
        cluster.Storage.Before = (_, _) => { };
        Assert.Equal((null, true), (orders.DrainUntil, orders.DrainUnknown));
        orders = await Edge.Report(Report(1), observer);
        Assert.Equal((null, false), (orders.DrainUntil, orders.DrainUnknown));
        GC.KeepAlive(phone);
    }

    [Fact]
    public async Task An_edge_that_falls_silent_is_lost_once_and_what_it_says_later_is_refused_until_it_begins_anew()
    {
        var observer = cluster.Grains.CreateObjectReference<IEdgeObserver>(new Phone());
        Assert.Null(await Edge.Watch());
        Assert.False((await Edge.Report(Report(1, "a", EdgeBirth.New), observer)).Superseded);
        Assert.True(await Edge.Beat("a"));
        Assert.False(await Edge.Beat("b"));
        await Assert.ThrowsAsync<UnauthorizedAccessException>(() => As("another").Beat("a"));
        for (var i = 0; i < 5; i++) Assert.Null(await Later());
        var loss = await Silence();
        Assert.Equal((_name, "a", ""), (loss.Edge, Assert.Single(loss.Lost), loss.Alive));
        Assert.Null(await Edge.GetReport());
        // One silo sees to it; another one only when the first does not end.
        for (var i = 0; i < 15; i++) Assert.Null(await Later());
        Assert.NotNull(await Silence());

        // It was only frozen.
        Assert.False(await Edge.Beat("a"));
        Assert.True((await Edge.Report(Report(1, "a", EdgeBirth.Known), observer)).Superseded);
        await Edge.Cast<IGrainManagementExtension>().DeactivateOnIdle();
        Assert.True((await Edge.Report(Report(1, "a", EdgeBirth.New), observer)).Superseded);
        Assert.Null(await Edge.GetReport());
        Assert.False((await Edge.Report(Report(0, "c", EdgeBirth.Again), observer)).Superseded);
        var left = await Edge.Watch();
        Assert.Equal(("a", "c"), (Assert.Single(left!.Lost), left.Alive));
        await Edge.Settled(left);
        Assert.Null(await Later());
        Assert.True(await Edge.Beat("c"));
    }

    [Fact]
    public async Task An_edge_that_is_started_again_before_it_is_missed_has_lost_its_life_before()
    {
        var observer = cluster.Grains.CreateObjectReference<IEdgeObserver>(new Phone());
        await Edge.Report(Report(1, "a", EdgeBirth.New), observer);
        await Edge.Report(Report(0, "b", EdgeBirth.New), observer);
        var loss = await Edge.Watch();
        Assert.Equal(("a", "b"), (Assert.Single(loss!.Lost), loss.Alive));
        // The former process does not come between, should it still be there.
        Assert.True((await Edge.Report(Report(1, "c", EdgeBirth.Again), observer)).Superseded);
        Assert.True(await Edge.Beat("b"));
    }

    [Fact]
    public async Task While_its_row_cannot_be_read_an_edge_is_neither_refused_nor_missed()
    {
        var observer = cluster.Grains.CreateObjectReference<IEdgeObserver>(new Phone());
        await Edge.Report(Report(1, "a", EdgeBirth.New), observer);
        await Edge.Cast<IGrainManagementExtension>().DeactivateOnIdle();
        cluster.Storage.Before = (operation, state) => _ = state == "edge-life" ? throw new IOException("gone") : operation;
        for (var i = 0; i < 20; i++)
        {
            await Assert.ThrowsAnyAsync<Exception>(() => Edge.Beat("a"));
            await Assert.ThrowsAnyAsync<Exception>(Later);
        }
        cluster.Storage.Before = (_, _) => { };
        _beats = false;
        Assert.Null(await Later());
        Assert.True(await Edge.Beat("a"));
        Assert.Null(await Later());
    }

    [Fact]
    public async Task An_edge_that_stops_in_order_is_not_missed_and_one_of_an_older_version_is_not_watched()
    {
        var observer = cluster.Grains.CreateObjectReference<IEdgeObserver>(new Phone());
        await Edge.Report(Report(1, "a", EdgeBirth.New), observer);
        await Edge.Report(Report(0, "a", EdgeBirth.Ended), observer);
        Assert.Null(await Edge.GetReport());
        // Calls that it could not end are seen to.
        var loss = await Edge.Watch();
        await Edge.Settled(loss!);
        await Edge.Report(Report(1), observer);
        for (var i = 0; i < 20; i++) Assert.Null(await Later());
        var records = (await cluster.Grains.GetGrain<IAuditGrain>(IAuditGrain.Key(IAuditGrain.Cluster)).Search(new AuditQuery { Object = _name })).Records;
        Assert.DoesNotContain(records, record => record.Entry.Action == "edge.lost" && record.Entry.Object == _name);
    }

    private Task<EdgeLoss?> Later()
    {
        cluster.Time.Advance(TimeSpan.FromSeconds(1));
        if (_beats) _ = Edge.Beat("a").ContinueWith(static beat => _ = beat.Exception, TaskScheduler.Default);
        return Edge.Watch();
    }

    private async Task<EdgeLoss> Silence()
    {
        _beats = false;
        for (var i = 0; i < 10; i++)
        {
            if (await Later() is { } loss) return loss;
        }
        throw new InvalidOperationException("nobody missed it");
    }

    private EdgeReport Report(int calls, string incarnation = "", EdgeBirth birth = EdgeBirth.Known) =>
        new() { Edge = _name, At = cluster.Time.GetUtcNow(), ActiveCalls = calls, Calls = [], Incarnation = incarnation, Birth = birth };

    private sealed class Phone : IEdgeObserver
    {
        public string? Call { get; private set; }
        public bool AtOnce { get; private set; }
        public bool Fails { get; set; }

        public Task Order(CallId call, CallCommand command)
        {
            if (Fails) throw new IOException("gone");
            Call = call.Value;
            AtOnce = ((HangUp)command).AtOnce;
            return Task.CompletedTask;
        }

        public Task Trace(List<TraceOrder> orders) => Task.CompletedTask;
    }
}
