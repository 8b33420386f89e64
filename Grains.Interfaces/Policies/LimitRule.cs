namespace IvrActors.Grains.Interfaces.Policies;

/// <summary>One row of the table of limits (<c>limits</c> in cluster.yaml): what calls of one cluster, tenant, trunk, caller or called number may be.</summary>
public sealed record LimitRule
{
    /// <summary>New calls; null: as many as the wider rows let in.</summary>
    public RateLimit? Calls { get; init; }

    /// <summary>Calls that are not over; null: as many as the wider rows let in.</summary>
    public int? AtOnce { get; init; }

    /// <summary>Share of each measure that is kept for callers with a good history, 0 to below 1: strangers are refused when the rest is used up.</summary>
    public double KnownShare { get; init; }

    /// <summary>Whether calls go on while the grain of the limit cannot be asked, then as many as the limit lets one edge have; else they are refused.</summary>
    public bool OpenWhenUnavailable { get; init; }

    /// <summary>Calls of the burst that only known callers may take.</summary>
    public int CallsKept => Calls is { } calls ? (int)(calls.Burst * KnownShare) : 0;

    /// <summary>Calls at once that only known callers may take.</summary>
    public int SlotsKept => AtOnce is { } most ? (int)(most * KnownShare) : 0;

    /// <summary>Whether it bounds anything.</summary>
    public bool Bounds => Calls is not null || AtOnce is not null;
}
