using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Grains.Policies;
using IvrActors.Grains.Tests.Callers;
using Orleans.Runtime;
using Xunit;

namespace IvrActors.Grains.Tests.Policies;

[Collection(CallersCluster.Name)]
public sealed class LockoutGrainTests(CallersCluster cluster)
{
    private readonly LockoutRule _rule = new();

    [Fact]
    public async Task When_another_activation_reserves_at_the_same_time_both_attempts_count()
    {
        var lockout = cluster.NewCaller().Lockout();
        await lockout.Reserve(CallersCluster.Tenant, "a");
        cluster.Storage.Race = ("lockout", grain => WriteAsAnotherActivation(grain, "b"));
        var decision = await lockout.Reserve(CallersCluster.Tenant, "c");
        Assert.True(decision.Permitted);
        Assert.Equal(3, decision.Failures);
        Assert.Equal(3, Stored(lockout).Failures);
        Assert.False((await lockout.Reserve(CallersCluster.Tenant, "d")).Permitted);
    }

    [Fact]
    public async Task When_the_other_activation_brought_the_lock_this_attempt_is_refused()
    {
        var lockout = cluster.NewCaller().Lockout();
        await lockout.Reserve(CallersCluster.Tenant, "a");
        await lockout.Reserve(CallersCluster.Tenant, "b");
        cluster.Storage.Race = ("lockout", grain => WriteAsAnotherActivation(grain, "c"));
        Assert.False((await lockout.Reserve(CallersCluster.Tenant, "d")).Permitted);
    }

    [Fact]
    public async Task Two_first_writers_do_not_lose_a_failure()
    {
        var lockout = cluster.NewCaller().Lockout();
        cluster.Storage.Race = ("lockout", grain => WriteAsAnotherActivation(grain, "a"));
        Assert.Equal(2, (await lockout.Reserve(CallersCluster.Tenant, "b")).Failures);
    }

    [Fact]
    public async Task Losing_twice_refuses_the_attempt()
    {
        var lockout = cluster.NewCaller().Lockout();
        cluster.Storage.Race = ("lockout", async grain =>
        {
            await WriteAsAnotherActivation(grain, "a");
            cluster.Storage.Race = ("lockout", again => WriteAsAnotherActivation(again, "b"));
        }
        );
        var decision = await lockout.Reserve(CallersCluster.Tenant, "c");
        Assert.False(decision.Permitted);
        Assert.True(decision.Unavailable);
    }

    [Fact]
    public async Task A_tenant_that_does_not_exist_is_refused() => Assert.True((await cluster.NewCaller().Lockout().Reserve("nobody", "a")).Unavailable);

    [Fact]
    public async Task A_lock_stands_in_the_directory_until_an_operator_lifts_it()
    {
        var caller = await cluster.NewCaller().Enrolled();
        var key = ILockoutGrain.Key(caller.Key, OriginClass.Unattested);
        for (var i = 0; i < 3; i++) await caller.PinOutcome("9071");
        var listed = Assert.Single(await Directory.List(), l => l.LockoutKey == key);
        Assert.Equal(3, listed.Failures);
        await cluster.ForgetActivations();
        Assert.Single(await Directory.List(), l => l.LockoutKey == key);

        RequestContext.Set(RequestActor.ContextKey, "olga");
        Assert.True(await caller.Lockout().Unlock("customer called\nforged line"));
        Assert.False(await caller.Lockout().Unlock("again"));
        RequestContext.Clear();

        Assert.DoesNotContain(await Directory.List(), l => l.LockoutKey == key);
        var record = Assert.Single(cluster.Ledger.All, r => r.Entry.Action == "operator.unlock" && r.Entry.Object == key);
        Assert.Equal("olga", record.Entry.Actor);
        Assert.Contains("customer called\\u000Aforged line", record.Entry.Detail, StringComparison.Ordinal);
        Assert.Equal(FactorOutcome.Accepted, await caller.PinOutcome(CallersCluster.Pin));
    }

    [Fact]
    public async Task An_unlock_that_cannot_be_recorded_does_not_happen()
    {
        var caller = await cluster.NewCaller().Enrolled();
        for (var i = 0; i < 3; i++) await caller.PinOutcome("9071");
        cluster.Ledger.BeforeAppend = _ => throw new IOException("ledger is full");
        try
        {
            await Assert.ThrowsAsync<InvalidOperationException>(() => caller.Lockout().Unlock("please"));
        }
        finally
        {
            cluster.Ledger.BeforeAppend = _ => Task.CompletedTask;
        }
        Assert.Equal(FactorOutcome.Locked, await caller.PinOutcome(CallersCluster.Pin));
    }

    [Fact]
    public async Task A_disabled_account_opens_only_by_a_new_enrolment()
    {
        var caller = await cluster.NewCaller().Enrolled();
        for (var i = 0; i < 100; i++)
        {
            var decision = await caller.Lockout().Reserve(CallersCluster.Tenant, $"attempt {i}");
            Assert.True(decision.Permitted);
            cluster.Time.Advance(TimeSpan.FromHours(1));
        }
        Assert.Equal(FactorOutcome.Locked, await caller.PinOutcome(CallersCluster.Pin));
        Assert.False(await caller.Lockout().Unlock("please"));
        await caller.Enrolled("7394");
        Assert.Equal(FactorOutcome.Accepted, await caller.PinOutcome("7394"));
    }

    private ILockoutDirectoryGrain Directory => cluster.Grains.GetGrain<ILockoutDirectoryGrain>(ILockoutDirectoryGrain.Key(CallersCluster.Tenant));

    private LockoutState Stored(ILockoutGrain lockout) => cluster.Storage.Stored<LockoutState>("lockout", lockout.GetGrainId())!;

    private Task WriteAsAnotherActivation(GrainId grain, string attempt)
    {
        var state = cluster.Storage.Stored<LockoutState>("lockout", grain) ?? new LockoutState();
        return cluster.Storage.Replace("lockout", grain, Lockout.Decide(cluster.Time.GetUtcNow(), _rule, state, attempt).State);
    }
}
