using System.CommandLine;
using IvrActors.Silo.Cluster;
using IvrActors.Silo.Storage;

namespace IvrActors.Silo.Commands;

/// <summary><c>ivr keys pepper</c>.</summary>
internal static class KeyCommands
{
    public static void AddTo(RootCommand root, Terminal terminal)
    {
        var keys = new Command("keys", "Keys of the cluster.");
        var pepper = new Command("pepper", "Makes a new pepper for PINs. Each PIN is hashed under it when it is right next; back up the key folder before silos start with it.");
        pepper.SetAction(terminal, (_, cluster, _) => Task.FromResult(AddPepper(cluster, terminal)));
        keys.Add(pepper);
        root.Add(keys);
    }

    private static int AddPepper(ClusterFile cluster, Terminal terminal)
    {
        using var vault = ClusterVault.OpenExisting(cluster, DateTimeOffset.UtcNow);
        terminal.Output.WriteLine($"pepper {ClusterKeys.AddPepper(vault.Ring)}: silos use it from their next start. Restart all of them: one that does not know it cannot check the PINs that others hashed under it.");
        return ExitCode.Done;
    }
}
