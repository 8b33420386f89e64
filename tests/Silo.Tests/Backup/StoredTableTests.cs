using System.Security.Cryptography;
using IvrActors.Silo.Backup;
using IvrActors.Silo.Storage;
using IvrActors.Silo.Tests.Storage;
using Microsoft.Data.Sqlite;
using Xunit;

namespace IvrActors.Silo.Tests.Backup;

public sealed class StoredTableTests
{
    /// <summary>What is made anew by those who run: scripts and statements by each start, membership by each silo.</summary>
    private static readonly string[] s_notCopied = ["orleansquery", "schemaversions", "silo", "silo_cluster"];

    /// <summary>Filled by the database itself.</summary>
    private static readonly string[] s_notCopiedColumns = ["key_element.changed"];

    [Fact]
    public void Every_table_and_column_of_sqlite_is_in_a_backup_or_known_not_to_be()
    {
        using var folder = new TestFolder();
        var test = new TestSqlite(folder);
        using var database = test.Open();
        using var connection = new SqliteConnection($"Data Source={Path.Combine(folder, "ivr.db")};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = "SELECT t.name || '.' || c.name FROM sqlite_schema AS t JOIN pragma_table_info(t.name) AS c WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'";
        var columns = new List<string>();
        using var reader = command.ExecuteReader();
        while (reader.Read()) columns.Add(reader.GetString(0));
        AreCovered(columns, database);
    }

    [Fact]
    public async Task Every_table_and_column_of_postgresql_is_in_a_backup_or_known_not_to_be()
    {
        await using var test = await TestPostgresDatabase.Create();
        using var database = (PostgresDatabase)test.Open();
        await using var command = database.Source.CreateCommand("SELECT table_name || '.' || column_name FROM information_schema.columns WHERE table_schema = 'public'");
        var columns = new List<string>();
        await using var reader = await command.ExecuteReaderAsync(TestContext.Current.CancellationToken);
        while (await reader.ReadAsync(TestContext.Current.CancellationToken)) columns.Add(reader.GetString(0));
        AreCovered(columns, database);
    }

    /// <summary>Later versions read what this one wrote: the bytes of a row of each kind of column, and the order of the tables.</summary>
    [Fact]
    public async Task The_records_of_format_1_are_what_they_were()
    {
        using var content = new MemoryStream();
        var writer = new BackupWriter(content, new TransferProgress(null, TimeProvider.System));
        writer.Begin(new BackupHeader(1, "c", "s", new DateTimeOffset(2030, 1, 1, 0, 0, 0, TimeSpan.Zero), "1.0", "sqlite 0003"));
        var rows = new Dictionary<StoredTable, object[]>
        {
            [StoredTable.States] = ["caller", "c-ä", 7L, new byte[] { 1, 2 }],
            [StoredTable.AuditRecords] = ["demo", 1L, 638_000_000_000_000_000L, "a", "b", 2L, "", "d", "e", new byte[] { 3 }],
        };
        foreach (var table in BackupFormat.Tables) await writer.Add(table, rows.TryGetValue(table, out var row) ? new[] { row }.ToAsyncEnumerable() : AsyncEnumerable.Empty<object[]>());
        writer.End();
        Assert.Equal(1, BackupFormat.Number);
        Assert.Equal(
            ["certificate", "key_element", "key_secret", "grain_state", "audit_head", "audit_record"], BackupFormat.Tables.Select(table => table.Name));
        var text = Convert.ToHexStringLower(content.ToArray());
        Assert.Contains("52000000200000000663616c6c657200000004632dc3a40000000000000007000000020102", text, StringComparison.Ordinal);
        Assert.StartsWith("48", text, StringComparison.Ordinal);
        Assert.Equal("22c71632c5ecd1c04c0c2e27d4411515a56baf99b280ca8c6ac8de7224899b61", Convert.ToHexStringLower(SHA256.HashData(content.ToArray())));
    }

    private static void AreCovered(List<string> found, IDatabase database)
    {
        var copied = database.Tables.SelectMany(table => table.Columns.Select(column => $"{table.Name}.{column.Name}")).Concat(s_notCopiedColumns);
        var left = found.Select(name => name.ToLowerInvariant()).Where(name => !s_notCopied.Contains(name.Split('.')[0])).Except(copied);
        Assert.Empty(left);
        Assert.All(database.Tables, table => Assert.Contains(table, BackupFormat.Tables));
    }
}
