namespace IvrActors.Grains.Policies;

/// <summary>
/// What is kept of one caller and origin class. Every change adds one to <see cref="Version"/>. It carries a clock of its own, <see cref="Ran"/>, which only runs forward: within one
/// process by the monotonic clock, from one process to the next by the wall clock, and never backward.
/// </summary>
[GenerateSerializer, Alias("ivr.state.Lockout")]
public sealed class LockoutState
{
    [Id(0)] public long Version { get; set; }
    [Id(1)] public string Tenant { get; set; } = "";

    /// <summary>In a row: only a success or a new binding begins anew.</summary>
    [Id(2)] public int Failures { get; set; }

    /// <summary>For people, and for a version that knows no <see cref="Until"/>: by the wall clock of the last change. <see cref="DateTimeOffset.MaxValue"/>: until bound anew.</summary>
    [Id(3)] public DateTimeOffset? LockedUntil { get; set; }
    [Id(4)] public DateTimeOffset LockedSince { get; set; }

    /// <summary>Newest last.</summary>
    [Id(5)] public List<ReservedAttempt> Attempts { get; set; } = [];

    /// <summary>The row's own clock at the last change, in ticks.</summary>
    [Id(6)] public long Ran { get; set; }

    /// <summary>The last change by the wall clock, and by the monotonic clock of the process that made it.</summary>
    [Id(7)] public DateTimeOffset Wall { get; set; }
    [Id(8)] public TimeSpan Steady { get; set; }
    [Id(9)] public Guid Process { get; set; }

    /// <summary>When the lock ends by the row's own clock; 0: there is none.</summary>
    [Id(10)] public long Until { get; set; }

    /// <summary>Failures that make the next lock longer, by the row's own clock.</summary>
    [Id(11)] public List<long> Recent { get; set; } = [];

    /// <summary>What one operator asked for, and another has not confirmed yet.</summary>
    [Id(12)] public UnlockRequest? Asked { get; set; }

    /// <summary>Those of the failures that were PINs: the next right one forgives them.</summary>
    [Id(13)] public int PinFailures { get; set; }

    /// <summary>As of the last change.</summary>
    internal bool IsLocked => Lockout.IsDisabled(this) || Until > Ran;

    internal bool IsLockOf(ReservedAttempt attempt) => attempt.Locks && IsLocked && attempt.Until == Until;

    internal ReservedAttempt? Find(string attempt) => Attempts.FindLast(a => string.Equals(a.Id, attempt, StringComparison.Ordinal));

    /// <summary>The row's own clock now.</summary>
    internal long RanAt(LockoutMoment now) => Ran + Math.Max(0, Process == now.Process ? (now.Steady - Steady).Ticks : (now.Wall - Wall).Ticks);

    /// <summary>A copy for the next change, made now.</summary>
    /// <param name="longest">What is left at most of a lock of an older version, which had the wall clock alone.</param>
    internal LockoutState At(LockoutMoment now, TimeSpan? longest = null)
    {
        var isOld = Process == Guid.Empty;
        var ran = isOld ? 0 : RanAt(now);
        var left = (LockedUntil ?? now.Wall) - now.Wall;
        return new LockoutState
        {
            Version = Version + 1,
            Tenant = Tenant,
            Failures = Failures,
            LockedUntil = LockedUntil,
            LockedSince = LockedSince,
            Attempts = [.. Attempts],
            Ran = ran,
            Wall = now.Wall,
            Steady = now.Steady,
            Process = now.Process,
            Until = isOld ? Math.Max(0, Math.Min(left.Ticks, (longest ?? left).Ticks)) : Until,
            Recent = isOld ? [.. Enumerable.Repeat(0L, Failures)] : Recent,
            Asked = Asked,
            PinFailures = PinFailures,
        };
    }

    /// <summary>Locks for so long, not at all (zero), or until the factors are bound anew (null).</summary>
    internal void Lock(LockoutMoment now, TimeSpan? length)
    {
        Until = length is null ? long.MaxValue : length > TimeSpan.Zero ? Ran + length.Value.Ticks : 0;
        LockedUntil = length is null ? DateTimeOffset.MaxValue : length > TimeSpan.Zero ? now.Wall + length : null;
        if (IsLocked) LockedSince = now.Wall;
    }

    internal void Free()
    {
        Until = 0;
        LockedUntil = null;
    }

    internal void Remember(ReservedAttempt attempt, int most) => Attempts = [.. Attempts.TakeLast(most - 1), attempt];

    /// <summary>Puts another in the attempt's place, or nothing.</summary>
    internal LockoutState Replace(ReservedAttempt attempt, ReservedAttempt? by)
    {
        var at = Attempts.FindLastIndex(a => string.Equals(a.Id, attempt.Id, StringComparison.Ordinal));
        if (by is null) Attempts.RemoveAt(at);
        else Attempts[at] = by;
        return this;
    }

    /// <summary>The attempt's failure is no failure, and the lock goes with it if it is the one that it brought.</summary>
    internal LockoutState TakeBack(ReservedAttempt attempt)
    {
        Failures = Math.Max(0, Failures - 1);
        if (attempt.IsPin) PinFailures = Math.Max(0, PinFailures - 1);
        var recent = Recent.LastIndexOf(attempt.At);
        if (recent >= 0) Recent = [.. Recent[..recent], .. Recent[(recent + 1)..]];
        if (IsLockOf(attempt)) Free();
        return this;
    }

    /// <summary>The PINs before this one are failures no longer. Those after it, which may be checked at this moment, and all codes stay.</summary>
    internal LockoutState ForgivePinsBefore(ReservedAttempt right)
    {
        var own = Attempts.FindLastIndex(a => string.Equals(a.Id, right.Id, StringComparison.Ordinal));
        for (var i = 0; i < own; i++)
        {
            if (Attempts[i] is not { IsPin: true, Permitted: true, Counts: true } wrong) continue;
            TakeBack(wrong);
            Attempts[i] = wrong.AsSettled();
        }
        // What is not remembered any more came before.
        var after = Attempts.Skip(own + 1).Count(a => a is { IsPin: true, Permitted: true, Counts: true });
        Failures = Math.Max(0, Failures - Math.Max(0, PinFailures - after));
        PinFailures = Math.Min(PinFailures, after);
        return this;
    }
}

[GenerateSerializer, Immutable, Alias("ivr.state.ReservedAttempt")]
public sealed class ReservedAttempt
{
    [Id(0)] public required string Id { get; init; }

    /// <summary>Whether it might be verified.</summary>
    [Id(1)] public bool Permitted { get; init; }

    /// <summary>Whether its failure is in the count no longer: it was right, or a success came after it.</summary>
    [Id(2)] public bool Settled { get; init; }

    /// <summary>Whether its reservation brought a lock.</summary>
    [Id(3)] public bool Locks { get; init; }

    /// <summary>Whether it was asked for more than once.</summary>
    [Id(4)] public bool Repeated { get; init; }

    /// <summary>When it was reserved, and when the lock that it brought ends, by the row's own clock.</summary>
    [Id(5)] public long At { get; init; }
    [Id(6)] public long Until { get; init; }

    [Id(7)] public bool IsPin { get; init; }

    internal bool Counts => !Settled;

    internal ReservedAttempt AsSettled() => Copy(settled: true, Repeated);

    internal ReservedAttempt AsRepeated() => Copy(Settled, repeated: true);

    private ReservedAttempt Copy(bool settled, bool repeated) => new() { Id = Id, Permitted = Permitted, Settled = settled, Locks = Locks, Repeated = repeated, At = At, Until = Until, IsPin = IsPin };
}

/// <summary>An operator's wish to lift a lock. Waits for another one's.</summary>
[GenerateSerializer, Immutable, Alias("ivr.state.UnlockRequest")]
public sealed class UnlockRequest
{
    [Id(0)] public required string By { get; init; }
    [Id(1)] public required string Reason { get; init; }

    /// <summary>By the row's own clock.</summary>
    [Id(2)] public required long At { get; init; }
}

/// <summary>Now, by the wall clock and by one that nobody sets.</summary>
/// <param name="Steady">Since the process began; does not run while the machine is suspended.</param>
/// <param name="Process">Whose monotonic clock that is.</param>
public readonly record struct LockoutMoment(DateTimeOffset Wall, TimeSpan Steady, Guid Process);
