namespace IvrActors.Grains.Interfaces.Operators;

/// <summary>One person who operates the cluster, keyed by <see cref="Key"/>: what ASP.NET Core Identity stores, encrypted.</summary>
[Alias("ivr.IOperatorGrain")]
public interface IOperatorGrain : IGrainWithStringKey
{
    static string Key(string normalizedName) => "operator-" + normalizedName;

    [Requires(Permission.SignIn), Alias("Get")]
    Task<OperatorRecord?> Get();

    /// <summary>
    /// Writes the record if its <see cref="OperatorRecord.Version"/> is the stored one, and adds one to that; false when somebody else wrote first. Neither creates an
    /// operator (<see cref="IOperatorDirectoryGrain.Redeem"/> does) nor changes the role (<see cref="SetRole"/> does).
    /// </summary>
    [Requires(Permission.SignIn), Alias("Put")]
    Task<bool> Put(OperatorRecord record);

    /// <summary>Changes role; takes effect at the next request of that person.</summary>
    [Requires(Permission.ManageOperators), Alias("SetRole")]
    Task<bool> SetRole(string role);

    [Requires(Permission.ManageOperators), Alias("Delete")]
    Task<bool> Delete();

    /// <summary>Makes the record of a redeemed invitation; false when this operator exists.</summary>
    [Alias("Create")]
    Task<bool> Create(OperatorRecord record);
}

/// <summary>All operators, and the one-time links that create them. One grain, key <c>operators</c>.</summary>
[Alias("ivr.IOperatorDirectoryGrain")]
public interface IOperatorDirectoryGrain : IGrainWithStringKey
{
    const string Key = "operators";

    [Requires(Permission.ManageOperators), Alias("List")]
    Task<List<OperatorSummary>> List();

    /// <summary>Makes a one-time link's secret for a new operator of this role; the grain keeps only its hash. Valid 24 h, used once.</summary>
    [Requires(Permission.ManageOperators), Alias("Invite")]
    Task<InvitationCode> Invite(string role);

    /// <summary>The secret of the first administrator's link, while there is no operator who can sign in; null afterwards. A new one each time, the one before ends. Called at start by the composition root, as grain-only code.</summary>
    [Alias("InviteFirst")]
    Task<InvitationCode?> InviteFirst();

    /// <summary>Uses an invitation up and creates the operator without a password yet; null when the secret is unknown, used or expired.</summary>
    [Requires(Permission.SignIn), Alias("Redeem")]
    Task<OperatorRecord?> Redeem(InvitationCode secret, string userName);

    /// <summary>Whether the invitation could be redeemed now.</summary>
    [Requires(Permission.SignIn), Alias("IsInvitation")]
    Task<bool> IsInvitation(InvitationCode secret);

    /// <summary>The role that an operator has now, or null when there is no such operator. Never waits for another request.</summary>
    [Alias("RoleOf"), Orleans.Concurrency.AlwaysInterleave]
    Task<string?> RoleOf(string normalizedName);

    /// <summary>Gives a role, or removes the operator (null). False when there is none such, or when it would leave no administrator who can sign in.</summary>
    [Alias("ChangeRole")]
    Task<bool> ChangeRole(string normalizedName, string? role);

    /// <summary>What a written record says about an operator's sign-in.</summary>
    [Alias("Note")]
    Task Note(string normalizedName, bool canSignIn, bool twoFactor);
}

[GenerateSerializer, Immutable, Alias("ivr.OperatorRecord")]
public sealed class OperatorRecord
{
    [Id(0)] public required string UserName { get; init; }
    [Id(1)] public required string NormalizedUserName { get; init; }
    [Id(2)] public required string Role { get; init; }
    [Id(3)] public string? PasswordHash { get; init; }
    [Id(4)] public string? AuthenticatorKey { get; init; }
    [Id(5)] public bool TwoFactorEnabled { get; init; }
    [Id(6)] public string? SecurityStamp { get; init; }
    [Id(7)] public int AccessFailedCount { get; init; }
    [Id(8)] public DateTimeOffset? LockoutEnd { get; init; }
    [Id(9)] public List<string> RecoveryCodeHashes { get; init; } = [];

    /// <summary>The last TOTP step that was accepted: a code counts once.</summary>
    [Id(10)] public long LastTotpStep { get; init; }

    /// <summary>Counts writes; compared at <see cref="IOperatorGrain.Put"/>.</summary>
    [Id(11)] public int Version { get; init; }
}

[GenerateSerializer, Immutable, Alias("ivr.OperatorSummary")]
public sealed class OperatorSummary
{
    [Id(0)] public required string UserName { get; init; }
    [Id(1)] public required string Role { get; init; }
    [Id(2)] public bool TwoFactorEnabled { get; init; }
}
