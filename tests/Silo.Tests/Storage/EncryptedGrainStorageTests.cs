using System.Text;
using IvrActors.Silo.Storage;
using Orleans.Storage;
using Xunit;

namespace IvrActors.Silo.Tests.Storage;

public sealed class EncryptedGrainStorageTests
{
    private const string RowOf = "GrainIdExtensionString";

    [Fact]
    public async Task What_was_written_is_read_after_a_restart()
    {
        using var folder = new TestFolder();
        await using (var silo = await TestSilo.Start(folder)) await silo.Note("note-1").Write("kept");
        await using var again = await TestSilo.Start(folder);
        Assert.Equal("kept", await again.Note("note-1").Read());
    }

    [Fact]
    public async Task Nothing_of_a_state_is_readable_in_any_file()
    {
        using var folder = new TestFolder();
        const string canary = "a-very-known-canary-4711";
        await using (var silo = await TestSilo.Start(folder))
        {
            await silo.Note("note-1").Write(canary);
            await silo.Note("note-1").Scratch(canary);
            AssertNowhere(folder, canary);
        }
        AssertNowhere(folder, canary);
    }

    [Fact]
    public async Task A_row_copied_over_anothers_is_refused_and_counted()
    {
        using var folder = new TestFolder();
        await using (var silo = await TestSilo.Start(folder))
        {
            await silo.Note("note-1").Write("of one");
            await silo.Note("note-2").Write("of two");
        }
        await using var again = await TestSilo.Start(folder);
        Copy(again, from: "note-1", to: "note-2");
        var before = StorageMetrics.Tampered.WithLabels("note").Value;
        await Assert.ThrowsAnyAsync<Exception>(() => again.Note("note-2").Read());
        Assert.Equal(before + 1, StorageMetrics.Tampered.WithLabels("note").Value);
        Assert.Equal("of one", await again.Note("note-1").Read());
    }

    [Fact]
    public async Task A_row_copied_to_another_state_of_the_same_grain_is_refused()
    {
        using var folder = new TestFolder();
        await using (var silo = await TestSilo.Start(folder))
        {
            await silo.Note("note-1").Write("a");
            await silo.Note("note-1").Scratch("b");
        }
        await using var again = await TestSilo.Start(folder);
        again.Sql("UPDATE OrleansStorage SET PayloadBinary = (SELECT PayloadBinary FROM OrleansStorage WHERE GrainTypeString LIKE '%scratch%') WHERE GrainTypeString LIKE '%note%'");
        await Assert.ThrowsAnyAsync<Exception>(() => again.Note("note-1").Read());
    }

    [Fact]
    public async Task An_older_ciphertext_under_the_newer_version_is_refused()
    {
        using var folder = new TestFolder();
        await using (var silo = await TestSilo.Start(folder))
        {
            await silo.Note("note-1").Write("old");
            silo.Sql("CREATE TABLE stolen AS SELECT * FROM OrleansStorage");
            await silo.Note("note-1").Write("new");
        }
        await using var again = await TestSilo.Start(folder);
        again.Sql("UPDATE OrleansStorage SET PayloadBinary = (SELECT PayloadBinary FROM stolen)");
        await Assert.ThrowsAnyAsync<Exception>(() => again.Note("note-1").Read());
    }

    [Fact]
    public async Task A_whole_old_row_put_back_while_the_process_runs_is_refused()
    {
        using var folder = new TestFolder();
        await using var silo = await TestSilo.Start(folder);
        await silo.Note("note-1").Write("old");
        silo.Sql("CREATE TABLE stolen AS SELECT * FROM OrleansStorage");
        await silo.Note("note-1").Write("new");
        silo.Sql("UPDATE OrleansStorage SET (PayloadBinary, Version) = (SELECT PayloadBinary, Version FROM stolen)");
        await IsRefusedAfterDeactivation(silo);
    }

    [Fact]
    public async Task A_row_removed_while_the_process_runs_is_not_taken_for_one_that_never_was()
    {
        using var folder = new TestFolder();
        await using var silo = await TestSilo.Start(folder);
        await silo.Note("note-1").Write("locked");
        silo.Sql("DELETE FROM OrleansStorage");
        await IsRefusedAfterDeactivation(silo);
    }

    [Fact]
    public async Task Rows_of_a_state_that_dies_with_its_process_are_removed_and_no_others()
    {
        using var folder = new TestFolder();
        await using var silo = await TestSilo.Start(folder);
        await silo.Note("note-1").Write("kept");
        await silo.Note("note-1").Scratch("left behind");
        Assert.Equal(2, Rows(silo));
        var left = silo.Database.KeysOf("scratch");
        await silo.Note("note-2").Scratch("of a call that came meanwhile");
        silo.Database.RemoveStates("scratch", left);
        Assert.Equal(2, Rows(silo));
        Assert.Single(silo.Database.KeysOf("scratch"), key => key.Contains("note-2", StringComparison.Ordinal));
    }

    private static async Task IsRefusedAfterDeactivation(TestSilo silo)
    {
        await silo.Note("note-1").Deactivate();
        await Eventually(async () =>
        {
            try
            {
                await silo.Note("note-1").Read();
                return false;
            }
            catch (Exception e) when (e is not Xunit.Sdk.XunitException)
            {
                return true;
            }
        });
    }

    [Fact]
    public async Task A_cleared_state_is_gone_and_an_emptied_row_is_not_taken_for_a_cleared_one()
    {
        using var folder = new TestFolder();
        await using (var silo = await TestSilo.Start(folder))
        {
            await silo.Note("note-1").Write("a");
            await silo.Note("note-1").Clear();
            Assert.Equal("(none)", await silo.Note("note-1").Read());
            await silo.Note("note-2").Write("b");
        }
        await using var again = await TestSilo.Start(folder);
        Assert.Equal("(none)", await again.Note("note-1").Read());
        await again.Note("note-1").Write("c");
        Assert.Equal("c", await again.Note("note-1").Read());
        again.Sql($"UPDATE OrleansStorage SET PayloadBinary = x'' WHERE {RowOf} LIKE '%note-2%'");
        await Assert.ThrowsAnyAsync<Exception>(() => again.Note("note-2").Read());
    }

    [Fact]
    public async Task A_relaxed_state_leaves_no_row_when_it_is_cleared_and_can_be_written_again()
    {
        using var folder = new TestFolder();
        await using var silo = await TestSilo.Start(folder);
        await silo.Note("note-1").Scratch("a");
        await silo.Note("note-1").Scratch("b");
        Assert.Equal(1, Rows(silo));
        await silo.Note("note-1").Scratch(null);
        Assert.Equal(0, Rows(silo));
        await silo.Note("note-1").Scratch("c");
        Assert.Equal(1, Rows(silo));
    }

    [Fact]
    public async Task A_write_by_somebody_else_meanwhile_is_a_conflict()
    {
        using var folder = new TestFolder();
        await using var silo = await TestSilo.Start(folder);
        await silo.Note("note-1").Write("a");
        silo.Sql("UPDATE OrleansStorage SET Version = Version + 1");
        await Assert.ThrowsAnyAsync<Exception>(() => silo.Note("note-1").Write("b"));
        Assert.Equal(1, Rows(silo));
    }

    [Fact]
    public async Task A_stale_writer_does_not_bring_a_removed_row_back()
    {
        using var folder = new TestFolder();
        await using var silo = await TestSilo.Start(folder);
        await silo.Note("note-1").Write("a");
        silo.Sql("DELETE FROM OrleansStorage");
        await Assert.ThrowsAnyAsync<Exception>(() => silo.Note("note-1").Write("b"));
        Assert.Equal(0, Rows(silo));
    }

    [Fact]
    public async Task Of_two_first_writers_one_wins_and_the_other_is_told()
    {
        using var folder = new TestFolder();
        await using var silo = await TestSilo.Start(folder);
        var storage = silo.Storage;
        var id = GrainId.Create("note", "note-race");
        var results = await Task.WhenAll(Enumerable.Range(0, 16).Select(async i =>
        {
            try
            {
                await storage.WriteStateAsync("note", id, new GrainState<NoteState>(new NoteState { Text = $"writer {i}" }));
                return true;
            }
            catch (InconsistentStateException)
            {
                return false;
            }
        }));
        Assert.Single(results, won => won);
        Assert.Equal(1, Rows(silo));
    }

    [Fact]
    public async Task A_failed_statement_inside_a_transaction_does_not_lock_the_database()
    {
        using var folder = new TestFolder();
        await using var silo = await TestSilo.Start(folder);
        await using (var connection = await silo.Database.Durable.OpenConnectionAsync(TestContext.Current.CancellationToken))
        {
            await using var command = connection.CreateCommand();
            command.CommandText = "BEGIN IMMEDIATE; INSERT INTO OrleansQuery (QueryKey, QueryText) VALUES ('left', 'open');";
            await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        }
        await silo.Note("note-1").Write("goes on");
        await silo.Note("note-1").Scratch("goes on");
        Assert.Equal(0L, Scalar(silo, "SELECT COUNT(*) FROM OrleansQuery WHERE QueryKey = 'left'"));
    }

    [Fact]
    public async Task A_storage_failure_names_no_type_of_the_driver_to_a_client()
    {
        using var folder = new TestFolder();
        await using var silo = await TestSilo.Start(folder);
        using var client = await silo.Client();
        silo.Sql("DROP TABLE OrleansStorage");
        RequestContext.Set(Grains.Interfaces.Operators.RoleToken.ContextKey, silo.Tokens.Issue("ann", "viewer"));
        var grain = ((IClusterClient)client.Services.GetService(typeof(IClusterClient))!).GetGrain<INoteGrain>("note-1");
        var error = await Assert.ThrowsAnyAsync<Exception>(() => grain.Write("a"));
        Assert.DoesNotContain("Sqlite", error.ToString(), StringComparison.OrdinalIgnoreCase);
        await client.StopAsync(TestContext.Current.CancellationToken);
    }

    private static void Copy(TestSilo silo, string from, string to) =>
        silo.Sql($"UPDATE OrleansStorage SET (PayloadBinary, Version) = (SELECT PayloadBinary, Version FROM OrleansStorage WHERE {RowOf} LIKE '%{from}%') WHERE {RowOf} LIKE '%{to}%'");

    private static long Rows(TestSilo silo) => Scalar(silo, "SELECT COUNT(*) FROM OrleansStorage");

    private static long Scalar(TestSilo silo, string sql)
    {
        using var connection = silo.Database.OpenReader();
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        return (long)command.ExecuteScalar()!;
    }

    private static void AssertNowhere(string folder, string text)
    {
        foreach (var file in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories))
        {
            using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            var bytes = new byte[stream.Length];
            stream.ReadExactly(bytes);
            Assert.True(bytes.AsSpan().IndexOf(Encoding.UTF8.GetBytes(text)) < 0, file);
            Assert.True(bytes.AsSpan().IndexOf(Encoding.Unicode.GetBytes(text)) < 0, file);
        }
    }

    private static async Task Eventually(Func<Task<bool>> condition)
    {
        var until = DateTime.UtcNow.AddSeconds(30);
        while (!await condition())
        {
            Assert.True(DateTime.UtcNow < until, "the condition did not come true in 30 s");
            await Task.Delay(20);
        }
    }
}
