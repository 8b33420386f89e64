using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Grains.Tests.Callers;
using Xunit;

namespace IvrActors.Grains.Tests.Policies;

[Collection(CallersCluster.Name)]
public sealed class RateLimitGrainTests(CallersCluster cluster)
{
    [Fact]
    public async Task A_burst_is_allowed_then_refused_until_time_has_passed()
    {
        var limit = new RateLimit(60, TimeSpan.FromHours(1), 3);
        var grain = cluster.Grains.GetGrain<IRateLimitGrain>(IRateLimitGrain.TrunkKey(CallersCluster.Tenant, Guid.NewGuid().ToString()));
        for (var i = 0; i < 3; i++) Assert.True((await grain.TryTake(limit)).Allowed);
        var refused = await grain.TryTake(limit);
        Assert.False(refused.Allowed);
        Assert.InRange(refused.RetryAfter, TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(1));
        cluster.Time.Advance(refused.RetryAfter + TimeSpan.FromMilliseconds(10));
        Assert.True((await grain.TryTake(limit)).Allowed);
        Assert.False((await grain.TryTake(limit)).Allowed);
    }

    [Fact]
    public async Task A_limit_without_sense_allows_nothing()
    {
        var grain = cluster.Grains.GetGrain<IRateLimitGrain>(IRateLimitGrain.CallerKey(cluster.NewCaller().Key));
        Assert.False((await grain.TryTake(new RateLimit(0, TimeSpan.FromSeconds(1), 1))).Allowed);
    }
}
