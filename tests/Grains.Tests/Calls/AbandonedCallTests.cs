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
}
