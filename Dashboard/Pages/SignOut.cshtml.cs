using IvrActors.Dashboard.Access;
using IvrActors.Dashboard.Operators;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.RazorPages;

namespace IvrActors.Dashboard.Pages;

[OwnAccount]
internal sealed class SignOutModel(SignInDesk desk) : PageModel
{
    public void OnGet()
    {
    }

    [OwnAccount]
    public async Task<IActionResult> OnPostAsync()
    {
        await desk.SignOut(HttpContext);
        return Redirect("/signin");
    }
}
