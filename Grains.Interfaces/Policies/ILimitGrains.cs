using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Grains.Interfaces.Privacy;

namespace IvrActors.Grains.Interfaces.Policies;

/// <summary>The limit of one caller or one called number, of which there are too many to lease them. Key: <see cref="CallerKey"/> or <see cref="DestinationKey"/>.</summary>
[Alias("ivr.IRateLimitGrain")]
public interface IRateLimitGrain : IGrainWithStringKey
{
    /// <summary>Per origin class: somebody who dials with a false number must not use up its owner's calls.</summary>
    static string CallerKey(CallerKey caller, OriginClass origin) => $"rate-caller/{caller}/{origin}";

    static string DestinationKey(string tenant, string number) => $"rate-destination/{tenant}/{number}";

    /// <summary>Counts one call if the limit allows it. The limit comes with the request, from the one table of limits.</summary>
    [Alias("Take")]
    Task<RateDecision> Take(LimitTake take);

    /// <summary>A call that was counted is over.</summary>
    [Alias("End")]
    Task End(string call);
}

/// <summary>One call, and the limit that it is to fit into.</summary>
[GenerateSerializer, Immutable, Alias("ivr.LimitTake")]
public sealed class LimitTake
{
    /// <summary>Id of the call, which takes a place once.</summary>
    [Id(0)] public required string Call { get; init; }

    /// <summary>Null: any number.</summary>
    [Id(1)] public RateLimit? Calls { get; init; }

    /// <summary>Calls of the burst that are not for this one.</summary>
    [Id(2)] public int CallsKept { get; init; }

    /// <summary>Calls at once that this one may be among; null: any number.</summary>
    [Id(3)] public int? AtOnce { get; init; }

    /// <summary>A place is free again after this long, whoever forgot to say so.</summary>
    [Id(4)] public TimeSpan LongestCall { get; init; }
}

[GenerateSerializer, Immutable, Alias("ivr.RateDecision")]
public sealed class RateDecision
{
    [Id(0)] public required bool Allowed { get; init; }
    [Id(1)] public TimeSpan RetryAfter { get; init; }

    /// <summary>Whether too many calls at once are why it was refused.</summary>
    [Id(2)] public bool NoPlace { get; init; }
}

/// <summary>Failures of one caller from one origin class. Key: <see cref="Key"/>. The write decides, also between two activations.</summary>
[Alias("ivr.ILockoutGrain")]
public interface ILockoutGrain : IGrainWithStringKey
{
    static string Key(CallerKey caller, OriginClass origin) => $"lock-{caller}/{origin}";

    /// <summary>Counts a failure in advance and persists it, before anything is verified. A repeat of the same attempt is not counted again.</summary>
    [Alias("Reserve")]
    Task<LockoutDecision> Reserve(string tenant, string attempt, bool isPin = false);

    /// <summary>The attempt was right: takes its reservation back, and if it was a PIN those of the PINs before it; after the last factor (<paramref name="complete"/>) clears the count.</summary>
    [Alias("Succeed")]
    Task Succeed(string attempt, bool complete);

    /// <summary>The attempt was wrong: its reservation stays; a lock that it brought is announced (audit, directory, metric).</summary>
    [Alias("Fail")]
    Task Fail(string attempt);

    /// <summary>Nothing was verified of a reserved attempt, and nothing will be: takes it back whole, unless it was asked for more than once.</summary>
    [Alias("Withdraw")]
    Task Withdraw(string attempt);

    /// <summary>The caller's factors were bound anew: clears count, lock and disablement.</summary>
    [Alias("Rebind")]
    Task Rebind();

    /// <summary>The caller proved more than this class locks for, elsewhere: clears count and lock, unless the class is disabled.</summary>
    [Alias("Reprove")]
    Task Reprove();

    /// <summary>Removes what is kept if it decides nothing any more. For accounts that nobody enrolled. True when it is gone.</summary>
    [Alias("Retire")]
    Task<bool> Retire();

    /// <summary>Asks for the lock to be lifted, or confirms what another operator asked for within a quarter of an hour. Audited with the operator's name, both times.</summary>
    [Requires(Permission.Unlock), Alias("Approve")]
    Task<UnlockResult> Approve(string reason);
}

[GenerateSerializer, Alias("ivr.UnlockOutcome")]
public enum UnlockOutcome
{
    /// <summary>There was nothing to lift.</summary>
    NotLocked = 0,

    /// <summary>Another operator must confirm.</summary>
    Asked = 1,

    /// <summary>Asked for before, by the same operator: still waits for another.</summary>
    SamePerson = 2,

    /// <summary>The lock is gone.</summary>
    Lifted = 3,

    /// <summary>The factor is disabled: that takes a new enrolment.</summary>
    Disabled = 4,
}

[GenerateSerializer, Immutable, Alias("ivr.UnlockResult")]
public sealed class UnlockResult
{
    [Id(0)] public required UnlockOutcome Outcome { get; init; }

    /// <summary>Until when another operator can confirm; null when nothing waits.</summary>
    [Id(1)] public DateTimeOffset? ConfirmBefore { get; init; }
}

[GenerateSerializer, Immutable, Alias("ivr.LockoutDecision")]
public sealed class LockoutDecision
{
    /// <summary>Whether the attempt may be verified.</summary>
    [Id(0)] public required bool Permitted { get; init; }

    /// <summary>Consecutive failures, this reservation included.</summary>
    [Id(1)] public required int Failures { get; init; }

    /// <summary>When the lock ends; null when there is none, <see cref="DateTimeOffset.MaxValue"/> when the account is disabled until re-bound.</summary>
    [Id(2)] public DateTimeOffset? LockedUntil { get; init; }

    /// <summary>Counts writes of the lockout; stands in the audit record, so that a rolled-back row is seen.</summary>
    [Id(3)] public long Version { get; init; }

    /// <summary>The attempt could not be persisted, so it must not be verified.</summary>
    [Id(4)] public bool Unavailable { get; init; }
}

/// <summary>Which lockouts are on now, for operators. One grain a tenant, key <c>lockouts-TENANT</c>; rebuilt by reports of the lockout grains and persisted.</summary>
[Alias("ivr.ILockoutDirectoryGrain")]
public interface ILockoutDirectoryGrain : IGrainWithStringKey
{
    static string Key(string tenant) => "lockouts-" + tenant;

    [Requires(Permission.ViewLockouts), Alias("List")]
    Task<List<LockoutSummary>> List();

    [Alias("Report")]
    Task Report(LockoutSummary summary);

    [Alias("Forget")]
    Task Forget(string lockoutKey);
}

[GenerateSerializer, Immutable, Alias("ivr.LockoutSummary")]
public sealed class LockoutSummary
{
    /// <summary>Key of the lockout grain (pseudonymous).</summary>
    [Id(0)] public required string LockoutKey { get; init; }
    [Id(1)] public required int Failures { get; init; }
    [Id(2)] public required DateTimeOffset Since { get; init; }

    /// <summary>As in <see cref="LockoutDecision.LockedUntil"/>.</summary>
    [Id(3)] public required DateTimeOffset Until { get; init; }

    /// <summary>The operator who asked for an unlock that another may confirm, why, and until when; null when nobody did.</summary>
    [Id(4)] public string? AskedBy { get; init; }
    [Id(5)] public string? AskedReason { get; init; }
    [Id(6)] public DateTimeOffset? ConfirmBefore { get; init; }
}
