using System.CommandLine;
using System.Globalization;
using IvrActors.Grains.Interfaces.Edges;

namespace IvrActors.Silo.Commands;

/// <summary><c>ivr edge list</c>, <c>drain</c> and <c>undrain</c>; <c>ivr blocks list</c>, <c>add</c> and <c>remove</c>.</summary>
internal static class EdgeCommands
{
    /// <summary>Most callers are done by then.</summary>
    internal const string UsualDeadline = "30m";

    private const string UsualBlock = "1h";

    public static void AddTo(RootCommand root, Terminal terminal)
    {
        root.Add(Edges(terminal));
        root.Add(Blocks(terminal));
    }

    private static Command Edges(Terminal terminal)
    {
        var edge = new Command("edge", "Edges: the nodes that speak SIP.");
        var list = new Command("list", "Prints the edges that reported lately: name, calls, state, pressure, share of new calls that is let in.");
        list.SetAction(terminal, (_, cluster, _) => ClusterConnection.Use(cluster, terminal, grains => List(grains, terminal)));
        var name = new Argument<string>("name") { Description = "As printed by list." };
        var deadline = Time("--deadline", UsualDeadline, "Calls that are left then are ended.");
        var drain = new Command("drain", "Has an edge take no new calls and go on with those that it has.") { name, deadline };
        drain.SetAction(terminal, (parsed, cluster, _) =>
            ClusterConnection.Use(cluster, terminal, grains => Drain(grains, parsed.GetRequiredValue(name), parsed.GetRequiredValue(deadline), terminal)));
        var undrain = new Command("undrain", "Has it take calls again.") { name };
        undrain.SetAction(terminal, (parsed, cluster, _) => ClusterConnection.Use(cluster, terminal, grains => Undrain(grains, parsed.GetRequiredValue(name), terminal)));
        edge.Add(list);
        edge.Add(drain);
        edge.Add(undrain);
        return edge;
    }

    private static Command Blocks(Terminal terminal)
    {
        var blocks = new Command("blocks", "Sources that no edge listens to.");
        var list = new Command("list", "Prints the blocks that are on: source, reason, since, until, whether proven, who decided it.");
        list.SetAction(terminal, (_, cluster, _) => ClusterConnection.Use(cluster, terminal, grains => ListBlocks(grains, terminal)));
        var source = new Argument<string>("source") { Description = "An IPv4 address, or an IPv6 address, which stands for its /64." };
        var time = Time("--for", UsualBlock, "How long, at most 30d.");
        var reason = new Option<string>("--reason") { Description = "Why; goes into the audit record.", Required = true };
        var add = new Command("add", "Blocks a source at every edge, also one of a trunk.") { source, time, reason };
        add.SetAction(terminal, (parsed, cluster, _) =>
            ClusterConnection.Use(cluster, terminal, grains => Block(grains, parsed.GetRequiredValue(source), parsed.GetRequiredValue(time), parsed.GetRequiredValue(reason), terminal)));
        var remove = new Command("remove", "Ends a block at every edge.") { source, reason };
        remove.SetAction(terminal, (parsed, cluster, _) => ClusterConnection.Use(cluster, terminal, grains => Unblock(grains, parsed.GetRequiredValue(source), parsed.GetRequiredValue(reason), terminal)));
        blocks.Add(list);
        blocks.Add(add);
        blocks.Add(remove);
        return blocks;
    }

    internal static Option<TimeSpan> Time(string name, string usual, string description) => new(name)
    {
        Description = $"{description} Such as 90s, 30m or 1d.",
        DefaultValueFactory = _ => Parsed(usual)!.Value,
        CustomParser = result =>
        {
            if (Parsed(result.Tokens[0].Value) is { } time) return time;
            result.AddError($"{name} wants a time such as 90s, 30m, 1h or 7d");
            return default;
        },
        HelpName = "TIME",
    };

    private static TimeSpan? Parsed(string text) => Cluster.YamlMap.TryParseTime(text, out var time) ? time : null;

    private static async Task<int> List(IGrainFactory grains, Terminal terminal)
    {
        foreach (var name in await grains.GetGrain<IEdgeDirectoryGrain>(IEdgeDirectoryGrain.Key).List())
        {
            if (await grains.GetGrain<IEdgeGrain>(IEdgeGrain.Key(name)).GetReport() is not { } report) continue;
            await terminal.Output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"{name} calls={report.ActiveCalls} {NameOf(report.Drain)} pressure={report.Pressure:F2} accepted={report.Accepted:P0}").Replace(" %", "%", StringComparison.Ordinal));
        }
        return ExitCode.Done;
    }

    private static async Task<int> Drain(IGrainFactory grains, string name, TimeSpan deadline, Terminal terminal)
    {
        if (!(await grains.GetGrain<IEdgeDirectoryGrain>(IEdgeDirectoryGrain.Key).List()).Contains(name))
        {
            await terminal.Error.WriteLineAsync($"No edge of the name {name} reported lately. See: ivr edge list");
            return ExitCode.Findings;
        }
        var until = DateTimeOffset.UtcNow + deadline;
        await grains.GetGrain<IEdgeGrain>(IEdgeGrain.Key(name)).Drain(until);
        await terminal.Output.WriteLineAsync($"{name} drains; calls that are left at {At(until)} are ended");
        return ExitCode.Done;
    }

    private static async Task<int> Undrain(IGrainFactory grains, string name, Terminal terminal)
    {
        var done = await grains.GetGrain<IEdgeGrain>(IEdgeGrain.Key(name)).Undrain();
        await terminal.Output.WriteLineAsync(done ? $"{name} takes calls again" : $"{name} was not asked to drain");
        return done ? ExitCode.Done : ExitCode.Findings;
    }

    private static async Task<int> ListBlocks(IGrainFactory grains, Terminal terminal)
    {
        foreach (var block in await grains.GetGrain<IBlockListGrain>(IBlockListGrain.Key).List())
            await terminal.Output.WriteLineAsync($"{block.Source} {block.Reason} {At(block.At)} {At(block.Until)} {(block.Proven ? "proven" : "unproven")} {block.By}");
        return ExitCode.Done;
    }

    private static async Task<int> Block(IGrainFactory grains, string source, TimeSpan time, string reason, Terminal terminal)
    {
        if (!await grains.GetGrain<IBlockListGrain>(IBlockListGrain.Key).Add(source, time, reason))
        {
            await terminal.Error.WriteLineAsync($"{source} is no source: an IPv4 address, or an IPv6 address, which stands for its /64");
            return ExitCode.Usage;
        }
        await terminal.Output.WriteLineAsync("blocked; every edge knows it within some seconds");
        return ExitCode.Done;
    }

    private static async Task<int> Unblock(IGrainFactory grains, string source, string reason, Terminal terminal)
    {
        var done = await grains.GetGrain<IBlockListGrain>(IBlockListGrain.Key).Remove(source, reason);
        await terminal.Output.WriteLineAsync(done ? "unblocked" : "there was no block");
        return done ? ExitCode.Done : ExitCode.Findings;
    }

    private static string NameOf(EdgeDrain drain) => drain switch { EdgeDrain.Draining => "draining", EdgeDrain.Drained => "drained", _ => "serving" };

    private static string At(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);
}
