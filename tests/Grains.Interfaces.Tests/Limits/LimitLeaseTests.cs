using CsCheck;
using IvrActors.Grains.Interfaces.Policies;
using Xunit;

namespace IvrActors.Grains.Interfaces.Tests.Limits;

public class LimitLeaseTests
{
    private static readonly Gen<RateLimit> s_rates = Gen.Select(Gen.Int[1, 200], Gen.Int[1, 50], (perSecond, burst) => new RateLimit(perSecond, TimeSpan.FromSeconds(1), burst));

    private static readonly Gen<LimitRule> s_rules = Gen.Select(s_rates, Gen.Int[1, 60], Gen.Double[0, 0.5], (calls, atOnce, known) => new LimitRule { Calls = calls, AtOnce = atOnce, KnownShare = known });

    /// <summary>Whether GCRA lets in all calls of these times.</summary>
    private static bool Conform(RateLimit limit, IEnumerable<long> calls)
    {
        var state = 0L;
        foreach (var call in calls)
        {
            var decision = Gcra.Decide(call, limit, state);
            if (!decision.Allowed) return false;
            state = decision.TheoreticalArrival;
        }
        return true;
    }

    [Fact]
    public void Edges_together_never_let_in_more_than_the_limit_whatever_is_lost_late_or_dead()
    {
        Gen.Select(s_rules, Gen.Int[1, 4], Gen.Int[0, 1 << 20]).Sample((rule, edges, seed) =>
        {
            var chaos = new Random(seed);
            var world = new LimitWorld(seed, rule, edges)
            {
                Loss = chaos.NextDouble() * 0.4,
                Delay = chaos.NextDouble() * 0.4,
                Repeats = chaos.NextDouble() * 0.4,
                GrainCrashes = chaos.NextDouble() * 0.5,
                EdgeCrashes = chaos.NextDouble() * 0.3,
                KnownShare = chaos.NextDouble(),
                CallsPerSecond = 10 + chaos.NextDouble() * 400,
            };
            world.Run(TimeSpan.FromSeconds(30));
            // No process remembers that a call was let in that its edge died with: so the places are held against those that go on.
            return Conform(rule.Calls!, world.Admitted) && world.MostInUse <= rule.AtOnce;
        }, iter: 300, threads: 1);
    }

    [Fact]
    public void A_grain_that_moves_while_hardly_anybody_calls_does_not_grant_what_edges_still_have()
    {
        var rates = Gen.Select(Gen.Int[20, 200], Gen.Int[8, 50], (perSecond, burst) => new RateLimit(perSecond, TimeSpan.FromSeconds(1), burst));
        Gen.Select(rates, Gen.Int[1, 4], Gen.Int[0, 1 << 20]).Sample((rate, edges, seed) =>
        {
            var chaos = new Random(seed);
            var world = new LimitWorld(seed, new LimitRule { Calls = rate }, edges);
            for (var i = 0; i < 5; i++)
            {
                // Edges have calls that they do not use, and the bucket is as full as those let it be. What they ask is lost, the grain moves, and then all of them have a rush.
                world.CallsPerSecond = 0;
                world.Run(TimeSpan.FromSeconds(2 + chaos.NextDouble()));
                world.Loss = 0.9;
                world.Run(TimeSpan.FromSeconds(1 + 2 * chaos.NextDouble()));
                (world.Loss, world.GrainCrashes) = (0, 50);
                world.Run(TimeSpan.FromSeconds(0.1));
                (world.GrainCrashes, world.CallsPerSecond) = (0, 1000);
                world.Run(TimeSpan.FromSeconds(0.5));
            }
            return Conform(rate, world.Admitted);
        }, iter: 200, threads: 1);
    }

    [Fact]
    public void After_a_move_nothing_is_granted_in_the_place_of_calls_that_an_edge_may_still_have()
    {
        var rule = new LimitRule { Calls = new RateLimit(100, TimeSpan.FromSeconds(1), 100) };
        var before = new LimitLedger(0, 7, rule, LimitWorld.LongestCall, LimitBounds.None);
        Assert.Equal(100, before.Ask(0, new LimitAsk { Edge = "a", Incarnation = 1, Seq = 1, Epoch = 7, Ordinary = 100 }).Ordinary);
        var stored = before.ToStore(0)!;
        // They fill the bucket as little as before, for as long as they live.
        var late = stored.FullAt + 1;
        Assert.InRange(late, 1, LeaseTimes.Lapse.Ticks - 1);
        var after = new LimitLedger(late, 8, rule, LimitWorld.LongestCall, stored);
        Assert.Equal(0, after.Ask(late, new LimitAsk { Edge = "b", Incarnation = 2, Seq = 1, Epoch = 8, Ordinary = 100 }).Ordinary);
        var lapsed = stored.FullAt + LeaseTimes.Lapse.Ticks;
        var next = new LimitLedger(lapsed, 9, rule, LimitWorld.LongestCall, stored);
        Assert.Equal(100, next.Ask(lapsed, new LimitAsk { Edge = "b", Incarnation = 2, Seq = 1, Epoch = 9, Ordinary = 100 }).Ordinary);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void Edges_together_let_in_nearly_all_that_the_limit_allows(int edges)
    {
        var rule = new LimitRule { Calls = new RateLimit(100, TimeSpan.FromSeconds(1), 50) };
        var world = new LimitWorld(1, rule, edges) { CallsPerSecond = 2000 };
        world.Run(TimeSpan.FromSeconds(30));
        Assert.True(Conform(rule.Calls!, world.Admitted));
        Assert.InRange(world.Admitted.Count, 2900, 3050);
    }

    [Fact]
    public void Below_the_limit_nearly_nobody_is_refused_and_few_calls_ask_the_cluster()
    {
        var rule = new LimitRule { Calls = new RateLimit(100, TimeSpan.FromSeconds(1), 100), AtOnce = 1000, KnownShare = 0.2 };
        var world = new LimitWorld(1, rule, 3) { CallsPerSecond = 0 };
        world.Run(TimeSpan.FromSeconds(2));
        world.CallsPerSecond = 80;
        world.Run(TimeSpan.FromSeconds(60));
        // A twentieth is turned away on purpose.
        Assert.InRange((world.KnownAdmitted + world.StrangersAdmitted) / 0.95 / (world.Known + world.Strangers), 0.98, 1.02);
        Assert.InRange(world.Asks, 0, world.Admitted.Count / 2);
        Assert.InRange(world.Stores, 0, 80);
    }

    [Fact]
    public void A_grain_that_lost_its_memory_goes_on_where_it_was_and_gives_no_second_burst()
    {
        var rule = new LimitRule { Calls = new RateLimit(100, TimeSpan.FromSeconds(1), 100) };
        var world = new LimitWorld(3, rule, 3) { CallsPerSecond = 1000 };
        world.Run(TimeSpan.FromSeconds(5));
        var before = world.Admitted.Count;
        world.GrainCrashes = 20;
        world.Run(TimeSpan.FromSeconds(1));
        world.GrainCrashes = 0;
        world.Run(TimeSpan.FromSeconds(9));
        Assert.True(Conform(rule.Calls!, world.Admitted));
        Assert.InRange(world.Admitted.Count - before, 500, 1000);
    }

    [Fact]
    public void When_strangers_call_twenty_times_as_often_as_the_limit_allows_known_callers_get_through()
    {
        var rule = new LimitRule { Calls = new RateLimit(100, TimeSpan.FromSeconds(1), 100), KnownShare = 0.2 };
        var world = new LimitWorld(4, rule, 3) { CallsPerSecond = 2040, KnownShare = 40.0 / 2040 };
        world.Run(TimeSpan.FromSeconds(60));
        Assert.InRange(world.KnownAdmitted / 0.95 / world.Known, 0.99, 1.05);
        Assert.InRange(world.StrangersAdmitted / 0.95 / world.Strangers, 0.02, 0.04);
        Assert.True(Conform(rule.Calls!, world.Admitted));
    }

    [Fact]
    public void Places_that_are_kept_for_known_callers_no_stranger_takes()
    {
        var rule = new LimitRule { AtOnce = 100, KnownShare = 0.2 };
        var world = new LimitWorld(5, rule, 3) { CallsPerSecond = 400, KnownShare = 0.01 };
        world.Run(TimeSpan.FromSeconds(60));
        Assert.InRange(world.MostStrangers, 70, 80);
        Assert.InRange(world.KnownAdmitted / 0.95 / world.Known, 0.9, 1.2);
        Assert.InRange(world.MostInUse, 81, 100);
    }

    [Fact]
    public void The_places_of_an_edge_that_died_are_free_when_its_next_process_is_there()
    {
        var rule = new LimitRule { AtOnce = 10 };
        var ledger = new LimitLedger(0, 7, rule, LimitWorld.LongestCall, LimitBounds.None);
        Assert.Equal(10, ledger.Ask(0, Ask("a", 1, 1, places: 10)).OrdinaryPlaces);
        var soon = LeaseTimes.Lapse.Ticks / 2;
        Assert.Equal(0, ledger.Ask(soon, Ask("a", 2, 1, places: 10)).OrdinaryPlaces);
        Assert.Equal(0, ledger.Ask(2 * soon, Ask("b", 3, 1, places: 10)).OrdinaryPlaces);
        // Half of ten, because b asks, too.
        Assert.Equal(5, ledger.Ask(2 * soon, Ask("a", 2, 2, places: 10)).OrdinaryPlaces);
    }

    [Fact]
    public void The_places_of_an_edge_that_vanished_are_free_when_no_call_of_it_can_go_on()
    {
        var ledger = new LimitLedger(0, 7, new LimitRule { AtOnce = 10 }, LimitWorld.LongestCall, LimitBounds.None);
        ledger.Ask(0, Ask("a", 1, 1, places: 10));
        var over = (LeaseTimes.Lapse + LimitWorld.LongestCall + LeaseTimes.AroundCall).Ticks;
        Assert.Equal(0, ledger.Ask(over - 1, Ask("b", 2, 1, places: 10)).OrdinaryPlaces);
        Assert.Equal(10, ledger.Ask(over, Ask("b", 2, 2, places: 10)).OrdinaryPlaces);
    }

    private static LimitAsk Ask(string edge, long incarnation, long seq, int places) => new() { Edge = edge, Incarnation = incarnation, Seq = seq, Epoch = 7, OrdinaryPlaces = places };

    [Fact]
    public void While_the_cluster_is_silent_a_closed_limit_lets_nobody_in_and_an_open_one_as_many_as_it_allows()
    {
        var calls = new RateLimit(10, TimeSpan.FromSeconds(1), 10);
        foreach (var isOpen in new[] { false, true })
        {
            var lease = new LimitLease(0, new LimitRule { Calls = calls, AtOnce = 4, OpenWhenUnavailable = isOpen }, "a", 1);
            Assert.Equal(LimitResult.Soon, lease.TryTake(1, false).Result);
            for (var now = 0L; now < TimeSpan.FromSeconds(4).Ticks; now += TimeSpan.TicksPerSecond) lease.Failed(now, lease.Next(now)?.Seq ?? 0);
            var late = TimeSpan.FromSeconds(4).Ticks;
            var results = Enumerable.Range(0, 20).Select(_ => lease.TryTake(late, false).Result).ToList();
            Assert.Equal(isOpen ? 10 : 0, results.Count(result => result == LimitResult.Allowed));
            Assert.Equal(isOpen ? LimitResult.Refused : LimitResult.Unavailable, results[^1]);
            for (var i = 0; i < 4; i++, lease.Begin()) Assert.Equal(isOpen ? LimitResult.Allowed : LimitResult.Unavailable, lease.HasPlace(late, false).Result);
            Assert.NotEqual(LimitResult.Allowed, lease.HasPlace(late, true).Result);
        }
    }

    [Fact]
    public void Behind_a_crash_an_edge_is_ready_when_its_first_call_finds_a_lease_not_when_it_was_answered()
    {
        var rule = new LimitRule { Calls = new RateLimit(400, TimeSpan.FromSeconds(1), 800) };
        var ledger = new LimitLedger(0, 7, rule, LimitWorld.LongestCall, new LimitBounds(TimeSpan.FromSeconds(2).Ticks, LimitBounds.None.Places));
        var lease = new LimitLease(0, rule, "a", 1);
        var readyAt = ReadyAt(lease, ledger);
        Assert.InRange(readyAt, LeaseTimes.Life, LeaseTimes.Lapse * 1.2);
        Assert.Equal(LimitResult.Allowed, lease.TryTake(readyAt.Ticks, false).Result);
    }

    [Fact]
    public void A_limit_that_is_used_up_keeps_no_edge_from_being_ready()
    {
        var rule = new LimitRule { Calls = new RateLimit(1, TimeSpan.FromHours(1), 8) };
        var ledger = new LimitLedger(0, 7, rule, LimitWorld.LongestCall, LimitBounds.None);
        Assert.Equal(8, ledger.Ask(0, new LimitAsk { Edge = "b", Incarnation = 2, Seq = 1, Epoch = 7, Ordinary = 8 }).Ordinary);
        var lease = new LimitLease(0, rule, "a", 1);
        Assert.InRange(ReadyAt(lease, ledger), LeaseTimes.Lapse, LeaseTimes.Lapse * 2);
    }

    private static TimeSpan ReadyAt(LimitLease lease, LimitLedger ledger)
    {
        var now = 0L;
        for (; !lease.IsReady(now) && now < TimeSpan.FromMinutes(1).Ticks; now += TimeSpan.TicksPerMillisecond)
        {
            if (lease.Next(now) is { } ask) lease.Answered(now, ask.Seq, ledger.Ask(now, ask));
        }
        return TimeSpan.FromTicks(now);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void An_edge_that_ends_gives_back_what_it_did_not_use(bool isAsking)
    {
        var rule = new LimitRule { Calls = new RateLimit(1, TimeSpan.FromHours(1), 8), AtOnce = 8 };
        var ledger = new LimitLedger(0, 7, rule, LimitWorld.LongestCall, LimitBounds.None);
        var lease = new LimitLease(0, rule, "a", 1);
        for (var now = 1L; now < 4; now++)
        {
            var ask = lease.Next(now * TimeSpan.TicksPerSecond)!;
            lease.Answered(now * TimeSpan.TicksPerSecond, ask.Seq, ledger.Ask(now * TimeSpan.TicksPerSecond, ask));
        }
        Assert.True(ledger.CallsOut > 0 && ledger.PlacesOut > 0);
        // It does not wait for an answer that is on its way.
        if (isAsking) Assert.NotNull(lease.Next(4 * TimeSpan.TicksPerSecond));
        lease.GiveUp(5 * TimeSpan.TicksPerSecond);
        ledger.Ask(5 * TimeSpan.TicksPerSecond, lease.Next(5 * TimeSpan.TicksPerSecond)!);
        Assert.Equal((0, 0), (ledger.CallsOut, ledger.PlacesOut));
        Assert.Equal(8, ledger.Ask(6 * TimeSpan.TicksPerSecond, new LimitAsk { Edge = "b", Incarnation = 2, Seq = 1, Epoch = 7, Ordinary = 8 }).Ordinary + ledger.Ask(
            9 * TimeSpan.TicksPerSecond, new LimitAsk { Edge = "b", Incarnation = 2, Seq = 2, Epoch = 7, Ordinary = 8 }).Ordinary);
    }
}
