using IvrActors.Grains.Interfaces.Flows;

namespace IvrActors.Grains.Flows;

/// <summary>A flow as steps and edges to draw.</summary>
public static class FlowGraphs
{
    public static FlowGraph Of(FlowDocument document) => new()
    {
        Flow = document.Flow.Value,
        Version = document.Version,
        Steps = [.. document.Steps.Select(s => new FlowGraphStep { Name = s.Name, Kind = s.Kind, Secret = HandlesSecret(s) })],
        Edges = [.. document.Steps.SelectMany(s => s.Exits.Select(e => new FlowGraphEdge { From = s.Name, To = e.To.Value, Label = e.Label }))],
    };

    private static bool HandlesSecret(FlowStep step) =>
        step is CollectStep { Secret: true } or AuthenticateStep or SetPinStep or VerifyStep or FetchStep || step.Speech.Any(p => p is AmountPart or TransactionsPart);
}
