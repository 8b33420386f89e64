using System.CommandLine;
using System.Globalization;
using IvrActors.Silo.Cluster;
using IvrActors.Silo.Storage;

namespace IvrActors.Silo.Commands;

/// <summary><c>ivr keys</c>: <c>list</c>, <c>rotate</c>, <c>revoke</c>, <c>protect</c>, <c>pepper</c>. On the key ring and the database, with or without a running silo.</summary>
internal static class KeyCommands
{
    private const int MostReason = 200;

    public static void AddTo(RootCommand root, Terminal terminal)
    {
        var keys = new Command("keys", "Keys of the cluster.") { List(terminal), Rotate(terminal), Revoke(terminal), Protect(terminal), Pepper(terminal) };
        root.Add(keys);
    }

    private static Command List(Terminal terminal)
    {
        var list = new Command("list", "Prints the keys of the ring: id, when it was made, is good from and expires, its state, and how many rows are under it.");
        list.SetAction(terminal, async (_, cluster, cancellation) =>
        {
            using var vault = ClusterVault.OpenExisting(cluster, DateTimeOffset.UtcNow);
            var rows = await vault.Reencryption(cluster, TimeProvider.System).Count(cancellation: cancellation);
            terminal.Output.WriteLine($"{vault.Ring.Store.Place}, protected by {vault.Ring.ProtectedBy}");
            foreach (var key in vault.Ring.List())
            {
                var state = key.State == KeyState.Revoked ? $"revoked {At(key.RevokedAt)} ({key.Reason})" : key.State == KeyState.Current ? "current" : "old";
                terminal.Output.WriteLine($"{key.Id:D}  made {At(key.Created)}  from {At(key.Activates)}  expires {At(key.Expires)}  {rows.GetValueOrDefault(key.Id)} rows  {state}");
                rows.Remove(key.Id);
            }
            foreach (var (id, count) in rows) terminal.Output.WriteLine(id == Guid.Empty ? $"{count} rows are not encrypted by any key" : $"{count} rows are under {id:D}, which is no key of this ring");
            return ExitCode.Done;
        });
        return list;
    }

    private static Command Rotate(Terminal terminal)
    {
        var rotate = new Command("rotate", "Makes a new key, which everything is written under from now on. What is under the old ones is moved by the silos, slowly.");
        rotate.SetAction(terminal, async (_, cluster, _) =>
        {
            using var vault = ClusterVault.OpenExisting(cluster, DateTimeOffset.UtcNow);
            await CommandLedger.Record(cluster, vault, "keys.rotated", vault.Ring.Live.Current.KeyId.ToString("D"), "");
            terminal.Output.WriteLine($"key {vault.Ring.Live.Rotate():D} is current: running silos use it within {LiveKeys.Staleness.TotalSeconds:0} s.");
            return ExitCode.Done;
        });
        return rotate;
    }

    private static Command Revoke(Terminal terminal)
    {
        var id = new Argument<Guid>("id") { Description = "As printed by list." };
        var reason = new Option<string>("--reason") { Description = "Why, for the ring and the ledger.", Required = true };
        reason.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && (token.Value.Length is 0 or > MostReason || token.Value.Any(c => char.IsControl(c) || c == '\\'))) result.AddError($"--reason: 1 to {MostReason} characters of text");
        });
        var revoke = new Command("revoke", "Moves all that a key protects to the current one, and then lets it open nothing any more. Of the current key, first makes another.") { id, reason };
        revoke.SetAction(terminal, async (parsed, cluster, cancellation) =>
        {
            using var vault = ClusterVault.OpenExisting(cluster, DateTimeOffset.UtcNow);
            var rows = vault.Reencryption(cluster, TimeProvider.System);
            var (key, why) = (parsed.GetValue(id), parsed.GetRequiredValue(reason));
            terminal.Output.WriteLine($"Moving what is under {key:D}; up to {KeyUpkeep.Settling.TotalSeconds:0} s are waited for silos to know the current key.");
            var result = await new KeyRevocation(vault.Ring, rows, TimeProvider.System)
                .Revoke(key, why, () => CommandLedger.Record(cluster, vault, "keys.revoked", key.ToString("D"), why), cancellation);
            terminal.Output.WriteLine($"{result.Moved} rows were moved.");
            if (result.Unreadable > 0) terminal.Error.WriteLine($"{result.Unreadable} rows under it do not open and did not before: ivr audit verify, and ivr_storage_tampered_total, say more.");
            if (result.Refusal is null) terminal.Output.WriteLine($"key {key:D} is revoked.");
            else terminal.Error.WriteLine("Not revoked. " + result.Refusal);
            return result.Refusal is null ? ExitCode.Done : ExitCode.Findings;
        });
        return revoke;
    }

    private static Command Protect(Terminal terminal)
    {
        var protect = new Command("protect", "Encrypts the keys of the ring anew, to what certificates.key_ring names first. What they were encrypted to has to be in additional.");
        protect.SetAction(terminal, async (_, cluster, _) =>
        {
            using var vault = ClusterVault.OpenExisting(cluster, DateTimeOffset.UtcNow);
            await CommandLedger.Record(cluster, vault, "keys.protected", "", vault.Ring.ProtectedBy);
            terminal.Output.WriteLine($"{vault.Ring.Protect()} keys are protected by {vault.Ring.ProtectedBy}.");
            return ExitCode.Done;
        });
        return protect;
    }

    private static Command Pepper(Terminal terminal)
    {
        var pepper = new Command("pepper", "Makes a new pepper for PINs. Each PIN is hashed under it when it is right next; back up the key ring before silos start with it.");
        pepper.SetAction(terminal, (_, cluster, _) =>
        {
            using var vault = ClusterVault.OpenExisting(cluster, DateTimeOffset.UtcNow);
            terminal.Output.WriteLine($"pepper {ClusterKeys.AddPepper(vault.Ring)}: silos use it from their next start. Restart all of them: one that does not know it cannot check the PINs that others hashed under it.");
            return Task.FromResult(ExitCode.Done);
        });
        return pepper;
    }

    private static string At(DateTimeOffset? time) => time?.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture) ?? "";
}
