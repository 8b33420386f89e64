using IvrActors.Grains.Interfaces.Policies;

namespace IvrActors.Edge.Limits;

/// <summary>What the limits of a trunk say to one call.</summary>
/// <param name="Scope">The row of the table that refuses; null when none does.</param>
/// <param name="IsBusy">Whether calls at once are why.</param>
public readonly record struct LimitAnswer(LimitResult Result, string? Scope, TimeSpan RetryAfter, bool IsBusy);

/// <summary>One limit that this edge shares with others.</summary>
/// <param name="scope">Its row in the table: cluster, tenant or trunk.</param>
/// <param name="key">Of its grain.</param>
public sealed class SharedLimit(string scope, string key, LimitLease lease)
{
    public string Scope { get; } = scope;

    public string Key { get; } = key;

    /// <summary>To be used under the lock of <see cref="EdgeLimits"/>.</summary>
    public LimitLease Lease { get; } = lease;
}
