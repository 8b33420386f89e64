using IvrActors.Grains.Interfaces.Policies;

namespace IvrActors.Edge.Calls;

/// <summary>Why a call over a trunk is not begun; <see cref="Status"/> 0 means that it is.</summary>
/// <param name="Reason">Metric label.</param>
public readonly record struct TrunkRefusal(int Status, int? RetryAfter, string Reason);

/// <summary>
/// Calls of one trunk at this edge, in both directions: how many there are, and how fast new ones come (GCRA). Asked before media is set up or
/// a grain is asked. Calls begin and end on the signalling thread; whether one may begin is asked by any.
/// </summary>
public sealed class TrunkCalls(EdgeTrunk trunk)
{
    private readonly Lock _lock = new();
    private long _theoreticalArrival;

    public int Active { get; private set; }

    /// <summary>Counts a new call towards the rate, before it has a transaction; or says when there may be one.</summary>
    public TrunkRefusal TryTake(long now)
    {
        if (trunk.Calls is not { } limit) return default;
        lock (_lock)
        {
            var decision = Gcra.Decide(now, limit, _theoreticalArrival);
            if (!decision.Allowed) return new TrunkRefusal(503, Seconds(decision.RetryAfter), "trunk_rate");
            _theoreticalArrival = decision.TheoreticalArrival;
            return default;
        }
    }

    /// <summary>Takes a new call, to be given back by <see cref="Ended"/>; or says why not.</summary>
    /// <param name="isCounted">Whether it was let in by <see cref="TryTake"/>.</param>
    public TrunkRefusal TryBegin(long now, bool isCounted = false)
    {
        if (trunk.CallsAtOnce is { } most && Active >= most) return new TrunkRefusal(486, null, "trunk_busy");
        if (!isCounted && TryTake(now) is { Status: not 0 } refusal) return refusal;
        Active++;
        return default;
    }

    /// <summary>A call that was taken is over, or was not begun after all.</summary>
    public void Ended() => Active--;

    private static int Seconds(TimeSpan time) => (int)Math.Clamp(Math.Ceiling(time.TotalSeconds), 1, 3600);
}
