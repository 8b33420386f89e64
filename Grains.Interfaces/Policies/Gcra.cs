namespace IvrActors.Grains.Interfaces.Policies;

/// <summary>A rate limit: <see cref="Count"/> events per <see cref="Period"/> on average, up to <see cref="Burst"/> at once.</summary>
[GenerateSerializer, Immutable, Alias("ivr.RateLimit")]
public sealed record RateLimit([property: Id(0)] int Count, [property: Id(1)] TimeSpan Period, [property: Id(2)] int Burst)
{
    /// <summary>Whether it means something: at least one event, some time, a burst of at least one, and a burst that fits into ten years.</summary>
    public bool IsValid => Count > 0 && Burst > 0 && Period > TimeSpan.Zero && Period < s_longest && EmissionInterval.Ticks <= s_longest.Ticks / Burst;

    /// <summary>Time that one event uses up.</summary>
    public TimeSpan EmissionInterval => TimeSpan.FromTicks(Math.Max(1, Period.Ticks / Math.Max(1, Count)));

    // So that the sums below cannot overflow.
    private static readonly TimeSpan s_longest = TimeSpan.FromDays(3653);
}

/// <summary>The decision of one GCRA step.</summary>
/// <param name="Allowed">Whether the event conforms.</param>
/// <param name="TheoreticalArrival">The new state (ticks of the caller's clock).</param>
/// <param name="RetryAfter">When refused: how long until one event would conform.</param>
public readonly record struct GcraDecision(bool Allowed, long TheoreticalArrival, TimeSpan RetryAfter);

/// <summary>The generic cell rate algorithm (ITU-T I.371), as a pure function: one number of state per key.</summary>
public static class Gcra
{
    /// <summary>Decides one event at <paramref name="now"/> (ticks of 100 ns of any monotonic clock). A state of 0 is a key never seen. A limit that is not valid allows nothing.</summary>
    public static GcraDecision Decide(long now, RateLimit limit, long theoreticalArrival)
    {
        if (!limit.IsValid) return new GcraDecision(false, theoreticalArrival, TimeSpan.FromHours(1));
        var interval = limit.EmissionInterval.Ticks;
        var tolerance = interval * limit.Burst;
        var arrival = Math.Max(theoreticalArrival, now) + interval;
        var allowAt = arrival - tolerance;
        return allowAt > now
            ? new GcraDecision(false, theoreticalArrival, TimeSpan.FromTicks(allowAt - now))
            : new GcraDecision(true, arrival, TimeSpan.Zero);
    }
}
