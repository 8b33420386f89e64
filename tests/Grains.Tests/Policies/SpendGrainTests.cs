using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Grains.Policies;
using IvrActors.Grains.Tests.Callers;
using Xunit;

namespace IvrActors.Grains.Tests.Policies;

[Collection(CallersCluster.Name)]
public sealed class SpendGrainTests(CallersCluster cluster)
{
    private static SpendRequest Call(string call, int price = 2) => new() { Call = call, Price = price, RingTime = TimeSpan.FromMinutes(1) };

    /// <summary>A tenant that no other test spends for.</summary>
    private ISpendGrain Of(string tenant) => cluster.Grains.GetGrain<ISpendGrain>(ISpendGrain.Key(tenant));

    [Fact]
    public async Task What_was_set_aside_outlives_a_crash_between_reserve_and_settle_and_counts_until_it_is_settled()
    {
        var spend = Of("spend-1");
        Assert.Equal(TimeSpan.FromSeconds(1795), (await spend.Reserve(Call("a"))).MostTalk);
        await cluster.ForgetActivations();
        Assert.Equal(60, (await spend.Get()).SetAside);
        Assert.Equal(TimeSpan.FromSeconds(1795), (await spend.Reserve(Call("a"))).MostTalk);
        Assert.Equal(60, (await spend.Get()).SetAside);
        Assert.Equal(4, await spend.Settle("a", TimeSpan.FromSeconds(61)));
        await cluster.ForgetActivations();
        Assert.Null(await spend.Settle("a", TimeSpan.FromSeconds(61)));
        var summary = await spend.Get();
        Assert.Equal((4, 4, 0, 0), (summary.Hour, summary.Day, summary.SetAside, summary.Calls));
    }

    [Fact]
    public async Task A_call_that_was_never_settled_is_spent_in_full()
    {
        var spend = Of("spend-2");
        await spend.Reserve(Call("a"));
        cluster.Time.Advance(TimeSpan.FromMinutes(35));
        await cluster.ForgetActivations();
        var summary = await spend.Get();
        Assert.Equal((60, 0, 0), (summary.Hour, summary.SetAside, summary.Calls));
    }

    [Fact]
    public async Task Each_decision_is_one_write_and_a_refusal_none()
    {
        var spend = Of("spend-3");
        await spend.Reserve(Call("a"));
        var writes = Writes;
        await spend.Reserve(Call("b"));
        Assert.Equal(writes + 1, Writes);
        Assert.Equal(OutboundRefusal.SpentOfHour, (await spend.Reserve(Call("c", 1000))).Refusal);
        await spend.Reserve(Call("a"));
        Assert.Equal(writes + 1, Writes);
        await spend.Settle("a", TimeSpan.Zero);
        Assert.Equal(writes + 2, Writes);
    }

    [Fact]
    public async Task Of_two_activations_that_race_for_the_last_minutes_one_gets_them()
    {
        var spend = Of("spend-4");
        var rule = cluster.Policy.Tenants["spend-4"].Outbound!.Spend;
        // The other activation writes between this one's read and its write.
        cluster.Storage.Race = ("spend", grain =>
        {
            // All that the cap leaves.
            return cluster.Storage.Replace("spend", grain, Spend.Reserve(cluster.Time.GetUtcNow(), rule, new SpendState(), Call("other", 10)).State);
        }
        );
        Assert.Equal(OutboundRefusal.SpentOfHour, (await spend.Reserve(Call("mine", 10))).Refusal);
        var summary = await spend.Get();
        Assert.Equal((120, 1), (summary.SetAside, summary.Calls));
    }

    [Theory]
    [InlineData("read")]
    [InlineData("write")]
    public async Task What_cannot_be_stored_is_refused(string operation)
    {
        var spend = Of("spend-5-" + operation);
        cluster.Storage.Before = (done, state) =>
        {
            if (done == operation && state == "spend") throw new IOException("disk");
        };
        try
        {
            Assert.Equal(OutboundRefusal.Unavailable, (await spend.Reserve(Call("a"))).Refusal);
            Assert.Null(await spend.Settle("a", TimeSpan.Zero));
        }
        finally
        {
            cluster.Storage.Before = (_, _) => { };
        }
        await cluster.ForgetActivations();
        Assert.Equal(OutboundRefusal.None, (await spend.Reserve(Call("a"))).Refusal);
    }

    [Fact]
    public async Task A_tenant_without_outbound_and_one_that_does_not_exist_spend_nothing()
    {
        Assert.Equal(OutboundRefusal.TenantMayNot, (await Of(CallersCluster.Tenant).Reserve(Call("a"))).Refusal);
        Assert.Equal(OutboundRefusal.TenantMayNot, (await Of("nobody").Reserve(Call("a"))).Refusal);
    }

    [Theory]
    [InlineData(-1, 60)]
    [InlineData(1, -60)]
    public async Task A_request_that_makes_no_sense_is_refused(int price, int ringSeconds) =>
        Assert.Equal(OutboundRefusal.Unavailable, (await Of("spend-1").Reserve(new SpendRequest { Call = "x", Price = price, RingTime = TimeSpan.FromSeconds(ringSeconds) })).Refusal);

    private int Writes => cluster.Storage.Writes.GetValueOrDefault("spend");
}
