using IvrActors.Dashboard.Access;
using IvrActors.Dashboard.Operators;
using IvrActors.Grains.Interfaces.Operators;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Identity;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.RazorPages;

namespace IvrActors.Dashboard.Pages;

/// <summary>The first page behind a one-time link: name and password. Nothing is stored before the authenticator app is proven.</summary>
[AllowAnonymous]
internal sealed class JoinModel(ClusterAccess cluster, UserManager<OperatorUser> users, SignInLimiter limiter, Decoy turns) : PageModel
{
    private const int LongestInvitation = 200;

    public IReadOnlyList<string> Faults { get; private set; } = [];
    public bool IsUsable { get; private set; }
    public string Invitation { get; private set; } = "";
    public string? UserName { get; private set; }

    public async Task<IActionResult> OnGetAsync(string? code)
    {
        if (!limiter.TryTake(HttpContext)) return StatusCode(StatusCodes.Status429TooManyRequests);
        await Look(code);
        return Page();
    }

    public async Task<IActionResult> OnPostAsync(string? invitation, string? name, string? password, string? again)
    {
        if (!limiter.TryTake(HttpContext)) return StatusCode(StatusCodes.Status429TooManyRequests);
        await Look(invitation);
        if (!IsUsable) return Page();
        UserName = name;
        Faults = await Check(name, password, again);
        if (Faults.Count > 0) return Page();
        var hash = await turns.OneOfFew(() => Task.FromResult(users.PasswordHasher.HashPassword(NewUser(name!), password!)));
        await new Enrolment { UserName = name!, Key = Authenticator.NewKey(), Invitation = Invitation, PasswordHash = hash }.Save(HttpContext);
        return RedirectToPage("/Enrol");
    }

    private async Task Look(string? secret)
    {
        if (secret is not { Length: > 0 and <= LongestInvitation }) return;
        Invitation = secret;
        IsUsable = await cluster.SignIn.Call<IOperatorDirectoryGrain, bool>(IOperatorDirectoryGrain.Key, directory => directory.IsInvitation(new InvitationCode(secret)));
    }

    private async Task<List<string>> Check(string? name, string? password, string? again)
    {
        if (!Credentials.IsName(name)) return ["A name has 3 to 40 letters, digits, dots or dashes and begins with a letter."];
        if (password != again) return ["The two passwords differ."];
        // Only who holds an invitation learns that a name is taken.
        if (RequestActor.IsReserved(name!) || await users.FindByNameAsync(name!) is not null) return ["That name is taken. Choose another."];
        var faults = new List<string>();
        foreach (var validator in users.PasswordValidators)
        {
            faults.AddRange((await validator.ValidateAsync(users, NewUser(name!), password)).Errors.Select(error => error.Description));
        }
        return faults;
    }

    private OperatorUser NewUser(string name) => new() { UserName = name, NormalizedUserName = users.NormalizeName(name), Role = "" };
}
