using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Grains.Policies;
using IvrActors.Grains.Tests.Callers;
using Orleans.Runtime;
using Xunit;

namespace IvrActors.Grains.Tests.Policies;

[Collection(CallersCluster.Name)]
public sealed class KnownCallersTests(CallersCluster cluster)
{
    private static async Task<KnownUpdate> Exchange(IKnownCallersGrain grain, KnownUpdate? last, params ulong[] verified)
    {
        RequestContext.Set(RequestActor.ContextKey, "edge-1");
        return await grain.Exchange(new KnownNews { Edge = "edge-1", Epoch = last?.Epoch ?? 0, Version = last?.Version ?? 0, Verified = verified });
    }

    [Fact]
    public async Task What_one_edge_tells_another_hears_once_and_all_of_it_after_a_restart_of_either()
    {
        var grain = cluster.Grains.GetGrain<IKnownCallersGrain>(IKnownCallersGrain.Key(1));
        var before = await Exchange(grain, null);
        Assert.Equal(32, before.HashKey.Length);
        var told = await Exchange(grain, before, 7, 8);
        Assert.Equal([7UL, 8UL], told.Callers);
        Assert.Empty((await Exchange(grain, told, 7)).Callers);
        var again = await Exchange(grain, null);
        Assert.Equal([7UL, 8UL], again.Callers);

        await cluster.ForgetActivations();
        var after = await Exchange(grain, told);
        Assert.NotEqual(told.Epoch, after.Epoch);
        Assert.Equal([7UL, 8UL], after.Callers);
        Assert.Equal(told.HashKey, after.HashKey);
        Assert.Equal(told.Days, after.Days);
    }

    [Fact]
    public void A_caller_is_news_once_a_day()
    {
        var known = new KnownCallers(most: 10, days: 45);
        Assert.Equal([true, false, true, false], new[] { known.See(1, 100), known.See(1, 100), known.See(1, 101), known.See(1, 99) });
        Assert.Equal([(1UL, 101)], known.Since(0, 10).Changed);
    }

    [Fact]
    public void Above_its_bound_who_was_seen_the_longest_ago_gives_way_and_who_was_not_seen_for_days_is_forgotten()
    {
        var known = new KnownCallers(most: 3, days: 45);
        for (var caller = 1UL; caller <= 3; caller++) known.See(caller, 100 + (int)caller);
        known.See(1, 110);
        known.See(4, 111);
        Assert.Equal([3UL, 1UL, 4UL], known.All.Select(one => one.Caller));
        Assert.True(known.Forget(149));
        Assert.False(known.Forget(149));
        Assert.Equal([1UL, 4UL], known.All.Select(one => one.Caller));
    }

    [Fact]
    public void Many_are_heard_of_in_pieces_and_each_once()
    {
        var known = new KnownCallers(most: 100, days: 45);
        for (var caller = 1UL; caller <= 25; caller++) known.See(caller, 100);
        List<ulong> heard = [];
        var (version, more) = (0L, true);
        while (more)
        {
            (var changed, version, more) = known.Since(version, 10);
            heard.AddRange(changed.Select(one => one.Caller));
        }
        Assert.Equal(Enumerable.Range(1, 25).Select(i => (ulong)i), heard);
        known.See(3, 101);
        Assert.Equal([(3UL, 101)], known.Since(version, 10).Changed);
    }
}
