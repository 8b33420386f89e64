using IvrActors.Grains.Interfaces.Callers;

namespace IvrActors.Grains.Flows;

/// <summary>Something that happens on an exit of a step and that later steps rely on, and what undoes it.</summary>
internal sealed class PathEvent
{
    private readonly Func<FlowDocument, FlowStep, string, bool?> _effect;

    private PathEvent(Func<FlowDocument, FlowStep, string, bool?> effect) => _effect = effect;

    /// <summary>True: it happens on leaving <paramref name="step"/> by this exit. False: it is undone. Null: it stays as it was.</summary>
    public bool? Effect(FlowDocument document, FlowStep step, string exit) => _effect(document, step, exit);

    public static PathEvent Pin { get; } = new((document, step, exit) => Verified(document, step, exit, FactorKind.Pin));

    public static PathEvent Totp { get; } = new((document, step, exit) => Verified(document, step, exit, FactorKind.Totp));

    public static PathEvent AnyFactor { get; } = new((document, step, exit) => Verified(document, step, exit, null));

    public static PathEvent Facts { get; } = new((document, step, exit) =>
        step is FetchStep && exit == "next" ? true : ForgetsCaller(document, step) || BeginsAnew(step, exit) ? false : null);

    public static PathEvent Answered { get; } = new((_, step, exit) => step is AnswerStep || BeginsAnew(step, exit) ? true : null);

    /// <summary>The variable holds digits.</summary>
    public static PathEvent Collected(string variable) => new((_, step, exit) => step switch
    {
        CollectStep collect when collect.Variable.Value == variable => exit == "next",
        VerifyStep verify when verify.With.Value == variable => false,
        // Only what is carried over is there in the new call.
        CallBackStep back when BeginsAnew(step, exit) && !back.Carry.Any(name => name.Value == variable) => false,
        _ => null,
    });

    /// <summary>Whether this exit leads into another call, of which nothing is known yet.</summary>
    private static bool BeginsAnew(FlowStep step, string exit) => step is CallBackStep && exit == CallBackStep.ThenExit;

    private static bool? Verified(FlowDocument document, FlowStep step, string exit, FactorKind? factor) =>
        step is VerifyStep verify && exit == "accepted" && (factor is null || verify.Factor == factor) ? true : ForgetsCaller(document, step) || BeginsAnew(step, exit) ? false : null;

    private static bool ForgetsCaller(FlowDocument document, FlowStep step) => step is CollectStep collect && document.IsAccountVariable(collect.Variable.Value);
}

/// <summary>Questions about all paths of a flow. Names in it must be known to exist.</summary>
internal static class FlowPaths
{
    public static HashSet<string> ReachableFrom(FlowDocument document, string start)
    {
        var reached = new HashSet<string>(StringComparer.Ordinal) { start };
        var open = new Queue<string>([start]);
        while (open.TryDequeue(out var step))
            foreach (var exit in document.Find(step)!.Exits)
                if (reached.Add(exit.To.Value)) open.Enqueue(exit.To.Value);
        return reached;
    }

    /// <summary>Steps from which a step that ends the call can be reached.</summary>
    public static HashSet<string> LeadingToAnEnd(FlowDocument document)
    {
        var cameFrom = document.Steps.SelectMany(s => s.Exits.Select(e => (From: s.Name, e.To.Value))).ToLookup(e => e.Value, e => e.From, StringComparer.Ordinal);
        var found = document.Steps.Where(s => s is HangUpStep or TransferStep or CallBackStep).Select(s => s.Name).ToHashSet(StringComparer.Ordinal);
        var open = new Queue<string>(found);
        while (open.TryDequeue(out var step))
            foreach (var before in cameFrom[step])
                if (found.Add(before)) open.Enqueue(before);
        return found;
    }

    /// <summary>
    /// Loops that a caller who presses nothing can be caught in: asking steps are left by <c>failed</c>, the others by any exit.
    /// One for each set of steps that hang together.
    /// </summary>
    public static List<List<string>> LoopsOfASilentCaller(FlowDocument document)
    {
        var loops = new List<List<string>>();
        var done = new HashSet<string>(StringComparer.Ordinal);
        foreach (var start in document.Steps)
        {
            if (done.Contains(start.Name) || ShortestLoop(document, start.Name) is not { } loop) continue;
            loops.Add(loop);
            done.UnionWith(loop);
        }
        return loops;
    }

    private static List<string>? ShortestLoop(FlowDocument document, string start)
    {
        var before = new Dictionary<string, string>(StringComparer.Ordinal);
        var open = new Queue<string>([start]);
        while (open.TryDequeue(out var step))
        {
            foreach (var next in SilentExits(document.Find(step)!))
            {
                if (next == start) return Trace(before, start, step);
                if (before.TryAdd(next, step)) open.Enqueue(next);
            }
        }
        return null;
    }

    private static List<string> Trace(Dictionary<string, string> before, string start, string end)
    {
        var path = new List<string> { end };
        while (path[^1] != start) path.Add(before[path[^1]]);
        path.Reverse();
        return path;
    }

    private static IEnumerable<string> SilentExits(FlowStep step) => step is AskingStep asking ? [asking.Failed.Value] : step.Exits.Select(e => e.To.Value);

    /// <summary>A path from the start to <paramref name="goal"/> on which the event has not happened (or was undone) on arrival; null when there is none.</summary>
    public static List<string>? PathWithout(FlowDocument document, FlowStep goal, PathEvent pathEvent)
    {
        var first = (Step: document.Start.Value, Happened: false);
        var before = new Dictionary<(string Step, bool Happened), (string Step, bool Happened)?> { [first] = null };
        var open = new Queue<(string Step, bool Happened)>([first]);
        while (open.TryDequeue(out var at))
        {
            if (at.Step == goal.Name && !at.Happened)
            {
                var path = new List<string>();
                for ((string Step, bool Happened)? back = at; back is { } point; back = before[point]) path.Add(point.Step);
                path.Reverse();
                return path;
            }
            var step = document.Find(at.Step)!;
            foreach (var exit in step.Exits)
            {
                var next = (exit.To.Value, pathEvent.Effect(document, step, exit.Label) ?? at.Happened);
                if (before.TryAdd(next, at)) open.Enqueue(next);
            }
        }
        return null;
    }
}
