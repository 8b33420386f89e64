using IvrActors.Edge.Admission;
using Xunit;

namespace IvrActors.Edge.Tests.Admission;

public class LoopDelaysTests
{
    private static TimeSpan Ms(int ms) => TimeSpan.FromMilliseconds(ms);

    private static LoopDelays After(params int[] delays)
    {
        var probes = new LoopDelays();
        foreach (var delay in delays) probes.Returned(Ms(delay));
        return probes;
    }

    [Fact]
    public void One_long_step_of_the_thread_is_no_queue_however_often_it_is_looked_at()
    {
        var probes = After(0, 0, 0);
        for (var waiting = 100; waiting <= 1900; waiting += 100)
        {
            probes.Waiting(Ms(waiting));
            Assert.Equal(TimeSpan.Zero, probes.Standing);
        }
        probes.Returned(Ms(1900));
        Assert.Equal(TimeSpan.Zero, probes.Standing);
    }

    [Fact]
    public void A_queue_that_stands_is_in_three_probes_and_counts_by_the_least_of_them()
    {
        Assert.Equal(TimeSpan.Zero, After(300, 80).Standing);
        var probes = After(300, 80, 120);
        Assert.Equal(Ms(80), probes.Standing);
        probes.Waiting(Ms(100));
        Assert.Equal(Ms(80), probes.Standing);
        probes.Returned(Ms(0));
        Assert.Equal(TimeSpan.Zero, probes.Standing);
    }

    [Fact]
    public void A_thread_that_stands_still_is_known_from_one_probe()
    {
        var probes = After(0, 0, 0);
        probes.Waiting(Ms(2000));
        Assert.Equal(Ms(2000), probes.Standing);
    }
}
