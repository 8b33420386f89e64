using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Grains.Policies.Risk;
using Xunit;

namespace IvrActors.Grains.Tests.Policies.Risk;

public sealed class RiskRuleTests
{
    private static readonly DateTimeOffset s_start = new(2026, 5, 4, 12, 0, 0, TimeSpan.Zero);
    private static readonly RiskPolicy s_policy = new();

    [Fact]
    public void One_person_who_fails_on_their_account_ten_times_is_no_origin_that_tries_many()
    {
        var watch = new OriginWatch(s_policy);
        for (var i = 0; i < 10; i++) Assert.Equal(default, watch.Note(TimeSpan.FromSeconds(i), "number:1", OriginAct.Fails, 7));
    }

    [Fact]
    public void An_origin_that_fails_on_many_accounts_and_on_nothing_else_is_hopeless()
    {
        var watch = new OriginWatch(s_policy);
        var findings = Enumerable.Range(1, 10).Select(i => watch.Note(TimeSpan.FromSeconds(i), "number:1", OriginAct.Fails, (ulong)i)).ToList();
        Assert.Equal([0, 0, 0, 0, 5, 6, 7, 8, 9, 10], findings.Select(f => f.Accounts));
        Assert.Equal([.. Enumerable.Repeat(false, 9), true], findings.Select(f => f.IsHopeless));
        Assert.Equal(default, watch.Note(TimeSpan.FromHours(1), "number:1", OriginAct.Fails, 11));
    }

    [Fact]
    public void The_telephone_of_a_company_may_fail_on_many_accounts_when_most_succeed()
    {
        var watch = new OriginWatch(s_policy);
        for (var i = 0; i < 400; i++)
        {
            var act = i % 20 == 19 ? OriginAct.Fails : OriginAct.Succeeds;
            Assert.Equal(default, watch.Note(TimeSpan.FromSeconds(i), "number:1", act, (ulong)i));
        }
    }

    [Fact]
    public void A_number_that_calls_more_often_than_a_person_does_is_seen()
    {
        var watch = new OriginWatch(s_policy);
        var calls = Enumerable.Range(0, 25).Select(i => watch.Note(TimeSpan.FromSeconds(i), "number:1", OriginAct.Calls, 0).Calls).ToList();
        Assert.All(calls.Take(20), count => Assert.Equal(0, count));
        Assert.All(calls.Skip(20), count => Assert.NotEqual(0, count));
    }

    [Fact]
    public void Origins_are_bounded_and_the_quiet_ones_give_way()
    {
        var watch = new OriginWatch(s_policy);
        for (var i = 0; i < 2 * OriginWatch.MostOrigins; i++)
        {
            watch.Note(TimeSpan.FromMilliseconds(i), $"number:{i}", OriginAct.Fails, 1);
            if (i % 100 == 0) watch.Note(TimeSpan.FromMilliseconds(i), "number:busy", OriginAct.Calls, 0);
        }
        Assert.Equal(OriginWatch.MostOrigins, watch.Count);
        Assert.NotEqual(0, watch.Note(TimeSpan.FromSeconds(5), "number:busy", OriginAct.Calls, 0).Calls);
    }

    // Berlin, Hamburg (255 km), New York (6,385 km).
    private static readonly GeoPoint s_berlin = new(52.52, 13.405), s_hamburg = new(53.551, 9.994), s_newYork = new(40.713, -74.006);

    [Fact]
    public void Distances_are_those_of_the_globe()
    {
        Assert.InRange(s_berlin.KilometresTo(s_hamburg), 250, 260);
        Assert.InRange(s_berlin.KilometresTo(s_newYork), 6350, 6420);
        Assert.Equal(0, s_berlin.KilometresTo(s_berlin));
    }

    [Fact]
    public void Nobody_is_in_two_places_at_once_or_flies_faster_than_an_airliner()
    {
        var places = new AccountPlaces();
        places.Verified(TimeSpan.Zero, "a", "number:1", s_berlin);
        Assert.True(places.Look(TimeSpan.Zero, "a", "number:1", s_newYork).IsImpossible);
        Assert.True(places.Look(TimeSpan.FromHours(6), "a", "number:1", s_newYork).IsImpossible);
        Assert.False(places.Look(TimeSpan.FromHours(7), "a", "number:1", s_newYork).IsImpossible);
        Assert.True(places.Look(TimeSpan.FromMinutes(5), "a", "number:1", s_hamburg).IsImpossible);
        Assert.False(places.Look(TimeSpan.FromMinutes(20), "a", "number:1", s_hamburg).IsImpossible);
        Assert.False(places.Look(TimeSpan.Zero, "a", "number:1", null).IsImpossible);
        Assert.False(places.Look(TimeSpan.Zero, "b", "number:1", s_newYork).IsImpossible);
    }

    [Fact]
    public void A_number_is_new_to_an_account_only_when_others_are_known()
    {
        var places = new AccountPlaces();
        Assert.False(places.Look(TimeSpan.Zero, "a", "number:1", null).IsNew);
        places.Verified(TimeSpan.Zero, "a", "number:1", null);
        Assert.False(places.Look(TimeSpan.Zero, "a", "number:1", null).IsNew);
        Assert.True(places.Look(TimeSpan.Zero, "a", "number:2", null).IsNew);
        for (var i = 2; i <= 5; i++) places.Verified(TimeSpan.Zero, "a", $"number:{i}", null);
        Assert.True(places.Look(TimeSpan.Zero, "a", "number:1", null).IsNew);
        Assert.False(places.Look(AccountPlaces.Memory + TimeSpan.FromSeconds(1), "a", "number:1", null).IsNew);
    }

    [Fact]
    public void Accounts_whose_places_are_known_are_bounded()
    {
        var places = new AccountPlaces();
        for (var i = 0; i < 3 * AccountPlaces.MostAccounts; i++) places.Verified(TimeSpan.FromSeconds(i), $"a{i}", "number:1", s_berlin);
        Assert.InRange(places.Count, 1, AccountPlaces.MostAccounts);
        Assert.True(places.Look(TimeSpan.FromHours(4), $"a{3 * AccountPlaces.MostAccounts - 1}", "number:2", null).IsNew);
    }

    [Fact]
    public void Keys_that_come_like_clockwork_are_a_machine_s_also_with_the_jitter_of_a_network()
    {
        var random = new Random(1);
        Assert.True(Presses(new KeyCadence(), i => 200 * i + 4 * random.NextDouble()));
        Assert.True(Presses(new KeyCadence(), i => 25 * i));
    }

    [Fact]
    public void Fewer_keys_and_keys_with_a_pause_between_them_say_nothing()
    {
        Assert.False(Presses(new KeyCadence(), i => 200 * i, keys: KeyCadence.Keys - 1));
        Assert.False(Presses(new KeyCadence(), i => 200 * i + 3000 * (i / 4), keys: 12));
    }

    [Fact]
    public void A_machine_is_reported_once_in_a_call()
    {
        var cadence = new KeyCadence();
        Assert.Equal(1, Enumerable.Range(0, 20).Count(i => cadence.Press(new CallId("call-1"), s_start.AddMilliseconds(100 * i))));
    }

    [Fact]
    public void Fingers_are_hardly_ever_taken_for_a_machine()
    {
        // Fast and even fingers, 250 ± 60 ms, on a telephone that sends every 20 ms over a network with 3 ms of jitter; an account number and a PIN each.
        var random = new Random(2);
        var taken = 0;
        for (var person = 0; person < 2000; person++)
        {
            var at = 0.0;
            var cadence = new KeyCadence();
            if (Enumerable.Range(0, 14).Any(_ => cadence.Press(new CallId("call-1"), s_start.AddMilliseconds(Math.Round((at += Math.Max(90, 250 + 60 * Normal(random))) / 20) * 20 + 3 * random.NextDouble())))) taken++;
        }
        Assert.InRange(taken, 0, 20);
    }

    [Fact]
    public void Calls_whose_keys_are_looked_at_are_bounded()
    {
        var cadence = new KeyCadence();
        for (var i = 0; i < 2 * KeyCadence.MostCalls; i++) cadence.Press(new CallId($"call-{i}"), s_start.AddMilliseconds(i));
        Assert.InRange(cadence.Count, 1, KeyCadence.MostCalls);
        var suspects = new SuspectCalls();
        for (var i = 0; i < 2 * SuspectCalls.Most; i++) suspects.Add(TimeSpan.FromSeconds(i), new CallId($"call-{i}"));
        Assert.InRange(suspects.Count, 1, SuspectCalls.Most);
        Assert.True(suspects.Has(TimeSpan.FromSeconds(2 * SuspectCalls.Most), new CallId($"call-{2 * SuspectCalls.Most - 1}")));
        Assert.False(suspects.Has(TimeSpan.FromSeconds(2 * SuspectCalls.Most) + SuspectCalls.Memory, new CallId($"call-{2 * SuspectCalls.Most - 1}")));
    }

    [Fact]
    public void What_a_tag_is_made_of_shows_only_under_the_key_of_its_day()
    {
        byte[] key = [.. Enumerable.Repeat((byte)7, 32)], other = [.. Enumerable.Repeat((byte)8, 32)];
        var tag = RiskTags.OfPin(key, s_start, "demo", "4826"u8);
        Assert.Equal(tag, RiskTags.OfPin(key, s_start.AddHours(11.9), "demo", "4826"u8));
        Assert.NotEqual(tag, RiskTags.OfPin(key, s_start.AddHours(12), "demo", "4826"u8));
        Assert.NotEqual(tag, RiskTags.OfPin(other, s_start, "demo", "4826"u8));
        Assert.NotEqual(tag, RiskTags.OfPin(key, s_start, "other", "4826"u8));
        Assert.NotEqual(tag, RiskTags.OfPin(key, s_start, "demo", "4827"u8));
        Assert.NotEqual(tag, RiskTags.OfAccount(key, s_start, "demo", "4826"));
    }

    [Fact]
    public void Every_reason_has_a_weight_and_none_makes_a_call_high_by_itself()
    {
        foreach (var reason in Enum.GetValues<RiskReason>())
        {
            Assert.InRange(RiskScore.WeightOf(reason), 1, s_policy.High - 1);
            Assert.Equal([reason], RiskScore.Assess(s_policy, [new RiskWeight(reason)], isAttested: false).Reasons);
        }
    }

    [Theory]
    [InlineData(RiskReason.MachineKeys, RiskLevel.None), InlineData(RiskReason.FailureWave, RiskLevel.None), InlineData(RiskReason.NewOrigin, RiskLevel.None), InlineData(RiskReason.Velocity, RiskLevel.None)]
    [InlineData(RiskReason.SprayedPin, RiskLevel.Raised), InlineData(RiskReason.ManyAccounts, RiskLevel.Raised), InlineData(RiskReason.ImpossibleTravel, RiskLevel.Raised), InlineData(RiskReason.AttestationFailed, RiskLevel.Raised)]
    public void A_reason_by_itself_weighs(RiskReason reason, RiskLevel level) => Assert.Equal(level, RiskScore.Assess(s_policy, [new RiskWeight(reason)], isAttested: false).Level);

    [Fact]
    public void What_others_do_is_for_an_attested_owner_a_step_up_at_most()
    {
        RiskWeight[] others = [new(RiskReason.SprayedPin), new(RiskReason.FailureWave), new(RiskReason.NewOrigin)];
        Assert.Equal(RiskLevel.High, RiskScore.Assess(s_policy, others, isAttested: false).Level);
        Assert.Equal(RiskLevel.Raised, RiskScore.Assess(s_policy, others, isAttested: true).Level);
        Assert.Equal(RiskLevel.High, RiskScore.Assess(s_policy, [.. others, new(RiskReason.ManyAccounts), new(RiskReason.MachineKeys)], isAttested: true).Level);
    }

    [Fact]
    public void A_sign_that_does_not_come_again_counts_half_after_each_half_life_and_is_forgotten()
    {
        int ScoreAfter(double halfLives) => RiskScore.Assess(s_policy, [new RiskWeight(RiskReason.ManyAccounts, RiskScore.StrengthAfter(s_policy, s_policy.HalfLife * halfLives))], false).Score;
        Assert.Equal([50, 25, 12, 0], new[] { 0, 1, 2, 4 }.Select(n => ScoreAfter(n)));
    }

    [Fact]
    public void Two_signs_of_one_reason_count_once()
    {
        Assert.Equal(50, RiskScore.Assess(s_policy, [new RiskWeight(RiskReason.ManyAccounts), new RiskWeight(RiskReason.ManyAccounts, 0.5)], false).Score);
    }

    [Fact]
    public void The_picture_takes_news_forgets_what_is_old_and_begins_anew_with_another_epoch()
    {
        var view = new RiskPicture().Of("demo");
        view.Take(TimeSpan.Zero, s_start, s_policy, News(1, 5, Sign("number:1"), Sign("number:2", blocked: TimeSpan.FromHours(2))));
        Assert.Equal(1, view.Strength("number:1", RiskReason.ManyAccounts, s_start, s_policy));
        Assert.Equal(0, view.Strength("number:1", RiskReason.SprayedPin, s_start, s_policy));
        Assert.True(view.IsBlocked("number:2", s_start));
        Assert.False(view.IsBlocked("number:1", s_start));
        view.Take(TimeSpan.Zero, s_start.AddHours(1), s_policy, News(1, 6));
        Assert.Equal(1, view.Count);
        Assert.True(view.IsBlocked("number:2", s_start.AddHours(1)));
        Assert.False(view.IsBlocked("number:2", s_start.AddHours(2)));
        view.Take(TimeSpan.Zero, s_start.AddHours(1), s_policy, News(2, 1));
        Assert.Equal(0, view.Count);
    }

    [Fact]
    public void A_number_that_is_signed_for_is_another_than_the_same_number_unsigned()
    {
        CallOrigin From(Attestation attestation, OriginClass origin) => new()
        {
            Trunk = "t",
            Class = origin,
            Attestation = attestation,
            Calling = new Interfaces.Privacy.CallerKey("n:1"),
            Source = "s:1",
        };
        Assert.NotEqual(RiskSubjects.NumberOf(From(Attestation.None, OriginClass.Unattested)), RiskSubjects.NumberOf(From(Attestation.A, OriginClass.Unattested)));
        Assert.Equal(RiskSubjects.NumberOf(From(Attestation.A, OriginClass.Attested)), RiskSubjects.NumberOf(From(Attestation.A, OriginClass.TrustedTrunk)));
    }

    [Fact]
    public void Shards_share_the_work_evenly()
    {
        var random = new Random(3);
        Assert.InRange(Busiest(Enumerable.Range(0, 64_000).Select(_ => RiskShards.Of((ulong)random.NextInt64(long.MinValue, long.MaxValue)))), 900, 1250);
        Assert.InRange(Busiest(Enumerable.Range(0, 64_000).Select(i => RiskShards.Of($"number:n:{i}/Unattested"))), 900, 1250);

        static int Busiest(IEnumerable<int> shards) => shards.GroupBy(shard => shard).Max(group => group.Count());
    }

    private static RiskNews News(long epoch, long version, params RiskSign[] signs) => new() { Epoch = epoch, Version = version, Signs = [.. signs], ExpectedShort = 0, ExpectedDay = 0 };

    private static RiskSign Sign(string subject, TimeSpan? blocked = null) =>
        new() { Subject = subject, Reason = RiskReason.ManyAccounts, At = s_start, Count = 9, BlockedUntil = blocked is { } time ? s_start + time : null };

    private static bool Presses(KeyCadence cadence, Func<int, double> at, int keys = 8) =>
        Enumerable.Range(0, keys).Any(i => cadence.Press(new CallId("call-1"), s_start.AddMilliseconds(at(i))));

    private static double Normal(Random random) => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}
