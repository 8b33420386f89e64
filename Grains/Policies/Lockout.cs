using IvrActors.Grains.Interfaces.Policies;

namespace IvrActors.Grains.Policies;

/// <summary>
/// Counting failures and locking (NIST SP 800-63B-4 3.2.2), as pure functions. A failure is counted before anything is verified and taken back
/// when the attempt was right, so that a crash in between counts as a failure.
/// </summary>
public static class Lockout
{
    /// <summary>The standard's bound on consecutive failures, whatever a rule says.</summary>
    public const int MostFailures = 100;

    // Retries come within seconds and of few calls at once; what is forgotten is counted again, which errs on the safe side.
    private const int RememberedAttempts = 16;

    /// <summary>Reserves an attempt. A repeat of one that is remembered gets its decision again and changes nothing.</summary>
    public static (LockoutDecision Decision, LockoutState State) Decide(DateTimeOffset now, LockoutRule rule, LockoutState state, string attempt)
    {
        if (state.Find(attempt) is { } known) return (Decision(known.Permitted, state), state);

        // Attempts during a lock are not counted: whoever makes them could otherwise prolong it without end.
        if (state.LockedUntil > now)
        {
            var refused = state.With(new ReservedAttempt { Id = attempt }, RememberedAttempts);
            return (Decision(false, refused), refused);
        }

        var failures = state.Failures + 1;
        var until = LockAfter(now, rule, failures);
        var next = state.With(new ReservedAttempt { Id = attempt, Permitted = true, Locks = until is not null }, RememberedAttempts);
        next.Failures = failures;
        next.LockedUntil = until;
        if (until is not null) next.LockedSince = now;
        return (Decision(true, next), next);
    }

    /// <summary>An attempt was right. Taken back once; after the last factor (<paramref name="complete"/>) nothing is left of earlier failures.</summary>
    public static LockoutState Succeed(LockoutState state, string attempt, bool complete)
    {
        if (state.Find(attempt) is not { Permitted: true, Settled: false } reserved) return state;
        var next = state.Settle(reserved);
        next.Failures = complete ? 0 : Math.Max(0, state.Failures - 1);
        if (complete || reserved.Locks) next.LockedUntil = null;
        return next;
    }

    /// <summary>An attempt was wrong: its failure stays.</summary>
    public static bool FailureLocks(LockoutState state, string attempt) => state.Find(attempt) is { Permitted: true, Settled: false, Locks: true } && state.LockedUntil is not null;

    /// <summary>No failures, no lock; what was reserved is still known, so that a retry of it is not taken for a new attempt.</summary>
    public static LockoutState Clear(LockoutState state)
    {
        var next = state.Copy();
        next.Failures = 0;
        next.LockedUntil = null;
        return next;
    }

    /// <summary>Disabled until the factors are bound anew.</summary>
    public static bool IsDisabled(LockoutState state) => state.LockedUntil == DateTimeOffset.MaxValue;

    // An absolute end: a clock that steps back makes a lock longer, never shorter.
    private static DateTimeOffset? LockAfter(DateTimeOffset now, LockoutRule rule, int failures)
    {
        if (failures >= Math.Clamp(rule.Disable, 1, MostFailures)) return DateTimeOffset.MaxValue;
        if (failures < Math.Max(1, rule.Failures)) return null;
        var doublings = failures - Math.Max(1, rule.Failures);
        var length = rule.First;
        for (var i = 0; i < doublings && length < rule.Longest; i++) length *= 2;
        return now + (length < rule.Longest ? length : rule.Longest);
    }

    private static LockoutDecision Decision(bool permitted, LockoutState state) => new()
    {
        Permitted = permitted,
        Failures = state.Failures,
        LockedUntil = state.LockedUntil,
        Version = state.Version,
    };
}

/// <summary>What is kept of one caller and origin class. Every change adds one to <see cref="Version"/>.</summary>
[GenerateSerializer, Alias("ivr.state.Lockout")]
public sealed class LockoutState
{
    [Id(0)] public long Version { get; set; }
    [Id(1)] public string Tenant { get; set; } = "";
    [Id(2)] public int Failures { get; set; }
    [Id(3)] public DateTimeOffset? LockedUntil { get; set; }
    [Id(4)] public DateTimeOffset LockedSince { get; set; }

    /// <summary>Newest last.</summary>
    [Id(5)] public List<ReservedAttempt> Attempts { get; set; } = [];

    internal ReservedAttempt? Find(string attempt) => Attempts.FindLast(a => string.Equals(a.Id, attempt, StringComparison.Ordinal));

    internal LockoutState Copy() => new()
    {
        Version = Version + 1,
        Tenant = Tenant,
        Failures = Failures,
        LockedUntil = LockedUntil,
        LockedSince = LockedSince,
        Attempts = [.. Attempts],
    };

    internal LockoutState With(ReservedAttempt attempt, int most)
    {
        var copy = Copy();
        copy.Attempts = [.. Attempts.TakeLast(most - 1), attempt];
        return copy;
    }

    internal LockoutState Settle(ReservedAttempt attempt)
    {
        var copy = Copy();
        copy.Attempts = [.. Attempts.Select(a => ReferenceEquals(a, attempt) ? new ReservedAttempt { Id = a.Id, Permitted = true, Settled = true, Locks = a.Locks } : a)];
        return copy;
    }
}

[GenerateSerializer, Immutable, Alias("ivr.state.ReservedAttempt")]
public sealed class ReservedAttempt
{
    [Id(0)] public required string Id { get; init; }

    /// <summary>Whether it might be verified.</summary>
    [Id(1)] public bool Permitted { get; init; }

    /// <summary>Whether it was right, and taken back.</summary>
    [Id(2)] public bool Settled { get; init; }

    /// <summary>Whether its reservation brought a lock.</summary>
    [Id(3)] public bool Locks { get; init; }
}
