using IvrActors.Edge.Calls;
using IvrActors.Edge.Media;
using IvrActors.Edge.Tests.Media;
using IvrActors.Edge.Tests.Net;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Edges;
using IvrActors.Grains.Interfaces.Operators;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace IvrActors.Edge.Tests.Calls;

public sealed class MediaLaneTests : IDisposable
{
    private static readonly CallId s_call = new("call-a");

    private readonly FakeTimeProvider _time = new();
    private readonly FakeMediaLane _grain = new();
    private readonly MediaLane _lane;

    public MediaLaneTests()
    {
        var options = MediaEngineTests.Options();
        _lane = new MediaLane(options, FakeGrains.With(new FakeEdgeGrain(), new object(), new object(), _grain), new EdgeToken(options, new Tokens(), _time), new EdgeReadiness(_time), _time);
    }

    public void Dispose() => _lane.Dispose();

    private sealed class Tokens : IRoleTokens
    {
        public string Issue(string name, string role) => $"{name} {role}";
    }

    [Fact]
    public async Task What_was_told_is_published_in_order_and_in_one_batch_with_its_age()
    {
        _lane.Tell(s_call, MediaEventKind.PlayStarted);
        _time.Advance(TimeSpan.FromMilliseconds(300));
        _lane.Tell(s_call, MediaEventKind.Key);
        await _lane.Publish();
        var batch = Assert.Single(_grain.Batches);
        Assert.Equal([(MediaEventKind.PlayStarted, 300), (MediaEventKind.Key, 0)], batch.Events.Select(e => (e.Kind, e.AgoMs)));
        await _lane.Publish();
        Assert.Single(_grain.Batches);
    }

    [Fact]
    public async Task Of_a_calls_media_the_cluster_hears_what_happened_and_never_which_key()
    {
        var call = new VirtualCall { Grain = e => e is CallOffered ? [new Answer()] : [] };
        call.Connect();
        var heard = new List<MediaSignalKind>();
        var media = new LegMedia((_, signal) => heard.Add(signal.Kind), _lane, _time);
        media.Key('7', 100);
        media.Leg = call.Leg;
        media.PlayStarted(1, 5);
        media.Key('7', 100);
        media.Tone('7');
        media.PlayEnded(1);
        media.Measured(new MediaStatistics(500, 500, 0.1, 2));
        media.TimedOut();
        await _lane.Publish();
        var events = Assert.Single(_grain.Batches).Events;
        Assert.Equal([MediaEventKind.PlayStarted, MediaEventKind.Key, MediaEventKind.Key, MediaEventKind.PlayEnded, MediaEventKind.Quality], events.Select(e => e.Kind));
        Assert.All(events, e => Assert.Equal(call.Leg!.Id, e.Call));
        Assert.Equal(0.1, events[^1].Quality!.Loss);
        Assert.Equal(5, heard.Count);
    }

    [Fact]
    public async Task What_the_cluster_does_not_take_is_bounded_and_the_oldest_is_dropped()
    {
        for (var i = 0; i < MediaLane.MostWaiting + 10; i++) _lane.Tell(new CallId($"call-{i}"), MediaEventKind.Key);
        await _lane.Publish();
        Assert.Equal(MediaLane.MostWaiting, _grain.Batches.Sum(b => b.Events.Count));
        Assert.Equal("call-10", _grain.Batches[0].Events[0].Call.Value);
        Assert.All(_grain.Batches, b => Assert.InRange(b.Events.Count, 1, MediaEventBatch.MostEvents));
    }

    [Fact]
    public async Task A_cluster_that_fails_costs_a_batch_and_throws_nothing()
    {
        for (var i = 0; i < MediaEventBatch.MostEvents + 1; i++) _lane.Tell(s_call, MediaEventKind.Key);
        _grain.Fails = true;
        await _lane.Publish();
        _grain.Fails = false;
        await _lane.Publish();
        Assert.Single(Assert.Single(_grain.Batches).Events);
    }
}
