using IvrActors.Grains.Interfaces.Calls;
using Xunit;
using static IvrActors.Grains.Tests.Calls.GrainWorld;

namespace IvrActors.Grains.Tests.Calls;

public class AbandonedCallTests
{
    private readonly GrainWorld _world = new();

    [Fact]
    public async Task A_call_whose_edge_died_leaves_no_row_when_its_grain_is_collected()
    {
        var call = _world.Call();
        await call.Handle(Offered());
        await call.Handle(Keys(2, "10000001"));
        await call.OnDeactivateAsync(new DeactivationReason(DeactivationReasonCode.ShuttingDown, "the next event meets another activation"), default);
        Assert.Single(_world.Storage.Rows);
        await call.OnDeactivateAsync(new DeactivationReason(DeactivationReasonCode.ActivationIdle, "nobody asked"), default);
        Assert.Empty(_world.Storage.Rows);
        Assert.Equal(("call.ended", "Failed"), (_world.Audit.Entries[^1].Action, _world.Audit.Entries[^1].Detail));
    }

    [Fact]
    public async Task A_call_whose_silo_and_edge_died_ends_when_somebody_comes_back_to_it()
    {
        await _world.Call().Handle(Offered());
        var again = _world.Call();
        await again.Visit();
        Assert.Equal(0, _world.Deactivations);
        Assert.Single(_world.Storage.Rows);
        await again.OnDeactivateAsync(new DeactivationReason(DeactivationReasonCode.ActivationIdle, "nobody asked"), default);
        Assert.Empty(_world.Storage.Rows);
        Assert.Equal(("call.ended", "Failed"), (_world.Audit.Entries[^1].Action, _world.Audit.Entries[^1].Detail));
    }

    [Fact]
    public async Task A_visit_changes_nothing_at_a_call_that_goes_on_and_makes_none_where_there_is_none()
    {
        await _world.Call().Handle(Offered());
        var call = _world.Call();
        await call.Visit();
        Assert.Equal("sign_in", (await call.Handle(Keys(2, "10000001"))).Step);
        await call.Handle(new CallEnded { Seq = 3, Reason = CallEndReason.CallerHungUp });
        var before = _world.Deactivations;
        await _world.Call().Visit();
        Assert.Equal(before + 1, _world.Deactivations);
        Assert.Empty(_world.Storage.Rows);
    }

    [Fact]
    public async Task A_call_whose_callers_silo_goes_says_so_to_its_edge_and_goes_on_when_that_asks_again()
    {
        var call = _world.Call();
        await call.Handle(Offered());
        await call.Handle(Keys(2, "10000001"));
        _world.Caller.IsLost = true;
        await Assert.ThrowsAsync<SiloUnavailableException>(() => call.Handle(Secret(3)));
        Assert.Equal("sign_in", (await call.Handle(Secret(3))).Step);
        Assert.Equal("menu", (await call.Handle(Secret(4))).Step);
        Assert.Equal([3, 4], _world.Caller.Attempts.Select(attempt => attempt.Seq));
    }

    [Fact]
    public async Task A_call_whose_database_is_away_is_answered_nothing_and_goes_on_where_it_was_when_it_is_back()
    {
        var call = _world.Call();
        await call.Handle(Offered());
        await call.Handle(Keys(2, "10000001"));
        _world.Storage.IsAway = true;
        // The PIN was right, and nobody hears of it: it stands nowhere.
        for (var i = 0; i < 3; i++) await Assert.ThrowsAsync<StorageUnavailableException>(() => call.Handle(Secret(3)));
        _world.Storage.IsAway = false;
        Assert.Equal("sign_in", (await call.Handle(Secret(3))).Step);
        Assert.Equal("menu", (await _world.Call().Handle(Secret(4))).Step);
    }

    [Fact]
    public async Task A_new_call_is_refused_at_once_while_the_database_is_away()
    {
        _world.Storage.IsAway = true;
        Assert.Equal(503, Assert.IsType<Reject>(Assert.Single((await _world.Call().Handle(Offered())).Commands)).Status);
        Assert.Equal([(_world.Rates.Taken[0].Key, CallKey)], _world.Rates.Ended);
    }

    [Fact]
    public async Task The_end_of_a_call_is_recorded_once_however_often_it_is_told()
    {
        var call = _world.Call();
        await call.Handle(Offered());
        var ended = new CallEnded { Seq = 2, Reason = CallEndReason.CallerHungUp };
        _world.Storage.IsAway = true;
        await Assert.ThrowsAsync<StorageUnavailableException>(() => call.Handle(ended));
        await Assert.ThrowsAsync<StorageUnavailableException>(() => _world.Call().Handle(ended));
        _world.Storage.IsAway = false;
        // By the activation that failed, and by another one.
        await _world.Call().Handle(ended);
        await call.Handle(ended);
        Assert.Empty(_world.Storage.Rows);
        Assert.Single(_world.Audit.Entries, entry => entry.Action == "call.ended");
    }

    [Fact]
    public async Task An_end_that_cannot_be_recorded_now_is_recorded_when_it_is_told_again()
    {
        var call = _world.Call();
        await call.Handle(Offered());
        _world.Audit.Disk = new TaskCompletionSource<long>();
        _world.Audit.Disk.SetException(new StorageUnavailableException("away"));
        var ended = new CallEnded { Seq = 2, Reason = CallEndReason.CallerHungUp };
        await Assert.ThrowsAsync<StorageUnavailableException>(() => call.Handle(ended));
        Assert.Single(_world.Storage.Rows);
        _world.Audit.Disk = null;
        await call.Handle(ended);
        Assert.Empty(_world.Storage.Rows);
        Assert.Single(_world.Audit.Entries, entry => entry.Action == "call.ended");
    }
}
