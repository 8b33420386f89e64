using IvrActors.Edge.Calls;
using Xunit;

namespace IvrActors.Edge.Tests.Calls;

public class KeyArbiterTests
{
    private const long Ms = TimeSpan.TicksPerMillisecond;

    [Fact]
    public void Two_quick_presses_of_one_key_reported_twice_each_are_two_presses()
    {
        var arbiter = new KeyArbiter();
        Assert.True(arbiter.Accept(1000 * Ms, '5', KeySource.Event));
        Assert.True(arbiter.Accept(1150 * Ms, '5', KeySource.Event));
        Assert.False(arbiter.Accept(1160 * Ms, '5', KeySource.Info));
        Assert.False(arbiter.Accept(1300 * Ms, '5', KeySource.Info));
    }

    [Fact]
    public void Another_key_from_the_other_source_is_a_press()
    {
        var arbiter = new KeyArbiter();
        Assert.True(arbiter.Accept(1000 * Ms, '5', KeySource.Event));
        Assert.True(arbiter.Accept(1010 * Ms, '6', KeySource.Info));
        Assert.False(arbiter.Accept(1020 * Ms, '5', KeySource.Info));
        Assert.False(arbiter.Accept(1030 * Ms, '6', KeySource.Event));
    }

    [Fact]
    public void After_the_window_the_other_source_reports_a_new_press()
    {
        var arbiter = new KeyArbiter();
        Assert.True(arbiter.Accept(1000 * Ms, '5', KeySource.Event));
        Assert.True(arbiter.Accept(1000 * Ms + KeyArbiter.Window + 1, '5', KeySource.Info));
    }

    [Fact]
    public void A_key_that_was_held_for_long_is_one_press_when_its_release_is_reported()
    {
        var arbiter = new KeyArbiter();
        Assert.True(arbiter.Accept(1000 * Ms, '5', KeySource.Event));
        Assert.False(arbiter.Accept(1000 * Ms, '5', KeySource.Tone));
        Assert.False(arbiter.Accept(6100 * Ms, '5', KeySource.Info, heldMs: 5000));
        // Pressed anew meanwhile, and held for a moment only.
        Assert.True(arbiter.Accept(7000 * Ms, '5', KeySource.Event));
        Assert.False(arbiter.Accept(7200 * Ms, '5', KeySource.Info, heldMs: 160));
        Assert.True(arbiter.Accept(9500 * Ms, '5', KeySource.Info, heldMs: 160));
        // Nobody holds a key for an hour.
        Assert.True(arbiter.Accept(30_000 * Ms, '5', KeySource.Event));
        Assert.True(arbiter.Accept(41_000 * Ms, '5', KeySource.Info, heldMs: 3_600_000));
    }

    [Fact]
    public void A_press_that_is_reported_in_three_ways_is_one_in_whatever_order_they_come()
    {
        KeySource[] all = [KeySource.Event, KeySource.Info, KeySource.Tone];
        foreach (var first in all)
        {
            foreach (var second in all.Where(source => source != first))
            {
                var third = all.Single(source => source != first && source != second);
                var arbiter = new KeyArbiter();
                var presses = new[] { first, second, first, third, second, third }.Count(source => arbiter.Accept(1000 * Ms, '5', source));
                Assert.Equal(2, presses);
            }
        }
    }

    [Fact]
    public void A_press_is_forgotten_when_its_window_is_over()
    {
        var arbiter = new KeyArbiter();
        arbiter.Accept(1000 * Ms, '5', KeySource.Event);
        arbiter.Accept(1500 * Ms, '6', KeySource.Event);
        arbiter.Forget(arbiter.NextDeadline);
        Assert.Equal(1500 * Ms + KeyArbiter.Window + KeyArbiter.MostHeldMs * Ms + 1, arbiter.NextDeadline);
        arbiter.Forget(arbiter.NextDeadline);
        Assert.Equal(long.MaxValue, arbiter.NextDeadline);
    }
}
