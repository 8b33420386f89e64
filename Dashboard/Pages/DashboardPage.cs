using IvrActors.Dashboard.Access;
using IvrActors.Grains.Interfaces.Operators;
using Microsoft.AspNetCore.Mvc.RazorPages;

namespace IvrActors.Dashboard.Pages;

/// <summary>A page of a signed-in person; what it asks of the cluster, it asks in that person's name.</summary>
internal abstract class DashboardPage(ClusterAccess cluster) : PageModel
{
    [Microsoft.AspNetCore.Mvc.TempData]
    public string? Done { get; set; }

    public string Me => User.Identity?.Name ?? "";

    public bool Can(Permission permission) => PermissionFilter.Can(User, permission);

    protected ClusterCaller Cluster => cluster.For(User);
}
