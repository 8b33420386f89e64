using System.CommandLine;
using IvrActors.Silo.Cluster;
using IvrActors.Silo.Hosting;
using IvrActors.Silo.Storage;

namespace IvrActors.Silo.Commands;

/// <summary><c>ivr caller</c> and <c>ivr demo code</c>.</summary>
internal static class CallerCommands
{
    public static void AddTo(RootCommand root, Terminal terminal)
    {
        var caller = new Command("caller", "Callers.");
        caller.Add(ImportCommand.Create(terminal));
        caller.Add(BindingCommands.Rebind(terminal));
        caller.Add(BindingCommands.RecoveryCodes(terminal));
        caller.Add(DeviceCommands.Link(terminal));
        caller.Add(RecordingCommands.Erase(terminal));
        root.Add(caller);

        var demo = new Command("demo", "Demo callers of a development cluster.");
        var account = new Argument<string>("account") { Description = "The account number that was printed at start." };
        var code = new Command("code", "Prints the one-time code that is valid now.") { account };
        code.SetAction(terminal, (parsed, cluster, _) => Task.FromResult(Code(cluster, parsed.GetRequiredValue(account), terminal)));
        demo.Add(code);
        root.Add(demo);
    }

    private static int Code(ClusterFile cluster, string account, Terminal terminal)
    {
        if (!cluster.Development || cluster.DemoCallers == 0)
        {
            terminal.Error.WriteLine("This cluster has no demo callers.");
            return ExitCode.Findings;
        }
        using var vault = ClusterVault.OpenExisting(cluster, DateTimeOffset.UtcNow);
        if (DemoCallers.Open(vault.Ring, cluster.DemoCallers).All.FirstOrDefault(c => c.Account == account) is not { } caller)
        {
            terminal.Error.WriteLine("No demo caller has this account.");
            return ExitCode.Findings;
        }
        terminal.Output.WriteLine(caller.CodeAt(DateTimeOffset.UtcNow));
        return ExitCode.Done;
    }
}
