using System.CommandLine;
using IvrActors.Grains.Flows;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Silo.Cluster;

namespace IvrActors.Silo.Commands;

/// <summary><c>ivr simulate</c>: plays a flow in the terminal, on the interpreter that calls run on.</summary>
internal static class SimulateCommand
{
    public static void AddTo(RootCommand root, Terminal terminal)
    {
        var flow = new Argument<string>("flow") { Description = "A flow file." };
        var attestation = new Option<Attestation>("--attestation") { Description = "What the calling number is attested by." };
        var device = new Option<bool>("--device") { Description = "The caller has a registered device, and is asked for its approval first." };
        var simulate = new Command("simulate", "Plays a flow in the terminal: type keys and Enter. Nothing is called or stored.") { flow, attestation, device };
        simulate.SetAction(terminal, (parsed, cluster, cancellation) => Simulate(parsed.GetRequiredValue(flow), parsed.GetValue(attestation), parsed.GetValue(device), cluster, terminal, cancellation));
        root.Add(simulate);
    }

    private static async Task<int> Simulate(string file, Attestation attestation, bool device, ClusterFile cluster, Terminal terminal, CancellationToken cancellation)
    {
        if (!File.Exists(file))
        {
            await terminal.Error.WriteLineAsync($"{file}:1:1: there is no such file");
            return ExitCode.Findings;
        }
        var parsed = FlowCheck.Text(file, await File.ReadAllTextAsync(file, cancellation), CheckCommand.Catalogue(cluster), CheckCommand.Transfers(cluster));
        if (parsed.Document is not { } document)
        {
            foreach (var finding in parsed.Errors) await terminal.Error.WriteLineAsync(finding.ToString());
            return ExitCode.Findings;
        }
        await FlowSimulator.Run(document, [new SimulatedCaller { DeviceNumber = device ? "2468" : null }], terminal.Input, terminal.Output, await PromptTexts(cluster, cancellation), attestation);
        return ExitCode.Done;
    }

    /// <summary>What recorded prompts say, by id: the first two columns of the list that the recordings are made from.</summary>
    private static async Task<Dictionary<string, string>> PromptTexts(ClusterFile cluster, CancellationToken cancellation)
    {
        var texts = new Dictionary<string, string>(StringComparer.Ordinal);
        var list = Path.Combine(cluster.PromptFolder, "en", "prompts.tsv");
        if (!File.Exists(list)) return texts;
        foreach (var columns in (await File.ReadAllLinesAsync(list, cancellation)).Select(line => line.Split('\t')))
        {
            if (columns.Length >= 2 && !columns[0].StartsWith('#')) texts[columns[0]] = columns[1];
        }
        return texts;
    }
}
