using IvrActors.Dashboard.Access;
using IvrActors.Dashboard.Flows;
using IvrActors.Grains.Interfaces.Flows;
using IvrActors.Grains.Interfaces.Operators;
using Microsoft.AspNetCore.Mvc;

namespace IvrActors.Dashboard.Pages;

[Needs(Permission.ViewFlows)]
internal sealed class FlowModel(ClusterAccess cluster, DashboardOptions options) : DashboardPage(cluster)
{
    public string Name { get; private set; } = "";
    public FlowGraph? Graph { get; private set; }
    public FlowLayout? Drawing { get; private set; }

    public async Task<IActionResult> OnGetAsync(string tenant, string flow)
    {
        // Only flows of the configuration: an address typed by hand must not wake grains of any name.
        if (options.Tenants.FirstOrDefault(known => known.Name == tenant)?.Flows.Contains(flow) != true) return NotFound();
        Name = flow;
        Graph = await Cluster.Call<IFlowGrain, FlowGraph?>(IFlowGrain.Key(tenant, flow), grain => grain.GetGraph());
        Drawing = Graph is null ? null : FlowLayout.Of(Graph);
        return Page();
    }
}
