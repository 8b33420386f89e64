using System.CommandLine;
using IvrActors.Edge.Media;
using IvrActors.Edge.Speech;
using IvrActors.Grains.Flows;
using IvrActors.Silo.Cluster;
using IvrActors.Silo.Delivery;

namespace IvrActors.Silo.Commands;

/// <summary><c>ivr check</c>: reads cluster.yaml and the flows, and starts, opens and writes nothing.</summary>
internal static class CheckCommand
{
    public static void AddTo(RootCommand root, Terminal terminal)
    {
        var flows = new Argument<string[]>("flows") { Description = "Flow files; without any, all of the cluster's.", Arity = ArgumentArity.ZeroOrMore };
        var check = new Command("check", "Checks cluster.yaml and the flows. Prints every finding as FILE:LINE:COLUMN: what. Exit code 1 when there is one.") { flows };
        check.SetAction((parsed, cancellation) => Check(parsed, parsed.GetValue(flows) ?? [], terminal, cancellation));
        root.Add(check);
    }

    private static async Task<int> Check(ParseResult parsed, string[] flows, Terminal terminal, CancellationToken cancellation)
    {
        if (CommandLine.ClusterOf(parsed, terminal) is not { } cluster) return ExitCode.Findings;
        if (MissingSecret(cluster) is { } missing)
        {
            await terminal.Error.WriteLineAsync(missing);
            return ExitCode.Findings;
        }
        if (flows.Length == 0) flows = [.. FilesOf(cluster)];
        var errors = await FlowCheck.Files(flows, Catalogue(cluster), Transfers(cluster), cancellation);
        foreach (var finding in errors) await terminal.Error.WriteLineAsync(finding.ToString());
        if (errors.Count > 0) return ExitCode.Findings;
        if (cluster.Recordings is null) await Warn(flows, terminal, cancellation);
        await terminal.Output.WriteLineAsync($"{CommandLine.ClusterPathOf(parsed)} and {flows.Length} flows are right");
        return ExitCode.Done;
    }

    /// <summary>What is right and does not do what it looks like.</summary>
    private static async Task Warn(string[] flows, Terminal terminal, CancellationToken cancellation)
    {
        foreach (var path in flows)
        {
            foreach (var warning in FlowCheck.RecordsNowhere(path, await File.ReadAllTextAsync(path, cancellation))) await terminal.Error.WriteLineAsync(warning.ToString());
        }
    }

    /// <summary>Reads what the start of this node would read, and keeps none of it.</summary>
    private static string? MissingSecret(ClusterFile cluster)
    {
        try
        {
            cluster.Speech.Token?.Read().Dispose();
            if (cluster.Node.Roles.HasFlag(NodeRoles.Silo)) ReadSecretsOfSilo(cluster);
            if (!cluster.Node.Roles.HasFlag(NodeRoles.Edge)) return null;
            foreach (var trunk in cluster.Tenants.SelectMany(tenant => tenant.Trunks)) trunk.ToEdge("").Outbound?.Password?.Dispose();
            return null;
        }
        catch (MissingSecretException e)
        {
            return e.Message;
        }
    }

    private static void ReadSecretsOfSilo(ClusterFile cluster)
    {
        if (cluster.Storage is PostgresSettings postgres) postgres.Password.Read().Dispose();
        foreach (var secret in cluster.Certificates.KeyRing.Secrets) secret.Read().Dispose();
        DeliveryServices.Check(cluster.Delivery);
    }

    /// <summary>What can be spoken; nothing is rendered here.</summary>
    public static PromptStore Catalogue(ClusterFile cluster) =>
        new(cluster.PromptFolder, new SpeechRenderer(new SpeechOptions { Engine = cluster.Speech.Engine, Address = cluster.Speech.Address }, cluster.RenderedFolder, TimeProvider.System));

    /// <summary>What any tenant may transfer to: a flow file does not say whose it is. Publishing checks it against its own.</summary>
    public static TransferPlan Transfers(ClusterFile cluster)
    {
        var plans = cluster.ToPolicy().Tenants.Values.Select(TransferPlan.Of).ToList();
        return new TransferPlan
        {
            Targets = plans.SelectMany(plan => plan.Targets).DistinctBy(target => target.Key).ToDictionary(StringComparer.Ordinal),
            Trunks = [.. plans.SelectMany(plan => plan.Trunks)],
            CallsOut = plans.Exists(plan => plan.CallsOut),
        };
    }

    // Files that a number names come even when they are missing: that is a finding.
    private static SortedSet<string> FilesOf(ClusterFile cluster)
    {
        var files = new SortedSet<string>(cluster.Tenants.SelectMany(t => t.Numbers.Values).Select(flow => Path.Combine(cluster.FlowFolder, flow + ".yaml")), StringComparer.Ordinal);
        if (Directory.Exists(cluster.FlowFolder)) files.UnionWith(Directory.EnumerateFiles(cluster.FlowFolder, "*.yaml"));
        return files;
    }
}
