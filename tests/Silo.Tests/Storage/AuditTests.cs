using System.Data.Common;
using System.Text.RegularExpressions;
using IvrActors.Grains.Audit;
using IvrActors.Grains.Interfaces.Audit;
using IvrActors.Silo.Cluster;
using IvrActors.Silo.Commands;
using IvrActors.Silo.Storage;
using IvrActors.Silo.Tests.Cluster;
using Xunit;

namespace IvrActors.Silo.Tests.Storage;

public abstract partial class AuditTests : IAsyncLifetime
{
    private static readonly DateTimeOffset s_start = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly TestFolder _folder = new();
    private string _clusterFile = "";
    private ClusterFile _cluster = null!;
    private TestDatabase _database = null!;

    public async ValueTask InitializeAsync()
    {
        _database = await CreateDatabase(Path.Combine(_folder, "data"));
        _clusterFile = Path.Combine(_folder, "cluster.yaml");
        await File.WriteAllTextAsync(_clusterFile, StorageReaderTests.Section().Replace(ClusterFileTests.Text, _database.Yaml));
        var (cluster, errors) = ClusterFileReader.Read(_clusterFile);
        Assert.Empty(errors);
        _cluster = cluster!;
        TestKeys.CopyTo(_cluster.DataFolder, _cluster.Service);
        using var vault = ClusterVault.OpenOrCreate(_cluster, DateTimeOffset.UtcNow);
        await Append(vault, 12);
    }

    public async ValueTask DisposeAsync()
    {
        if (_database is not null) await _database.DisposeAsync();
        _folder.Dispose();
    }

    private protected abstract Task<TestDatabase> CreateDatabase(string folder);

    [Fact]
    public async Task An_untouched_chain_holds()
    {
        var (exit, output) = await Ivr("audit", "verify");
        Assert.Equal((ExitCode.Done, "demo: 12 records, the chain holds\n"), (exit, output));
    }

    [Theory]
    [InlineData("UPDATE audit_record SET detail = 'other' WHERE number = 5", "record 5 was changed")]
    [InlineData("UPDATE audit_record SET result = 0 WHERE number = 4", "record 4 was changed")]
    [InlineData("UPDATE audit_record SET at = at + 10000 WHERE number = 7", "record 7 was changed")]
    [InlineData("DELETE FROM audit_record WHERE number = 6", "record 6 is missing")]
    [InlineData("DELETE FROM audit_record WHERE number = 1", "record 1 is missing")]
    [InlineData("DELETE FROM audit_record WHERE number > 10", "records 11 to 12 were cut off the end")]
    [InlineData("DELETE FROM audit_record", "records 1 to 12 were cut off the end")]
    [InlineData("UPDATE audit_record SET number = 100 WHERE number = 3; UPDATE audit_record SET number = 3 WHERE number = 4; UPDATE audit_record SET number = 4 WHERE number = 100", "record 3 was changed, moved")]
    [InlineData("DELETE FROM audit_record WHERE number > 10; UPDATE audit_head SET number = 10, hash = (SELECT hash FROM audit_record WHERE number = 10)", "the head was changed")]
    [InlineData("DELETE FROM audit_head", "the head names record 0")]
    [InlineData("UPDATE audit_head SET mac = x'00'", "the head was changed")]
    [InlineData("INSERT INTO audit_record SELECT tenant, 13, at, actor, action, result, origin, object, detail, hash FROM audit_record WHERE number = 12", "record 13 was changed")]
    [InlineData("INSERT INTO audit_record SELECT tenant, 0, at, actor, action, result, origin, object, detail, hash FROM audit_record WHERE number = 12", "record 0 stands in its place")]
    [InlineData("DELETE FROM audit_record; DELETE FROM audit_head; INSERT INTO grain_state VALUES ('flow', 'flow-demo/bank', 1, x'00')", "all records and the head were removed")]
    public async Task Tampering_is_found_and_named(string sql, string fault)
    {
        _database.Sql(_database.DropTriggers + Hex().Replace(sql, match => _database.Bytes(match.Groups[1].Value)));
        var (exit, output) = await Ivr("audit", "verify");
        Assert.Equal(ExitCode.Findings, exit);
        Assert.Contains(fault, output, StringComparison.Ordinal);
    }

    [Theory, InlineData("UPDATE audit_record SET detail = 'x'"), InlineData("DELETE FROM audit_record")]
    public void The_table_itself_refuses_changes(string sql) =>
        Assert.Contains("audit records are never", Assert.ThrowsAny<DbException>(() => _database.Sql(sql)).Message, StringComparison.Ordinal);

    [Fact]
    public async Task Two_appends_behind_the_same_head_do_not_fork_the_chain()
    {
        using var vault = ClusterVault.OpenExisting(_cluster, DateTimeOffset.UtcNow);
        var store = vault.Database.Audit;
        var chain = new AuditChain("demo", vault.Keys.AuditKey("demo").ToArray());
        var head = await store.ReadHead("demo");
        var record = chain.Next(head, s_start, Entry(1));
        await store.Append("demo", head, [record], chain.HeadAfter(record));
        await Assert.ThrowsAsync<AuditConflictException>(() => store.Append("demo", head, [record], chain.HeadAfter(record)));
        Assert.Equal(13, (await store.ReadHead("demo")).Number);
    }

    [Fact]
    public async Task Search_finds_newest_first_by_any_field_and_pages()
    {
        using var vault = ClusterVault.OpenExisting(_cluster, DateTimeOffset.UtcNow);
        var store = vault.Database.Audit;
        var first = await store.Search("demo", new AuditQuery { Limit = 5 });
        Assert.Equal([12, 11, 10, 9, 8], first.Records.Select(r => r.Number));
        var second = await store.Search("demo", new AuditQuery { Limit = 5, Before = first.Next });
        Assert.Equal([7, 6, 5, 4, 3], second.Records.Select(r => r.Number));
        Assert.Null((await store.Search("demo", new AuditQuery { Limit = 5, Before = second.Next })).Next);
        Assert.Equal([12, 9, 6, 3], (await store.Search("demo", new AuditQuery { Action = "action-0" })).Records.Select(r => r.Number));
        Assert.Equal([4], (await store.Search("demo", new AuditQuery { Actor = "actor-4" })).Records.Select(r => r.Number));
        Assert.Equal([6, 5], (await store.Search("demo", new AuditQuery { From = s_start.AddMinutes(5), To = s_start.AddMinutes(7) })).Records.Select(r => r.Number));
        Assert.Empty((await store.Search("other", new AuditQuery())).Records);
    }

    [Fact]
    public async Task An_export_has_one_line_a_record()
    {
        var (exit, output) = await Ivr("audit", "export");
        Assert.Equal(ExitCode.Done, exit);
        var lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(12, lines.Length);
        Assert.Contains("\"actor\":\"actor-1\"", lines[0], StringComparison.Ordinal);
    }

    private async Task<(int Exit, string Output)> Ivr(params string[] arguments)
    {
        using var output = new StringWriter { NewLine = "\n" };
        var exit = await CommandLine.Run([.. arguments, "--cluster", _clusterFile], TextReader.Null, output, output);
        return (exit, output.ToString());
    }

    private static async Task Append(ClusterVault vault, int count)
    {
        var store = vault.Database.Audit;
        var chain = new AuditChain("demo", vault.Keys.AuditKey("demo").ToArray());
        for (var i = 1; i <= count; i++)
        {
            var head = await store.ReadHead("demo");
            var record = chain.Next(head, s_start.AddMinutes(i), Entry(i));
            await store.Append("demo", head, [record], chain.HeadAfter(record));
        }
    }

    private static AuditEntry Entry(int i) => new() { Actor = $"actor-{i}", Action = $"action-{i % 3}", Result = AuditResult.Failure, Detail = "wrong" };

    [GeneratedRegex("x'([0-9a-f]*)'")]
    private static partial Regex Hex();
}

public sealed class AuditOnSqliteTests : AuditTests
{
    private protected override Task<TestDatabase> CreateDatabase(string folder) => Task.FromResult<TestDatabase>(new TestSqlite(folder));
}

public sealed class AuditOnPostgresTests : AuditTests
{
    private protected override async Task<TestDatabase> CreateDatabase(string folder) => await TestPostgresDatabase.Create();
}
