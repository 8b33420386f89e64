using IvrActors.Silo.Commands;
using Xunit;

namespace IvrActors.Silo.Tests.Backup;

public sealed class BackupCommandTests : IDisposable
{
    private readonly TestFolder _folder = new();
    private readonly string _password;
    private readonly string _file;

    public BackupCommandTests()
    {
        (_password, _file) = (Path.Combine(_folder, "password"), Path.Combine(_folder, "ivr.backup"));
        File.WriteAllText(_password, "a long enough password\n");
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_backup_is_made_checked_and_restored_by_the_commands()
    {
        await using var from = await BackupCluster.Started(postgres: false);
        await from.Fill(callers: 20, records: 3);
        var (exit, output, error) = await Ivr(from, "backup", _file, "--password-file", _password);
        Assert.Equal((ExitCode.Done, ""), (exit, output));
        Assert.Matches("ivr.backup is whole: [0-9]+ rows, [0-9.]+ MB, [0-9]+ rows/s, [0-9.]+ MB/s\\.", error);
        Assert.Equal(["ivr.backup", "password"], Directory.GetFiles(_folder).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        if (!OperatingSystem.IsWindows()) Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(_file));
        Assert.Contains("\"action\":\"backup.made\"", (await Ivr(from, "audit", "export")).Output, StringComparison.Ordinal);

        // It overwrites nothing.
        (exit, _, error) = await Ivr(from, "backup", _file, "--password-file", _password);
        Assert.Equal(ExitCode.Findings, exit);
        Assert.Contains("There is a file", error, StringComparison.Ordinal);

        await using var to = await BackupCluster.Create(postgres: false);
        (exit, output, _) = await Ivr(to, "restore", _file, "--password-file", _password, "--verify-only");
        Assert.Equal(ExitCode.Done, exit);
        Assert.Contains("is whole (2 of certificate, 1 of key_element, 2 of key_secret, 20 of grain_state, 2 of audit_head, 4 of audit_record)", output, StringComparison.Ordinal);
        to.HoldsNothing();
        (exit, output, _) = await Ivr(to, "restore", _file, "--password-file", _password);
        Assert.Equal(ExitCode.Done, exit);
        Assert.Contains("Each row opens with its keys, and the ledger holds.", output, StringComparison.Ordinal);
        using var vault = to.Open();
        Assert.Equal("text 7", await BackupCluster.Read(to.Storage(vault), 7));
    }

    [Fact]
    public async Task A_wrong_password_is_told_and_a_short_or_missing_one_is_not_taken()
    {
        await using var from = await BackupCluster.Started(postgres: false);
        Assert.Equal(ExitCode.Usage, (await Ivr(from, "backup", _file)).Exit);
        Assert.Equal(ExitCode.Usage, (await Ivr(from, "restore", _file)).Exit);
        await File.WriteAllTextAsync(_password, "short", TestContext.Current.CancellationToken);
        var (exit, _, error) = await Ivr(from, "backup", _file, "--password-file", _password);
        Assert.Equal(ExitCode.Findings, exit);
        Assert.Contains("12 characters or more", error, StringComparison.Ordinal);
        await File.WriteAllTextAsync(_password, "a long enough password", TestContext.Current.CancellationToken);
        Assert.Equal(ExitCode.Done, (await Ivr(from, "backup", _file, "--password-file", _password)).Exit);
        await File.WriteAllTextAsync(_password, "a long enough passwort", TestContext.Current.CancellationToken);
        await using var to = await BackupCluster.Create(postgres: false);
        (exit, _, error) = await Ivr(to, "restore", _file, "--password-file", _password);
        Assert.Equal(ExitCode.Findings, exit);
        Assert.Contains("does not open with this password", error, StringComparison.Ordinal);
        to.HoldsNothing();
    }

    [Fact]
    public async Task It_goes_through_standard_output_and_input()
    {
        await using var from = await BackupCluster.Started(postgres: false);
        await from.Fill(callers: 2, records: 1);
        using var pipe = new MemoryStream();
        using var error = new StringWriter();
        Environment.SetEnvironmentVariable("IVR_TEST_BACKUP_PASSWORD", "a long enough password");
        string[] password = ["--password-variable", "IVR_TEST_BACKUP_PASSWORD", "--cluster"];
        Assert.Equal(ExitCode.Done, await CommandLine.Run(["backup", "-", .. password, from.YamlFile], new Terminal(TextReader.Null, TextWriter.Null, error) { OpenOutput = () => new Unclosed(pipe) }));
        await using var to = await BackupCluster.Create(postgres: false);
        pipe.Position = 0;
        Assert.Equal(ExitCode.Done, await CommandLine.Run(["restore", "-", .. password, to.YamlFile], new Terminal(TextReader.Null, TextWriter.Null, error) { OpenInput = () => pipe }));
        using var vault = to.Open();
        Assert.Equal("text 1", await BackupCluster.Read(to.Storage(vault), 1));
    }

    [Fact]
    public async Task A_database_of_another_version_is_neither_backed_up_nor_filled()
    {
        await using var from = await BackupCluster.Started(postgres: false);
        from.Database.Sql("INSERT INTO SchemaVersions (ScriptName, Applied) VALUES ('IvrActors.Silo.Storage.sql.0099-later.sql', '2030-01-01')");
        var (exit, _, error) = await Ivr(from, "backup", _file, "--password-file", _password);
        Assert.Equal(ExitCode.Unusable, exit);
        Assert.Contains("written by a later version", error, StringComparison.Ordinal);
        Assert.Equal([_password], Directory.GetFiles(_folder));
        from.Database.Sql("DELETE FROM SchemaVersions WHERE ScriptName LIKE '%.0099-%' OR ScriptName LIKE '%.0003-%'");
        (exit, _, error) = await Ivr(from, "backup", _file, "--password-file", _password);
        Assert.Equal(ExitCode.Unusable, exit);
        Assert.Contains("is at script 0002, and this version needs 0003", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_store_is_migrated_from_sqlite_to_postgresql_once_the_node_is_stopped()
    {
        await using var from = await BackupCluster.Started(postgres: false);
        await from.Fill(callers: 500, records: 12);
        var before = await from.Digests();
        await using var to = await BackupCluster.Create(postgres: true);
        using (from.Open())
        {
            // As a node has it open.
            var (refused, _, reason) = await Ivr(from, "migrate-store", "--to", to.YamlFile);
            Assert.Equal(ExitCode.Unusable, refused);
            Assert.Contains("is in use: stop the node first", reason, StringComparison.Ordinal);
        }
        var (exit, output, error) = await Ivr(from, "migrate-store", "--to", to.YamlFile);
        Assert.Equal((ExitCode.Done, ""), (exit, error));
        Assert.Contains("500 of grain_state", output, StringComparison.Ordinal);
        Assert.Contains($"remove '{Path.Combine(from.Folder, "data", "ivr.db")}' and '{Path.Combine(from.Folder, "data", "keys")}'", output, StringComparison.Ordinal);
        Assert.Equal(before, await from.Digests());

        var after = await to.Digests();
        Assert.Equal((before["grain_state"], before["keys"]), (after["grain_state"], after["keys"]));
        Assert.False(Directory.Exists(to.Cluster.KeyFolder));
        using (var vault = to.Open()) Assert.Equal("text 321", await BackupCluster.Read(to.Storage(vault), 321));
        Assert.Contains("\"action\":\"store.migrated\"", (await Ivr(to, "audit", "export")).Output, StringComparison.Ordinal);
        // A second time it meets what is there.
        (exit, _, error) = await Ivr(from, "migrate-store", "--to", to.YamlFile);
        Assert.Equal(ExitCode.Findings, exit);
        Assert.Contains("is not empty (500 rows in grain_state", error, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Usage, (await Ivr(to, "migrate-store", "--to", to.YamlFile)).Exit);
    }

    private static Task<(int Exit, string Output, string Error)> Ivr(BackupCluster cluster, params string[] arguments) => CommandLineTests.Ivr([.. arguments, "--cluster", cluster.YamlFile]);

    /// <summary>Standard output outlives the command.</summary>
    private sealed class Unclosed(Stream inner) : Stream
    {
        public override bool CanRead => false;
        public override bool CanSeek => false;
        public override bool CanWrite => true;
        public override long Length => throw new NotSupportedException();
        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }
        public override void Flush() => inner.Flush();
        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
        public override void SetLength(long value) => throw new NotSupportedException();
        public override void Write(byte[] buffer, int offset, int count) => inner.Write(buffer, offset, count);
    }
}
