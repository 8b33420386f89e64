using IvrActors.Edge.Admission;
using Xunit;

namespace IvrActors.Edge.Tests.Admission;

public class LatencyWindowTests
{
    private static TimeSpan Ms(int ms) => TimeSpan.FromMilliseconds(ms);

    [Fact]
    public void Few_calls_say_nothing_however_slow_they_were()
    {
        var window = new LatencyWindow();
        for (var i = 0; i < 19; i++) window.Record(TimeSpan.FromSeconds(30));
        Assert.Equal(TimeSpan.Zero, window.Quantile(0.9));
    }

    [Fact]
    public void One_slow_answer_in_ten_does_not_count_and_two_do()
    {
        var window = new LatencyWindow();
        for (var i = 0; i < 90; i++) window.Record(Ms(4));
        for (var i = 0; i < 10; i++) window.Record(Ms(900));
        Assert.Equal(Ms(5), window.Quantile(0.9));
        for (var i = 0; i < 10; i++) window.Record(Ms(900));
        Assert.Equal(Ms(1000), window.Quantile(0.9));
    }

    [Fact]
    public void What_was_is_forgotten()
    {
        var window = new LatencyWindow();
        for (var i = 0; i < 100; i++) window.Record(TimeSpan.FromMinutes(1));
        Assert.Equal(TimeSpan.FromSeconds(10), window.Quantile(0.9));
        for (var i = 0; i < 7; i++) window.Age();
        Assert.Equal(TimeSpan.Zero, window.Quantile(0.9));
    }
}
