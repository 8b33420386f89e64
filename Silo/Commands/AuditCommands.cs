using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using IvrActors.Grains.Audit;
using IvrActors.Grains.Interfaces.Audit;
using IvrActors.Silo.Cluster;
using IvrActors.Silo.Storage;

namespace IvrActors.Silo.Commands;

/// <summary><c>ivr audit verify</c> and <c>ivr audit export</c>: on the database and the key ring, with or without a running silo.</summary>
internal static class AuditCommands
{
    public static void AddTo(RootCommand root, Terminal terminal)
    {
        var audit = new Command("audit", "The audit records.");
        var export = new Option<string?>("--export") { Description = "Also write the records, one JSON object a line.", HelpName = "FILE" };
        var verify = new Command("verify", "Checks every record of every tenant against the chain. Exit code 1 when one was edited, removed, added or moved.") { export };
        verify.SetAction(terminal, (parsed, cluster, cancellation) => Verify(cluster, parsed.GetValue(export), terminal, cancellation));
        var print = new Command("export", "Prints the records, one JSON object a line.");
        print.SetAction(terminal, (_, cluster, cancellation) => Export(cluster, terminal.Output, cancellation));
        audit.Add(verify);
        audit.Add(print);
        root.Add(audit);
    }

    private static async Task<int> Verify(ClusterFile cluster, string? exportFile, Terminal terminal, CancellationToken cancellation)
    {
        using var vault = ClusterVault.OpenExisting(cluster, DateTimeOffset.UtcNow);
        var store = vault.Database.Audit;
        var faults = 0;
        // Every tenant of the configuration as well: of one whose records were all removed, nothing is left to list.
        var tenants = cluster.Tenants.Select(t => t.Name).Union(await store.Tenants());
        if (await store.HasActed(IAuditGrain.Cluster)) tenants = tenants.Append(IAuditGrain.Cluster).Distinct();
        foreach (var tenant in tenants.Order(StringComparer.Ordinal))
        {
            var chain = new AuditChain(tenant, vault.Keys.AuditKey(tenant).ToArray());
            await using var snapshot = await store.OpenSnapshot(tenant);
            var verdict = await chain.Verify(snapshot.Records(), snapshot.Head, cancellation);
            var fault = verdict is { Fault: null, Records: 0 } && await store.HasActed(tenant) ? "all records and the head were removed" : verdict.Fault;
            if (fault is not null) faults++;
            await terminal.Output.WriteLineAsync(fault is null ? $"{tenant}: {verdict.Records} records, the chain holds" : $"{tenant}: {fault}");
        }
        if (exportFile is not null)
        {
            await using var file = new StreamWriter(exportFile);
            await WriteRecords(store, file, cancellation);
        }
        return faults == 0 ? ExitCode.Done : ExitCode.Findings;
    }

    private static async Task<int> Export(ClusterFile cluster, TextWriter output, CancellationToken cancellation)
    {
        using var vault = ClusterVault.OpenExisting(cluster, DateTimeOffset.UtcNow);
        await WriteRecords(vault.Database.Audit, output, cancellation);
        return ExitCode.Done;
    }

    private static async Task WriteRecords(IAuditTable store, TextWriter output, CancellationToken cancellation)
    {
        foreach (var tenant in await store.Tenants())
        {
            await foreach (var record in store.Read(tenant, AuditChain.First).WithCancellation(cancellation))
            {
                await output.WriteLineAsync(JsonSerializer.Serialize(new
                {
                    tenant = record.Tenant,
                    number = record.Number,
                    at = record.At.UtcDateTime.ToString("O", CultureInfo.InvariantCulture),
                    actor = record.Entry.Actor,
                    action = record.Entry.Action,
                    result = record.Entry.Result.ToString(),
                    origin = record.Entry.Origin,
                    @object = record.Entry.Object,
                    detail = record.Entry.Detail,
                    hash = Convert.ToHexStringLower(record.Hash),
                }));
            }
        }
    }
}
