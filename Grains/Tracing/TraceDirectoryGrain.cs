using IvrActors.Grains.Interfaces.Edges;
using IvrActors.Grains.Interfaces.Tracing;
using Microsoft.Extensions.Logging;
using Orleans.Concurrency;

namespace IvrActors.Grains.Tracing;

/// <summary>Which traces run, in memory: if it is lost they end. Reentrant, so that an edge that is slow to hear of one does not hold up the others' reports.</summary>
[Reentrant]
internal sealed partial class TraceDirectoryGrain(TimeProvider time, ILogger<TraceDirectoryGrain> logger) : Grain, ITraceDirectoryGrain
{
    private readonly Dictionary<string, (TraceOrder Order, long Since)> _active = new(StringComparer.Ordinal);

    public async Task<List<string>?> Add(TraceOrder order)
    {
        if (Current().Count >= TraceRules.MostTraces) return null;
        _active[order.Id] = (order, time.GetTimestamp());
        return await TellEdges();
    }

    public async Task Remove(string id)
    {
        if (_active.Remove(id)) await TellEdges();
    }

    public Task<List<TraceOrder>> Active() => Task.FromResult(Current());

    private List<TraceOrder> Current()
    {
        var orders = new List<TraceOrder>(_active.Count);
        foreach (var (id, (order, since)) in _active.ToArray())
        {
            var left = order.Left - time.GetElapsedTime(since);
            if (left <= TimeSpan.Zero) _active.Remove(id);
            else orders.Add(new TraceOrder { Id = id, Filter = order.Filter, Left = left });
        }
        TraceMetrics.Active.Set(orders.Count);
        return orders;
    }

    private async Task<List<string>> TellEdges()
    {
        var edges = await GrainFactory.GetGrain<IEdgeDirectoryGrain>(IEdgeDirectoryGrain.Key).List();
        var told = await Task.WhenAll(edges.Select(Tell));
        return [.. edges.Where((_, i) => told[i])];
    }

    private async Task<bool> Tell(string edge)
    {
        try
        {
            return await GrainFactory.GetGrain<IEdgeGrain>(IEdgeGrain.Key(edge)).Trace(Current());
        }
        catch (Exception e)
        {
            // It hears of it with its next report.
            LogUntold(edge, e.GetType().Name);
            return false;
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "edge {Edge} was not told of a trace ({Failure})")]
    private partial void LogUntold(string edge, string failure);
}
