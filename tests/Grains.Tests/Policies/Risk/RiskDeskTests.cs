using System.Reflection;
using IvrActors.Grains.Interfaces.Audit;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Grains.Policies.Risk;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;
using static IvrActors.Grains.Tests.Policies.Risk.RiskCluster;

namespace IvrActors.Grains.Tests.Policies.Risk;

[Collection(RiskCluster.Name)]
public sealed class RiskDeskTests(RiskCluster cluster)
{
    private const string Address = "192.0.2.7";

    private readonly string _tenant = cluster.NewTenant();

    [Fact]
    public async Task A_PIN_that_fails_on_many_accounts_asks_more_of_who_tries_it_and_of_nobody_else()
    {
        async Task Spray()
        {
            for (var i = 0; i < 15; i++) await cluster.Try(_tenant, $"a{i}", "4826", From(number: $"{i}"));
        }
        await Spray();
        await Eventually(async () => (await Assess("owner", "4826")).Level == RiskLevel.Raised, Spray);
        Assert.Equal([RiskReason.SprayedPin], (await Assess("owner", "4826")).Reasons);
        Assert.Equal(RiskLevel.None, (await Assess("owner", "4827")).Level);
    }

    [Fact]
    public async Task An_alarm_is_in_the_ledger_once_and_says_nothing_of_the_PIN()
    {
        for (var round = 0; round < 3; round++)
        {
            for (var i = 0; i < 15; i++) await cluster.Try(_tenant, $"a{i}", $"482{round}", From(number: $"{i}"));
        }
        for (var round = 0; round < 3; round++)
        {
            var pin = $"482{round}";
            await Eventually(async () => (await Assess("owner", pin)).Level == RiskLevel.Raised);
        }
        var alarm = Assert.Single(await cluster.Audited(_tenant, "risk.alarm"), entry => entry.Detail.StartsWith("sprayed-pin", StringComparison.Ordinal));
        Assert.Equal("pin", alarm.Object);
        Assert.Matches("^sprayed-pin count=[0-9]+$", alarm.Detail);
    }

    [Fact]
    public async Task An_origin_that_tries_many_accounts_is_asked_more_then_blocked_and_stays_so_over_a_restart()
    {
        Task Attack() => cluster.TryMany(_tenant, Bad());
        await Attack();
        await Eventually(async () => !await cluster.Desk.Admits(_tenant, Bad(), Address), Attack);
        Assert.True(await cluster.Desk.Admits(_tenant, From(number: "good"), Address));
        Assert.Single(await cluster.Audited(_tenant, "risk.block"));
        await Eventually(() => Task.FromResult(cluster.Storage.Stored<RiskTenantState>("risk", Orleans.Runtime.GrainId.Create("risktenant", IRiskTenantGrain.Key(_tenant)))?.Blocks.Count == 1));

        await cluster.ForgetActivations();
        var kept = Assert.Single(await cluster.Grains.GetGrain<IRiskTenantGrain>(IRiskTenantGrain.Key(_tenant)).List());
        Assert.True(kept.BlockedUntil > cluster.Time.GetUtcNow());
    }

    [Fact]
    public async Task The_owner_of_a_number_that_others_call_with_falsely_is_not_blocked_and_when_attested_not_even_slowed()
    {
        var falsely = From(number: "owner");
        Task Attack() => cluster.TryMany(_tenant, falsely);
        await Attack();
        await Eventually(async () => await TimeOfAnswer(falsely) >= TimeSpan.FromMilliseconds(590), Attack);
        var owner = From(number: "owner", attestation: Attestation.A);
        Assert.True(await cluster.Desk.Admits(_tenant, owner, Address));
        Assert.InRange((await cluster.Desk.Assess(cluster.Attempt(_tenant, owner), new("u:owner"), null)).Level, RiskLevel.None, RiskLevel.Raised);
        Assert.True(await TimeOfAnswer(owner) < TimeSpan.FromMilliseconds(150));
        // Nor does it bar who cannot be attested: whoever wants somebody kept out would only have to show their number.
        Assert.True(await cluster.Desk.Admits(_tenant, falsely, Address));
        Assert.Empty(await cluster.Audited(_tenant, "risk.block"));
        Assert.NotEqual(RiskLevel.None, (await Assess("victim", "4826", falsely)).Level);
    }

    [Fact]
    public async Task Many_accounts_from_one_telephone_are_seen_and_the_same_from_a_carrier_is_not_the_carrier_s_doing()
    {
        async Task Attack()
        {
            for (var i = 0; i < 12; i++)
            {
                await cluster.Try(_tenant, $"a{i}", $"{1000 + i}", From(Phones, number: $"p{i}", source: "s:phone"));
                await cluster.Try(_tenant, $"a{i}", $"{2000 + i}", From(Berlin, number: $"c{i}", source: "s:carrier"));
            }
        }
        await Attack();
        await Eventually(async () => !await cluster.Desk.Admits(_tenant, From(Phones, number: "p99", source: "s:phone"), Address), Attack);
        Assert.True(await cluster.Desk.Admits(_tenant, From(Berlin, number: "c99", source: "s:carrier"), Address));
        Assert.True(await cluster.Desk.Admits(_tenant, From(Phones, number: "p99", attestation: Attestation.A, source: "s:phone"), Address));
    }

    [Fact]
    public async Task Whoever_withholds_their_number_behind_a_carrier_is_asked_more_and_answered_slowly_when_such_callers_try_many_accounts_and_is_not_blocked()
    {
        var withheld = From(number: null);
        Task Attack() => cluster.TryMany(_tenant, withheld);
        await Attack();
        await Eventually(async () => (await Assess("owner", "4826", withheld)).Reasons.Contains(RiskReason.ManyAccounts), Attack);
        Assert.NotEqual(RiskLevel.None, (await Assess("owner", "4826", withheld)).Level);
        Assert.InRange(await TimeOfAnswer(withheld), TimeSpan.FromMilliseconds(190), TimeSpan.FromMilliseconds(550));
        Assert.True(await cluster.Desk.Admits(_tenant, withheld, Address));
        Assert.DoesNotContain(RiskReason.ManyAccounts, (await Assess("owner", "4826", From(trunk: NewYork, number: null))).Reasons);
        Assert.DoesNotContain(RiskReason.ManyAccounts, (await Assess("owner", "4826")).Reasons);
    }

    [Fact]
    public async Task Callers_who_withhold_their_number_may_call_as_often_as_they_like()
    {
        for (var i = 0; i < 100; i++) Assert.True(await cluster.Desk.Admits(_tenant, From(number: null), Address));
        await cluster.TryMany(_tenant, From(number: "other"));
        await Eventually(async () => (await Assess("owner", "4826", From(number: "other"))).Reasons.Contains(RiskReason.ManyAccounts), () => cluster.TryMany(_tenant, From(number: "other")));
        Assert.Empty((await Assess("owner", "4826", From(number: null))).Reasons);
    }

    [Fact]
    public async Task An_operator_lifts_a_block_and_it_is_in_the_ledger()
    {
        Task Attack() => cluster.TryMany(_tenant, Bad());
        await Attack();
        await Eventually(async () => !await cluster.Desk.Admits(_tenant, Bad(), Address), Attack);
        var grain = cluster.Grains.GetGrain<IRiskTenantGrain>(IRiskTenantGrain.Key(_tenant));
        var subject = RiskSubjects.NumberOf(Bad())!;
        Assert.True(await grain.Lift(subject, "a call centre"));
        Assert.False(await grain.Lift(subject, "again"));
        await Eventually(async () => await cluster.Desk.Admits(_tenant, Bad(), Address));
        Assert.Equal("a call centre", Assert.Single(await cluster.Audited(_tenant, "operator.risk-lift")).Detail);
        // What the shards still count does not undo it; what is done later does.
        RiskSign again = new() { Subject = subject, Reason = RiskReason.ManyAccounts, At = default, Count = 77, BlockedUntil = DateTimeOffset.MaxValue };
        await grain.Raise([again]);
        await Eventually(async () => (await grain.List()).Exists(sign => sign.Subject == subject && sign.Count == 77));
        Assert.DoesNotContain(await grain.List(), sign => sign.BlockedUntil is not null);
        cluster.Time.Advance(OriginWatch.Window + TimeSpan.FromSeconds(1));
        await grain.Raise([again]);
        await Eventually(async () => (await grain.List()).Exists(sign => sign.BlockedUntil is not null));
    }

    [Fact]
    public async Task Tarpits_are_bounded_in_number()
    {
        Task Attack() => cluster.TryMany(_tenant, Bad());
        await Attack();
        await Eventually(async () => !await cluster.Desk.Admits(_tenant, Bad(), Address), Attack);
        var times = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => TimeOfAnswer(Bad())));
        Assert.Equal(2, times.Count(time => time >= TimeSpan.FromMilliseconds(590)));
        Assert.All(times, time => Assert.True(time >= TimeSpan.FromMilliseconds(190)));
    }

    [Fact]
    public async Task More_failures_than_usual_are_a_wave_that_raises_an_alarm()
    {
        // Each on an account, from a number and with a PIN of its own.
        for (var i = 0; i < 100; i++) await cluster.Try(_tenant, $"a{i}", $"{1000 + i}", From(number: $"{i}"));
        await Eventually(async () => (await Assess("owner", "4826")).Reasons.Contains(RiskReason.FailureWave));
        Assert.Contains(await cluster.Audited(_tenant, "risk.alarm"), entry => entry.Detail.StartsWith("failure-wave", StringComparison.Ordinal));
        Assert.Equal(RiskLevel.None, (await Assess("owner", "4826")).Level);
    }

    [Fact]
    public async Task Whoever_was_verified_in_Berlin_is_not_in_New_York_a_minute_later()
    {
        await Eventually(async () =>
        {
            // One note may be lost, as with the silo that has it.
            await cluster.Try(_tenant, "traveller", "4826", From(Berlin, number: "mobile"), FactorOutcome.Accepted);
            return (await Assess("traveller", "4826", From(NewYork, number: "mobile"))).Reasons.Contains(RiskReason.ImpossibleTravel);
        });
        // A call that we made went where we made it, and no caller with it.
        Assert.Empty((await Assess("traveller", "4826", CalledBack(From(NewYork, number: "mobile")))).Reasons);
        Assert.Empty((await Assess("traveller", "4826", From(Berlin, number: "mobile"))).Reasons);
        Assert.Equal([RiskReason.NewOrigin], (await Assess("traveller", "4826", From(Berlin, number: "other"))).Reasons);
        // The number alone has been there, too.
        Assert.Contains(RiskReason.ImpossibleTravel, (await Assess("another", "4826", From(NewYork, number: "mobile"))).Reasons);
    }

    private static CallOrigin CalledBack(CallOrigin from) => new()
    {
        Trunk = from.Trunk,
        Class = OriginClass.Attested,
        Attestation = Attestation.None,
        Calling = from.Calling,
        Source = from.Source,
        CalledBack = from.Calling,
    };

    [Fact]
    public async Task A_call_whose_keys_a_machine_presses_is_known_as_such()
    {
        var call = CallId.New();
        await cluster.Grains.GetGrain<IRiskCallGrain>(IRiskCallGrain.Key(RiskShards.Of(call.Value))).Suspect([call]);
        await Eventually(async () => (await cluster.Desk.Assess(cluster.Attempt(_tenant, From(), call), new("u:1"), null)).Reasons.Contains(RiskReason.MachineKeys));
        Assert.Empty((await cluster.Desk.Assess(cluster.Attempt(_tenant, From()), new("u:1"), null)).Reasons);
    }

    [Fact]
    public async Task A_signature_that_does_not_hold_asks_more()
    {
        Assert.Equal(RiskLevel.Raised, (await Assess("1", "4826", From(attestation: Attestation.Failed))).Level);
    }

    [Fact]
    public async Task Without_its_grains_nothing_is_known_and_no_call_fails()
    {
        var grains = DispatchProxy.Create<IGrainFactory, NoGrains>();
        var desk = new RiskDesk(cluster.Policy, cluster.Keys, grains, new RiskPicture(), cluster.Time, NullLogger<RiskDesk>.Instance);
        var before = RiskMetrics.Unknown.WithLabels("call").Value;
        Assert.True(await desk.Admits(_tenant, From(), Address));
        var attempt = cluster.Attempt(_tenant, From());
        var assessment = await desk.Assess(attempt, new("u:1"), 7);
        Assert.Equal(RiskLevel.None, assessment.Level);
        desk.Note(attempt, new("u:1"), 7, FactorOutcome.Refused, assessment);
        Assert.Equal(7, await desk.Pace(_tenant, From(), () => Task.FromResult(7)));
        Assert.True(RiskMetrics.Unknown.WithLabels("call").Value > before);
    }

    [Fact]
    public async Task A_ledger_that_cannot_be_written_blocks_nobody_and_the_alarm_comes_with_the_next_sign()
    {
        var grain = cluster.Grains.GetGrain<IRiskTenantGrain>(IRiskTenantGrain.Key(_tenant));
        RiskSign sign = new() { Subject = "number:n:bad/TrustedTrunk", Reason = RiskReason.ManyAccounts, At = default, Count = 20, BlockedUntil = DateTimeOffset.MaxValue };
        cluster.Ledger.BeforeAppend = tenant => tenant == _tenant ? throw new IOException() : Task.CompletedTask;
        await grain.Raise([sign]);
        // A sign is told one way: it may come after the question.
        await Eventually(async () => (await grain.List()).Count == 1);
        Assert.Null(Assert.Single(await grain.List()).BlockedUntil);
        cluster.Ledger.BeforeAppend = _ => Task.CompletedTask;
        // The ledger's grain begins anew after a failure.
        await Eventually(async () =>
        {
            await grain.Raise([sign]);
            return Assert.Single(await grain.List()).BlockedUntil is not null;
        });
        Assert.Single(await cluster.Audited(_tenant, "risk.alarm"));
        Assert.Single(await cluster.Audited(_tenant, "risk.block"));
    }

    private async Task<RiskAssessment> Assess(string account, string pin, CallOrigin? from = null)
    {
        var attempt = cluster.Attempt(_tenant, from ?? From(number: "owner"));
        return await cluster.Desk.Assess(attempt, new("u:" + account), cluster.Desk.TagOf(attempt, System.Text.Encoding.ASCII.GetBytes(pin)));
    }

    private async Task<TimeSpan> TimeOfAnswer(CallOrigin from)
    {
        var started = cluster.Time.GetTimestamp();
        await cluster.Desk.Pace(_tenant, from, () => Task.FromResult(true));
        return cluster.Time.GetElapsedTime(started);
    }

    /// <summary>A cluster that cannot be reached.</summary>
    internal class NoGrains : DispatchProxy
    {
        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) => throw new TimeoutException();
    }
}
