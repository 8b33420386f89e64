using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Grains.Tests.Callers;
using Xunit;

namespace IvrActors.Grains.Tests.Policies;

[Collection(CallersCluster.Name)]
public sealed class RateLimitGrainTests(CallersCluster cluster)
{
    private static int s_calls;

    private IRateLimitGrain Grain { get; } = cluster.Grains.GetGrain<IRateLimitGrain>(IRateLimitGrain.DestinationKey(CallersCluster.Tenant, Guid.NewGuid().ToString()));

    private static LimitTake Take(RateLimit? calls, int kept = 0, int? atOnce = null, string? call = null) =>
        new() { Call = call ?? $"call-{Interlocked.Increment(ref s_calls)}", Calls = calls, CallsKept = kept, AtOnce = atOnce, LongestCall = TimeSpan.FromHours(1) };

    [Fact]
    public async Task A_burst_is_allowed_then_refused_until_time_has_passed()
    {
        var limit = new RateLimit(60, TimeSpan.FromHours(1), 3);
        for (var i = 0; i < 3; i++) Assert.True((await Grain.Take(Take(limit))).Allowed);
        var refused = await Grain.Take(Take(limit));
        Assert.False(refused.Allowed);
        Assert.InRange(refused.RetryAfter, TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(1));
        cluster.Time.Advance(refused.RetryAfter + TimeSpan.FromMilliseconds(10));
        Assert.True((await Grain.Take(Take(limit))).Allowed);
        Assert.False((await Grain.Take(Take(limit))).Allowed);
    }

    [Fact]
    public async Task What_is_kept_is_for_those_whose_request_keeps_nothing()
    {
        var limit = new RateLimit(1, TimeSpan.FromHours(1), 4);
        Assert.True((await Grain.Take(Take(limit, kept: 2))).Allowed);
        Assert.True((await Grain.Take(Take(limit, kept: 2))).Allowed);
        Assert.False((await Grain.Take(Take(limit, kept: 2))).Allowed);
        Assert.True((await Grain.Take(Take(limit))).Allowed);
    }

    [Fact]
    public async Task A_place_is_taken_once_for_a_call_and_is_free_when_it_ends_or_cannot_go_on()
    {
        Assert.True((await Grain.Take(Take(null, atOnce: 2, call: "a"))).Allowed);
        Assert.True((await Grain.Take(Take(null, atOnce: 2, call: "a"))).Allowed);
        Assert.True((await Grain.Take(Take(null, atOnce: 2, call: "b"))).Allowed);
        var refused = await Grain.Take(Take(null, atOnce: 2, call: "c"));
        Assert.Equal((false, true), (refused.Allowed, refused.NoPlace));
        await Grain.End("a");
        Assert.True((await Grain.Take(Take(null, atOnce: 2, call: "c"))).Allowed);
        Assert.False((await Grain.Take(Take(null, atOnce: 2, call: "d"))).Allowed);
        cluster.Time.Advance(TimeSpan.FromHours(1) + LeaseTimes.AroundCall);
        Assert.True((await Grain.Take(Take(null, atOnce: 2, call: "d"))).Allowed);
    }

    [Fact]
    public async Task A_limit_without_sense_allows_nothing()
    {
        var grain = cluster.Grains.GetGrain<IRateLimitGrain>(IRateLimitGrain.CallerKey(cluster.NewCaller().Key, OriginClass.Unattested));
        Assert.False((await grain.Take(Take(new RateLimit(0, TimeSpan.FromSeconds(1), 1)))).Allowed);
    }
}
