using IvrActors.Dashboard.Access;
using IvrActors.Dashboard.Operators;
using IvrActors.Grains.Interfaces.Operators;
using Microsoft.AspNetCore.Identity;
using Microsoft.AspNetCore.Mvc;

namespace IvrActors.Dashboard.Pages;

/// <summary>Invitations, roles and deletions; the grains audit them under the name that the call carries.</summary>
[Needs(Permission.ManageOperators)]
internal sealed class OperatorsModel(ClusterAccess cluster, UserManager<OperatorUser> users) : DashboardPage(cluster)
{
    public IReadOnlyList<OperatorSummary> All { get; private set; } = [];
    public string? Link { get; private set; }
    public string? LinkRole { get; private set; }

    public async Task OnGetAsync() =>
        All = [.. (await Cluster.Call<IOperatorDirectoryGrain, List<OperatorSummary>>(IOperatorDirectoryGrain.Key, directory => directory.List()))
            .OrderBy(person => person.UserName, StringComparer.OrdinalIgnoreCase)];

    [Needs(Permission.ManageOperators)]
    public async Task<IActionResult> OnPostInviteAsync(string? role)
    {
        if (!Roles.OfPersons.Contains(role)) return BadRequest();
        var secret = await Cluster.Call<IOperatorDirectoryGrain, InvitationCode>(IOperatorDirectoryGrain.Key, directory => directory.Invite(role!));
        (Link, LinkRole) = ($"https://{Request.Host}/join?code={Uri.EscapeDataString(secret.Reveal())}", role);
        await OnGetAsync();
        return Page();
    }

    [Needs(Permission.ManageOperators)]
    public Task<IActionResult> OnPostRoleAsync(string? name, string? role) => Change(
        name, Roles.OfPersons.Contains(role), person => person.SetRole(role!), $"{name} is now {role}.");

    [Needs(Permission.ManageOperators)]
    public Task<IActionResult> OnPostDeleteAsync(string? name) => Change(name, true, person => person.Delete(), $"{name} is deleted.");

    private async Task<IActionResult> Change(string? name, bool valid, Func<IOperatorGrain, Task<bool>> change, string done)
    {
        // Nobody changes themselves here: the last administrator cannot lock everybody out by a slip.
        var key = users.NormalizeName(name);
        if (!valid || !Credentials.IsName(name) || key == users.NormalizeName(Me)) return BadRequest();
        var changed = await Cluster.Call(IOperatorGrain.Key(key!), change);
        Done = changed ? done : $"Nothing was changed: {name} is gone, or is the last administrator.";
        return RedirectToPage();
    }
}
