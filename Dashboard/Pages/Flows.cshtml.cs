using IvrActors.Dashboard.Access;
using IvrActors.Grains.Interfaces.Operators;

namespace IvrActors.Dashboard.Pages;

[Needs(Permission.ViewFlows)]
internal sealed class FlowsModel(ClusterAccess cluster, DashboardOptions options) : DashboardPage(cluster)
{
    public IReadOnlyList<DashboardTenant> Tenants => options.Tenants;
}
