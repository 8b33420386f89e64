using IvrActors.Grains.Interfaces.Operators;

namespace IvrActors.Grains.Interfaces.Policies;

/// <summary>
/// What one tenant spends on calls out, key <see cref="Key"/>: how many there are, how fast new ones come, and what they may still cost. Durable; the write decides, also
/// between two activations, and what cannot be written is refused.
/// </summary>
[Alias("ivr.ISpendGrain")]
public interface ISpendGrain : IGrainWithStringKey
{
    static string Key(string tenant) => "spend-" + tenant;

    /// <summary>Sets aside what a call may cost at most, before it is dialled. A repeat for the same call is answered the same; with another price it is refused.</summary>
    [Alias("Reserve")]
    Task<SpendDecision> Reserve(SpendRequest request);

    /// <summary>The call is over: what it cost stays, the rest is free again. A repeat changes nothing.</summary>
    /// <param name="call">As in <see cref="SpendRequest.Call"/>.</param>
    /// <returns>What was charged, in minor units; null when nothing was set aside for it, or when that cannot be written: then all of it stays spent.</returns>
    [Alias("Settle")]
    Task<long?> Settle(string call, TimeSpan talked);

    /// <summary>As it stands now.</summary>
    [Requires(Permission.ViewCalls), Alias("Get")]
    Task<SpendSummary> Get();
}

[GenerateSerializer, Immutable, Alias("ivr.SpendRequest")]
public sealed class SpendRequest
{
    /// <summary>Names the attempt: call id and the number of the event that asked for it.</summary>
    [Id(0)] public required string Call { get; init; }

    /// <summary>Per minute begun, in minor units (cents) of the tenant's currency.</summary>
    [Id(1)] public required int Price { get; init; }

    /// <summary>How long it may ring.</summary>
    [Id(2)] public required TimeSpan RingTime { get; init; }
}

[GenerateSerializer, Immutable, Alias("ivr.SpendDecision")]
public sealed class SpendDecision
{
    [Id(0)] public required OutboundRefusal Refusal { get; init; }

    /// <summary>How long may be talked for what was set aside.</summary>
    [Id(1)] public TimeSpan MostTalk { get; init; }
}

/// <summary>Why a call out is not made. Closed; <see cref="OutboundRefusals.NameOf"/> gives the word for audit and metrics.</summary>
[GenerateSerializer, Alias("ivr.OutboundRefusal")]
public enum OutboundRefusal
{
    None = 0,

    /// <summary>The trunk is not there, or has no way out.</summary>
    NoWayOut = 1,

    /// <summary>The tenant has no <c>outbound</c>.</summary>
    TenantMayNot = 2,

    /// <summary>No valid number of any country.</summary>
    NotANumber = 3,
    Premium = 4,
    SharedCost = 5,
    Satellite = 6,
    Personal = 7,

    /// <summary>No prefix of the trunk's allow-list.</summary>
    NotOnTrunk = 8,

    /// <summary>No prefix of the tenant's allow-list.</summary>
    NotOnTenant = 9,

    /// <summary>The longest prefix of the tenant's list forbids it.</summary>
    Forbidden = 10,

    /// <summary>More calls out per time than the tenant may make.</summary>
    TooFast = 11,

    /// <summary>As many calls out at once as the tenant may have.</summary>
    TooMany = 12,

    /// <summary>The cap of an hour, or of a day, leaves less than one minute.</summary>
    SpentOfHour = 13,
    SpentOfDay = 14,

    /// <summary>What would be spent cannot be recorded.</summary>
    Unavailable = 15,
}

public static class OutboundRefusals
{
    /// <summary>A metric label and a word of audit records.</summary>
    public static string NameOf(OutboundRefusal refusal) => refusal switch
    {
        OutboundRefusal.None => "none",
        OutboundRefusal.NoWayOut => "no-way-out",
        OutboundRefusal.TenantMayNot => "tenant-may-not",
        OutboundRefusal.NotANumber => "not-a-number",
        OutboundRefusal.Premium => "premium",
        OutboundRefusal.SharedCost => "shared-cost",
        OutboundRefusal.Satellite => "satellite",
        OutboundRefusal.Personal => "personal",
        OutboundRefusal.NotOnTrunk => "not-on-trunk",
        OutboundRefusal.NotOnTenant => "not-on-tenant",
        OutboundRefusal.Forbidden => "forbidden",
        OutboundRefusal.TooFast => "too-fast",
        OutboundRefusal.TooMany => "too-many",
        OutboundRefusal.SpentOfHour => "spent-of-hour",
        OutboundRefusal.SpentOfDay => "spent-of-day",
        _ => "unavailable",
    };
}

/// <summary>Amounts in minor units.</summary>
[GenerateSerializer, Immutable, Alias("ivr.SpendSummary")]
public sealed class SpendSummary
{
    /// <summary>Of the last hour and the last day; what is set aside for calls that go on counts in both.</summary>
    [Id(0)] public required long Hour { get; init; }
    [Id(1)] public required long Day { get; init; }
    [Id(2)] public required long SetAside { get; init; }
    [Id(3)] public required int Calls { get; init; }
}
