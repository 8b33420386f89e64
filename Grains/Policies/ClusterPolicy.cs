using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Grains.Policies.Risk;

namespace IvrActors.Grains.Policies;

/// <summary>What <c>cluster.yaml</c> says that grains decide by.</summary>
public sealed class ClusterPolicy
{
    public required IReadOnlyDictionary<string, TenantPolicy> Tenants { get; init; }

    /// <summary>What all calls of the cluster together may be.</summary>
    public LimitRule Limit { get; init; } = new();

    /// <summary>No call is longer.</summary>
    public TimeSpan LongestCall { get; init; } = TimeSpan.FromHours(4);

    /// <summary>How long recordings of calls are kept; null: none are made.</summary>
    public TimeSpan? RecordingsKept { get; init; }

    /// <summary>Null: no devices approve calls.</summary>
    public DevicePolicy? Devices { get; init; }

    /// <summary>Least time that a factor check takes, found and unknown accounts alike.</summary>
    public TimeSpan FactorCheckFloor { get; init; } = TimeSpan.Zero;

    /// <summary>How many Argon2id computations run at once in a silo; the rest wait. Memory: each takes <see cref="Argon2MemoryKiB"/>.</summary>
    public int PinChecksAtOnce { get; init; } = Math.Max(1, Environment.ProcessorCount / 2);

    /// <summary>Argon2id memory in KiB; OWASP's minimum is the default.</summary>
    public int Argon2MemoryKiB { get; init; } = 19456;

    public int Argon2Passes { get; init; } = 2;

    public RiskPolicy Risk { get; init; } = new();

    /// <summary>How long a PIN is good before its caller must choose another; null: for ever (NIST SP 800-63B-4 3.1.1.2 asks for no change without a reason).</summary>
    public TimeSpan? PinsExpire { get; init; }

    /// <summary>The row of the table that a limit grain's key names; null: there is none, or it bounds nothing.</summary>
    public LimitRule? LimitOf(string key)
    {
        ArgumentNullException.ThrowIfNull(key);
        var parts = key.Split('/');
        var tenant = parts.Length > 1 ? Tenants.GetValueOrDefault(parts[1]) : null;
        var rule = parts switch
        {
            [ILimitGrain.ClusterKey] => Limit,
            [_, _] => tenant?.Limit,
            [_, _, var trunk] => tenant?.Trunks.GetValueOrDefault(trunk)?.Limit,
            _ => null,
        };
        return rule is { Bounds: true } ? rule : null;
    }
}

/// <summary>Where callers approve calls by passkeys.</summary>
/// <param name="Origin">Of the dashboard's pages, as browsers name it.</param>
/// <param name="Domain">The name that passkeys are bound to (relying party id).</param>
/// <param name="Name">What callers know us by.</param>
public sealed record DevicePolicy(string Origin, string Domain, string Name);

public sealed class TenantPolicy
{
    public required string Name { get; init; }

    /// <summary>Called user part or number → flow name.</summary>
    public required IReadOnlyDictionary<string, string> Numbers { get; init; }

    /// <summary>Names that a flow's <c>transfer</c> step uses → SIP URI, or number in E.164 with its plus sign.</summary>
    public required IReadOnlyDictionary<string, string> TransferTargets { get; init; }

    public required IReadOnlyDictionary<string, TrunkPolicy> Trunks { get; init; }

    /// <summary>What calls of the tenant, of one caller (by number where there is one), and to one number may be.</summary>
    public LimitRule Limit { get; init; } = new();
    public LimitRule Caller { get; init; } = new();
    public LimitRule Destination { get; init; } = new();

    public required LockoutRule Lockout { get; init; }

    /// <summary>Null: the tenant makes no calls.</summary>
    public OutboundPolicy? Outbound { get; init; }
}

public sealed class TrunkPolicy
{
    public required string Name { get; init; }

    /// <summary>What calls over it may be, in both directions and at all edges.</summary>
    public LimitRule Limit { get; init; } = new();

    /// <summary>Its calls come from addresses of its own, behind which are all of its callers: an address says nothing of one of them.</summary>
    public bool IsCarrier { get; init; } = true;

    /// <summary>Where it takes calls in; null: that is not known.</summary>
    public GeoPoint? Location { get; init; }

    /// <summary>Null: no calls go out through it.</summary>
    public WayOut? WayOut { get; init; }
}

/// <summary>
/// When failures lock (NIST SP 800-63B-4 3.2.2): the first lock after <see cref="Failures"/>, each further failure within <see cref="Window"/> doubles it up to <see cref="Longest"/>;
/// disabled at <see cref="Disable"/>, which the origin classes share (<see cref="Lockout.MostOf"/>).
/// </summary>
public sealed record LockoutRule
{
    public int Failures { get; init; } = 3;
    public TimeSpan First { get; init; } = TimeSpan.FromSeconds(30);
    public TimeSpan Longest { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Failures before it make no lock longer. They count to <see cref="Disable"/> all the same.</summary>
    public TimeSpan Window { get; init; } = TimeSpan.FromHours(24);

    /// <summary>Consecutive failures of an account at which the authenticator is disabled until it is bound anew. At most 100.</summary>
    public int Disable { get; init; } = 100;

    /// <summary>Whether a caller hears that the account is locked. Else it sounds like a wrong PIN, and nobody learns by it which accounts are worth waiting for.</summary>
    public bool Tell { get; init; }
}
