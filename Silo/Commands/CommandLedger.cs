using System.Net.Sockets;
using IvrActors.Grains.Audit;
using IvrActors.Grains.Interfaces.Audit;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Silo.Cluster;
using IvrActors.Silo.Security;
using IvrActors.Silo.Storage;

namespace IvrActors.Silo.Commands;

/// <summary>Records what a command does to the cluster's keys, before it does it: by the silo where one runs, and into the table where none does.</summary>
internal static class CommandLedger
{
    private const string Actor = "command-line";
    private const int MostTries = 5;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);

    // As the ledger's grain would have it.
    private const int MostDetail = 200;

    /// <exception cref="Exception">It could not be recorded: what it stands for must not be done.</exception>
    public static async Task Record(ClusterFile cluster, ClusterVault vault, string action, string what, string detail)
    {
        var entry = new AuditEntry { Actor = Actor, Action = action, Result = AuditResult.Success, Origin = "terminal", Object = what, Detail = detail.Length <= MostDetail ? detail : detail[..MostDetail] };
        if (await SiloRuns(cluster))
        {
            // An append past the grain that writes the chain would cost it, and who waits for it, one failure.
            var token = new RoleTokens(vault.Keys, TimeProvider.System).Issue(Actor, Roles.SignIn);
            await ClusterConnection.With(cluster, token, grains => grains.GetGrain<IAuditGrain>(IAuditGrain.Key(IAuditGrain.Cluster)).AppendOperatorAct(entry));
            return;
        }
        var store = vault.Database.Audit;
        var chain = new AuditChain(IAuditGrain.Cluster, vault.Keys.AuditKey(IAuditGrain.Cluster).ToArray());
        for (var tried = 1; ; tried++)
        {
            var head = await store.ReadHead(IAuditGrain.Cluster);
            if (!chain.IsHead(head)) throw new KeyRingException("The cluster's ledger does not verify (ivr audit verify): what cannot be recorded is not done.");
            var record = chain.Next(head, DateTimeOffset.UtcNow, entry);
            try
            {
                await store.Append(IAuditGrain.Cluster, head, [record], chain.HeadAfter(record));
                return;
            }
            catch (AuditConflictException) when (tried < MostTries)
            {
                // Somebody else recorded something meanwhile.
            }
        }
    }

    // Any of the cluster's.
    private static async Task<bool> SiloRuns(ClusterFile cluster)
    {
        foreach (var gateway in cluster.Gateways)
        {
            using var probe = new TcpClient();
            using var patience = new CancellationTokenSource(s_patience);
            try
            {
                await probe.ConnectAsync(gateway.Host, gateway.Port, patience.Token);
                return true;
            }
            catch (Exception e) when (e is SocketException or OperationCanceledException)
            {
                // The next.
            }
        }
        return false;
    }
}
