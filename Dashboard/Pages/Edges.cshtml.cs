using IvrActors.Dashboard.Access;
using IvrActors.Dashboard.Live;
using IvrActors.Grains.Interfaces.Edges;
using IvrActors.Grains.Interfaces.Operators;

namespace IvrActors.Dashboard.Pages;

[Needs(Permission.ViewEdges)]
internal sealed class EdgesModel(ClusterAccess cluster, ClusterView view) : DashboardPage(cluster)
{
    public Snapshot Now { get; } = view.Current;

    /// <summary>How calls sounded in the last minute, by edge; none of an edge of which it is not known.</summary>
    public IReadOnlyDictionary<string, MediaView> Media { get; private set; } = new Dictionary<string, MediaView>();

    public async Task OnGetAsync()
    {
        var views = await Task.WhenAll(Now.Edges.Select(async edge => (edge.Name, View: await ViewOf(edge.Name))));
        Media = views.Where(one => one.View is { Calls: > 0 }).ToDictionary(one => one.Name, one => one.View!, StringComparer.Ordinal);
    }

    private async Task<MediaView?> ViewOf(string edge)
    {
        try
        {
            return await Cluster.Call<IMediaQualityGrain, MediaView>(IMediaLaneGrain.Key(edge), grain => grain.GetView());
        }
        catch (Exception failure) when (failure is not OperationCanceledException)
        {
            // Telemetry: the page shows the rest.
            return null;
        }
    }
}
