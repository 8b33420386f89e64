using IvrActors.Grains.Interfaces.Operators;

namespace IvrActors.Grains.Interfaces.Policies;

/// <summary>
/// One limit that edges share: of the cluster, of a tenant, of a trunk. It hands out calls and places in batches, so that an INVITE asks nobody. Which limit it is says the key; how much it is, the table of the silo.
/// </summary>
[Alias("ivr.ILimitGrain")]
public interface ILimitGrain : IGrainWithStringKey
{
    const string ClusterKey = "limit-cluster";

    static string TenantKey(string tenant) => $"limit-tenant/{tenant}";

    static string TrunkKey(string tenant, string trunk) => $"limit-trunk/{tenant}/{trunk}";

    /// <summary>Tells what an edge used and gave back, and asks for more. A repetition of an older request changes nothing and grants nothing.</summary>
    [Requires(Permission.EdgeReports), Alias("Lease")]
    Task<LimitGrant> Lease(LimitAsk ask);

    /// <summary>An edge is gone, and others go on with its calls, which count there: its places are free.</summary>
    [Alias("EdgeGone")]
    Task EdgeGone(string edge);
}

/// <summary>What an edge asks of a limit.</summary>
[GenerateSerializer, Immutable, Alias("ivr.LimitAsk")]
public sealed class LimitAsk
{
    /// <summary>Grants of which one request may tell.</summary>
    public const int MostNews = 64;

    [Id(0)] public required string Edge { get; init; }

    /// <summary>Random number of the edge's process: places of a process that ended are free.</summary>
    [Id(1)] public required long Incarnation { get; init; }

    /// <summary>Counts requests of this process to this limit.</summary>
    [Id(2)] public required long Seq { get; init; }

    /// <summary>The grain's activation that the edge heard last; 0: none. Another activation grants nothing before its own is known here, so that no request from before its time counts.</summary>
    [Id(3)] public required long Epoch { get; init; }
    [Id(4)] public List<LeaseNews> Leases { get; init; } = [];

    /// <summary>Calls that are wanted, for everybody and for known callers only.</summary>
    [Id(5)] public int Ordinary { get; init; }
    [Id(6)] public int Known { get; init; }

    /// <summary>Places that the edge goes on with until it is answered, and how many it wants; for everybody and for known callers only.</summary>
    [Id(7)] public int OrdinaryHeld { get; init; }
    [Id(8)] public int OrdinaryPlaces { get; init; }
    [Id(9)] public int KnownHeld { get; init; }
    [Id(10)] public int KnownPlaces { get; init; }
}

/// <summary>What became of one grant.</summary>
[GenerateSerializer, Immutable, Alias("ivr.LeaseNews")]
public sealed class LeaseNews
{
    /// <summary>The request that it answered.</summary>
    [Id(0)] public required long Seq { get; init; }
    [Id(1)] public required int OrdinaryUsed { get; init; }
    [Id(2)] public required int KnownUsed { get; init; }

    /// <summary>The rest is given back.</summary>
    [Id(3)] public required bool Closed { get; init; }

    /// <summary>Of a grant that an activation before this one made: what was left when this one was first heard of; the numbers above count from then on.</summary>
    [Id(4)] public int OrdinaryLeft { get; init; }
    [Id(5)] public int KnownLeft { get; init; }
}

/// <summary>What a limit grants.</summary>
[GenerateSerializer, Immutable, Alias("ivr.LimitGrant")]
public sealed class LimitGrant
{
    [Id(0)] public required long Epoch { get; init; }

    /// <summary>Calls, to be used within <see cref="LeaseTimes.Life"/> from when the request was sent.</summary>
    [Id(1)] public int Ordinary { get; init; }
    [Id(2)] public int Known { get; init; }

    /// <summary>When less was granted than was asked for: how long until there is one more, for everybody and for known callers.</summary>
    [Id(3)] public TimeSpan OrdinaryAfter { get; init; }
    [Id(4)] public TimeSpan KnownAfter { get; init; }

    /// <summary>Places that the edge has from now on.</summary>
    [Id(5)] public int OrdinaryPlaces { get; init; }
    [Id(6)] public int KnownPlaces { get; init; }

    /// <summary>Whether the request counted; else nothing was granted and nothing of it was noted.</summary>
    [Id(7)] public required bool Counted { get; init; }

    /// <summary>The silo's table has no such limit, or what must be stored for it cannot be.</summary>
    [Id(8)] public bool Unavailable { get; init; }
}

/// <summary>How long what was leased may be used.</summary>
public static class LeaseTimes
{
    /// <summary>As the edge counts, from when it asked. Short, because what a dead edge held is missing for so long; longer than the few stalls of a process that do happen.</summary>
    public static readonly TimeSpan Life = TimeSpan.FromSeconds(3);

    /// <summary>As the grain counts, from when it granted, which is later; a tenth more, because clocks do not run equally fast.</summary>
    public static readonly TimeSpan Lapse = Life * 1.1;

    /// <summary>An edge is heard at least so often; what it did not use for so long it gives back.</summary>
    public static readonly TimeSpan Period = TimeSpan.FromSeconds(1);

    /// <summary>Beyond <c>longest_call</c>, which counts from the answer: ringing before it and the end after it.</summary>
    public static readonly TimeSpan AroundCall = TimeSpan.FromMinutes(10);
}
