using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Options;

namespace IvrActors.Dashboard.Operators;

internal enum CredentialOutcome
{
    Accepted,
    Refused,

    /// <summary>Shown to nobody: to the person it reads like <see cref="Refused"/>.</summary>
    Locked,
}

/// <summary>What a check found: the name, when it is somebody's, and the user exactly when all factors are right.</summary>
internal sealed record CredentialResult(CredentialOutcome Outcome, string? Known, OperatorUser? Accepted);

/// <summary>
/// Checks name, password and one-time code together, so that an answer never tells which of them was wrong. The attempt is counted
/// and persisted before anything is verified; a code of the app and a recovery code count once.
/// </summary>
internal sealed partial class Credentials(UserManager<OperatorUser> users, IOptions<IdentityOptions> identity, Decoy decoy, TimeProvider time)
{
    public const int LongestPassword = 128;

    // A conflicting write means that somebody signs in with the same name at the same moment.
    private const int MostConflicts = 5;

    public async Task<CredentialResult> Check(string? name, string? password, string? code)
    {
        var given = password is { Length: <= LongestPassword } ? password : "";
        var user = await Reserve(name);
        if (user is null || IsLocked(user.Before))
        {
            await decoy.Verify(given);
            return new(user is null ? CredentialOutcome.Refused : CredentialOutcome.Locked, user?.After.UserName, null);
        }

        var known = user.After.UserName;
        var rightPassword = await decoy.OneOfFew(() => users.CheckPasswordAsync(user.After, given));
        var accepted = rightPassword ? await Settle(known, code ?? "") : null;
        if (accepted is not null) return new(CredentialOutcome.Accepted, known, accepted);
        return new(IsLocked(user.After.LockoutEnd) ? CredentialOutcome.Locked : CredentialOutcome.Refused, known, null);
    }

    public static bool IsName(string? name) => name is not null && Name().IsMatch(name);

    /// <summary>Counts the attempt. Null for a name that cannot sign in.</summary>
    private async Task<Reservation?> Reserve(string? name)
    {
        var lockout = identity.Value.Lockout;
        for (var conflict = 0; conflict < MostConflicts; conflict++)
        {
            var user = IsName(name) ? await users.FindByNameAsync(name!) : null;
            if (user is not { TwoFactorEnabled: true, PasswordHash: not null, AuthenticatorKey: not null }) return null;
            var before = user.LockoutEnd;
            if (IsLocked(before)) return new(before, user);
            if (before is not null) (user.LockoutEnd, user.AccessFailedCount) = (null, 0);
            if (++user.AccessFailedCount >= lockout.MaxFailedAccessAttempts) user.LockoutEnd = time.GetUtcNow() + lockout.DefaultLockoutTimeSpan;
            if ((await users.UpdateAsync(user)).Succeeded) return new(null, user);
        }
        return null;
    }

    /// <summary>Uses the code up and takes the counted attempt back, in one write; null when the code is wrong or was used.</summary>
    private async Task<OperatorUser?> Settle(string name, string code)
    {
        for (var conflict = 0; conflict < MostConflicts; conflict++)
        {
            var user = await users.FindByNameAsync(name);
            if (user?.AuthenticatorKey is null || !Use(user, code)) return null;
            (user.AccessFailedCount, user.LockoutEnd) = (0, null);
            if ((await users.UpdateAsync(user)).Succeeded) return user;
        }
        return null;
    }

    private bool Use(OperatorUser user, string code)
    {
        if (RecoveryCodes.LooksLikeOne(code)) return user.RecoveryCodeHashes.Remove(RecoveryCodes.Hash(code));
        if (Authenticator.StepOf(user.AuthenticatorKey!, code, time.GetUtcNow()) is not { } step || step <= user.LastTotpStep) return false;
        user.LastTotpStep = step;
        return true;
    }

    private bool IsLocked(DateTimeOffset? until) => until > time.GetUtcNow();

    // No bar (the role token separates by it), nothing that reads as a path or markup in a log.
    [GeneratedRegex(@"\A[A-Za-z][A-Za-z0-9._@-]{2,39}\z")]
    private static partial Regex Name();

    private sealed record Reservation(DateTimeOffset? Before, OperatorUser After)
    {
        public override string ToString() => nameof(Reservation);
    }
}

/// <summary>The same work as a password check for a person who does not exist, and a bound on how many checks run at once.</summary>
internal sealed class Decoy(IPasswordHasher<OperatorUser> hasher) : IDisposable
{
    private readonly SemaphoreSlim _few = new(Math.Max(2, Environment.ProcessorCount / 2));
    private readonly OperatorUser _nobody = new() { UserName = "", NormalizedUserName = "", Role = "" };
    private readonly Lazy<string> _hash = new(() => hasher.HashPassword(new() { UserName = "", NormalizedUserName = "", Role = "" }, Guid.NewGuid().ToString()));

    public Task<bool> Verify(string password) =>
        OneOfFew(() => Task.FromResult(hasher.VerifyHashedPassword(_nobody, _hash.Value, password) != PasswordVerificationResult.Failed));

    /// <summary>Waits for a turn: a flood of sign-ins must not take the processors from the calls.</summary>
    public async Task<T> OneOfFew<T>(Func<Task<T>> check)
    {
        await _few.WaitAsync();
        try
        {
            return await Task.Run(check);
        }
        finally
        {
            _few.Release();
        }
    }

    public void Dispose() => _few.Dispose();
}
