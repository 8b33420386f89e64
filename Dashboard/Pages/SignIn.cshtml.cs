using IvrActors.Dashboard.Operators;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.RazorPages;

namespace IvrActors.Dashboard.Pages;

[AllowAnonymous]
internal sealed class SignInModel(SignInDesk desk, SignInLimiter limiter) : PageModel
{
    public IReadOnlyList<string> Faults { get; private set; } = [];
    public string? UserName { get; private set; }
    public string? ReturnUrl { get; private set; }

    public void OnGet(string? returnUrl) => ReturnUrl = returnUrl;

    public async Task<IActionResult> OnPostAsync(string? name, string? password, string? code, string? returnUrl)
    {
        if (!limiter.TryTake(HttpContext)) return StatusCode(StatusCodes.Status429TooManyRequests);
        if (await desk.SignIn(HttpContext, name, password, code)) return LocalRedirect(Url.IsLocalUrl(returnUrl) ? returnUrl! : "/");
        (UserName, ReturnUrl) = (name, returnUrl);
        Faults = ["Name, password and code do not fit together, or this name is locked for a while after too many attempts."];
        return Page();
    }
}
