using IvrActors.Edge.Limits;
using IvrActors.Grains.Interfaces.Policies;

namespace IvrActors.Edge.Calls;

/// <summary>Why a call over a trunk is not begun; <see cref="Status"/> 0 means that it is.</summary>
/// <param name="Reason">Metric label.</param>
/// <param name="IsSoon">Whether it is worth asking again in some milliseconds.</param>
public readonly record struct TrunkRefusal(int Status, int? RetryAfter, string Reason, bool IsSoon = false);

/// <summary>
/// Calls of one trunk at this edge, in both directions, and the limits that they count in: the trunk's own and, for calls that come in, those of its tenant and of the cluster. Asked before
/// media is set up or a grain is asked. Calls begin and end on the signalling thread; whether one may begin is asked by any.
/// </summary>
public sealed class TrunkCalls
{
    private readonly EdgeLimits _limits;
    private readonly IReadOnlyList<SharedLimit> _all;
    private readonly IReadOnlyList<SharedLimit> _own;

    public TrunkCalls(EdgeTrunk trunk, EdgeLimits limits)
    {
        ArgumentNullException.ThrowIfNull(limits);
        (_limits, _all) = (limits, limits.Of(trunk));
        _own = [.. _all.Where(limit => limit.Scope == "trunk")];
    }

    public int Active { get; private set; }

    /// <summary>Counts a new call that comes in, before it has a transaction; or says when there may be one.</summary>
    /// <param name="isKnown">Asked when strangers are refused: whether the call may have what is kept.</param>
    public TrunkRefusal TryTake(long now, Func<bool> isKnown)
    {
        ArgumentNullException.ThrowIfNull(isKnown);
        if (_all.Count == 0) return default;
        var answer = _limits.TryTake(now, _all, isKnown: false);
        var wasKept = answer.Result != LimitResult.Allowed && isKnown();
        if (wasKept) answer = _limits.TryTake(now, _all, isKnown: true);
        return Refusal(answer, wasKept);
    }

    /// <summary>Takes a new call that comes in, to be given back by <see cref="Ended"/>; or says why not.</summary>
    /// <param name="isCounted">Whether it was let in by <see cref="TryTake"/>.</param>
    public TrunkRefusal TryBegin(long now, Func<bool> isKnown, bool isCounted = false)
    {
        ArgumentNullException.ThrowIfNull(isKnown);
        if (!isCounted && TryTake(now, isKnown) is { Status: not 0 } refusal) return refusal;
        var answer = _limits.TryBegin(now, _all, isKnown: false);
        if (answer.Result != LimitResult.Allowed && isKnown()) answer = _limits.TryBegin(now, _all, isKnown: true);
        if (answer.Result != LimitResult.Allowed) return Refusal(answer, false);
        Active++;
        return default;
    }

    /// <summary>Counts a call of another edge with which this one goes on, whatever the limits say; <see cref="Ended"/> gives it back.</summary>
    public void Adopt()
    {
        Active++;
        _limits.Begin(_all);
    }

    /// <summary>A call that was taken is over, or was not begun after all.</summary>
    public void Ended()
    {
        Active--;
        _limits.Ended(_all);
    }

    /// <summary>Takes a call out, which the cluster has permitted and whose caller counts in the wider limits already; <see cref="EndedOut"/> gives it back.</summary>
    public TrunkRefusal TryBeginOut(long now)
    {
        var answer = _limits.TryTake(now, _own, isKnown: true);
        if (answer.Result == LimitResult.Allowed) answer = _limits.TryBegin(now, _own, isKnown: true);
        if (answer.Result != LimitResult.Allowed) return Refusal(answer, false);
        Active++;
        return default;
    }

    public void EndedOut()
    {
        Active--;
        _limits.Ended(_own);
    }

    private static TrunkRefusal Refusal(in LimitAnswer answer, bool wasKept)
    {
        LimitMetrics.Decided(answer.Scope ?? "all", NameOf(answer.Result, wasKept));
        return answer switch
        {
            { Result: LimitResult.Allowed } => default,
            { Result: LimitResult.Soon } => new TrunkRefusal(503, 1, answer.Scope + "_no_lease", IsSoon: true),
            { Result: LimitResult.Unavailable } => new TrunkRefusal(503, Seconds(answer.RetryAfter), answer.Scope + "_unavailable"),
            // Of a trunk that is busy the peer may try another; of the rest, all ways lead here.
            { IsBusy: true } => answer.Scope == "trunk" ? new TrunkRefusal(486, null, "trunk_busy") : new TrunkRefusal(503, 5, answer.Scope + "_busy"),
            _ => new TrunkRefusal(503, Seconds(answer.RetryAfter), answer.Scope + "_rate"),
        };
    }

    private static string NameOf(LimitResult result, bool wasKept) => result switch
    {
        LimitResult.Allowed => wasKept ? "known" : "allowed",
        LimitResult.Soon => "no_lease",
        LimitResult.Unavailable => "unavailable",
        _ => "refused",
    };

    private static int Seconds(TimeSpan time) => (int)Math.Clamp(Math.Ceiling(time.TotalSeconds), 1, 3600);
}
