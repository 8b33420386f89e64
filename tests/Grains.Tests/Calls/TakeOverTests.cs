using IvrActors.Grains.Interfaces.Audit;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Edges;
using IvrActors.Grains.Interfaces.Privacy;
using Xunit;
using static IvrActors.Grains.Tests.Calls.GrainWorld;

namespace IvrActors.Grains.Tests.Calls;

/// <summary>Calls whose edge is gone.</summary>
public class TakeOverTests
{
    private readonly GrainWorld _world = new();
    private readonly FakeEdge _second;
    private readonly FakeEdge _third;

    public TakeOverTests()
    {
        _world.Edges[IEdgeGrain.Key("edge-1")] = new FakeEdge();
        _second = _world.Edges[IEdgeGrain.Key("edge-2")] = new FakeEdge { LastReport = Report("edge-2") };
        _third = _world.Edges[IEdgeGrain.Key("edge-3")] = new FakeEdge();
    }

    [Fact]
    public async Task A_call_of_a_lost_edge_goes_on_at_another_where_it_was_with_what_was_keyed_before()
    {
        await Served();
        Assert.True(await Lose());
        var order = Assert.IsType<TakeOver>(Assert.Single(_second.Sent).Command);
        Assert.Equal((3, 1, "life-of-edge-2", "bank", "sign_in"), (order.Seq, order.Epoch, order.Incarnation, order.Flow, order.Step));
        Assert.Equal("sip:moved@192.0.2.9", order.Dialog.Target.Reveal());

        _world.Actor = "edge-2";
        var reply = await _world.Call().Handle(new CallResumed { Seq = 3 }.From(1, Dialog("sip:moved@192.0.2.9")));
        Assert.Equal(("Collect", "sign_in"), (CallGrainTests.Kinds(reply), reply.Step));
        Assert.Equal("menu", await Finish(4));
        Assert.Equal(["call.admitted", "call.taken-over"], _world.Audit.Entries.Select(entry => entry.Action));
        Assert.Equal("edge-2", _world.Audit.Entries[^1].Detail);

        async Task<string> Finish(int seq)
        {
            await _world.Call().Handle(Secret(seq).From(1, null));
            return (await _world.Call().Handle(Secret(seq + 1).From(1, null))).Step;
        }
    }

    [Fact]
    public async Task What_was_done_once_is_not_done_again_and_what_was_said_is_said_again()
    {
        await _world.Call().Handle(Offered().From(0, Dialog()));
        await Lose();
        _world.Actor = "edge-2";
        // The first prompts came with the answer.
        Assert.Equal("Play Collect", CallGrainTests.Kinds(await _world.Call().Handle(new CallResumed { Seq = 2 }.From(1, null))));
    }

    [Fact]
    public async Task What_the_former_edge_says_of_the_call_is_not_listened_to_and_it_is_told_so()
    {
        await Served();
        await Lose();
        var row = _world.Storage.Rows.Single().Value.ETag;
        foreach (var said in new CallEvent[] { Keys(3, "1"), new CallEnded { Seq = 3, Reason = CallEndReason.MediaTimeout }, Keys(2, "10000001"), Offered() })
        {
            var reply = await _world.Call().Handle(said);
            Assert.True(reply.Gone);
            Assert.Empty(reply.Commands);
        }
        await _world.Call().Keep(0, Dialog("sip:elsewhere@192.0.2.66"), null);
        Assert.Equal(row, Assert.Single(_world.Storage.Rows).Value.ETag);
    }

    [Fact]
    public async Task Another_edge_neither_speaks_for_a_call_nor_takes_one_over_that_was_not_given_to_it()
    {
        await Served();
        _world.Actor = "edge-3";
        foreach (var said in new CallEvent[] { Keys(3, "1"), Keys(2, "10000001"), Offered(), new CallEnded { Seq = 3, Reason = CallEndReason.CallerHungUp }, new CallResumed { Seq = 3 }.From(1, null) })
            await Assert.ThrowsAsync<UnauthorizedAccessException>(() => _world.Call().Handle(said));
        await Assert.ThrowsAsync<UnauthorizedAccessException>(() => _world.Call().Keep(0, Dialog(), null));
        await Lose();
        await Assert.ThrowsAsync<UnauthorizedAccessException>(() => _world.Call().Handle(new CallResumed { Seq = 3 }.From(1, null)));
        _world.Actor = "edge-1";
        Assert.True((await _world.Call().Handle(Keys(3, "1"))).Gone);
        _world.Actor = "edge-2";
        Assert.False((await _world.Call().Handle(new CallResumed { Seq = 3 }.From(1, null))).Gone);
    }

    [Fact]
    public async Task A_call_is_not_resumed_that_nobody_was_asked_to_take_over()
    {
        await Served();
        Assert.IsType<HangUp>((await _world.Call().Handle(new CallResumed { Seq = 3 })).Commands[^1]);
    }

    [Fact]
    public async Task An_edge_without_room_gives_the_call_to_the_next_and_when_none_is_left_it_ends()
    {
        _third.LastReport = Report("edge-3");
        await Served();
        await Lose();
        var (first, next) = _second.Sent.Count > 0 ? ("edge-2", "edge-3") : ("edge-3", "edge-2");
        _world.Actor = first;
        Assert.True((await _world.Call().Handle(new TakeOverFailed { Seq = 3, Why = TakeOverFailure.NoRoom }.From(1, null))).Gone);
        Assert.Equal(2, Assert.IsType<TakeOver>(Assert.Single(_world.Edges[IEdgeGrain.Key(next)].Sent).Command).Epoch);
        // The first one is a former owner now, too.
        Assert.True((await _world.Call().Handle(new CallResumed { Seq = 3 }.From(1, null))).Gone);
        _world.Actor = next;
        await _world.Call().Handle(new TakeOverFailed { Seq = 3, Why = TakeOverFailure.NoRoom }.From(2, null));
        AssertEnded();
    }

    [Fact]
    public async Task An_edge_that_finds_no_way_to_the_peer_ends_the_call()
    {
        await Served();
        await Lose();
        _world.Actor = "edge-2";
        await _world.Call().Handle(new TakeOverFailed { Seq = 3, Why = TakeOverFailure.Unreachable }.From(1, null));
        AssertEnded();
    }

    [Fact]
    public async Task A_call_that_ends_while_it_is_taken_over_ends_as_its_new_edge_says()
    {
        await Served();
        await Lose();
        _world.Actor = "edge-2";
        await _world.Call().Handle(new CallEnded { Seq = 3, Reason = CallEndReason.EdgeLost }.From(1, null));
        AssertEnded();
    }

    [Fact]
    public async Task The_edge_that_took_a_call_over_may_be_lost_as_well()
    {
        await Served();
        await Lose();
        _third.LastReport = Report("edge-3");
        Assert.True(await Lose("edge-2", alive: ""));
        Assert.Equal((3, 2), Assert.IsType<TakeOver>(Assert.Single(_third.Sent).Command) is var order ? (order.Seq, order.Epoch) : default);
    }

    [Fact]
    public async Task An_order_that_was_written_and_not_sent_is_given_again_to_the_same_edge()
    {
        await Served();
        _second.IsOutOfReach = true;
        await Assert.ThrowsAnyAsync<Exception>(() => Lose());
        _second.IsOutOfReach = false;
        Assert.True(await Lose());
        Assert.Equal((3, 1), Assert.IsType<TakeOver>(Assert.Single(_second.Sent).Command) is var order ? (order.Seq, order.Epoch) : default);
        // That edge is gone by now: the next one.
        _second.IsThere = false;
        _third.LastReport = Report("edge-3");
        Assert.True(await Lose());
        Assert.Equal(2, Assert.IsType<TakeOver>(Assert.Single(_third.Sent).Command).Epoch);
    }

    [Fact]
    public async Task A_restarted_edge_may_take_over_the_calls_of_its_life_before()
    {
        _second.LastReport = null;
        var again = _world.Edges[IEdgeGrain.Key("edge-1")] = new FakeEdge { LastReport = Report("edge-1", "second-life") };
        await Served();
        Assert.True(await Lose(alive: "second-life"));
        Assert.Equal("second-life", Assert.IsType<TakeOver>(Assert.Single(again.Sent).Command).Incarnation);
        // Of this life it is not lost.
        Assert.True(await Lose(alive: "second-life"));
        Assert.Single(again.Sent);
    }

    [Fact]
    public async Task Calls_of_other_edges_and_calls_that_there_are_not_stay_as_they_are()
    {
        await Served();
        Assert.True(await Lose("edge-9"));
        Assert.True(await Lose(alive: "life-of-edge-1"));
        Assert.Empty(_second.Sent);
        Assert.True(await _world.Call(new CallId("call-none")).EdgeGone(new EdgeLoss { Edge = "edge-1", Lost = ["x"], Alive = "" }));
        Assert.Equal("sign_in", (await _world.Call().Handle(Keys(2, "10000001"))).Step);
    }

    [Fact]
    public async Task A_call_waits_for_an_edge_that_takes_it_until_it_is_told_that_it_has_waited_enough()
    {
        _second.LastReport = null;
        await Served();
        Assert.False(await Lose());
        Assert.Single(_world.Storage.Rows);
        _second.LastReport = Report("edge-2", drain: EdgeDrain.Draining);
        Assert.False(await Lose());
        _second.LastReport = Report("edge-2", trunk: "other");
        Assert.False(await Lose());
        Assert.True(await Lose(isLast: true));
        AssertEnded();
        Assert.Empty(_second.Sent);
    }

    [Fact]
    public async Task Edges_that_the_directory_does_not_know_any_more_are_asked_as_well()
    {
        _world.Edges.Remove(IEdgeGrain.Key("edge-2"));
        _world.Edge.LastReport = Report("edge-2");
        await Served();
        Assert.True(await _world.Call().EdgeGone(new EdgeLoss { Edge = "edge-1", Lost = ["life-of-edge-1"], Alive = "", Others = ["edge-2"] }));
        Assert.IsType<TakeOver>(Assert.Single(_world.Edge.Sent).Command);
    }

    [Theory]
    [InlineData(CallTransport.Ws)]
    [InlineData(CallTransport.Wss)]
    public async Task A_browsers_call_ends_at_once(CallTransport transport)
    {
        await _world.Call().Handle(Offered().From(0, Dialog(transport: transport)));
        Assert.True(await Lose());
        AssertEnded();
        Assert.Empty(_second.Sent);
    }

    [Fact]
    public async Task A_call_whose_edge_says_nothing_of_its_dialog_ends()
    {
        await _world.Call().Handle(Offered());
        Assert.True(await Lose());
        AssertEnded();
    }

    [Fact]
    public async Task A_bridged_call_ends_is_settled_and_both_its_peers_are_told_by_another_edge()
    {
        await _world.Publish("flow: out\nlanguage: en\nstart: desk\nsteps:\n  desk: { transfer: desk, mode: bridge, trunk: carrier, on: { failed: bye } }\n  bye: { hang_up: true, play: [goodbye] }\n");
        await _world.Call().Handle(Offered(called: "out").From(0, Dialog()));
        await _world.Call().Keep(0, Dialog(), Dialog("sip:desk@192.0.2.70"));
        Assert.True(await Lose());
        Assert.Equal(["sip:caller@192.0.2.7", "sip:desk@192.0.2.70"], Assert.IsType<EndDialogs>(Assert.Single(_second.Sent).Command).Dialogs.Select(dialog => dialog.Target.Reveal()));
        // What became of it is not known: it counts in full.
        Assert.Empty(_world.Spending.Settled);
        AssertEnded();
    }

    [Fact]
    public async Task A_step_still_takes_one_write_and_the_dialog_is_stored_with_it()
    {
        await Served();
        Assert.Equal(2, _world.Storage.Writes);
        await _world.Call().Keep(0, Dialog("sip:again@192.0.2.10"), null);
        await Lose();
        Assert.Equal("sip:again@192.0.2.10", Assert.IsType<TakeOver>(Assert.Single(_second.Sent).Command).Dialog.Target.Reveal());
    }

    [Fact]
    public async Task A_loss_that_cannot_be_stored_moves_no_call_and_is_told_again()
    {
        await Served();
        _world.Storage.FailWrites = true;
        await Assert.ThrowsAnyAsync<Exception>(() => Lose());
        _world.Storage.FailWrites = false;
        Assert.Empty(_second.Sent);
        Assert.True(await Lose());
        Assert.Single(_second.Sent);
    }

    /// <summary>A call at edge-1 that keyed its account and is asked for the PIN.</summary>
    private async Task Served()
    {
        await _world.Call().Handle(Incarnate(Offered()).From(0, Dialog()));
        await _world.Call().Handle(Keys(2, "10000001").From(0, Dialog("sip:moved@192.0.2.9")));
    }

    private static CallOffered Incarnate(CallOffered offered) => new()
    {
        Seq = offered.Seq,
        Edge = offered.Edge,
        Tenant = offered.Tenant,
        Trunk = offered.Trunk,
        Called = offered.Called,
        Calling = offered.Calling,
        Origin = offered.Origin,
        Encrypted = offered.Encrypted,
        SourceAddress = offered.SourceAddress,
        Incarnation = "life-of-edge-1",
    };

    private Task<bool> Lose(string edge = "edge-1", string alive = "another", bool isLast = false) =>
        _world.Call().EdgeGone(new EdgeLoss { Edge = edge, Lost = ["life-of-" + edge], Alive = alive, IsLast = isLast });

    private void AssertEnded()
    {
        Assert.Empty(_world.Storage.Rows);
        Assert.Equal(("call.ended", AuditResult.Success, "EdgeLost"), _world.Audit.Entries[^1] is var entry ? (entry.Action, entry.Result, entry.Detail) : default);
    }

    private static EdgeReport Report(string edge, string? incarnation = null, EdgeDrain drain = EdgeDrain.None, string trunk = "local") => new()
    {
        Edge = edge,
        At = default,
        ActiveCalls = 0,
        Calls = [],
        Incarnation = incarnation ?? "life-of-" + edge,
        Drain = drain,
        Trunks = [new TrunkSummary { Tenant = "demo", Trunk = trunk, Calls = 0, Registration = TrunkRegistration.None, Proxy = TrunkProxy.Unknown, Contacts = 0 }],
    };

    private static CallDialog Dialog(string target = "sip:caller@192.0.2.7", CallTransport transport = CallTransport.Udp) => new()
    {
        CallId = new("id@192.0.2.7"),
        LocalTag = "ours",
        RemoteTag = "theirs",
        Local = new("<sip:bank@192.0.2.1>;tag=ours"),
        Remote = new("<sip:caller@192.0.2.7>;tag=theirs"),
        Routes = [],
        Target = new(target),
        LocalSequence = 0,
        RemoteSequence = 1,
        IsSecure = false,
        IsCaller = false,
        Transport = transport,
        Peer = new("192.0.2.7:5060"),
        Tenant = "demo",
        Trunk = "local",
        EntryTenant = "demo",
        Entry = "local",
        Keying = CallKeying.None,
        SdpSession = 1,
        SdpVersion = 1,
        SdpAddress = "192.0.2.1",
        Since = default,
    };
}
