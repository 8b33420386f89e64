using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Silo.Cluster;

namespace IvrActors.Silo.Commands;

/// <summary><c>ivr risk list</c> and <c>ivr risk lift</c>.</summary>
internal static class RiskCommands
{
    public static void AddTo(RootCommand root, Terminal terminal)
    {
        var risk = new Command("risk", "What looks like fraud, and who is kept out for it.");
        var list = new Command("list", "Prints the signs that count still: tenant, subject, reason, count, when seen last; and until when the subject is blocked.");
        list.SetAction(terminal, (_, cluster, _) => ClusterConnection.Use(cluster, terminal, grains => List(grains, cluster, terminal)));
        var tenant = new Argument<string>("tenant") { Description = "As printed by list." };
        var subject = new Argument<string>("subject") { Description = "As printed by list." };
        var reason = new Option<string>("--reason") { Description = "Why; goes into the audit record.", Required = true };
        var lift = new Command("lift", "Forgets what is known against a subject and ends its block; for ten minutes it is not blocked again.") { tenant, subject, reason };
        lift.SetAction(terminal, (parsed, cluster, _) =>
        {
            var (name, of, why) = (parsed.GetRequiredValue(tenant), parsed.GetRequiredValue(subject), parsed.GetRequiredValue(reason));
            return ClusterConnection.Use(cluster, terminal, grains => Lift(grains, cluster, name, of, why, terminal));
        });
        risk.Add(list);
        risk.Add(lift);
        root.Add(risk);
    }

    private static async Task<int> List(IGrainFactory grains, ClusterFile cluster, Terminal terminal)
    {
        foreach (var tenant in cluster.Tenants)
        {
            foreach (var sign in await GrainOf(grains, tenant.Name).List())
            {
                var blocked = sign.BlockedUntil is { } until ? $" blocked until {At(until)}" : "";
                await terminal.Output.WriteLineAsync($"{tenant.Name} {sign.Subject} {NameOf(sign.Reason)} {sign.Count} {At(sign.At)}{blocked}");
            }
        }
        return ExitCode.Done;
    }

    private static async Task<int> Lift(IGrainFactory grains, ClusterFile cluster, string tenant, string subject, string reason, Terminal terminal)
    {
        if (!cluster.Tenants.Any(known => known.Name == tenant))
        {
            await terminal.Error.WriteLineAsync($"No tenant has the name {tenant}. See: ivr risk list");
            return ExitCode.Findings;
        }
        var done = await GrainOf(grains, tenant).Lift(subject, reason);
        await terminal.Output.WriteLineAsync(done ? "lifted; every silo knows it within some seconds" : "nothing was known against it");
        return done ? ExitCode.Done : ExitCode.Findings;
    }

    private static IRiskTenantGrain GrainOf(IGrainFactory grains, string tenant) => grains.GetGrain<IRiskTenantGrain>(IRiskTenantGrain.Key(tenant));

    /// <summary>As in audit records and metrics.</summary>
    private static string NameOf(RiskReason reason) => JsonNamingPolicy.KebabCaseLower.ConvertName(reason.ToString());

    private static string At(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);
}
