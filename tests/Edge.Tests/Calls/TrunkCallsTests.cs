using IvrActors.Edge.Calls;
using IvrActors.Grains.Interfaces.Policies;
using Xunit;

namespace IvrActors.Edge.Tests.Calls;

public class TrunkCallsTests
{
    [Fact]
    public void Above_its_calls_at_once_a_trunk_is_busy_until_one_ends()
    {
        var calls = new TrunkCalls(new EdgeTrunk { Name = "t", Tenant = "x", CallsAtOnce = 2 });
        Assert.Equal(0, calls.TryBegin(0).Status);
        Assert.Equal(0, calls.TryBegin(0).Status);
        Assert.Equal(new TrunkRefusal(486, null, "trunk_busy"), calls.TryBegin(0));
        calls.Ended();
        Assert.Equal(0, calls.TryBegin(0).Status);
        Assert.Equal(2, calls.Active);
    }

    [Fact]
    public void Above_its_rate_a_trunk_is_told_when_to_come_again_and_refused_calls_count_for_nothing()
    {
        var calls = new TrunkCalls(new EdgeTrunk { Name = "t", Tenant = "x", Calls = new RateLimit(1, TimeSpan.FromSeconds(10), 2) });
        var now = TimeSpan.TicksPerHour;
        Assert.Equal(0, calls.TryBegin(now).Status);
        Assert.Equal(0, calls.TryBegin(now).Status);
        Assert.Equal(new TrunkRefusal(503, 10, "trunk_rate"), calls.TryBegin(now));
        Assert.Equal(new TrunkRefusal(503, 5, "trunk_rate"), calls.TryBegin(now + 5 * TimeSpan.TicksPerSecond));
        Assert.Equal(0, calls.TryBegin(now + 10 * TimeSpan.TicksPerSecond).Status);
        Assert.Equal(3, calls.Active);
    }

    [Fact]
    public void A_trunk_without_limits_has_none()
    {
        var calls = new TrunkCalls(new EdgeTrunk { Name = "t", Tenant = "x" });
        for (var i = 0; i < 10_000; i++) Assert.Equal(0, calls.TryBegin(0).Status);
    }
}
