using System.Text;
using IvrActors.Grains.Callers;
using IvrActors.Grains.Interfaces.Audit;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Grains.Interfaces.Privacy;
using Orleans.Runtime;
using Xunit;

namespace IvrActors.Grains.Tests.Callers;

[Collection(CallersCluster.Name)]
public sealed class EnrolmentTests(CallersCluster cluster)
{
    [Theory]
    [InlineData("123"), InlineData("394857261"), InlineData("48a6"), InlineData(""), InlineData("４８２６")]
    [InlineData("1234"), InlineData("0000")]
    public async Task A_PIN_that_is_none_or_weak_is_not_enrolled(string pin)
    {
        var caller = cluster.NewCaller();
        Assert.NotNull((await caller.Enrol(pin)).Error);
        Assert.Null(cluster.Storage.Stored<CallerState>("caller", caller.Grain.GetGrainId()));
    }

    [Theory]
    [InlineData(13, false), InlineData(14, true), InlineData(64, true), InlineData(65, false)]
    public async Task A_TOTP_key_has_at_least_112_bits(int bytes, bool enrolled) =>
        Assert.Equal(enrolled, (await cluster.NewCaller().Enrol(totp: new byte[bytes])).Error is null);

    [Fact]
    public async Task An_enrolment_sealed_for_another_caller_or_of_another_account_is_refused()
    {
        var caller = cluster.NewCaller();
        var other = cluster.NewCaller();
        var pin = SecretSealer.Seal(cluster.Keys.SealingKey, other.Key.Value, CallerEnrolment.PinPurpose, "4826"u8);
        Assert.Contains("does not open", await Error(caller, CallersCluster.Tenant, caller.Account, pin), StringComparison.Ordinal);
        Assert.Contains("not the one", await Error(caller, CallersCluster.Tenant, other.Account, pin), StringComparison.Ordinal);
        Assert.Contains("digits", await Error(caller, CallersCluster.Tenant, "12a", pin), StringComparison.Ordinal);
        Assert.Contains("tenant", await Error(caller, "nobody", caller.Account, pin), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_enrolment_is_recorded_with_the_operator_and_the_pseudonym_or_does_not_happen()
    {
        var caller = cluster.NewCaller();
        cluster.Ledger.BeforeAppend = _ => throw new IOException("ledger is full");
        Assert.NotNull((await caller.Enrol()).Error);
        cluster.Ledger.BeforeAppend = _ => Task.CompletedTask;
        Assert.Null(cluster.Storage.Stored<CallerState>("caller", caller.Grain.GetGrainId()));

        RequestContext.Set(RequestActor.ContextKey, "olga");
        await caller.Enrolled(totp: CallersCluster.TotpKey);
        RequestContext.Clear();
        var entry = Assert.Single(cluster.Ledger.Of(CallersCluster.Tenant), r => r.Entry.Object == caller.Key.Value).Entry;
        Assert.Equal(("olga", "operator.enrol", AuditResult.Success), (entry.Actor, entry.Action, entry.Result));
    }

    [Fact]
    public async Task A_new_enrolment_replaces_the_PIN_and_lifts_the_lock()
    {
        var caller = await cluster.NewCaller().Enrolled();
        for (var i = 0; i < 3; i++) await caller.PinOutcome("9071");
        await caller.Enrolled("7394");
        Assert.Equal(FactorOutcome.Refused, await caller.PinOutcome(CallersCluster.Pin));
        Assert.Equal(FactorOutcome.Accepted, await caller.PinOutcome("7394"));
    }

    [Fact]
    public async Task An_enrolment_says_whether_somebody_was_there_and_leaves_them_alone_on_demand()
    {
        var caller = cluster.NewCaller();
        Assert.False((await caller.Enrol()).Existed);
        Assert.True((await caller.Enrol()).Existed);
        Assert.Equal(["new", "replaced"], cluster.Ledger.Of(CallersCluster.Tenant).Where(r => r.Entry.Object == caller.Key.Value).Select(r => r.Entry.Detail.Split(' ')[1]));
        for (var i = 0; i < 3; i++) await caller.PinOutcome("9071");

        var left = await caller.Enrol("7394", onlyNew: true);

        Assert.Equal((null, true), (left.Error, left.Existed));
        Assert.Equal(2, cluster.Ledger.Of(CallersCluster.Tenant).Count(r => r.Entry is { Action: "operator.enrol" } && r.Entry.Object == caller.Key.Value));
        // Still locked, which is not told.
        Assert.Equal(FactorOutcome.Refused, await caller.PinOutcome(CallersCluster.Pin));
        Assert.False((await cluster.NewCaller().Enrol(onlyNew: true)).Existed);
    }

    [Fact]
    public async Task The_enrolment_grain_names_the_caller_and_the_key_to_seal_to()
    {
        var caller = cluster.NewCaller();
        var front = cluster.Grains.GetGrain<IEnrolmentGrain>(IEnrolmentGrain.Key);
        Assert.Equal(caller.Key, await front.KeyOf(CallersCluster.Tenant, new PersonalText(caller.Account)));
        Assert.Equal(cluster.Keys.SealingKey.PublicKey, (await front.GetSealingKey()).PublicKey);
        await Assert.ThrowsAsync<ArgumentException>(() => front.KeyOf("nobody", new PersonalText(caller.Account)));
    }

    [Fact]
    public async Task Neither_PIN_nor_its_bare_hash_is_in_the_state()
    {
        var caller = await cluster.NewCaller().Enrolled("48261793");
        var state = cluster.Storage.Stored<CallerState>("caller", caller.Grain.GetGrainId())!;
        var bare = new byte[32];
        PinHash.Argon2id("48261793"u8, state.Pin!.Salt, state.Pin.Cost, bare);
        var bytes = cluster.Storage.Bytes("caller", caller.Grain.GetGrainId());
        Assert.Equal(-1, bytes.AsSpan().IndexOf(Encoding.ASCII.GetBytes("48261793")));
        Assert.Equal(-1, bytes.AsSpan().IndexOf(bare));
        Assert.NotEqual(-1, bytes.AsSpan().IndexOf(state.Pin.Tag));
    }

    private static async Task<string> Error(TestCaller caller, string tenant, string account, SealedSecret pin) =>
        (await caller.Grain.Enrol(new CallerEnrolment { Tenant = tenant, Account = new PersonalText(account), Pin = pin })).Error ?? "none";
}
