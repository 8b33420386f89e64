using CsCheck;
using IvrActors.Grains.Interfaces.Policies;
using Xunit;

namespace IvrActors.Grains.Interfaces.Tests;

public sealed class GcraTests
{
    [Fact]
    public void A_story()
    {
        var limit = new RateLimit(10, TimeSpan.FromSeconds(1), 3);
        var state = 0L;
        bool Take(double at)
        {
            var decision = Gcra.Decide(1_000_000_000 + TimeSpan.FromSeconds(at).Ticks, limit, state);
            state = decision.TheoreticalArrival;
            return decision.Allowed;
        }
        Assert.True(Take(0));
        Assert.True(Take(0));
        Assert.True(Take(0));
        Assert.False(Take(0));
        Assert.False(Take(0.0999));
        Assert.True(Take(0.1));
        Assert.False(Take(0.1));
        Assert.True(Take(10));
    }

    // The oracle is a token bucket in whole ticks: obvious, and with more state.
    [Fact]
    public void It_decides_as_a_token_bucket_does() =>
        Gen.Select(Gen.Int[1, 50], Gen.Int[1, 5000], Gen.Int[1, 20], Gen.Int[0, 400].Array[1, 200]).Sample((count, periodMs, burst, gapsMs) =>
        {
            var limit = new RateLimit(count, TimeSpan.FromMilliseconds(periodMs), burst);
            var interval = limit.EmissionInterval.Ticks;
            var full = interval * burst;
            var (level, state, now) = (full, 0L, 10_000_000_000L);
            foreach (var gap in gapsMs)
            {
                var passed = TimeSpan.FromMilliseconds(gap).Ticks;
                now += passed;
                level = Math.Min(full, level + passed);
                var expected = level >= interval;
                if (expected) level -= interval;
                var decision = Gcra.Decide(now, limit, state);
                state = decision.TheoreticalArrival;
                if (decision.Allowed != expected) return false;
                // What it says of waiting is exact.
                if (!decision.Allowed && (!Gcra.Decide(now + decision.RetryAfter.Ticks, limit, state).Allowed || Gcra.Decide(now + decision.RetryAfter.Ticks - 1, limit, state).Allowed)) return false;
            }
            return true;
        }, iter: 2000);

    [Fact]
    public void A_limit_without_sense_allows_nothing_and_none_overflows() =>
        Gen.Select(Gen.Int, Gen.Long, Gen.Int, Gen.Long[0, long.MaxValue / 2]).Sample((count, period, burst, now) =>
        {
            var limit = new RateLimit(count, TimeSpan.FromTicks(period), burst);
            var decision = Gcra.Decide(now, limit, 0);
            return decision.Allowed == limit.IsValid && (!decision.Allowed || decision.TheoreticalArrival > now);
        }, iter: 20_000);

    [Theory]
    [InlineData(0, 1, 1), InlineData(-1, 1, 1), InlineData(1, 0, 1), InlineData(1, -1, 1), InlineData(1, 1, 0), InlineData(1, 1, -1)]
    public void Zero_and_less_are_no_limits(int count, int seconds, int burst)
    {
        var limit = new RateLimit(count, TimeSpan.FromSeconds(seconds), burst);
        Assert.False(limit.IsValid);
        Assert.False(Gcra.Decide(1, limit, 0).Allowed);
    }
}
