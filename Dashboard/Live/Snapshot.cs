using IvrActors.Grains.Interfaces.Edges;
using IvrActors.Grains.Interfaces.Policies;

namespace IvrActors.Dashboard.Live;

/// <summary>The cluster at one moment, as all viewers see it.</summary>
internal sealed class Snapshot
{
    /// <summary>Grows with every poll.</summary>
    public required long Version { get; init; }
    public required DateTimeOffset At { get; init; }

    /// <summary>When the cluster last answered whole; null when it never did.</summary>
    public required DateTimeOffset? Answered { get; init; }
    public required IReadOnlyList<EdgeState> Edges { get; init; }

    /// <summary>Newest first, at most <see cref="MostCalls"/>.</summary>
    public required IReadOnlyList<CallSummary> Calls { get; init; }
    public required int ActiveCalls { get; init; }
    public required IReadOnlyList<ActiveLockout> Lockouts { get; init; }

    /// <summary>Active calls, sampled every <see cref="SampleEvery"/>, oldest first.</summary>
    public required IReadOnlyList<int> ActiveHistory { get; init; }
    public required Activity Activity { get; init; }

    public const int MostCalls = 500;
    public static readonly TimeSpan SampleEvery = TimeSpan.FromSeconds(5);

    // Two missed polls are a hiccup; more is a cluster that does not answer.
    public bool IsStale => Answered is null || At - Answered > TimeSpan.FromSeconds(5);
}

/// <summary>One edge as it last reported.</summary>
internal sealed record EdgeState(string Name, DateTimeOffset At, int ActiveCalls, bool IsSilent);

/// <summary>A lockout that is on, and whose it is.</summary>
internal sealed record ActiveLockout(string Tenant, LockoutSummary Summary);
