using IvrActors.Grains.Policies;
using Xunit;

namespace IvrActors.Grains.Tests.Policies;

public sealed class LockoutTests
{
    private static readonly DateTimeOffset s_start = new(2026, 5, 4, 12, 0, 0, TimeSpan.Zero);
    private readonly LockoutRule _rule = new();
    private LockoutState _state = new();
    private DateTimeOffset _now = s_start;
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

        _now = s_start.AddSeconds(29.999);
        Assert.False(Try());
        Assert.Equal(3, _state.Failures);

        _now = s_start.AddSeconds(30);
        Assert.True(Try());
        Assert.Equal(_now.AddSeconds(60), _state.LockedUntil);
    }

    [Fact]
    public void Each_further_failure_doubles_the_lock_up_to_the_longest_and_the_last_disables()
    {
        for (var failure = 1; failure < 100; failure++)
        {
            Assert.True(Try());
            var expected = failure < 3 ? (double?)null : Math.Min(30 * Math.Pow(2, failure - 3), 3600);
            Assert.Equal(expected, (_state.LockedUntil - _now)?.TotalSeconds);
            if (_state.LockedUntil is { } until) _now = until;
        }
        Assert.True(Try());
        Assert.True(Lockout.IsDisabled(_state));
        _now = DateTimeOffset.MaxValue.AddDays(-1);
        Assert.False(Try());
    }

    [Fact]
    public void No_rule_allows_more_than_a_hundred_failures()
    {
        var rule = new LockoutRule { Failures = 1000, Disable = 5000 };
        for (var i = 1; i <= 100; i++) Assert.True(Try(rule));
        Assert.True(Lockout.IsDisabled(_state));
        Assert.False(Try(rule));
    }

    [Fact]
    public void Success_of_the_last_factor_clears_and_of_an_earlier_one_takes_only_itself_back()
    {
        Try();
        Try();
        Try();
        _state = Lockout.Succeed(_state, "3", complete: false);
        Assert.Equal(2, _state.Failures);
        Assert.Null(_state.LockedUntil);
        Try();
        _state = Lockout.Succeed(_state, "4", complete: true);
        Assert.Equal(0, _state.Failures);
        Assert.Null(_state.LockedUntil);
    }

    [Fact]
    public void An_earlier_factor_does_not_lift_the_lock_that_another_attempt_brought()
    {
        Try();
        Try();
        Try();
        _state = Lockout.Succeed(_state, "2", complete: false);
        Assert.NotNull(_state.LockedUntil);
        Assert.False(Try());
    }

    [Fact]
    public void A_repeat_changes_nothing_before_and_after_success()
    {
        Try();
        var before = _state;
        Assert.True(Lockout.Decide(_now, _rule, _state, "1").Decision.Permitted);
        Assert.Same(before, Lockout.Decide(_now, _rule, _state, "1").State);
        _state = Lockout.Succeed(_state, "1", complete: true);
        Assert.Same(_state, Lockout.Decide(_now, _rule, _state, "1").State);
        Assert.Same(_state, Lockout.Succeed(_state, "1", complete: true));
    }

    [Fact]
    public void An_attempt_that_was_refused_stays_refused_and_cannot_succeed()
    {
        for (var i = 0; i < 4; i++) Try();
        _now += TimeSpan.FromHours(2);
        Assert.False(Lockout.Decide(_now, _rule, _state, "4").Decision.Permitted);
        Assert.Same(_state, Lockout.Succeed(_state, "4", complete: true));
        Assert.Same(_state, Lockout.Succeed(_state, "never reserved", complete: true));
    }

    [Fact]
    public void A_clock_that_steps_back_never_shortens_a_lock()
    {
        for (var i = 0; i < 3; i++) Try();
        var until = _state.LockedUntil;
        _now -= TimeSpan.FromDays(1);
        Assert.False(Try());
        Assert.Equal(until, _state.LockedUntil);
    }

    [Fact]
    public void Every_change_counts_up_the_version_and_the_memory_of_attempts_is_bounded()
    {
        for (var i = 1; i <= 200; i++)
        {
            Try();
            Assert.Equal(i, _state.Version);
            Assert.InRange(_state.Attempts.Count, 1, 16);
        }
    }

    private bool Try(LockoutRule? rule = null)
    {
        (var decision, _state) = Lockout.Decide(_now, rule ?? _rule, _state, $"{++_attempt}");
        return decision.Permitted;
    }
}
