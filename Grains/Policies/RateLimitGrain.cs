using IvrActors.Grains.Interfaces.Policies;

namespace IvrActors.Grains.Policies;

/// <summary>
/// One number of state in memory. Losing it is harmless: a grain is collected after minutes without a call, by when a burst has refilled; a
/// failed silo costs at most one extra burst.
/// </summary>
internal sealed class RateLimitGrain(TimeProvider time) : Grain, IRateLimitGrain
{
    private static readonly string s_trunks = IRateLimitGrain.TrunkKey("", "")[..^2];

    private readonly long _start = time.GetTimestamp();
    private long _theoreticalArrival;

    public Task<RateDecision> TryTake(RateLimit limit)
    {
        // A monotonic clock: one that is set back would refuse for as long.
        var now = time.GetElapsedTime(_start).Ticks;
        var decision = Gcra.Decide(now, limit, _theoreticalArrival);
        _theoreticalArrival = decision.TheoreticalArrival;
        if (!decision.Allowed) PolicyMetrics.RateLimited.WithLabels(Scope).Inc();
        return Task.FromResult(new RateDecision { Allowed = decision.Allowed, RetryAfter = decision.RetryAfter });
    }

    private string Scope => this.GetPrimaryKeyString().StartsWith(s_trunks, StringComparison.Ordinal) ? "trunk" : "caller";
}
