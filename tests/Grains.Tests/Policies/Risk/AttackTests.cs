using System.Globalization;
using System.Text;
using IvrActors.Grains.Callers;
using IvrActors.Grains.Interfaces.Audit;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Edges;
using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Grains.Interfaces.Privacy;
using IvrActors.Grains.Policies.Risk;
using Xunit;
using static IvrActors.Grains.Tests.Policies.Risk.RiskCluster;

namespace IvrActors.Grains.Tests.Policies.Risk;

/// <summary>Attacks through the caller grains, as calls make them.</summary>
[Collection(RiskCluster.Name)]
public sealed class AttackTests(RiskCluster cluster)
{
    private const int Accounts = 500, Origins = 100, PerSecond = 50, Seconds = 60;

    private static readonly string[] s_sprayed = ["4826", "9071", "5830", "6274", "7395"];

    private readonly string _tenant = cluster.NewTenant();
    private int _seq;

    [Fact]
    public async Task A_spray_from_a_hundred_origins_raises_an_alarm_within_a_minute_and_leaves_every_account_to_its_owner()
    {
        var accounts = Enumerable.Range(0, Accounts).Select(i => (20_000_000 + i).ToString(CultureInfo.InvariantCulture)).ToList();
        foreach (var batch in accounts.Chunk(50)) await Task.WhenAll(batch.Select(account => Enrol(account, PinOf(account))));

        var began = cluster.Time.GetUtcNow();
        var tried = 0;
        for (var second = 0; second < Seconds; second++, cluster.Time.Advance(TimeSpan.FromSeconds(1)))
        {
            var outcomes = await Task.WhenAll(Enumerable.Range(0, PerSecond).Select(_ => tried++).Select(i =>
                Verify(accounts[i * 7 % Accounts], s_sprayed[i / Accounts % s_sprayed.Length], From(Berlin, number: $"x{i % Origins}"))));
            Assert.DoesNotContain(outcomes, result => result.Outcome is FactorOutcome.Accepted);
        }

        await Eventually(async () => (await Alarms()).IsSupersetOf(["sprayed-pin", "failure-wave", "many-accounts"]));
        Assert.InRange(cluster.Ledger.Of(_tenant).Where(record => record.Entry.Action == "risk.alarm").Max(record => record.At) - began, TimeSpan.Zero, TimeSpan.FromMinutes(1));
        // The rule lets three be tried, and one more when the first lock of 30 s is over.
        var guesses = cluster.Ledger.Of(_tenant).Select(record => record.Entry).Where(entry => entry is { Action: "factor.verified", Result: AuditResult.Failure }).GroupBy(entry => entry.Actor).ToList();
        Assert.Equal(Accounts, guesses.Count);
        Assert.InRange(guesses.Max(group => group.Count()), 1, 4);

        foreach (var batch in accounts.Chunk(50))
        {
            var owners = await Task.WhenAll(batch.Select(account => Verify(account, PinOf(account), From(Berlin, number: account, attestation: Attestation.A))));
            Assert.All(owners, result => Assert.Equal(FactorOutcome.Accepted, result.Outcome));
            foreach (var account in batch) Assert.True(await cluster.Desk.Admits(_tenant, From(Berlin, number: account, attestation: Attestation.A), "192.0.2.7"));
        }
    }

    [Fact]
    public async Task A_right_PIN_that_is_being_sprayed_proves_less_until_a_stronger_factor_is_shown()
    {
        await Enrol("30000001", "4826");
        Assert.Equal(RiskLevel.None, (await Verify("30000001", "4826", From(number: "owner"))).Proof!.Risk);
        for (var i = 0; i < 15; i++) await cluster.Try(_tenant, $"a{i}", "4826", From(number: $"{i}"));
        await Eventually(async () => (await Verify("30000001", "4826", From(number: "owner"))).Proof!.Risk == RiskLevel.Raised);
        Assert.Equal(Assurance.None, (await Verify("30000001", "4826", From(number: "owner"))).Reached);
    }

    [Fact]
    public async Task A_locked_an_unknown_and_a_wrong_attempt_are_judged_and_noted_alike()
    {
        await Enrol("30000002", "4826");
        for (var i = 0; i < 3; i++) await Verify("30000002", "1111", From(number: "1"));
        // Locked: also what is right is refused.
        Assert.NotEqual(FactorOutcome.Accepted, await Judged(() => Verify("30000002", "4826", From(number: "2"))));
        await Enrol("30000003", "4826");
        Assert.Equal(FactorOutcome.Refused, await Judged(() => Verify("30000003", "1111", From(number: "2"))));
        Assert.Equal(FactorOutcome.Refused, await Judged(() => Verify("30000004", "1111", From(number: "2"))));
        Assert.Equal(FactorOutcome.Accepted, await Judged(() => Verify("30000003", "4826", From(number: "2"))));

        static async Task<FactorOutcome> Judged(Func<Task<FactorResult>> attempt)
        {
            var before = RiskMetrics.Attempts.WithLabels("none").Value;
            var outcome = (await attempt()).Outcome;
            Assert.Equal(before + 1, RiskMetrics.Attempts.WithLabels("none").Value);
            return outcome;
        }
    }

    [Fact]
    public async Task The_edges_hear_of_a_telephone_that_tries_many_accounts_and_of_no_carrier()
    {
        async Task Attack()
        {
            await cluster.TryMany(_tenant, Bad("s:carrier"));
            for (var i = 0; i < 12; i++) await cluster.Try(_tenant, $"a{i}", $"{1000 + i}", From(Phones, number: $"p{i}", source: "s:phone"));
        }
        await Attack();
        await Eventually(async () => !await cluster.Desk.Admits(_tenant, From(Phones, number: "p99", source: "s:phone"), "192.0.2.70"), Attack);
        await Eventually(async () => !await cluster.Desk.Admits(_tenant, Bad("s:carrier"), "192.0.2.80"), Attack);
        var list = cluster.Grains.GetGrain<IBlockListGrain>(IBlockListGrain.Key);
        await Eventually(async () => (await list.List()).Exists(block => block.Source == "192.0.2.70"));
        var shared = (await list.List()).Find(block => block.Source == "192.0.2.70")!;
        Assert.Equal(("guessing", true), (shared.Reason, shared.Proven));
        Assert.DoesNotContain(await list.List(), block => block.Source == "192.0.2.80");
    }

    private async Task<HashSet<string>> Alarms() => [.. (await cluster.Audited(_tenant, "risk.alarm")).Select(entry => entry.Detail.Split(' ')[0])];

    /// <summary>None of those that are sprayed, and none that is refused as weak.</summary>
    private static string PinOf(string account) =>
        Enumerable.Range(0, 10).Select(n => ((int.Parse(account, CultureInfo.InvariantCulture) * 7919L + n) % 900_000 + 100_000).ToString(CultureInfo.InvariantCulture)).First(pin => !WeakPins.Contains(Encoding.ASCII.GetBytes(pin)));

    private CallerKey KeyOf(string account) => CallerKey.ForAccount(cluster.Keys.PseudonymKey(_tenant), _tenant, account);

    private async Task Enrol(string account, string pin)
    {
        var key = KeyOf(account);
        var result = await cluster.Grains.GetGrain<ICallerGrain>(key.Value).Enrol(new CallerEnrolment
        {
            Tenant = _tenant,
            Account = new PersonalText(account),
            Pin = SecretSealer.Seal(cluster.Keys.SealingKey, key.Value, CallerEnrolment.PinPurpose, Encoding.ASCII.GetBytes(pin)),
        });
        Assert.Null(result.Error);
    }

    private Task<FactorResult> Verify(string account, string pin, CallOrigin from)
    {
        var call = CallId.New();
        return cluster.Grains.GetGrain<ICallerGrain>(KeyOf(account).Value).Verify(new FactorAttempt
        {
            Call = call,
            Seq = Interlocked.Increment(ref _seq),
            Tenant = _tenant,
            Factor = FactorKind.Pin,
            Digits = SecretSealer.Seal(cluster.Keys.SealingKey, call.Value, "digits", Encoding.ASCII.GetBytes(pin)),
            Purpose = "digits",
            Origin = from.Class,
            From = from,
            Wanted = Assurance.Low,
        });
    }
}
