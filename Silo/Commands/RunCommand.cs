using System.CommandLine;
using IvrActors.Silo.Cluster;
using IvrActors.Silo.Hosting;

namespace IvrActors.Silo.Commands;

/// <summary><c>ivr run</c>, which is also what no verb means.</summary>
internal static class RunCommand
{
    public static void AddTo(RootCommand root, Terminal terminal)
    {
        var level = new Option<string?>("--log-level") { Description = "Overrides 'log' of cluster.yaml: trace, debug, information, warning, error, critical." };
        level.AcceptOnlyFromAmong("trace", "debug", "information", "warning", "error", "critical");
        var quiet = new Option<bool>("--quiet") { Description = "Print nothing on standard output." };
        var run = new Command("run", "Runs this node until it is asked to end (SIGTERM, SIGINT).") { level, quiet };
        foreach (var command in new[] { root, run })
            command.SetAction(terminal, (parsed, cluster, _) => Run(parsed, cluster, LevelOf(parsed.GetValue(level), cluster), parsed.GetValue(quiet), terminal));
        root.Add(level);
        root.Add(quiet);
        root.Add(run);
    }

    private static LogLevel LevelOf(string? text, ClusterFile cluster) => text is not null && ClusterFileReader.TryParseLevel(text, out var level) ? level : cluster.LogLevel;

    private static async Task<int> Run(ParseResult parsed, ClusterFile cluster, LogLevel level, bool quiet, Terminal terminal)
    {
        if (cluster.Nodes.Count > 1 && !CommandLine.NamesNode(parsed))
        {
            await terminal.Error.WriteLineAsync("This cluster has several nodes. Which one is this? --node, one of " + string.Join(", ", cluster.Nodes.Select(node => node.Name)));
            return ExitCode.Usage;
        }
        var refused = await Serve(cluster, level, quiet, terminal);
        // Below what the host logs of its own end, where it is seen.
        foreach (var reason in refused) await terminal.Error.WriteLineAsync(reason);
        return refused.Count == 0 ? ExitCode.Done : ExitCode.Unusable;
    }

    /// <summary>Until the process is asked to end; says why it could not begin, and nothing when it did.</summary>
    private static async Task<IReadOnlyList<string>> Serve(ClusterFile cluster, LogLevel level, bool quiet, Terminal terminal)
    {
        await using var process = IvrProcess.Create(cluster, level);
        try
        {
            await process.Start();
        }
        catch (Exception) when (process.IsStopping)
        {
            return []; // Ended while it waited for the silos.
        }
        catch (IOException e)
        {
            return ["A listener could not be opened: " + e.Message]; // Kestrel's message names the address.
        }
        catch (System.Net.Sockets.SocketException e)
        {
            return [$"A listener could not be opened: {e.Message}. Does another process use a port of {cluster.Path}?"];
        }
        if (process.Opening is { FlowErrors: { Count: > 0 } errors })
        {
            await process.Stop();
            return errors;
        }
        if (!quiet) Welcome.Print(terminal.Output, cluster, process.Addresses, process.Opening);
        return await process.WaitForShutdown() is { } failure ? [failure] : [];
    }
}
