using Prometheus;

namespace IvrActors.Grains.Edges;

internal static class EdgeLifeMetrics
{
    public static readonly Counter Lost = Metrics.CreateCounter("ivr_edges_lost_total", "Edges that fell silent and were taken for gone.");
}
