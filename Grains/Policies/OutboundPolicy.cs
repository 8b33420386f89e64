using IvrActors.Grains.Interfaces.Policies;

namespace IvrActors.Grains.Policies;

/// <summary>What a tenant may spend on calls out, and whom it may call. A tenant without one calls nobody.</summary>
public sealed class OutboundPolicy
{
    /// <summary>By prefix in E.164 (<c>+49</c>): the price of a minute in minor units, or null where it is forbidden. The longest prefix decides; what has none is refused.</summary>
    public required IReadOnlyDictionary<string, int?> Prices { get; init; }

    /// <summary>Dear kinds of numbers that may be called all the same.</summary>
    public IReadOnlySet<NumberKind> Unblocked { get; init; } = new HashSet<NumberKind>();

    public required SpendRule Spend { get; init; }
}

/// <summary>Amounts in minor units of the tenant's currency.</summary>
public sealed record SpendRule
{
    public required long PerHour { get; init; }
    public required long PerDay { get; init; }

    /// <summary>New calls out of the tenant.</summary>
    public required RateLimit Calls { get; init; }
    public required int CallsAtOnce { get; init; }
    public required TimeSpan LongestCall { get; init; }
}

/// <summary>The way out of a trunk.</summary>
public sealed class WayOut
{
    /// <summary>Prefixes in E.164 that it may be used for.</summary>
    public required IReadOnlyList<string> Prefixes { get; init; }

    /// <summary>In whose way callers key numbers; null: with the country's code.</summary>
    public string? Region { get; init; }
}

/// <summary>Whether a number may be called, and at what price: the part of the decision that needs no state.</summary>
/// <param name="Price">Minor units a minute.</param>
public readonly record struct OutboundVerdict(OutboundRefusal Refusal, int Price)
{
    public static OutboundVerdict Refuse(OutboundRefusal refusal) => new(refusal, 0);
}

/// <summary>Toll fraud ends here: nobody is called who is not named by both the trunk and the tenant, and dear kinds of numbers only by name.</summary>
public static class OutboundRules
{
    /// <param name="number">In E.164 with its plus sign; anything else is refused.</param>
    public static OutboundVerdict Decide(OutboundPolicy? tenant, WayOut? trunk, string? number)
    {
        if (trunk is null) return OutboundVerdict.Refuse(OutboundRefusal.NoWayOut);
        if (tenant is null) return OutboundVerdict.Refuse(OutboundRefusal.TenantMayNot);
        if (number is null || !IsE164(number)) return OutboundVerdict.Refuse(OutboundRefusal.NotANumber);
        var kind = NumberPlan.KindOf(number);
        if (kind != NumberKind.Ordinary && !tenant.Unblocked.Contains(kind)) return OutboundVerdict.Refuse(RefusalOf(kind));
        if (!trunk.Prefixes.Any(prefix => number.StartsWith(prefix, StringComparison.Ordinal))) return OutboundVerdict.Refuse(OutboundRefusal.NotOnTrunk);
        for (var length = number.Length; length > 1; length--)
        {
            if (!tenant.Prices.TryGetValue(number[..length], out var price)) continue;
            return price is { } minor ? new OutboundVerdict(OutboundRefusal.None, minor) : OutboundVerdict.Refuse(OutboundRefusal.Forbidden);
        }
        return OutboundVerdict.Refuse(OutboundRefusal.NotOnTenant);
    }

    /// <summary>As above for an address of the cluster's configuration, which costs nothing; the edge holds it against the trunk's list.</summary>
    public static OutboundVerdict DecideAddress(OutboundPolicy? tenant, WayOut? trunk) =>
        trunk is null ? OutboundVerdict.Refuse(OutboundRefusal.NoWayOut) : tenant is null ? OutboundVerdict.Refuse(OutboundRefusal.TenantMayNot) : new OutboundVerdict(OutboundRefusal.None, 0);

    private static bool IsE164(string number) => number.Length is > 4 and <= 16 && number[0] == '+' && !number.AsSpan(1).ContainsAnyExceptInRange('0', '9');

    private static OutboundRefusal RefusalOf(NumberKind kind) => kind switch
    {
        NumberKind.Premium => OutboundRefusal.Premium,
        NumberKind.SharedCost => OutboundRefusal.SharedCost,
        NumberKind.Satellite => OutboundRefusal.Satellite,
        _ => OutboundRefusal.Personal,
    };
}
