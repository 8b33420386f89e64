using System.CommandLine;
using IvrActors.Grains.Interfaces.Nodes;
using IvrActors.Silo.Cluster;

namespace IvrActors.Silo.Commands;

/// <summary><c>ivr drain</c>: has a node hand on its calls and end, and shows how far it is.</summary>
internal static class DrainCommand
{
    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(300);

    /// <summary>An order in memory may be lost with the silo that had it: it is given again to a node that serves on.</summary>
    private static readonly TimeSpan s_unheard = TimeSpan.FromSeconds(5);

    /// <summary>A node that drained and of which nobody has heard for so long has ended: its last word was lost.</summary>
    private static readonly TimeSpan s_silence = TimeSpan.FromSeconds(15);

    /// <summary>What a process may take to end that has no call left.</summary>
    private static readonly TimeSpan s_end = TimeSpan.FromMinutes(2);

    public static void AddTo(RootCommand root, Terminal terminal)
    {
        var name = new Argument<string?>("name") { Description = "The node; without it the one of --node.", Arity = ArgumentArity.ZeroOrOne };
        var deadline = EdgeCommands.Time("--deadline", EdgeCommands.UsualDeadline, "Calls that an edge still has then are ended; those that a silo controls go on at others at once.");
        var drain = new Command("drain", "Has a node take nothing new, hand on the calls that it has, and end; waits for that.") { name, deadline };
        drain.SetAction(terminal, async (parsed, cluster, cancellation) =>
        {
            var node = parsed.GetValue(name) ?? (CommandLine.NamesNode(parsed) || cluster.Nodes.Count == 1 ? cluster.Node.Name : null);
            if (node is not null && cluster.Nodes.Any(one => one.Name == node))
                return await ClusterConnection.Use(cluster, terminal, grains => Drain(grains.GetGrain<INodeGrain>(INodeGrain.Key(node)), node, parsed.GetRequiredValue(deadline), terminal, cancellation));
            await terminal.Error.WriteLineAsync("Which node is to end? One of " + string.Join(", ", cluster.Nodes.Select(one => one.Name)));
            return ExitCode.Usage;
        });
        root.Add(drain);
    }

    private static async Task<int> Drain(INodeGrain node, string name, TimeSpan deadline, Terminal terminal, CancellationToken cancellation)
    {
        var until = DateTimeOffset.UtcNow + deadline;
        if (await node.GetReport() is not { State: not NodeState.Ended, Run: var run } || !await node.Drain(until))
        {
            await terminal.Error.WriteLineAsync($"No node of the name {name} reported lately.");
            return ExitCode.Findings;
        }
        var (asked, heard) = (DateTimeOffset.UtcNow, DateTimeOffset.UtcNow);
        for (var shown = ""; DateTimeOffset.UtcNow < until + s_end;)
        {
            var report = await Look(node);
            // Another run is the next process: the one that was to end has ended.
            if (report is not null) heard = DateTimeOffset.UtcNow;
            if (report is { State: NodeState.Ended } || (report is not null && report.Run != run) || (shown.Length > 0 && DateTimeOffset.UtcNow - heard > s_silence))
            {
                await terminal.Output.WriteLineAsync($"{name} has ended");
                return ExitCode.Done;
            }
            if (report is { State: NodeState.Serving } && DateTimeOffset.UtcNow - asked > s_unheard)
            {
                await node.Drain(until);
                asked = DateTimeOffset.UtcNow;
            }
            if (report is { State: NodeState.Draining } && Progress(name, report) is var progress && progress != shown) await terminal.Output.WriteLineAsync(shown = progress);
            await Task.Delay(s_look, cancellation);
        }
        await terminal.Error.WriteLineAsync($"{name} has not ended.");
        return ExitCode.Findings;
    }

    /// <summary>Null while nobody can say: the silo that is asked may be the one that leaves.</summary>
    private static async Task<NodeReport?> Look(INodeGrain node)
    {
        try
        {
            return await node.GetReport().WaitAsync(s_unheard);
        }
        catch (Exception e) when (e is OrleansException or TimeoutException)
        {
            return null;
        }
    }

    private static string Progress(string name, NodeReport report) => $"{name} drains: {report.Calls} calls at its edge, {report.CallGrains} controlled by its silo";
}
