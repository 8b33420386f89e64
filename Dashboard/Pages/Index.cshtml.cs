using IvrActors.Dashboard.Access;
using IvrActors.Dashboard.Live;
using IvrActors.Grains.Interfaces.Operators;

namespace IvrActors.Dashboard.Pages;

[Needs(Permission.ViewCalls)]
internal sealed class IndexModel(ClusterAccess cluster, ClusterView view) : DashboardPage(cluster)
{
    public Snapshot Now { get; } = view.Current;
}
