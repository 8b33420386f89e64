using IvrActors.Dashboard.Access;
using IvrActors.Grains.Interfaces.Operators;
using Microsoft.AspNetCore.Identity;

namespace IvrActors.Dashboard.Operators;

/// <summary>ASP.NET Core Identity's store over <see cref="IOperatorGrain"/>. A user's id is the normalized name, which is the grain's key.</summary>
internal sealed class OperatorStore(ClusterAccess cluster) :
    IUserPasswordStore<OperatorUser>,
    IUserTwoFactorStore<OperatorUser>,
    IUserAuthenticatorKeyStore<OperatorUser>,
    IUserSecurityStampStore<OperatorUser>,
    IUserLockoutStore<OperatorUser>,
    IUserRoleStore<OperatorUser>,
    IUserTwoFactorRecoveryCodeStore<OperatorUser>
{
    public Task<OperatorUser?> FindByIdAsync(string userId, CancellationToken cancellationToken) => FindByNameAsync(userId, cancellationToken);

    public async Task<OperatorUser?> FindByNameAsync(string normalizedUserName, CancellationToken cancellationToken)
    {
        var record = await cluster.SignIn.Call<IOperatorGrain, OperatorRecord?>(IOperatorGrain.Key(normalizedUserName), operators => operators.Get());
        return record is null ? null : OperatorUser.From(record);
    }

    public Task<IdentityResult> CreateAsync(OperatorUser user, CancellationToken cancellationToken) => UpdateAsync(user, cancellationToken);

    public async Task<IdentityResult> UpdateAsync(OperatorUser user, CancellationToken cancellationToken)
    {
        var written = await cluster.SignIn.Call<IOperatorGrain, bool>(IOperatorGrain.Key(user.NormalizedUserName), operators => operators.Put(user.ToRecord()));
        if (!written) return IdentityResult.Failed(new IdentityErrorDescriber().ConcurrencyFailure());
        user.Version++;
        return IdentityResult.Success;
    }

    // Sign-in code may not delete or promote anybody: an administrator does that, under their own name, at the grain.
    public Task<IdentityResult> DeleteAsync(OperatorUser user, CancellationToken cancellationToken) => throw ByAdministratorsOnly();

    public Task AddToRoleAsync(OperatorUser user, string roleName, CancellationToken cancellationToken) => throw ByAdministratorsOnly();

    public Task RemoveFromRoleAsync(OperatorUser user, string roleName, CancellationToken cancellationToken) => throw ByAdministratorsOnly();

    public Task<IList<OperatorUser>> GetUsersInRoleAsync(string roleName, CancellationToken cancellationToken) => throw ByAdministratorsOnly();

    public Task<IList<string>> GetRolesAsync(OperatorUser user, CancellationToken cancellationToken) => Task.FromResult<IList<string>>([user.Role]);

    public Task<bool> IsInRoleAsync(OperatorUser user, string roleName, CancellationToken cancellationToken) =>
        Task.FromResult(string.Equals(user.Role, roleName, StringComparison.OrdinalIgnoreCase));

    public Task<string> GetUserIdAsync(OperatorUser user, CancellationToken cancellationToken) => Task.FromResult(user.NormalizedUserName);

    public Task<string?> GetUserNameAsync(OperatorUser user, CancellationToken cancellationToken) => Task.FromResult<string?>(user.UserName);

    public Task SetUserNameAsync(OperatorUser user, string? userName, CancellationToken cancellationToken) => Set(() => user.UserName = userName ?? "");

    public Task<string?> GetNormalizedUserNameAsync(OperatorUser user, CancellationToken cancellationToken) => Task.FromResult<string?>(user.NormalizedUserName);

    public Task SetNormalizedUserNameAsync(OperatorUser user, string? normalizedName, CancellationToken cancellationToken) =>
        Set(() => user.NormalizedUserName = normalizedName ?? "");

    public Task SetPasswordHashAsync(OperatorUser user, string? passwordHash, CancellationToken cancellationToken) => Set(() => user.PasswordHash = passwordHash);

    public Task<string?> GetPasswordHashAsync(OperatorUser user, CancellationToken cancellationToken) => Task.FromResult(user.PasswordHash);

    public Task<bool> HasPasswordAsync(OperatorUser user, CancellationToken cancellationToken) => Task.FromResult(user.PasswordHash is not null);

    public Task SetTwoFactorEnabledAsync(OperatorUser user, bool enabled, CancellationToken cancellationToken) => Set(() => user.TwoFactorEnabled = enabled);

    public Task<bool> GetTwoFactorEnabledAsync(OperatorUser user, CancellationToken cancellationToken) => Task.FromResult(user.TwoFactorEnabled);

    public Task SetAuthenticatorKeyAsync(OperatorUser user, string key, CancellationToken cancellationToken) => Set(() => user.AuthenticatorKey = key);

    public Task<string?> GetAuthenticatorKeyAsync(OperatorUser user, CancellationToken cancellationToken) => Task.FromResult(user.AuthenticatorKey);

    public Task SetSecurityStampAsync(OperatorUser user, string stamp, CancellationToken cancellationToken) => Set(() => user.SecurityStamp = stamp);

    public Task<string?> GetSecurityStampAsync(OperatorUser user, CancellationToken cancellationToken) => Task.FromResult(user.SecurityStamp);

    public Task<DateTimeOffset?> GetLockoutEndDateAsync(OperatorUser user, CancellationToken cancellationToken) => Task.FromResult(user.LockoutEnd);

    public Task SetLockoutEndDateAsync(OperatorUser user, DateTimeOffset? lockoutEnd, CancellationToken cancellationToken) => Set(() => user.LockoutEnd = lockoutEnd);

    public Task<int> IncrementAccessFailedCountAsync(OperatorUser user, CancellationToken cancellationToken) => Task.FromResult(++user.AccessFailedCount);

    public Task ResetAccessFailedCountAsync(OperatorUser user, CancellationToken cancellationToken) => Set(() => user.AccessFailedCount = 0);

    public Task<int> GetAccessFailedCountAsync(OperatorUser user, CancellationToken cancellationToken) => Task.FromResult(user.AccessFailedCount);

    public Task<bool> GetLockoutEnabledAsync(OperatorUser user, CancellationToken cancellationToken) => Task.FromResult(true);

    // Nobody is exempt from the lock.
    public Task SetLockoutEnabledAsync(OperatorUser user, bool enabled, CancellationToken cancellationToken) => Task.CompletedTask;

    public Task ReplaceCodesAsync(OperatorUser user, IEnumerable<string> recoveryCodes, CancellationToken cancellationToken) =>
        Set(() => user.RecoveryCodeHashes = [.. recoveryCodes.Select(RecoveryCodes.Hash)]);

    public Task<bool> RedeemCodeAsync(OperatorUser user, string code, CancellationToken cancellationToken) =>
        Task.FromResult(user.RecoveryCodeHashes.Remove(RecoveryCodes.Hash(code)));

    public Task<int> CountCodesAsync(OperatorUser user, CancellationToken cancellationToken) => Task.FromResult(user.RecoveryCodeHashes.Count);

    public void Dispose()
    {
    }

    private static Task Set(Action set)
    {
        set();
        return Task.CompletedTask;
    }

    private static NotSupportedException ByAdministratorsOnly() => new("Operators are listed, promoted and deleted by administrators through the operator grains.");
}
