using System.CommandLine;
using System.Globalization;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Silo.Cluster;
using IvrActors.Silo.Hosting;

namespace IvrActors.Silo.Commands;

/// <summary><c>ivr lockout list</c>, <c>ivr lockout unlock</c> and <c>ivr operator invite</c>.</summary>
internal static class OperatorCommands
{
    public static void AddTo(RootCommand root, Terminal terminal)
    {
        var lockout = new Command("lockout", "Locks of callers.");
        var list = new Command("list", "Prints the locks that are on: key, failures, since, until.");
        list.SetAction(terminal, (_, cluster, _) => ClusterConnection.Use(cluster, terminal, grains => List(grains, cluster, terminal)));
        var key = new Argument<string>("key") { Description = "As printed by list." };
        var reason = new Option<string>("--reason") { Description = "Why; goes into the audit record.", Required = true };
        var unlock = new Command("unlock", "Lifts a lock.") { key, reason };
        unlock.SetAction(terminal, (parsed, cluster, _) => ClusterConnection.Use(cluster, terminal, grains => Unlock(grains, parsed.GetRequiredValue(key), parsed.GetRequiredValue(reason), terminal)));
        lockout.Add(list);
        lockout.Add(unlock);
        root.Add(lockout);

        var operators = new Command("operator", "Operators of the dashboard.");
        var role = new Argument<string>("role") { Description = string.Join(", ", Roles.OfPersons) };
        role.AcceptOnlyFromAmong([.. Roles.OfPersons]);
        var invite = new Command("invite", "Prints a one-time link that makes a new operator; valid for 24 hours.") { role };
        invite.SetAction(terminal, (parsed, cluster, _) => ClusterConnection.Use(cluster, terminal, grains => Invite(grains, cluster, parsed.GetRequiredValue(role), terminal)));
        operators.Add(invite);
        root.Add(operators);
    }

    private static async Task<int> List(IGrainFactory grains, ClusterFile cluster, Terminal terminal)
    {
        foreach (var tenant in cluster.Tenants)
        {
            foreach (var summary in await grains.GetGrain<ILockoutDirectoryGrain>(ILockoutDirectoryGrain.Key(tenant.Name)).List())
            {
                var until = summary.Until == DateTimeOffset.MaxValue ? "until-enrolled-anew" : Time(summary.Until);
                await terminal.Output.WriteLineAsync($"{summary.LockoutKey} {summary.Failures} {Time(summary.Since)} {until}");
            }
        }
        return ExitCode.Done;
    }

    private static async Task<int> Unlock(IGrainFactory grains, string key, string reason, Terminal terminal)
    {
        var lifted = await grains.GetGrain<ILockoutGrain>(key).Unlock(reason);
        await terminal.Output.WriteLineAsync(lifted ? "unlocked" : "there was no lock");
        return lifted ? ExitCode.Done : ExitCode.Findings;
    }

    private static async Task<int> Invite(IGrainFactory grains, ClusterFile cluster, string role, Terminal terminal)
    {
        var secret = await grains.GetGrain<IOperatorDirectoryGrain>(IOperatorDirectoryGrain.Key).Invite(role);
        await terminal.Output.WriteLineAsync(Welcome.InvitationLink(cluster.Listeners.Dashboard, secret));
        return ExitCode.Done;
    }

    private static string Time(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);
}
