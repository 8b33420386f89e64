using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Grains.Policies;
using Xunit;

namespace IvrActors.Grains.Tests.Policies;

/// <summary>The spending of one tenant, told with a clock that stands until it is moved.</summary>
public sealed class SpendTests
{
    private readonly SpendRule _rule = new()
    {
        PerHour = 100,
        PerDay = 250,
        Calls = new RateLimit(60, TimeSpan.FromMinutes(1), 60),
        CallsAtOnce = 5,
        LongestCall = TimeSpan.FromMinutes(30),
    };

    private DateTimeOffset _now = new(2026, 11, 26, 12, 0, 0, TimeSpan.Zero);
    private SpendState _state = new();
    private int _calls;

    private SpendDecision Reserve(int price, string? call = null, SpendRule? rule = null)
    {
        (var decision, _state) = Spend.Reserve(_now, rule ?? _rule, _state, new SpendRequest { Call = call ?? $"call-{++_calls}", Price = price, RingTime = TimeSpan.FromMinutes(1) });
        return decision;
    }

    private long? Settle(string call, double minutes)
    {
        (var charged, _state) = Spend.Settle(_now, _state, call, TimeSpan.FromMinutes(minutes));
        return charged;
    }

    private SpendSummary Summary => Spend.Summary(_now, _state);

    /// <summary>How long may be talked in so many minutes that are paid.</summary>
    private static TimeSpan Minutes(int minutes) => TimeSpan.FromMinutes(minutes) - TimeSpan.FromSeconds(5);

    private void Pass(double minutes) => _now += TimeSpan.FromMinutes(minutes);

    [Fact]
    public void The_most_that_a_call_may_cost_is_set_aside_and_what_it_cost_is_charged_by_minutes_begun()
    {
        Assert.Equal(Minutes(30), Reserve(2, "a").MostTalk);
        Assert.Equal((60, 60, 1), (Summary.SetAside, Summary.Hour, Summary.Calls));
        Pass(4);
        Assert.Equal(8, Settle("a", 3.01));
        Assert.Equal((0, 8, 8, 0), (Summary.SetAside, Summary.Hour, Summary.Day, Summary.Calls));
    }

    [Fact]
    public void A_call_gets_the_minutes_that_the_cap_leaves_and_the_next_one_none()
    {
        Assert.Equal(Minutes(30), Reserve(2).MostTalk);
        Assert.Equal(Minutes(13), Reserve(3).MostTalk);
        var refused = Reserve(2);
        Assert.Equal(OutboundRefusal.SpentOfHour, refused.Refusal);
        Assert.Equal(99, Summary.Hour);
        Assert.Equal(Minutes(1), Reserve(1).MostTalk);
    }

    [Fact]
    public void What_was_spent_is_free_again_after_an_hour_until_the_day_is_used_up()
    {
        for (var hour = 0; hour < 2; hour++)
        {
            Reserve(3, $"a{hour}");
            Settle($"a{hour}", 30);
            Assert.Equal(OutboundRefusal.SpentOfHour, Reserve(11).Refusal);
            Pass(65);
        }
        Reserve(3, "b");
        Assert.Equal(69, Settle("b", 22.5));
        Assert.Equal(249, Summary.Day);
        Pass(65);
        Assert.Equal(OutboundRefusal.SpentOfDay, Reserve(2).Refusal);
        Pass(24 * 60);
        Assert.Equal((0, 0), (Summary.Hour, Summary.Day));
        Assert.Equal(OutboundRefusal.None, Reserve(2).Refusal);
    }

    [Fact]
    public void No_time_of_the_clock_lets_more_than_the_cap_pass_in_an_hour()
    {
        // A window that began anew at each full hour would let twice the cap pass around it.
        Pass(55);
        Reserve(10, "a");
        Settle("a", 10);
        Pass(10);
        Assert.Equal(OutboundRefusal.SpentOfHour, Reserve(10).Refusal);
    }

    [Fact]
    public void A_call_that_nobody_settles_counts_in_full_when_its_time_is_over()
    {
        Reserve(2, "a");
        Pass(35);
        Assert.Equal((0, 60, 0), (Summary.SetAside, Summary.Hour, Summary.Calls));
        Assert.Null(Settle("a", 1));
        Assert.Equal(60, Summary.Hour);
        Assert.Equal(Minutes(20), Reserve(2).MostTalk);
        Assert.Equal(100, Summary.Hour);
    }

    [Fact]
    public void A_repeat_of_the_same_call_is_answered_the_same_and_sets_nothing_aside()
    {
        Reserve(2, "a");
        var state = _state;
        Assert.Equal(Minutes(30), Reserve(2, "a").MostTalk);
        Assert.Same(state, _state);
        Settle("a", 1);
        state = _state;
        Assert.Null(Settle("a", 1));
        Assert.Same(state, _state);
        Assert.Equal(2, Summary.Hour);
    }

    [Fact]
    public void A_repeat_with_another_price_is_refused_and_leaves_what_was_set_aside()
    {
        Reserve(2, "a");
        var state = _state;
        Assert.Equal(OutboundRefusal.Unavailable, Reserve(3, "a").Refusal);
        Assert.Same(state, _state);
    }

    [Fact]
    public void A_call_that_is_ended_at_its_limit_costs_what_was_set_aside_and_no_minute_more()
    {
        var most = Reserve(2, "a").MostTalk;
        // The BYE takes its time, and the carrier's clock has it a little later still.
        Assert.Equal(60, Settle("a", (most + TimeSpan.FromSeconds(4)).TotalMinutes));
        Assert.Equal(TimeSpan.FromSeconds(90), Reserve(2, rule: _rule with { LongestCall = TimeSpan.FromSeconds(90) }).MostTalk);
        Assert.Equal(TimeSpan.FromMinutes(30), Reserve(0).MostTalk);
    }

    [Fact]
    public void As_many_calls_go_on_at_once_as_the_tenant_may_have_whatever_they_cost()
    {
        for (var i = 0; i < 5; i++) Assert.Equal(OutboundRefusal.None, Reserve(0, $"c{i}").Refusal);
        Assert.Equal(OutboundRefusal.TooMany, Reserve(0).Refusal);
        Assert.Equal(0, Settle("c3", 200));
        Assert.Equal(OutboundRefusal.None, Reserve(0).Refusal);
    }

    [Fact]
    public void New_calls_come_no_faster_than_the_rate_and_a_refused_one_uses_nothing_up()
    {
        var rule = _rule with { Calls = new RateLimit(2, TimeSpan.FromMinutes(1), 2) };
        Reserve(1, "a", rule);
        Reserve(1, "b", rule);
        for (var i = 0; i < 3; i++) Assert.Equal(OutboundRefusal.TooFast, Reserve(1, rule: rule).Refusal);
        Pass(0.5);
        Assert.Equal(OutboundRefusal.None, Reserve(1, rule: rule).Refusal);
    }

    [Fact]
    public void A_refusal_changes_nothing()
    {
        Reserve(3, "a");
        var state = _state;
        Assert.Equal(OutboundRefusal.SpentOfHour, Reserve(50).Refusal);
        Assert.Same(state, _state);
    }

    [Fact]
    public void A_call_that_outlasted_what_was_set_aside_is_charged_whole()
    {
        Reserve(2, "a");
        Assert.Equal(62, Settle("a", 30.5));
    }

    [Fact]
    public void A_call_that_was_not_answered_costs_nothing()
    {
        Reserve(2, "a");
        Assert.Equal(0, Settle("a", 0));
        Assert.Equal(0, Summary.Day);
        Assert.Empty(_state.Spent);
    }

    [Fact]
    public void The_row_stays_small_however_long_a_tenant_calls()
    {
        var rule = _rule with { PerHour = 1_000_000, PerDay = 10_000_000 };
        for (var i = 0; i < 3000; i++)
        {
            Reserve(1, $"c{i}", rule);
            Settle($"c{i}", 1);
            Pass(1);
        }
        Assert.InRange(_state.Spent.Count, 288, 290);
        // An hour of calls of one unit a minute; the slot that began before it counts whole.
        Assert.InRange(Summary.Hour, 59, 65);
    }
}
