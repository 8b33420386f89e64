using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Operators;
using Orleans.Concurrency;

namespace IvrActors.Grains.Interfaces.Policies;

/// <summary>Why something looks like fraud.</summary>
[GenerateSerializer, Alias("ivr.RiskReason")]
public enum RiskReason
{
    /// <summary>The PIN that was tried fails on many accounts.</summary>
    SprayedPin = 0,

    /// <summary>The origin fails on many accounts.</summary>
    ManyAccounts = 1,

    /// <summary>The call's keys come as no finger presses them.</summary>
    MachineKeys = 2,

    /// <summary>The number calls more often than a person does.</summary>
    Velocity = 3,

    /// <summary>Account or number was verified too far away too lately.</summary>
    ImpossibleTravel = 4,

    /// <summary>More fails on the trunk, or in the tenant, than honest callers do.</summary>
    FailureWave = 5,

    /// <summary>The number is signed for, and the signature does not hold.</summary>
    AttestationFailed = 6,

    /// <summary>The account was verified before, and never from this number.</summary>
    NewOrigin = 7,
}

/// <summary>Gathers what one silo learns of attempts and tells the shards once a second; a worker on each silo, key <see cref="Key"/>. Telemetry: it may be lost.</summary>
[Alias("ivr.IRiskCollectorGrain")]
public interface IRiskCollectorGrain : IGrainWithStringKey
{
    const string Key = "risk-collector";

    [OneWay, Alias("Note")]
    Task Note(RiskNote note);

    /// <summary>Asks the tenant's grain for what is new now, instead of within a second.</summary>
    [Alias("Renew")]
    Task Renew(string tenant);
}

/// <summary>Something happened that says how honest callers are.</summary>
[GenerateSerializer, Immutable, Alias("ivr.RiskNote")]
public sealed class RiskNote
{
    [Id(0)] public required string Tenant { get; init; }
    [Id(1)] public required RiskNoteKind Kind { get; init; }
    [Id(2)] public required string Trunk { get; init; }

    /// <summary>Pseudonym of the calling number with its origin class; null when there is none.</summary>
    [Id(3)] public string? Number { get; init; }

    /// <summary>Pseudonym of the signalling's source; null where many callers share it.</summary>
    [Id(4)] public string? Source { get; init; }

    /// <summary>Pseudonym of the account; null of a call that only began.</summary>
    [Id(5)] public string? Account { get; init; }

    /// <summary>Keyed tags of the account, and of the PIN that failed; good for a day, in memory only.</summary>
    [Id(6)] public ulong AccountTag { get; init; }
    [Id(7)] public ulong? PinTag { get; init; }
}

[GenerateSerializer, Alias("ivr.RiskNoteKind")]
public enum RiskNoteKind
{
    /// <summary>A call began.</summary>
    Called = 0,

    /// <summary>A factor was wrong, or was not looked at because of a lock.</summary>
    Failed = 1,

    /// <summary>A factor was right.</summary>
    Succeeded = 2,
}

/// <summary>On how many accounts PINs failed: one of the shards, key <see cref="Key"/>. In memory.</summary>
[Alias("ivr.IRiskPinGrain")]
public interface IRiskPinGrain : IGrainWithStringKey
{
    static string Key(string tenant, int shard) => $"risk-pin:{tenant}/{shard:D2}";

    [OneWay, Alias("Report")]
    Task Report(RiskPinReport report);
}

/// <summary>Failed PINs of about a second of one silo, and what honest callers of the tenant are expected to fail in ten minutes and in a day.</summary>
[GenerateSerializer, Immutable, Alias("ivr.RiskPinReport")]
public sealed class RiskPinReport
{
    [Id(0)] public required List<RiskFailedPin> Failures { get; init; }
    [Id(1)] public required double ExpectedShort { get; init; }
    [Id(2)] public required double ExpectedDay { get; init; }
}

[GenerateSerializer, Immutable, Alias("ivr.RiskFailedPin")]
public sealed class RiskFailedPin
{
    /// <summary>Keyed tags.</summary>
    [Id(0)] public required ulong Pin { get; init; }
    [Id(1)] public required ulong Account { get; init; }
}

/// <summary>What origins do: one of the shards, key <see cref="Key"/>. In memory.</summary>
[Alias("ivr.IRiskOriginGrain")]
public interface IRiskOriginGrain : IGrainWithStringKey
{
    static string Key(string tenant, int shard) => $"risk-origin:{tenant}/{shard:D2}";

    [OneWay, Alias("Report")]
    Task Report(List<RiskOriginAct> acts);
}

[GenerateSerializer, Immutable, Alias("ivr.RiskOriginAct")]
public sealed class RiskOriginAct
{
    [Id(0)] public required string Origin { get; init; }
    [Id(1)] public required RiskNoteKind Kind { get; init; }
    [Id(2)] public ulong Account { get; init; }
}

/// <summary>From where accounts and numbers were verified: one of the shards, key <see cref="Key"/>. In memory.</summary>
[Alias("ivr.IRiskAccountGrain")]
public interface IRiskAccountGrain : IGrainWithStringKey
{
    static string Key(string tenant, int shard) => $"risk-account:{tenant}/{shard:D2}";

    /// <summary>What a visit shows, before it is known whether the caller is who they say.</summary>
    [Alias("Look")]
    Task<RiskVisitSigns> Look(RiskVisit visit);

    [OneWay, Alias("Verified")]
    Task Verified(List<RiskVisit> visits);
}

/// <summary>An account, or a number, is used from an origin over a trunk.</summary>
[GenerateSerializer, Immutable, Alias("ivr.RiskVisit")]
public sealed class RiskVisit
{
    /// <summary>Pseudonym.</summary>
    [Id(0)] public required string Account { get; init; }
    [Id(1)] public required string Trunk { get; init; }

    /// <summary>As in <see cref="RiskNote.Number"/>; null when it is the number itself that visits.</summary>
    [Id(2)] public string? Number { get; init; }
}

[GenerateSerializer, Immutable, Alias("ivr.RiskVisitSigns")]
public sealed class RiskVisitSigns
{
    [Id(0)] public bool NewOrigin { get; init; }
    [Id(1)] public bool ImpossibleTravel { get; init; }
}

/// <summary>Calls whose keys a machine seems to press: one of the shards, key <see cref="Key"/>. In memory.</summary>
[Alias("ivr.IRiskCallGrain")]
public interface IRiskCallGrain : IGrainWithStringKey
{
    static string Key(int shard) => $"risk-call:{shard:D2}";

    [OneWay, Alias("Suspect")]
    Task Suspect(List<CallId> calls);

    [Alias("IsSuspect")]
    Task<bool> IsSuspect(CallId call);
}

/// <summary>Looks at the times of an edge's keys. Subscribed to the edge's stream by its key, <see cref="Edges.IMediaLaneGrain.Key"/>; nobody calls it.</summary>
[Alias("ivr.IKeyCadenceGrain")]
public interface IKeyCadenceGrain : IGrainWithStringKey;

/// <summary>
/// What is known against a tenant's origins and PINs, gathered from the shards for all silos: waves, signs, alarms, and blocks, which are stored. Key <see cref="Key"/>.
/// </summary>
[Alias("ivr.IRiskTenantGrain")]
public interface IRiskTenantGrain : IGrainWithStringKey
{
    static string Key(string tenant) => "risk-tenant:" + tenant;

    /// <summary>Called by each silo's collector every second while there are calls: tells what was counted, and hears what is new.</summary>
    [Alias("Sync")]
    Task<RiskNews> Sync(RiskTally tally);

    /// <summary>A shard found something.</summary>
    [OneWay, Alias("Raise")]
    Task Raise(List<RiskSign> signs);

    /// <summary>The signs that count still, newest first, without those of PINs.</summary>
    [Requires(Permission.ViewLockouts), Alias("List")]
    Task<List<RiskSign>> List();

    /// <summary>Forgets what is known against an origin and ends its block. Audited. False when nothing is.</summary>
    [Requires(Permission.BlockSources), Alias("Lift")]
    Task<bool> Lift(string subject, string reason);
}

/// <summary>What one silo counted since the last time, and up to where it heard.</summary>
[GenerateSerializer, Immutable, Alias("ivr.RiskTally")]
public sealed class RiskTally
{
    [Id(0)] public required List<RiskTrunkTally> Trunks { get; init; }

    /// <summary>From the last news; 0 at first.</summary>
    [Id(1)] public required long Epoch { get; init; }
    [Id(2)] public required long Version { get; init; }
}

[GenerateSerializer, Immutable, Alias("ivr.RiskTrunkTally")]
public sealed class RiskTrunkTally
{
    [Id(0)] public required string Trunk { get; init; }
    [Id(1)] public required int Succeeded { get; init; }
    [Id(2)] public required int Failed { get; init; }
}

[GenerateSerializer, Immutable, Alias("ivr.RiskNews")]
public sealed class RiskNews
{
    /// <summary>The most signs in one answer.</summary>
    public const int Most = 1000;

    /// <summary>Another one than before: what was heard before is void.</summary>
    [Id(0)] public required long Epoch { get; init; }
    [Id(1)] public required long Version { get; init; }
    [Id(2)] public required List<RiskSign> Signs { get; init; }

    /// <summary>As in <see cref="RiskPinReport"/>.</summary>
    [Id(3)] public required double ExpectedShort { get; init; }
    [Id(4)] public required double ExpectedDay { get; init; }
}

/// <summary>Something that speaks against a number, a source, a trunk, a tenant or a PIN.</summary>
[GenerateSerializer, Immutable, Alias("ivr.RiskSign")]
public sealed class RiskSign
{
    /// <summary>A pseudonym with a letter that says of what: see <c>RiskSubjects</c>.</summary>
    [Id(0)] public required string Subject { get; init; }
    [Id(1)] public required RiskReason Reason { get; init; }

    /// <summary>When it was seen last.</summary>
    [Id(2)] public required DateTimeOffset At { get; init; }

    /// <summary>How many accounts, calls or failures it was.</summary>
    [Id(3)] public required int Count { get; init; }

    /// <summary>Until when the origin is kept out; null: it is not. From a shard any time means that it ought to be.</summary>
    [Id(4)] public DateTimeOffset? BlockedUntil { get; init; }

    /// <summary>It was lifted.</summary>
    [Id(5)] public bool IsLifted { get; init; }
}
