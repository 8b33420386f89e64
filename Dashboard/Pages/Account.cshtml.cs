using IvrActors.Dashboard.Access;
using IvrActors.Dashboard.Operators;
using Microsoft.AspNetCore.Identity;
using Microsoft.AspNetCore.Mvc;

namespace IvrActors.Dashboard.Pages;

/// <summary>A person's own factors; each change asks for the present ones again (ASVS 7.5.1).</summary>
[OwnAccount]
internal sealed class AccountModel(ClusterAccess cluster, UserManager<OperatorUser> users, SignInDesk desk, SignInLimiter limiter, Decoy turns, OperatorActs acts)
    : DashboardPage(cluster)
{
    public IReadOnlyList<string> Faults { get; private set; } = [];
    public List<string>? NewCodes { get; private set; }
    public int CodesLeft { get; private set; }

    public async Task OnGetAsync() => CodesLeft = (await users.FindByNameAsync(Me))?.RecoveryCodeHashes.Count ?? 0;

    [OwnAccount]
    public async Task<IActionResult> OnPostPasswordAsync(string? newPassword, string? again, string? password, string? code)
    {
        if (newPassword != again) return await Refused("The two new passwords differ.");
        if (await Again(password, code) is not { } user) return await Refused();
        foreach (var validator in users.PasswordValidators)
        {
            var checkedPassword = await validator.ValidateAsync(users, user, newPassword);
            if (!checkedPassword.Succeeded) return await Refused([.. checkedPassword.Errors.Select(error => error.Description)]);
        }
        user.PasswordHash = await turns.OneOfFew(() => Task.FromResult(users.PasswordHasher.HashPassword(user, newPassword!)));
        if (!await Save(user, "operator.password-changed")) return await Refused("Somebody changed this account at the same moment. Try again.");
        Done = "Your password is changed. Your other sessions have ended.";
        return RedirectToPage();
    }

    [OwnAccount]
    public async Task<IActionResult> OnPostAuthenticatorAsync(string? password, string? code)
    {
        if (await Again(password, code) is not { } user) return await Refused();
        await new Enrolment { UserName = user.UserName, Key = Authenticator.NewKey() }.Save(HttpContext);
        return RedirectToPage("/Enrol");
    }

    [OwnAccount]
    public async Task<IActionResult> OnPostRecoveryCodesAsync(string? password, string? code)
    {
        if (await Again(password, code) is not { } user) return await Refused();
        var codes = RecoveryCodes.Create();
        user.RecoveryCodeHashes = [.. codes.Select(RecoveryCodes.Hash)];
        if (!await Save(user, "operator.recovery-codes-replaced")) return await Refused("Somebody changed this account at the same moment. Try again.");
        (NewCodes, CodesLeft) = (codes, codes.Count);
        return Page();
    }

    private Task<OperatorUser?> Again(string? password, string? code) =>
        limiter.TryTake(HttpContext) ? desk.Again(HttpContext, password, code) : Task.FromResult<OperatorUser?>(null);

    /// <summary>Audits and stores the change; a new stamp ends the person's other sessions, this one goes on under a new name.</summary>
    private async Task<bool> Save(OperatorUser user, string action)
    {
        user.SecurityStamp = Guid.NewGuid().ToString("N");
        await acts.Record(user.UserName, action, target: user.UserName);
        if (!(await users.UpdateAsync(user)).Succeeded) return false;
        await desk.Open(HttpContext, user);
        return true;
    }

    private async Task<IActionResult> Refused(params string[] faults)
    {
        Faults = faults.Length > 0 ? faults : ["Password and code do not fit together, or you tried too often. A code works once: wait for the next one."];
        await OnGetAsync();
        return Page();
    }
}
