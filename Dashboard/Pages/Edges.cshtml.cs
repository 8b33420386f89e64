using IvrActors.Dashboard.Access;
using IvrActors.Dashboard.Live;
using IvrActors.Grains.Interfaces.Operators;

namespace IvrActors.Dashboard.Pages;

[Needs(Permission.ViewEdges)]
internal sealed class EdgesModel(ClusterAccess cluster, ClusterView view) : DashboardPage(cluster)
{
    public Snapshot Now { get; } = view.Current;
}
