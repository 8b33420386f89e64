using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Grains.Policies;
using IvrActors.Grains.Tests.Callers;
using Orleans.Runtime;
using Xunit;

namespace IvrActors.Grains.Tests.Policies;

[Collection(CallersCluster.Name)]
public sealed class LimitGrainTests(CallersCluster cluster)
{
    private long _seq;

    private async Task<LimitGrant> Ask(string trunk, int ordinary, int known = 0, int places = 0, long epoch = 0, string edge = "edge-1", string tenant = CallersCluster.Tenant)
    {
        RequestContext.Set(RequestActor.ContextKey, "edge-1");
        var ask = new LimitAsk { Edge = edge, Incarnation = 1, Seq = ++_seq, Epoch = epoch, Ordinary = ordinary, Known = known, OrdinaryPlaces = places };
        return await cluster.Grains.GetGrain<ILimitGrain>(ILimitGrain.TrunkKey(tenant, trunk)).Lease(ask);
    }

    [Fact]
    public async Task An_edge_that_heard_of_the_activation_is_granted_calls_and_places_of_the_table_of_the_silo()
    {
        var first = await Ask("shared", 50);
        Assert.Equal((false, 0), (first.Counted, first.Ordinary));
        var grant = await Ask("shared", 1000, known: 5, places: 1000, epoch: first.Epoch);
        // A hundred at once, of which twenty are kept: five went to known callers.
        Assert.Equal((true, 80, 5, 80), (grant.Counted, grant.Ordinary, grant.Known, grant.OrdinaryPlaces));
    }

    [Fact]
    public async Task A_limit_that_the_table_does_not_have_is_not_to_be_had()
    {
        Assert.True((await Ask("none", 1)).Unavailable);
        Assert.True((await Ask("shared", 1, tenant: "none")).Unavailable);
    }

    [Fact]
    public async Task An_edge_asks_for_itself_only() => await Assert.ThrowsAsync<UnauthorizedAccessException>(() => Ask("shared", 1, edge: "edge-2"));

    [Fact]
    public async Task After_a_restart_what_was_granted_is_not_granted_again_and_what_was_asked_before_does_not_count()
    {
        var before = (await Ask("lost", 1)).Epoch;
        Assert.Equal(60, (await Ask("lost", 60, epoch: before)).Ordinary);
        await cluster.ForgetActivations();
        var late = await Ask("lost", 60, epoch: before);
        Assert.False(late.Counted);
        Assert.NotEqual(before, late.Epoch);
        Assert.InRange((await Ask("lost", 60, epoch: late.Epoch)).Ordinary, 39, 40);
        cluster.Time.Advance(LeaseTimes.Lapse);
        Assert.Equal(0, (await Ask("lost", 60, epoch: late.Epoch)).Ordinary);
    }

    [Fact]
    public async Task When_another_activation_wrote_meanwhile_what_it_stored_counts_and_the_edge_notices_nothing()
    {
        const string tenant = "spend-2"; // Its limits are used by no other test.
        var epoch = (await Ask("shared", 1, tenant: tenant)).Epoch;
        cluster.Storage.Race = ("limit", grain => cluster.Storage.Replace("limit", grain, new LimitState()));
        var grant = await Ask("shared", 1, places: 1, tenant: tenant, epoch: epoch);
        Assert.False(grant.Unavailable);
        // A new beginning, which the edge hears of by the number of it.
        Assert.NotEqual(epoch, grant.Epoch);
        Assert.True((await Ask("shared", 1, tenant: tenant, epoch: grant.Epoch)).Counted);
    }

    [Fact]
    public async Task Places_of_an_edge_that_is_gone_are_free_for_others_at_once_and_after_a_restart_and_those_of_one_that_lives_are_not()
    {
        var limit = cluster.Grains.GetGrain<ILimitGrain>(ILimitGrain.TrunkKey(cluster.OtherTenant, "shared"));
        var epoch = 0L;
        epoch = (await Places("edge-1", 0)).Epoch;
        Assert.Equal(80, (await Places("edge-1", 80)).OrdinaryPlaces);
        await limit.EdgeGone("edge-1");
        // It was heard just now: another process of its name.
        Assert.Equal(0, (await Places("edge-2", 80)).OrdinaryPlaces);
        cluster.Time.Advance(LeaseTimes.Lapse);
        await limit.EdgeGone("edge-1");
        Assert.Equal(80, (await Places("edge-2", 80)).OrdinaryPlaces);
        await cluster.ForgetActivations();
        epoch = (await Places("edge-3", 0)).Epoch;
        cluster.Time.Advance(LeaseTimes.Lapse);
        await limit.EdgeGone("edge-2");
        Assert.Equal(80, (await Places("edge-3", 80)).OrdinaryPlaces);

        async Task<LimitGrant> Places(string edge, int places)
        {
            RequestContext.Set(RequestActor.ContextKey, edge);
            return await limit.Lease(new LimitAsk { Edge = edge, Incarnation = edge[^1], Seq = ++_seq, Epoch = epoch, OrdinaryPlaces = places });
        }
    }

    [Fact]
    public async Task What_cannot_be_stored_is_not_granted()
    {
        var tenant = cluster.OtherTenant;
        var epoch = (await Ask("lost", 1, tenant: tenant)).Epoch;
        cluster.Storage.Before = (operation, state) =>
        {
            if (operation == "write" && state == "limit") throw new TimeoutException("the disk is gone");
        };
        try
        {
            Assert.True((await Ask("lost", 60, tenant: tenant, epoch: epoch)).Unavailable);
        }
        finally
        {
            cluster.Storage.Before = (_, _) => { };
        }
        var next = (await Ask("lost", 1, tenant: tenant)).Epoch;
        Assert.Equal(100, (await Ask("lost", 100, tenant: tenant, epoch: next)).Ordinary);
    }
}
