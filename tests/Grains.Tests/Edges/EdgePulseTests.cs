using IvrActors.Grains.Edges;
using Xunit;

namespace IvrActors.Grains.Tests.Edges;

public class EdgePulseTests
{
    private long _now = 1000 * TimeSpan.TicksPerSecond;

    [Fact]
    public void An_edge_that_falls_silent_is_gone_within_five_seconds()
    {
        var pulse = new EdgePulse(_now);
        for (var i = 0; i < 10; i++)
        {
            pulse.Heard(_now);
            Assert.False(Look(pulse));
        }
        pulse.Heard(_now);
        Assert.InRange(SecondsUntilGone(pulse), 3, 5);
        Assert.False(pulse.Beats(_now));
        pulse.Heard(_now);
        Assert.True(pulse.Beats(_now));
        Assert.False(Look(pulse));
    }

    [Fact]
    public void One_that_was_never_heard_has_the_time_to_find_another_silo()
    {
        var pulse = new EdgePulse(_now);
        Assert.False(pulse.Beats(_now));
        Assert.InRange(SecondsUntilGone(pulse), 11, 14);
    }

    [Fact]
    public void A_machine_that_stood_still_takes_nobody_for_gone()
    {
        var pulse = new EdgePulse(_now);
        pulse.Heard(_now);
        Look(pulse);
        _now += 30 * TimeSpan.TicksPerSecond;
        Assert.False(pulse.IsGone(_now));
        Assert.InRange(SecondsUntilGone(pulse), 3, 5);
    }

    private bool Look(EdgePulse pulse)
    {
        _now += TimeSpan.TicksPerSecond;
        return pulse.IsGone(_now);
    }

    private int SecondsUntilGone(EdgePulse pulse)
    {
        for (var seconds = 1; seconds < 60; seconds++)
        {
            if (Look(pulse)) return seconds;
        }
        return int.MaxValue;
    }
}
