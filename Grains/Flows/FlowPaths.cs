using IvrActors.Grains.Interfaces.Callers;

namespace IvrActors.Grains.Flows;

/// <summary>Something that happens on an exit of a step and that later steps rely on, and what undoes it.</summary>
internal sealed class PathEvent
{
    private readonly Func<FlowDocument, FlowStep, string, bool?> _effect;

    private PathEvent(Func<FlowDocument, FlowStep, string, bool?> effect) => _effect = effect;

    /// <summary>True: it happens on leaving <paramref name="step"/> by this exit. False: it is undone. Null: it stays as it was.</summary>
    public bool? Effect(FlowDocument document, FlowStep step, string exit) => _effect(document, step, exit);

    /// <summary>What must happen on every path for an assurance: by an authenticate step that reaches it, or by verify steps.</summary>
    public static IEnumerable<(PathEvent Event, string What)> Reaching(Assurance wanted) => wanted == Assurance.Low
        ? [(Proving(wanted, null), "no factor is verified")]
        : [(Proving(wanted, FactorKind.Pin), "pin is not verified"), (Proving(wanted, FactorKind.Totp), "totp is not verified")];

    /// <summary>Something was proven of the caller, however little: a right PIN that has expired leads on by <c>must_change</c>.</summary>
    public static PathEvent SomethingProven { get; } = new((document, step, exit) =>
        (step is AuthenticateStep && exit is "reached" or "must_change") || (step is VerifyStep && exit is "accepted") ? true : Undone(document, step, exit));

    /// <summary>The PIN was right, whether or not that was enough: what would be more is asked for only after it.</summary>
    public static PathEvent Pin { get; } = new((document, step, exit) =>
        (step is AuthenticateStep && exit is "reached" or "unreachable") || (step is VerifyStep { Factor: FactorKind.Pin } && exit is "accepted") ? true : Undone(document, step, exit));

    private static PathEvent Proving(Assurance wanted, FactorKind? factor) => new((document, step, exit) =>
        (step is AuthenticateStep authenticate && exit == "reached" && authenticate.Wanted >= wanted)
        || (step is VerifyStep verify && exit == "accepted" && (factor is null || verify.Factor == factor)) ? true : Undone(document, step, exit));

    public static PathEvent Facts { get; } = new((document, step, exit) =>
        step is FetchStep && exit == "next" ? true : Undone(document, step, exit));

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

    /// <summary>Whoever is calling now, it is not known to be who was proven before.</summary>
    private static bool? Undone(FlowDocument document, FlowStep step, string exit) => ForgetsCaller(document, step) || BeginsAnew(step, exit) ? false : null;

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
    /// Loops that a caller who presses nothing can be caught in: steps that ask are left by what silence leads to, the others by any exit.
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

    // An authenticate step may have nothing left to ask: then it goes on by itself, so all of its exits count.
    private static IEnumerable<string> SilentExits(FlowStep step) => step switch
    {
        AskingStep asking => [asking.Failed.Value],
        SetPinStep setPin => [setPin.Failed.Value],
        _ => step.Exits.Select(e => e.To.Value),
    };

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
