using CsCheck;
using IvrActors.Grains.Policies.Risk;
using Xunit;

namespace IvrActors.Grains.Tests.Policies.Risk;

public sealed class DistinctAccountsTests
{
    private static readonly TimeSpan s_window = TimeSpan.FromMinutes(10);

    [Fact]
    public void Few_accounts_are_counted_exactly_whatever_the_order_and_the_repeats() =>
        Gen.Select(Gen.Int[0, 1200], Gen.ULong[0, 100]).Array[0, 300].Sample(events =>
        {
            var counter = new DistinctAccounts(s_window, 128);
            var last = new Dictionary<ulong, int>();
            foreach (var (second, account) in events.OrderBy(e => e.Item1))
            {
                counter.Add(TimeSpan.FromSeconds(second), account);
                last[account] = second;
                Assert.Equal(last.Count(e => second - e.Value <= 600), counter.Count(TimeSpan.FromSeconds(second)));
            }
        });

    [Theory]
    [InlineData(500), InlineData(5_000), InlineData(100_000)]
    public void Many_are_estimated_in_bounded_memory(int accounts)
    {
        var random = new Random(accounts);
        var counter = new DistinctAccounts(s_window, 128);
        for (var i = 0; i < accounts; i++) counter.Add(TimeSpan.FromSeconds(i * 500.0 / accounts), (ulong)random.NextInt64());
        Assert.InRange(counter.Kept, 1, 128);
        Assert.InRange(counter.Count(TimeSpan.FromSeconds(500)), 0.65 * accounts, 1.35 * accounts);
    }

    [Fact]
    public void After_many_one_is_not_taken_for_many()
    {
        var random = new Random(1);
        var counter = new DistinctAccounts(s_window, 128);
        for (var i = 0; i < 50_000; i++) counter.Add(TimeSpan.FromSeconds(1), (ulong)random.NextInt64());
        Assert.Equal(0, counter.Count(TimeSpan.FromHours(1)));
        counter.Add(TimeSpan.FromHours(1), 0);
        Assert.Equal(1, counter.Count(TimeSpan.FromHours(1)));
    }

    [Fact]
    public void A_sliding_count_forgets_what_is_older_than_its_window()
    {
        var count = new SlidingCount(TimeSpan.FromMinutes(10), 10);
        count.Add(TimeSpan.FromMinutes(0.5), 3);
        count.Add(TimeSpan.FromMinutes(5), 2);
        Assert.Equal(5, count.Count(TimeSpan.FromMinutes(9.9)));
        Assert.Equal(2, count.Count(TimeSpan.FromMinutes(9.9), last: 5));
        Assert.Equal(2, count.Count(TimeSpan.FromMinutes(10)));
        Assert.Equal(0, count.Count(TimeSpan.FromDays(1)));
    }
}
