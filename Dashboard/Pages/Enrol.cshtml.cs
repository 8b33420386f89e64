using IvrActors.Dashboard.Access;
using IvrActors.Dashboard.Operators;
using IvrActors.Grains.Interfaces.Operators;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Identity;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.RazorPages;

namespace IvrActors.Dashboard.Pages;

/// <summary>Shows the key of a new authenticator app until a code proves that it was taken over; only then anything is stored.</summary>
[AllowAnonymous]
internal sealed class EnrolModel(ClusterAccess cluster, UserManager<OperatorUser> users, SignInDesk desk, OperatorActs acts, TimeProvider time) : PageModel
{
    public IReadOnlyList<string> Faults { get; private set; } = [];
    public Enrolment? Pending { get; private set; }
    public List<string>? RecoveryCodes { get; private set; }

    public async Task OnGetAsync() => Pending = await Mine();

    public async Task<IActionResult> OnPostAsync(string? code)
    {
        if (await Mine() is not { Attempts: < Enrolment.MostAttempts } pending) return Page();
        if (Authenticator.StepOf(pending.Key, code ?? "", time.GetUtcNow()) is not { } step)
        {
            Pending = pending.AfterAttempt();
            await Pending.Save(HttpContext);
            Faults = ["That code is not right. Type the one that the app shows now; the phone's clock must be right."];
            return Page();
        }
        await Enrolment.Forget(HttpContext);
        if (await Store(pending, step) is not { } user) return Page();
        await desk.Open(HttpContext, user);
        return Page();
    }

    /// <summary>The enrolment of this browser; when it replaces an app, only while its owner is signed in.</summary>
    private async Task<Enrolment?> Mine()
    {
        var pending = await Enrolment.Load(HttpContext);
        return pending is null || pending.Invitation is not null || pending.UserName == User.Identity?.Name ? pending : null;
    }

    private async Task<OperatorUser?> Store(Enrolment pending, long step)
    {
        var user = pending.Invitation is { } invitation ? await Redeem(invitation, pending.UserName) : await users.FindByNameAsync(pending.UserName);
        if (user is null) return null;
        var codes = Operators.RecoveryCodes.Create();
        user.PasswordHash = pending.PasswordHash ?? user.PasswordHash;
        user.AuthenticatorKey = pending.Key;
        user.TwoFactorEnabled = true;
        user.LastTotpStep = step;
        user.RecoveryCodeHashes = [.. codes.Select(Operators.RecoveryCodes.Hash)];
        // A new stamp ends every other session of this person.
        user.SecurityStamp = Guid.NewGuid().ToString("N");
        await acts.Record(user.UserName, pending.Invitation is null ? "operator.factor-replaced" : "operator.joined", target: user.UserName, detail: user.Role);
        if (!(await users.UpdateAsync(user)).Succeeded) return null;
        RecoveryCodes = codes;
        return user;
    }

    private async Task<OperatorUser?> Redeem(string invitation, string userName)
    {
        var record = await cluster.SignIn.Call<IOperatorDirectoryGrain, OperatorRecord?>(IOperatorDirectoryGrain.Key, directory => directory.Redeem(new InvitationCode(invitation), userName));
        return record is null ? null : OperatorUser.From(record);
    }
}
