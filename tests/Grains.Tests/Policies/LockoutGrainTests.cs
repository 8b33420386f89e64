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
    public async Task Losing_a_few_times_counts_every_attempt_and_losing_without_end_refuses()
    {
        var lockout = cluster.NewCaller().Lockout(OriginClass.Attested);
        cluster.Storage.Race = ("lockout", Races(2));
        Assert.Equal(3, (await lockout.Reserve(CallersCluster.Tenant, "mine")).Failures);

        cluster.Storage.Race = ("lockout", Races(1000));
        var decision = await cluster.NewCaller().Lockout().Reserve(CallersCluster.Tenant, "mine");
        cluster.Storage.Race = null;
        Assert.False(decision.Permitted);
        Assert.True(decision.Unavailable);
    }

    /// <summary>Another activation that writes before each of so many writes.</summary>
    private Func<GrainId, Task> Races(int left) => async grain =>
    {
        await WriteAsAnotherActivation(grain, $"other {left}");
        if (left > 1) cluster.Storage.Race = ("lockout", Races(left - 1));
    };

    [Fact]
    public async Task A_tenant_that_does_not_exist_is_refused() => Assert.True((await cluster.NewCaller().Lockout().Reserve("nobody", "a")).Unavailable);

    [Fact]
    public async Task A_lock_stands_in_the_directory_until_two_operators_lift_it()
    {
        var caller = await cluster.NewCaller().Enrolled();
        var key = ILockoutGrain.Key(caller.Key, OriginClass.Unattested);
        for (var i = 0; i < 3; i++) await caller.PinOutcome("9071");
        var listed = Assert.Single(await Directory.List(), l => l.LockoutKey == key);
        Assert.Equal(3, listed.Failures);
        Assert.Null(listed.AskedBy);
        await cluster.ForgetActivations();
        Assert.Single(await Directory.List(), l => l.LockoutKey == key);

        var asked = await Approve(caller, "olga", "customer called\nforged line");
        Assert.Equal(UnlockOutcome.Asked, asked.Outcome);
        // A request outlives the activation, and the same operator cannot confirm it.
        await cluster.ForgetActivations();
        Assert.Equal(UnlockOutcome.SamePerson, (await Approve(caller, "olga", "again")).Outcome);
        Assert.Equal(FactorOutcome.Refused, await caller.PinOutcome(CallersCluster.Pin));
        listed = Assert.Single(await Directory.List(), l => l.LockoutKey == key);
        Assert.Equal(("olga", asked.ConfirmBefore!.Value.ToUnixTimeSeconds()), (listed.AskedBy, listed.ConfirmBefore!.Value.ToUnixTimeSeconds()));

        Assert.Equal(UnlockOutcome.Lifted, (await Approve(caller, "paul", "caller-error")).Outcome);
        Assert.Equal(UnlockOutcome.NotLocked, (await Approve(caller, "olga", "again")).Outcome);
        Assert.DoesNotContain(await Directory.List(), l => l.LockoutKey == key);
        var records = cluster.Ledger.All.Where(r => r.Entry.Object == key && r.Entry.Action.StartsWith("operator.", StringComparison.Ordinal)).Select(r => r.Entry).ToList();
        Assert.Equal(["olga operator.unlock-asked Success", "olga operator.unlock Denied", "paul operator.unlock Success"], records.Select(r => $"{r.Actor} {r.Action} {r.Result}"));
        Assert.Contains("customer called\\u000Aforged line", records[0].Detail, StringComparison.Ordinal);
        Assert.Contains("asked-by=olga", records[2].Detail, StringComparison.Ordinal);
        Assert.Equal(FactorOutcome.Accepted, await caller.PinOutcome(CallersCluster.Pin));
    }

    [Fact]
    public async Task An_unlock_that_cannot_be_recorded_does_not_happen()
    {
        var caller = await cluster.NewCaller().Enrolled();
        for (var i = 0; i < 3; i++) await caller.PinOutcome("9071");
        await Approve(caller, "olga", "please");
        cluster.Ledger.BeforeAppend = _ => throw new IOException("ledger is full");
        try
        {
            await Assert.ThrowsAsync<InvalidOperationException>(() => Approve(caller, "paul", "please"));
        }
        finally
        {
            cluster.Ledger.BeforeAppend = _ => Task.CompletedTask;
        }
        Assert.NotNull(Stored(caller.Lockout()).LockedUntil);
        Assert.Equal(FactorOutcome.Refused, await caller.PinOutcome(CallersCluster.Pin));
    }

    [Fact]
    public async Task When_another_activation_asked_meanwhile_what_is_done_is_what_is_recorded()
    {
        var caller = await cluster.NewCaller().Enrolled();
        for (var i = 0; i < 3; i++) await caller.PinOutcome("9071");
        var grain = caller.Lockout().GetGrainId();
        cluster.Storage.Race = ("lockout", _ => cluster.Storage.Replace("lockout", grain, Lockout.Approve(cluster.Moment, Stored(caller.Lockout()), "olga", "x").State));
        Assert.Equal(UnlockOutcome.Lifted, (await Approve(caller, "paul", "x")).Outcome);
        var records = cluster.Ledger.All.Where(r => r.Entry.Object == ILockoutGrain.Key(caller.Key, OriginClass.Unattested) && r.Entry.Actor == "paul").Select(r => r.Entry.Action);
        Assert.Equal(["operator.unlock-asked", "operator.unlock"], records);
    }

    [Fact]
    public async Task A_disabled_account_opens_only_by_a_new_enrolment()
    {
        var caller = await cluster.NewCaller().Enrolled();
        for (var i = 0; i < Lockout.MostOf(_rule, OriginClass.Unattested); i++)
        {
            var decision = await caller.Lockout().Reserve(CallersCluster.Tenant, $"attempt {i}");
            Assert.True(decision.Permitted);
            cluster.Time.Advance(TimeSpan.FromHours(1));
        }
        Assert.Equal(FactorOutcome.Refused, await caller.PinOutcome(CallersCluster.Pin));
        Assert.Equal(UnlockOutcome.Disabled, (await Approve(caller, "olga", "please")).Outcome);
        await caller.Lockout().Reprove();
        Assert.True(Lockout.IsDisabled(Stored(caller.Lockout())));
        await caller.Enrolled("7394");
        Assert.Equal(FactorOutcome.Accepted, await caller.PinOutcome("7394"));
    }

    [Fact]
    public async Task Who_proves_high_assurance_from_an_attested_number_frees_what_others_locked_and_that_is_recorded()
    {
        var caller = await cluster.NewCaller().Enrolled(totp: CallersCluster.TotpKey);
        for (var i = 0; i < 4; i++) await caller.PinOutcome("9071");
        foreach (var origin in new[] { OriginClass.TrustedTrunk, OriginClass.Attested })
        {
            var call = CallId.New();
            var pin = await caller.TryPin(CallersCluster.Pin, call, origin);
            Assert.Equal(4 - 1, Stored(caller.Lockout()).Failures);
            var code = await caller.Grain.Verify(caller.Attempt(call, FactorKind.Totp, caller.Code(), pin.Proof, origin));
            Assert.Equal(Assurance.High, code.Reached);
            cluster.Time.Advance(TimeSpan.FromMinutes(2));
        }
        Assert.Equal(0, Stored(caller.Lockout()).Failures);
        var record = Assert.Single(cluster.Ledger.All, r => r.Entry.Action == "lockout.reproved").Entry;
        Assert.Equal(ILockoutGrain.Key(caller.Key, OriginClass.Unattested), record.Object);
    }

    [Fact]
    public async Task What_a_forged_number_fails_at_never_locks_the_attested_class()
    {
        var caller = await cluster.NewCaller().Enrolled();
        foreach (var origin in new[] { OriginClass.Unattested, OriginClass.TrustedTrunk })
        {
            for (var i = 0; i < 40; i++) await caller.Lockout(origin).Reserve(CallersCluster.Tenant, $"{i}");
            Assert.Equal(FactorOutcome.Refused, await caller.PinOutcome(CallersCluster.Pin, origin));
        }
        Assert.Equal(FactorOutcome.Accepted, await caller.PinOutcome(CallersCluster.Pin, OriginClass.Attested));
    }

    [Fact]
    public async Task A_wall_clock_that_is_set_forward_ends_no_lock()
    {
        var caller = await cluster.NewCaller().Enrolled();
        for (var i = 0; i < 3; i++) await caller.PinOutcome("9071");
        cluster.Time.Set(TimeSpan.FromDays(2));
        try
        {
            await cluster.ForgetActivations();
            Assert.Equal(FactorOutcome.Refused, await caller.PinOutcome(CallersCluster.Pin));
        }
        finally
        {
            cluster.Time.Set(TimeSpan.FromDays(-2));
        }
    }

    private ILockoutDirectoryGrain Directory => cluster.Grains.GetGrain<ILockoutDirectoryGrain>(ILockoutDirectoryGrain.Key(CallersCluster.Tenant));

    private static async Task<UnlockResult> Approve(TestCaller caller, string by, string reason)
    {
        RequestContext.Set(RequestActor.ContextKey, by);
        try
        {
            return await caller.Lockout().Approve(reason);
        }
        finally
        {
            RequestContext.Clear();
        }
    }

    private LockoutState Stored(ILockoutGrain lockout) => cluster.Storage.Stored<LockoutState>("lockout", lockout.GetGrainId())!;

    private Task WriteAsAnotherActivation(GrainId grain, string attempt)
    {
        var state = cluster.Storage.Stored<LockoutState>("lockout", grain) ?? new LockoutState();
        return cluster.Storage.Replace("lockout", grain, Lockout.Decide(cluster.Moment, _rule, OriginClass.Unattested, state, attempt).State);
    }
}
