using IvrActors.Load.Report;
using Xunit;

namespace IvrActors.Grains.Tests.Policies;

/// <summary>The test by which the load generator tells answer times apart; its file is compiled in here.</summary>
public sealed class KolmogorovSmirnovTests
{
    [Theory]
    [InlineData(new double[] { 1, 2, 3, 4 }, new double[] { 1, 2, 3, 4 }, 0)]
    [InlineData(new double[] { 1, 2, 3, 4 }, new double[] { 3, 4, 5, 6 }, 0.5)]
    [InlineData(new double[] { 1, 2 }, new double[] { 3, 4, 5 }, 1)]
    [InlineData(new double[] { 1, 1, 1, 2 }, new double[] { 1, 2, 2, 2 }, 0.5)]
    [InlineData(new double[] { 5, 1, 4 }, new double[] { 2, 3, 6 }, 1.0 / 3)]
    public void The_distance_is_the_largest_between_the_two_steps(double[] a, double[] b, double distance)
    {
        Assert.Equal(distance, KolmogorovSmirnov.Distance(a, b), 1e-12);
        Assert.Equal(distance, KolmogorovSmirnov.Distance(b, a), 1e-12);
    }

    // Critical values of Kolmogorov's distribution, as tables print them.
    [Theory]
    [InlineData(1.2238, 0.10), InlineData(1.3581, 0.05), InlineData(1.4802, 0.025), InlineData(1.6276, 0.01), InlineData(1.9495, 0.001)]
    public void The_probability_is_the_one_of_the_tables(double lambda, double probability)
    {
        const int Many = 2_000_000;
        Assert.Equal(probability, KolmogorovSmirnov.Probability(lambda / Math.Sqrt(Many / 2), Many, Many), 0.0005);
    }

    [Fact]
    public void Nothing_between_two_samples_is_certain_to_be_chance_and_everything_is_not()
    {
        Assert.Equal(1, KolmogorovSmirnov.Probability(0, 400, 400));
        Assert.InRange(KolmogorovSmirnov.Probability(1, 400, 400), 0, 1e-12);
        // 400 and 400: a distance of 0.1153 is the limit at 1 %.
        Assert.InRange(KolmogorovSmirnov.Probability(0.1153, 400, 400), 0.008, 0.0105);
    }
}
