using IvrActors.Grains.Interfaces.Operators;

namespace IvrActors.Dashboard.Operators;

/// <summary>An <see cref="OperatorRecord"/> while ASP.NET Core Identity works on it.</summary>
internal sealed class OperatorUser
{
    public required string UserName { get; set; }
    public required string NormalizedUserName { get; set; }
    public required string Role { get; init; }
    public string? PasswordHash { get; set; }
    public string? AuthenticatorKey { get; set; }
    public bool TwoFactorEnabled { get; set; }
    public string? SecurityStamp { get; set; }
    public int AccessFailedCount { get; set; }
    public DateTimeOffset? LockoutEnd { get; set; }
    public List<string> RecoveryCodeHashes { get; set; } = [];
    public long LastTotpStep { get; set; }
    public int Version { get; set; }

    public static OperatorUser From(OperatorRecord record) => new()
    {
        UserName = record.UserName,
        NormalizedUserName = record.NormalizedUserName,
        Role = record.Role,
        PasswordHash = record.PasswordHash,
        AuthenticatorKey = record.AuthenticatorKey,
        TwoFactorEnabled = record.TwoFactorEnabled,
        SecurityStamp = record.SecurityStamp,
        AccessFailedCount = record.AccessFailedCount,
        LockoutEnd = record.LockoutEnd,
        RecoveryCodeHashes = [.. record.RecoveryCodeHashes],
        LastTotpStep = record.LastTotpStep,
        Version = record.Version,
    };

    public OperatorRecord ToRecord() => new()
    {
        UserName = UserName,
        NormalizedUserName = NormalizedUserName,
        Role = Role,
        PasswordHash = PasswordHash,
        AuthenticatorKey = AuthenticatorKey,
        TwoFactorEnabled = TwoFactorEnabled,
        SecurityStamp = SecurityStamp,
        AccessFailedCount = AccessFailedCount,
        LockoutEnd = LockoutEnd,
        RecoveryCodeHashes = [.. RecoveryCodeHashes],
        LastTotpStep = LastTotpStep,
        Version = Version,
    };

    public override string ToString() => UserName;
}
