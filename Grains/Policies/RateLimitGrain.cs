using IvrActors.Grains.Interfaces.Policies;

namespace IvrActors.Grains.Policies;

/// <summary>
/// One caller or one called number, in memory. Losing it is harmless: a grain is collected after minutes without a call, by when a burst has refilled; a failed silo costs at most one extra
/// burst, and lets those come in once more whose calls it counted.
/// </summary>
internal sealed class RateLimitGrain(TimeProvider time) : Grain, IRateLimitGrain
{
    private readonly long _start = time.GetTimestamp();
    private readonly Dictionary<string, long> _calls = new(StringComparer.Ordinal);
    private long _theoreticalArrival;

    public Task<RateDecision> Take(LimitTake take)
    {
        // A monotonic clock: one that is set back would refuse for as long.
        var now = time.GetElapsedTime(_start).Ticks;
        // A repetition of what was answered.
        if (_calls.ContainsKey(take.Call)) return s_allowed;
        if (take.AtOnce is { } most && Going(now) >= most) return s_noPlace;
        if (take.Calls is { } limit && !Count(now, limit with { Burst = Math.Max(1, limit.Burst - take.CallsKept) }, out var retryAfter)) return Task.FromResult(new RateDecision { Allowed = false, RetryAfter = retryAfter });
        if (take.AtOnce is null) return s_allowed;
        _calls[take.Call] = now + (take.LongestCall + LeaseTimes.AroundCall).Ticks;
        DelayDeactivation(take.LongestCall);
        return s_allowed;
    }

    public Task End(string call)
    {
        _calls.Remove(call);
        return Task.CompletedTask;
    }

    private static readonly Task<RateDecision> s_allowed = Task.FromResult(new RateDecision { Allowed = true });
    private static readonly Task<RateDecision> s_noPlace = Task.FromResult(new RateDecision { Allowed = false, NoPlace = true });

    private bool Count(long now, RateLimit limit, out TimeSpan retryAfter)
    {
        var decision = Gcra.Decide(now, limit, _theoreticalArrival);
        (_theoreticalArrival, retryAfter) = (decision.TheoreticalArrival, decision.RetryAfter);
        return decision.Allowed;
    }

    private int Going(long now)
    {
        foreach (var (call, over) in _calls)
        {
            if (over <= now) _calls.Remove(call);
        }
        return _calls.Count;
    }
}
