using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Grains.Policies;
using Xunit;

namespace IvrActors.Grains.Tests.Policies;

public sealed class LockoutTests
{
    private static readonly DateTimeOffset s_start = new(2026, 5, 4, 12, 0, 0, TimeSpan.Zero);
    private readonly LockoutRule _rule = new();
    private LockoutState _state = new();
    private LockoutMoment _now = new(s_start, TimeSpan.Zero, Guid.NewGuid());
    private int _attempt;

    [Fact]
    public void A_story_of_failures()
    {
        Assert.True(Try());
        Assert.True(Try());
        Assert.Null(_state.LockedUntil);
        Assert.True(Try());
        Assert.Equal(s_start.AddSeconds(30), _state.LockedUntil);
        Assert.False(Try());

        Pass(TimeSpan.FromSeconds(29.999));
        Assert.False(Try());
        Assert.Equal(3, _state.Failures);

        Pass(TimeSpan.FromSeconds(0.001));
        Assert.True(Try());
        Assert.Equal(s_start.AddSeconds(90), _state.LockedUntil);
    }

    [Fact]
    public void Each_further_failure_doubles_the_lock_up_to_the_longest_and_the_last_disables()
    {
        for (var failure = 1; failure < 50; failure++)
        {
            // Longer pauses would take earlier failures out of the window.
            var before = _now.Wall;
            Assert.True(Try(OriginClass.Attested));
            var expected = failure < 3 ? (double?)null : Math.Min(30 * Math.Pow(2, failure - 3), 3600);
            Assert.Equal(expected, (_state.LockedUntil - before)?.TotalSeconds);
            if (_state.LockedUntil is { } until) Pass(until - _now.Wall);
        }
        Assert.True(Try(OriginClass.Attested));
        Assert.True(Lockout.IsDisabled(_state));
        Pass(TimeSpan.FromDays(36500));
        Assert.False(Try(OriginClass.Attested));
    }

    [Fact]
    public void The_classes_share_the_cap_of_an_account_and_no_rule_makes_it_more_than_a_hundred()
    {
        foreach (var (failures, disable) in from f in Enumerable.Range(1, 100) from d in Enumerable.Range(f, 101 - f) select (f, d))
        {
            var rule = new LockoutRule { Failures = failures, Disable = disable };
            var parts = Enum.GetValues<OriginClass>().Select(origin => Lockout.MostOf(rule, origin)).ToList();
            Assert.All(parts, part => Assert.InRange(part, 1, 50 + 48));
            Assert.InRange(parts.Sum(), 1, 100);
            // A cap that leaves each class its first lock is kept to the letter.
            if (disable >= 4 * failures) Assert.Equal(disable, parts.Sum());
        }
    }

    [Fact]
    public void A_class_is_disabled_at_its_own_part_of_the_cap()
    {
        for (var i = 1; i <= 25; i++)
        {
            Assert.True(Try());
            Assert.Equal(i == 25, Lockout.IsDisabled(_state));
            Pass(TimeSpan.FromHours(1));
        }
        Assert.False(Try());
    }

    [Fact]
    public void Failures_before_the_window_make_no_lock_longer_but_count_to_the_cap()
    {
        for (var i = 0; i < 6; i++)
        {
            Assert.True(Try());
            Pass(TimeSpan.FromHours(1));
        }
        Pass(TimeSpan.FromHours(24));
        Assert.True(Try());
        Assert.Null(_state.LockedUntil);
        Assert.Equal(7, _state.Failures);
        for (var i = 8; i <= 25; i++)
        {
            Assert.True(Try());
            Pass(TimeSpan.FromHours(25));
        }
        Assert.True(Lockout.IsDisabled(_state));
    }

    [Fact]
    public void Success_of_the_last_factor_clears_and_of_an_earlier_one_takes_only_itself_back()
    {
        Try();
        Try();
        Try();
        _state = Lockout.Succeed(_now, _state, "3", complete: false);
        Assert.Equal(2, _state.Failures);
        Assert.Null(_state.LockedUntil);
        Try();
        _state = Lockout.Succeed(_now, _state, "4", complete: true);
        Assert.Equal(0, _state.Failures);
        Assert.Null(_state.LockedUntil);
    }

    [Fact]
    public void A_right_PIN_forgives_the_wrong_ones_before_it_and_no_code()
    {
        Try(isPin: true);
        Try();
        Pass(TimeSpan.FromHours(25));
        Try(isPin: true);
        Try(isPin: true);
        _state = Lockout.Succeed(_now, _state, "3", complete: false);
        // The code, and the PIN that came later and may be checked at this moment.
        Assert.Equal((2, 1), (_state.Failures, _state.PinFailures));
        _state = Lockout.Succeed(_now, _state, "4", complete: false);
        Assert.Equal((1, 0), (_state.Failures, _state.PinFailures));
        // What is forgiven is not taken back again.
        Assert.Same(_state, Lockout.Succeed(_now, _state, "1", complete: false));
    }

    [Fact]
    public void Wrong_PINs_that_nobody_remembers_singly_are_forgiven_as_well()
    {
        Try();
        for (var i = 0; i < 20; i++)
        {
            Pass(TimeSpan.FromHours(25));
            Try(isPin: true);
        }
        _state = Lockout.Succeed(_now, _state, "21", complete: false);
        Assert.Equal((1, 0), (_state.Failures, _state.PinFailures));
    }

    [Fact]
    public void An_earlier_factor_does_not_lift_the_lock_that_another_attempt_brought()
    {
        Try();
        Try();
        Try();
        _state = Lockout.Succeed(_now, _state, "2", complete: false);
        Assert.NotNull(_state.LockedUntil);
        Assert.False(Try());
    }

    [Fact]
    public void What_brought_an_earlier_lock_does_not_lift_a_later_one()
    {
        for (var i = 0; i < 3; i++) Try();
        Pass(TimeSpan.FromSeconds(30));
        Try();
        _state = Lockout.Succeed(_now, _state, "3", complete: false);
        Assert.False(Try());
    }

    [Fact]
    public void A_repeat_counts_nothing_before_and_after_success()
    {
        Try();
        var (decision, repeated) = Lockout.Decide(_now, _rule, OriginClass.Unattested, _state, "1");
        Assert.True(decision.Permitted);
        Assert.Equal(1, repeated.Failures);
        Assert.Same(repeated, Lockout.Decide(_now, _rule, OriginClass.Unattested, repeated, "1").State);
        _state = Lockout.Succeed(_now, _state, "1", complete: true);
        Assert.Same(_state, Lockout.Decide(_now, _rule, OriginClass.Unattested, _state, "1").State);
        Assert.Same(_state, Lockout.Succeed(_now, _state, "1", complete: true));
    }

    [Fact]
    public void An_attempt_that_was_refused_stays_refused_and_cannot_succeed()
    {
        for (var i = 0; i < 4; i++) Try();
        Pass(TimeSpan.FromHours(2));
        Assert.False(Lockout.Decide(_now, _rule, OriginClass.Unattested, _state, "4").Decision.Permitted);
        Assert.Same(_state, Lockout.Succeed(_now, _state, "4", complete: true));
        Assert.Same(_state, Lockout.Succeed(_now, _state, "never reserved", complete: true));
    }

    [Fact]
    public void An_attempt_of_which_nothing_was_verified_is_taken_back_with_the_lock_that_it_brought()
    {
        for (var i = 0; i < 3; i++) Try();
        _state = Lockout.Withdraw(_now, _state, "3");
        Assert.Equal(2, _state.Failures);
        Assert.Null(_state.LockedUntil);
        Assert.Same(_state, Lockout.Withdraw(_now, _state, "3"));
        // Made anew it is a new attempt.
        Assert.Equal(3, Lockout.Decide(_now, _rule, OriginClass.Unattested, _state, "3").Decision.Failures);
    }

    [Fact]
    public void An_attempt_that_somebody_else_may_be_verifying_is_not_taken_back()
    {
        Try();
        _state = Lockout.Decide(_now, _rule, OriginClass.Unattested, _state, "1").State;
        Assert.Same(_state, Lockout.Withdraw(_now, _state, "1"));
    }

    [Fact]
    public void What_was_reserved_before_a_success_takes_nothing_from_what_came_after_it()
    {
        Try();
        Try();
        _state = Lockout.Succeed(_now, _state, "2", complete: true);
        Try();
        Assert.Same(_state, Lockout.Withdraw(_now, _state, "1"));
        Assert.Same(_state, Lockout.Succeed(_now, _state, "1", complete: false));
        Assert.Equal(1, _state.Failures);
    }

    [Fact]
    public void A_clock_that_is_set_back_or_forward_neither_shortens_nor_lengthens_a_lock_in_one_process()
    {
        for (var i = 0; i < 3; i++) Try();
        foreach (var step in new[] { -1, +365, -3650 })
        {
            _now = _now with { Wall = _now.Wall.AddDays(step), Steady = _now.Steady + TimeSpan.FromSeconds(9) };
            Assert.False(Try());
        }
        _now = _now with { Steady = _now.Steady + TimeSpan.FromSeconds(3) };
        Assert.True(Try());
    }

    [Fact]
    public void After_a_restart_a_clock_that_was_set_back_locks_for_the_rest_at_most()
    {
        for (var i = 0; i < 3; i++) Try();
        _now = new LockoutMoment(_now.Wall.AddYears(-10), TimeSpan.Zero, Guid.NewGuid());
        Assert.False(Try());
        Pass(TimeSpan.FromSeconds(29));
        Assert.False(Try());
        Pass(TimeSpan.FromSeconds(1));
        Assert.True(Try());
    }

    [Fact]
    public void A_lock_of_the_version_before_goes_on_and_its_failures_make_the_next_one_longer()
    {
        _state = new LockoutState { Version = 7, Failures = 4, LockedSince = s_start, LockedUntil = s_start.AddSeconds(60), Attempts = [new ReservedAttempt { Id = "x", Permitted = true, Locks = true }] };
        Pass(TimeSpan.FromSeconds(59));
        Assert.False(Try());
        Pass(TimeSpan.FromSeconds(1));
        Assert.True(Try());
        Assert.Equal(120, (_state.LockedUntil - _now.Wall)?.TotalSeconds);
        Assert.Equal(5, _state.Failures);
    }

    [Fact]
    public void One_operator_asks_and_another_lifts_lock_and_back_off_but_not_the_failures()
    {
        for (var i = 0; i < 3; i++) Try();
        Assert.Equal(UnlockOutcome.Asked, Approve("ann"));
        Assert.Equal(UnlockOutcome.SamePerson, Approve("ann"));
        Assert.False(Try());
        Assert.Equal(UnlockOutcome.Lifted, Approve("ben"));
        Assert.Equal(UnlockOutcome.NotLocked, Approve("ann"));
        Assert.True(Try());
        Assert.Null(_state.LockedUntil);
        Assert.Equal(4, _state.Failures);
    }

    [Fact]
    public void A_request_that_nobody_confirmed_in_time_is_a_new_one_when_somebody_comes()
    {
        for (var i = 0; i < 12; i++)
        {
            Pass(TimeSpan.FromHours(1));
            Try();
        }
        Assert.Equal(UnlockOutcome.Asked, Approve("ann"));
        Pass(Lockout.UnlockStands + TimeSpan.FromTicks(1));
        Assert.Null(Lockout.Asked(_now, _state));
        Assert.Equal(UnlockOutcome.Asked, Approve("ben"));
        Assert.Equal("ben", Lockout.Asked(_now, _state)?.Request.By);
        Assert.Equal(UnlockOutcome.Lifted, Approve("ann"));
    }

    [Fact]
    public void No_number_of_operators_frees_what_is_disabled()
    {
        for (var i = 0; i < 25; i++)
        {
            Try();
            Pass(TimeSpan.FromHours(1));
        }
        Assert.Equal(UnlockOutcome.Disabled, Approve("ann"));
        Assert.Equal(UnlockOutcome.Disabled, Approve("ben"));
        Assert.True(Lockout.IsDisabled(_state));
    }

    [Fact]
    public void Every_change_counts_up_the_version_and_what_is_kept_is_bounded()
    {
        for (var i = 1; i <= 200; i++)
        {
            Try();
            Assert.Equal(i, _state.Version);
            Assert.InRange(_state.Attempts.Count, 1, 16);
            Assert.InRange(_state.Recent.Count, 0, 10);
            if (i % 9 == 0) Pass(TimeSpan.FromHours(1));
        }
    }

    private void Pass(TimeSpan time) => _now = _now with { Wall = _now.Wall + time, Steady = _now.Steady + time };

    private bool Try(OriginClass origin = OriginClass.Unattested, bool isPin = false)
    {
        (var decision, _state) = Lockout.Decide(_now, _rule, origin, _state, $"{++_attempt}", isPin);
        return decision.Permitted;
    }

    private UnlockOutcome Approve(string by)
    {
        (var outcome, _state) = Lockout.Approve(_now, _state, by, "caller-error");
        return outcome;
    }
}
