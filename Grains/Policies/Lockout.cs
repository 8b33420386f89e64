using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Policies;

namespace IvrActors.Grains.Policies;

/// <summary>
/// Counting failures and locking (NIST SP 800-63B-4 3.2.2), as pure functions. A failure is counted before anything is verified and taken back
/// when the attempt was right, so that a crash in between counts as a failure.
/// </summary>
public static class Lockout
{
    /// <summary>The standard's bound on consecutive failures of an account, whatever a rule says.</summary>
    public const int MostFailures = 100;

    /// <summary>How long a second operator may take to confirm an unlock.</summary>
    public static readonly TimeSpan UnlockStands = TimeSpan.FromMinutes(15);

    // Retries come within seconds and of few calls at once; what is forgotten is counted again, which errs on the safe side.
    private const int RememberedAttempts = 16;

    /// <summary>
    /// The failures in a row at which this class is disabled. The classes share the account's cap, and none can use up another's part: so no account is guessed at more often than
    /// the cap in all, and nobody who can only forge a number ever takes the attested caller's part.
    /// </summary>
    public static int MostOf(LockoutRule rule, OriginClass origin)
    {
        var most = Math.Clamp(rule.Disable, 1, MostFailures);
        var quarter = Math.Max(most / 4, FirstLock(rule));
        return origin is OriginClass.Attested ? Math.Max(most - 2 * quarter, FirstLock(rule)) : quarter;
    }

    /// <summary>Reserves an attempt. A repeat of one that is remembered gets its decision again and counts nothing.</summary>
    public static (LockoutDecision Decision, LockoutState State) Decide(LockoutMoment now, LockoutRule rule, OriginClass origin, LockoutState state, string attempt, bool isPin = false)
    {
        if (state.Find(attempt) is { } known)
        {
            // From now on two may be verifying it: neither can take the reservation back by saying that it did not.
            var repeated = known is { Permitted: true, Counts: true, Repeated: false } ? state.At(now).Replace(known, known.AsRepeated()) : state;
            return (Decision(known.Permitted, repeated), repeated);
        }

        var next = state.At(now, rule.Longest);
        // Attempts during a lock are not counted: whoever makes them could otherwise prolong it without end.
        if (next.IsLocked)
        {
            next.Remember(new ReservedAttempt { Id = attempt }, RememberedAttempts);
            return (Decision(false, next), next);
        }

        next.Failures++;
        if (isPin) next.PinFailures++;
        next.Recent = [.. next.Recent.Where(at => at > next.Ran - rule.Window.Ticks).TakeLast(Saturation(rule) - 1), next.Ran];
        next.Lock(now, next.Failures >= MostOf(rule, origin) ? null : LockAfter(rule, next.Recent.Count));
        next.Remember(new ReservedAttempt { Id = attempt, Permitted = true, Locks = next.IsLocked, At = next.Ran, Until = next.Until, IsPin = isPin }, RememberedAttempts);
        return (Decision(true, next), next);
    }

    /// <summary>
    /// An attempt was right. Taken back once; a right PIN forgives the wrong ones before it, and no code; after the last factor (<paramref name="complete"/>) nothing is left of
    /// earlier failures.
    /// </summary>
    public static LockoutState Succeed(LockoutMoment now, LockoutState state, string attempt, bool complete)
    {
        if (state.Find(attempt) is not { Permitted: true, Counts: true } reserved) return state;
        if (complete) return Clear(now, state);
        var next = state.At(now).TakeBack(reserved).Replace(reserved, reserved.AsSettled());
        return reserved.IsPin ? next.ForgivePinsBefore(reserved) : next;
    }

    /// <summary>
    /// Nothing was verified of the attempt, and nobody else may be verifying it: it is as if it had never been made. Whoever calls this must not have begun.
    /// </summary>
    public static LockoutState Withdraw(LockoutMoment now, LockoutState state, string attempt)
    {
        if (state.Find(attempt) is not { } reserved || (reserved.Permitted && (!reserved.Counts || reserved.Repeated))) return state;
        var next = state.At(now);
        return (reserved.Permitted ? next.TakeBack(reserved) : next).Replace(reserved, null);
    }

    /// <summary>An attempt was wrong: its failure stays. Whether the lock that is on is the one that it brought.</summary>
    public static bool FailureLocks(LockoutState state, string attempt) => state.Find(attempt) is { Permitted: true, Counts: true } reserved && state.IsLockOf(reserved);

    /// <summary>No failures, no lock; what was reserved is still known, so that a retry of it is not taken for a new attempt.</summary>
    public static LockoutState Clear(LockoutMoment now, LockoutState state)
    {
        var next = state.At(now);
        next.Failures = 0;
        next.PinFailures = 0;
        next.Recent = [];
        next.Asked = null;
        next.Free();
        next.Attempts = [.. next.Attempts.Select(a => a.AsSettled())];
        return next;
    }

    /// <summary>
    /// An operator wants the lock lifted: the first asks, another one within <see cref="UnlockStands"/> confirms. Lifting ends lock and back-off; the failures stand, because
    /// nobody has proven anything: only a success or a new binding begins the count to the cap anew.
    /// </summary>
    public static (UnlockOutcome Outcome, LockoutState State) Approve(LockoutMoment now, LockoutState state, string by, string reason)
    {
        if (IsDisabled(state)) return (UnlockOutcome.Disabled, state);
        var next = state.At(now);
        if (!next.IsLocked) return (UnlockOutcome.NotLocked, state);
        if (next.Asked is not { } asked || next.Ran - asked.At > UnlockStands.Ticks)
        {
            next.Asked = new UnlockRequest { By = by, Reason = reason, At = next.Ran };
            return (UnlockOutcome.Asked, next);
        }
        if (string.Equals(asked.By, by, StringComparison.Ordinal)) return (UnlockOutcome.SamePerson, state);
        next.Asked = null;
        next.Recent = [];
        next.Free();
        return (UnlockOutcome.Lifted, next);
    }

    /// <summary>The request that another operator can confirm, and for how much longer; null when there is none.</summary>
    public static (UnlockRequest Request, TimeSpan Left)? Asked(LockoutMoment now, LockoutState state)
    {
        if (state.Asked is not { } asked) return null;
        var left = UnlockStands.Ticks - (state.RanAt(now) - asked.At);
        return left >= 0 ? (asked, TimeSpan.FromTicks(left)) : null;
    }

    /// <summary>Whether nothing in it decides anything any more: no lock, and nothing happened for <paramref name="idle"/>.</summary>
    public static bool IsSpent(LockoutMoment now, LockoutState state, TimeSpan idle) => state.RanAt(now) - state.Ran > idle.Ticks && (IsDisabled(state) || !state.At(now).IsLocked);

    /// <summary>Disabled until the factors are bound anew.</summary>
    public static bool IsDisabled(LockoutState state) => state.LockedUntil == DateTimeOffset.MaxValue;

    // Above it the parts of three classes would be more than the cap.
    private static int FirstLock(LockoutRule rule) => Math.Clamp(rule.Failures, 1, MostFailures / 4);

    private static TimeSpan LockAfter(LockoutRule rule, int failures)
    {
        if (failures < FirstLock(rule)) return TimeSpan.Zero;
        var length = rule.First;
        for (var i = FirstLock(rule); i < failures && length < rule.Longest; i++) length *= 2;
        return length < rule.Longest ? length : rule.Longest;
    }

    /// <summary>Failures within the window above which a lock grows no longer: more of them need not be known.</summary>
    private static int Saturation(LockoutRule rule)
    {
        var failures = FirstLock(rule);
        for (var length = rule.First; length > TimeSpan.Zero && length < rule.Longest; length *= 2) failures++;
        return Math.Min(failures, MostFailures);
    }

    private static LockoutDecision Decision(bool permitted, LockoutState state) => new()
    {
        Permitted = permitted,
        Failures = state.Failures,
        LockedUntil = state.LockedUntil,
        Version = state.Version,
    };
}
