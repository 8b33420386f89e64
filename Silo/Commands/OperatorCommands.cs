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
        var list = new Command("list", "Prints the locks that are on: key, failures, since, until; and who asked for an unlock, until when another can confirm.");
        list.SetAction(terminal, (_, cluster, _) => ClusterConnection.Use(cluster, terminal, grains => List(grains, cluster, terminal)));
        var key = new Argument<string>("key") { Description = "As printed by list." };
        var reason = new Option<string>("--reason") { Description = "Why; goes into the audit record.", Required = true };
        var unlock = new Command("unlock", "Asks for a lock to be lifted, or confirms what another operator asked for within a quarter of an hour. It takes two.") { key, reason };
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
                await terminal.Output.WriteLineAsync($"{summary.LockoutKey} {summary.Failures} {Time(summary.Since)} {until}{AskedOf(summary)}");
            }
        }
        return ExitCode.Done;
    }

    private static async Task<int> Unlock(IGrainFactory grains, string key, string reason, Terminal terminal)
    {
        var result = await grains.GetGrain<ILockoutGrain>(key).Approve(reason);
        await terminal.Output.WriteLineAsync(result.Outcome switch
        {
            UnlockOutcome.Lifted => "unlocked",
            UnlockOutcome.Asked => $"asked: another operator must confirm, at the dashboard under Lockouts, before {Time(result.ConfirmBefore ?? default)}",
            UnlockOutcome.SamePerson => $"asked for from the command line before: another operator must confirm, at the dashboard under Lockouts, before {Time(result.ConfirmBefore ?? default)}",
            UnlockOutcome.Disabled => "disabled: the caller must be enrolled anew",
            _ => "there was no lock",
        });
        return result.Outcome is UnlockOutcome.Lifted or UnlockOutcome.Asked ? ExitCode.Done : ExitCode.Findings;
    }

    private static string AskedOf(LockoutSummary summary) => summary is { AskedBy: { } by, ConfirmBefore: { } before } && before > DateTimeOffset.UtcNow ? $" asked-by={by} until {Time(before)}" : "";

    private static async Task<int> Invite(IGrainFactory grains, ClusterFile cluster, string role, Terminal terminal)
    {
        var secret = await grains.GetGrain<IOperatorDirectoryGrain>(IOperatorDirectoryGrain.Key).Invite(role);
        await terminal.Output.WriteLineAsync(Welcome.InvitationLink(cluster.DashboardAddress ?? cluster.Listeners.Dashboard, secret));
        return ExitCode.Done;
    }

    private static string Time(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);
}
