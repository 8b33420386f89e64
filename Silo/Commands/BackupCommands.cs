using System.CommandLine;
using System.IO.Pipelines;
using IvrActors.Grains.Interfaces;
using IvrActors.Silo.Backup;
using IvrActors.Silo.Cluster;
using IvrActors.Silo.Storage;
using Microsoft.Data.Sqlite;
using Npgsql;

namespace IvrActors.Silo.Commands;

/// <summary><c>ivr backup</c>, <c>ivr restore</c>, <c>ivr migrate-store</c>.</summary>
internal static class BackupCommands
{
    private const string Standard = "-";

    public static void AddTo(RootCommand root, Terminal terminal)
    {
        root.Add(Backup(terminal));
        root.Add(Restore(terminal));
        root.Add(MigrateStore(terminal));
    }

    private static Command Backup(Terminal terminal)
    {
        var file = new Argument<string>("file") { Description = "The file to be made; - for standard output." };
        var (passwordFile, passwordVariable) = Password("of the backup, at least 12 characters");
        var certificates = new Option<string[]>("--certificate") { Description = "An RSA certificate (PEM) whose key opens the backup, too. May be repeated.", HelpName = "FILE", AllowMultipleArgumentsPerToken = false };
        var backup = new Command("backup", "Writes all that the cluster has stored, as of one moment and encrypted, into a new file; beside a running cluster or without one.") { file, passwordFile, passwordVariable, certificates };
        backup.SetAction(terminal, (parsed, cluster, cancellation) => Guarded(terminal, async () =>
        {
            using var password = PasswordOf(parsed.GetValue(passwordFile), parsed.GetValue(passwordVariable));
            var locks = new List<IBackupLock>();
            try
            {
                if (password is not null) locks.Add(LockOf(password));
                foreach (var certificate in parsed.GetValue(certificates) ?? []) locks.Add(CertificateLock.FromFile(certificate));
                if (locks.Count == 0) return Usage(terminal, "A backup is encrypted: give --password-file, --password-variable or --certificate.");
                return await Backup(cluster, parsed.GetRequiredValue(file), locks, terminal, cancellation);
            }
            finally
            {
                foreach (var certificate in locks.OfType<CertificateLock>()) certificate.Dispose();
            }
        }));
        return backup;
    }

    private static Command Restore(Terminal terminal)
    {
        var file = new Argument<string>("file") { Description = "The backup; - for standard input." };
        var (passwordFile, passwordVariable) = Password("of the backup, or with --key of the key's file");
        var key = new Option<string?>("--key") { Description = "The private key (PEM) of a certificate that the backup was made for.", HelpName = "FILE" };
        var verify = new Option<bool>("--verify-only") { Description = "Checks the backup, and touches no database." };
        var without = new Option<bool>("--without-keys") { Description = "Does not check by the cluster's keys that each row opens and the ledger holds: for when what protects the key ring is not at hand." };
        var restore = new Command("restore", "Reads a backup into the empty database of cluster.yaml, of whatever kind. What does not hold in all of its parts is refused, and leaves nothing behind.") { file, passwordFile, passwordVariable, key, verify, without };
        restore.SetAction(terminal, (parsed, cluster, _) => Guarded(terminal, async () =>
        {
            using var password = PasswordOf(parsed.GetValue(passwordFile), parsed.GetValue(passwordVariable));
            using var opened = parsed.GetValue(key) is { } path ? PrivateKeyOpener.FromFile(path, password) : null;
            if (opened is null && password is null) return Usage(terminal, "What opens it? --password-file, --password-variable or --key.");
            await using var input = parsed.GetRequiredValue(file) is var name && name == Standard ? terminal.OpenInput() : File.OpenRead(name);
            await using var content = BackupEnvelope.Open(input, (IBackupOpener?)opened ?? new PasswordLock(password!, PasswordCost.Default));
            return await Restore(cluster, content, parsed.GetValue(verify), !parsed.GetValue(without), terminal);
        }));
        return restore;
    }

    private static Command MigrateStore(Terminal terminal)
    {
        var to = new Option<string>("--to") { Description = "The same cluster's description with storage.kind: postgresql.", HelpName = "FILE", Required = true };
        var migrate = new Command("migrate-store", "Copies the stopped cluster of --cluster from SQLite into the empty PostgreSQL database of another description, and changes nothing in the first.") { to };
        migrate.SetAction(terminal, (parsed, cluster, cancellation) => Guarded(terminal, async () =>
        {
            var (target, errors) = ClusterFileReader.Read(parsed.GetRequiredValue(to));
            foreach (var finding in errors) await terminal.Error.WriteLineAsync(finding.ToString());
            if (target is null) return ExitCode.Unusable;
            if (cluster.Storage is not SqliteSettings from || target.Storage is not PostgresSettings) return Usage(terminal, "It goes from storage.kind: sqlite (--cluster) to postgresql (--to). Other ways: ivr backup, then ivr restore.");
            if (!File.Exists(from.File)) throw new DatabaseException($"There is no database at '{from.File}': this cluster was never started.");
            return await Migrate(cluster, from, target, terminal, cancellation);
        }));
        return migrate;
    }

    private static async Task<int> Backup(ClusterFile cluster, string file, List<IBackupLock> locks, Terminal terminal, CancellationToken cancellation)
    {
        using var vault = ClusterVault.OpenExisting(cluster, DateTimeOffset.UtcNow);
        await using var output = file == Standard ? new BackupOutput(terminal.OpenOutput()) : BackupOutput.Create(file);
        await CommandLedger.Record(cluster, vault, "backup.made", "", file == Standard ? "" : Path.GetFileName(file));
        await using var source = await BackupSource.Open(cluster, vault.Database, DateTimeOffset.UtcNow);
        var progress = new TransferProgress(terminal.Error, TimeProvider.System);
        using (var chunks = BackupEnvelope.Write(output.Stream, locks))
        {
            await source.Write(chunks, progress, cancellation);
            chunks.Complete();
        }
        output.Keep();
        await terminal.Error.WriteLineAsync($"{(file == Standard ? "The backup" : file)} is whole: {progress.Text()}.");
        if (cluster.Recordings is { } recordings) await terminal.Error.WriteLineAsync($"Recordings are not in it: copy '{recordings.Folder}' as it is.");
        return ExitCode.Done;
    }

    private static async Task<int> Restore(ClusterFile cluster, Stream content, bool verifyOnly, bool withKeys, Terminal terminal)
    {
        var progress = new TransferProgress(terminal.Error, TimeProvider.System);
        var restore = new BackupRestore(cluster, withKeys, progress, TimeProvider.System);
        var result = verifyOnly ? await restore.Verify(content) : await restore.Run(content, "backup.restored");
        await Tell(terminal, result, verifyOnly ? "is whole" : "is restored", withKeys, progress);
        if (!verifyOnly) await terminal.Output.WriteLineAsync("Start the cluster, and copy back what recordings it had. Locks, passwords and used codes are as they were then.");
        return ExitCode.Done;
    }

    private static async Task<int> Migrate(ClusterFile cluster, SqliteSettings from, ClusterFile target, Terminal terminal, CancellationToken cancellation)
    {
        await using var source = await BackupSource.OpenAlone(cluster, from, DateTimeOffset.UtcNow);
        var progress = new TransferProgress(terminal.Error, TimeProvider.System);
        var pipe = new Pipe();
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var writing = Task.Run(async () =>
        {
            try
            {
                await source.Write(pipe.Writer.AsStream(), new TransferProgress(null, TimeProvider.System), ended.Token);
                await pipe.Writer.CompleteAsync();
            }
            catch (Exception e)
            {
                // It is the reader who tells.
                await pipe.Writer.CompleteAsync(e);
            }
        }, CancellationToken.None);
        try
        {
            var result = await Task.Run(() => new BackupRestore(target, withKeys: true, progress, TimeProvider.System).Run(pipe.Reader.AsStream(), "store.migrated"), CancellationToken.None);
            await Tell(terminal, result, "is copied", withKeys: true, progress);
        }
        finally
        {
            await ended.CancelAsync();
            await pipe.Reader.CompleteAsync();
            await writing;
        }
        await terminal.Output.WriteLineAsync($"Start the cluster with {target.Path}; a start with {cluster.Path} would go on with the old store. Recordings stay in their folder. " +
            $"When the new store is right and backed up, remove '{from.File}' and '{cluster.KeyFolder}'.");
        return ExitCode.Done;
    }

    private static async Task Tell(Terminal terminal, RestoreResult result, string done, bool withKeys, TransferProgress progress)
    {
        var tables = string.Join(", ", result.Tables.Select(table => $"{table.Value.Rows} of {table.Key.Name}"));
        await terminal.Output.WriteLineAsync($"{result.Header.Cluster} as of {result.Header.At.UtcDateTime:yyyy-MM-ddTHH:mm:ssZ} {done} ({tables}): {progress.Text()}.");
        await terminal.Output.WriteLineAsync(withKeys ? "Each row opens with its keys, and the ledger holds." : "Rows and ledger were not checked by the keys: ivr audit verify does that for the ledger.");
    }

    private static (Option<string?> File, Option<string?> Variable) Password(string of) => (
        new Option<string?>("--password-file") { Description = $"A file with the password {of}.", HelpName = "FILE" },
        new Option<string?>("--password-variable") { Description = "Or the environment variable that holds it.", HelpName = "NAME" });

    private static Secret<char>? PasswordOf(string? file, string? variable) =>
        file is null && variable is null ? null : file is not null && variable is not null ? throw new BackupException("Give one password: --password-file or --password-variable.") : new SecretSource(file, variable, "the backup").Read();

    private static PasswordLock LockOf(Secret<char> password) => password.Length >= PasswordLock.LeastCharacters
        ? new PasswordLock(password, PasswordCost.Default)
        : throw new BackupException($"The password of a backup has {PasswordLock.LeastCharacters} characters or more: whoever has the file can try as many as they like.");

    private static int Usage(Terminal terminal, string message)
    {
        terminal.Error.WriteLine(message);
        return ExitCode.Usage;
    }

    /// <summary>What may go wrong with disks, servers and files is told in a line, and is no defect of ours.</summary>
    private static async Task<int> Guarded(Terminal terminal, Func<Task<int>> work)
    {
        try
        {
            return await work();
        }
        catch (Exception e) when (e is BackupException or IOException or UnauthorizedAccessException)
        {
            await terminal.Error.WriteLineAsync(e.Message);
        }
        catch (SqliteException e)
        {
            await terminal.Error.WriteLineAsync("The database: " + e.Message);
        }
        catch (NpgsqlException e)
        {
            await terminal.Error.WriteLineAsync("The database: " + ((e as PostgresException)?.MessageText ?? e.Message));
        }
        return ExitCode.Findings;
    }
}
