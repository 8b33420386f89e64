using System.CommandLine;
using IvrActors.Grains.Interfaces.Callers;

namespace IvrActors.Silo.Commands;

/// <summary><c>ivr caller device-link</c>.</summary>
internal static class DeviceCommands
{
    public static Command Link(Terminal terminal)
    {
        var tenant = new Option<string>("--tenant") { Description = "Whose caller.", Required = true };
        var account = new Option<string>("--account") { Description = "The account.", Required = true };
        var link = new Command("device-link", "Makes a link by which the caller registers a device, once and within a day. Hand it over where you know whom you give it to.") { tenant, account };
        link.SetAction(terminal, (parsed, cluster, _) => ClusterConnection.Use(cluster, terminal, async grains =>
        {
            var whose = parsed.GetRequiredValue(tenant);
            var made = await BindingCommands.KeyOf(grains, whose, parsed.GetRequiredValue(account)) is { } caller
                ? await grains.GetGrain<ICallerGrain>(caller.Value).MakeDeviceLink(whose)
                : new DeviceLink { Error = "no such tenant" };
            await (made.Error is null ? terminal.Output : terminal.Error).WriteLineAsync(made.Error ?? $"{made.Origin}/device#{made.Secret!.Reveal()}");
            return made.Error is null ? ExitCode.Done : ExitCode.Findings;
        }));
        return link;
    }
}
