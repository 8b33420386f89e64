using IvrActors.Edge.Admission;
using Xunit;

namespace IvrActors.Edge.Tests.Admission;

public sealed class ProcessorShareTests
{
    private ProcessorShare _share;

    [Fact]
    public void It_comes_to_what_is_used_within_some_seconds()
    {
        for (var i = 0; i < 30; i++) _share.Add(Ms(100), Ms(100), processors: 2);
        Assert.InRange(_share.Value, 0.25, 0.4);
        for (var i = 0; i < 200; i++) _share.Add(Ms(100), Ms(100), processors: 2);
        Assert.Equal(0.5, _share.Value, 0.01);
        for (var i = 0; i < 200; i++) _share.Add(TimeSpan.Zero, Ms(100), processors: 2);
        Assert.Equal(0, _share.Value, 0.01);
    }

    [Fact]
    public void Samples_a_moment_apart_say_little_and_none_says_more_than_all_processors()
    {
        // The sampler stood still between looking at the processor time and at the clock.
        for (var i = 0; i < 100; i++)
        {
            _share.Add(Ms(20), Ms(0.1), processors: 2);
            _share.Add(Ms(20), Ms(200), processors: 2);
        }
        Assert.InRange(_share.Value, 0.04, 0.07);
        _share.Add(Ms(90_000), Ms(10_000), processors: 2);
        Assert.InRange(_share.Value, 0.9, 1);
        _share.Add(Ms(5), TimeSpan.Zero, processors: 2);
        _share.Add(Ms(5), Ms(-1), processors: 2);
        Assert.InRange(_share.Value, 0.9, 1);
    }

    private static TimeSpan Ms(double value) => TimeSpan.FromMilliseconds(value);
}
