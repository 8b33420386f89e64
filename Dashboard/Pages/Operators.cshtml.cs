using IvrActors.Dashboard.Access;
using IvrActors.Dashboard.Operators;
using IvrActors.Grains.Interfaces.Audit;
using IvrActors.Grains.Interfaces.Operators;
using Microsoft.AspNetCore.Identity;
using Microsoft.AspNetCore.Mvc;

namespace IvrActors.Dashboard.Pages;

[Needs(Permission.ManageOperators)]
internal sealed class OperatorsModel(ClusterAccess cluster, UserManager<OperatorUser> users, OperatorActs acts) : DashboardPage(cluster)
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
        await acts.Record(Me, "operator.invited", detail: role!);
        var secret = await Cluster.Call<IOperatorDirectoryGrain, string>(IOperatorDirectoryGrain.Key, directory => directory.Invite(role!));
        (Link, LinkRole) = ($"https://{Request.Host}/join?code={Uri.EscapeDataString(secret)}", role);
        await OnGetAsync();
        return Page();
    }

    [Needs(Permission.ManageOperators)]
    public Task<IActionResult> OnPostRoleAsync(string? name, string? role) => Change(
        name,
        Roles.OfPersons.Contains(role),
        "operator.role-changed",
        role ?? "",
        person => person.SetRole(role!),
        $"{name} is now {role}.");

    [Needs(Permission.ManageOperators)]
    public Task<IActionResult> OnPostDeleteAsync(string? name) => Change(name, true, "operator.deleted", "", person => person.Delete(), $"{name} is deleted.");

    private async Task<IActionResult> Change(string? name, bool valid, string action, string detail, Func<IOperatorGrain, Task<bool>> change, string done)
    {
        // Nobody changes themselves here: the last administrator cannot lock everybody out by a slip.
        var key = users.NormalizeName(name);
        if (!valid || !Credentials.IsName(name) || key == users.NormalizeName(Me)) return BadRequest();
        var changed = await Cluster.Call(IOperatorGrain.Key(key!), change);
        await acts.Record(Me, action, changed ? AuditResult.Success : AuditResult.Failure, name!, detail);
        Done = changed ? done : $"There is no {name} any more.";
        return RedirectToPage();
    }
}
