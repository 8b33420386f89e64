using IvrActors.Edge.Admission;
using Xunit;

namespace IvrActors.Edge.Tests.Admission;

public class RecentKeysTests
{
    [Fact]
    public void A_key_is_known_for_its_time_and_renewed_by_adding_it_again()
    {
        var keys = new RecentKeys(buckets: 16, life: 100);
        keys.Add(1000, 7);
        Assert.True(keys.Contains(1099, 7));
        Assert.False(keys.Contains(1100, 7));
        keys.Add(1050, 7);
        Assert.True(keys.Contains(1149, 7));
        Assert.False(keys.Contains(1000, 8));
    }

    [Fact]
    public void A_full_bucket_forgets_what_would_go_first()
    {
        var keys = new RecentKeys(buckets: 1, life: 100);
        for (var key = 1ul; key <= 5; key++) keys.Add((long)key, key);
        Assert.False(keys.Contains(10, 1));
        for (var key = 2ul; key <= 5; key++) Assert.True(keys.Contains(10, key));
    }
}
