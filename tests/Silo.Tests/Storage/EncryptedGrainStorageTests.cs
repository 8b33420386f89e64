using System.Text;
using IvrActors.Silo.Storage;
using Orleans.Storage;
using Xunit;

namespace IvrActors.Silo.Tests.Storage;

public sealed class EncryptedGrainStorageTests
{
    private const string RowOf = "grain";

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
        again.Sql("UPDATE grain_state SET payload = (SELECT payload FROM grain_state WHERE state = 'scratch') WHERE state = 'note'");
        await Assert.ThrowsAnyAsync<Exception>(() => again.Note("note-1").Read());
    }

    [Fact]
    public async Task An_older_ciphertext_under_the_newer_version_is_refused()
    {
        using var folder = new TestFolder();
        await using (var silo = await TestSilo.Start(folder))
        {
            await silo.Note("note-1").Write("old");
            silo.Sql("CREATE TABLE stolen AS SELECT * FROM grain_state");
            await silo.Note("note-1").Write("new");
        }
        await using var again = await TestSilo.Start(folder);
        again.Sql("UPDATE grain_state SET payload = (SELECT payload FROM stolen)");
        await Assert.ThrowsAnyAsync<Exception>(() => again.Note("note-1").Read());
    }

    [Fact]
    public async Task A_whole_old_row_put_back_while_the_process_runs_is_refused()
    {
        using var folder = new TestFolder();
        await using var silo = await TestSilo.Start(folder);
        await silo.Note("note-1").Write("old");
        silo.Sql("CREATE TABLE stolen AS SELECT * FROM grain_state");
        await silo.Note("note-1").Write("new");
        silo.Sql("UPDATE grain_state SET (payload, version) = (SELECT payload, version FROM stolen)");
        await IsRefusedAfterDeactivation(silo);
    }

    [Fact]
    public async Task A_row_removed_while_the_process_runs_is_not_taken_for_one_that_never_was()
    {
        using var folder = new TestFolder();
        await using var silo = await TestSilo.Start(folder);
        await silo.Note("note-1").Write("locked");
        silo.Sql("DELETE FROM grain_state");
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
        var left = silo.Database.States.KeysOf("scratch");
        await silo.Note("note-2").Scratch("of a call that came meanwhile");
        await silo.Database.States.Remove("scratch", left);
        Assert.Equal(2, Rows(silo));
        Assert.Single(silo.Database.States.KeysOf("scratch"), key => key.Contains("note-2", StringComparison.Ordinal));
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
        again.Sql($"UPDATE grain_state SET payload = x'' WHERE {RowOf} LIKE '%note-2%'");
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
    public async Task What_may_be_removed_leaves_no_row_and_an_old_row_of_it_is_refused_when_it_is_put_back()
    {
        using var folder = new TestFolder();
        await using var silo = await TestSilo.Start(folder);
        var id = GrainId.Create("note", "note-1");
        var row = new GrainState<NoteState>(new NoteState { Text = "few failures" });
        for (var i = 0; i < 100; i++) await silo.Storage.WriteStateAsync("removable", id, row);
        silo.Sql("CREATE TABLE stolen AS SELECT * FROM grain_state");
        await silo.Storage.ClearStateAsync("removable", id, row);
        Assert.Equal(0, Rows(silo));

        var next = new GrainState<NoteState>(new NoteState());
        await silo.Storage.ReadStateAsync("removable", id, next);
        Assert.False(next.RecordExists);
        next.State = new NoteState { Text = "locked" };
        // The same second at worst: the version of a row that is written less than a thousand times a second is below that of the next second.
        await Eventually(() => Task.FromResult(DateTimeOffset.UtcNow.ToUnixTimeSeconds() > VersionOf(row: "stolen", silo) >> 10));
        await silo.Storage.WriteStateAsync("removable", id, next);
        silo.Sql("UPDATE grain_state SET (payload, version) = (SELECT payload, version FROM stolen)");
        await Assert.ThrowsAsync<TamperedStateException>(() => silo.Storage.ReadStateAsync("removable", id, new GrainState<NoteState>(new NoteState())));
        silo.Sql("DELETE FROM grain_state");
        await Assert.ThrowsAsync<TamperedStateException>(() => silo.Storage.ReadStateAsync("removable", id, new GrainState<NoteState>(new NoteState())));
    }

    private static long VersionOf(string row, TestSilo silo) => Scalar(silo, $"SELECT version FROM {row}");

    [Fact]
    public async Task Lockouts_of_accounts_that_nobody_enrolled_are_found_page_by_page()
    {
        using var folder = new TestFolder();
        await using var silo = await TestSilo.Start(folder);
        foreach (var (state, key) in new[] { ("lockout", "lock-a:1:x/Unattested"), ("lockout", "lock-a:1:y/Attested"), ("lockout", "lock-a:1:y/Unattested"), ("lockout", "lock-a:1:z/Unattested"), ("caller", "a:1:x"), ("caller", "a:1:y/"), ("note", "a:1:z") })
            silo.Sql($"INSERT INTO grain_state VALUES ('{state}', '{key}', 1, x'00')");
        Assert.Equal(["lock-a:1:y/Attested", "lock-a:1:y/Unattested"], silo.Database.States.LockoutsOfStrangers("", 2));
        Assert.Equal(["lock-a:1:z/Unattested"], silo.Database.States.LockoutsOfStrangers("lock-a:1:y/Unattested", 2));
    }

    [Fact]
    public async Task A_write_by_somebody_else_meanwhile_is_a_conflict()
    {
        using var folder = new TestFolder();
        await using var silo = await TestSilo.Start(folder);
        await silo.Note("note-1").Write("a");
        silo.Sql("UPDATE grain_state SET version = version + 1");
        await Assert.ThrowsAnyAsync<Exception>(() => silo.Note("note-1").Write("b"));
        Assert.Equal(1, Rows(silo));
    }

    [Fact]
    public async Task A_stale_writer_does_not_bring_a_removed_row_back()
    {
        using var folder = new TestFolder();
        await using var silo = await TestSilo.Start(folder);
        await silo.Note("note-1").Write("a");
        silo.Sql("DELETE FROM grain_state");
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
    public async Task A_state_of_an_older_version_of_the_schema_is_read_on()
    {
        using var folder = new TestFolder();
        await using (var silo = await TestSilo.Start(folder))
        {
            await silo.Note("note-1").Write("kept");
            // As the Orleans provider stored it, before script 0003 ran.
            silo.Sql(
                """
                CREATE TABLE OrleansQuery (QueryKey TEXT NOT NULL PRIMARY KEY, QueryText TEXT NOT NULL);
                CREATE TABLE OrleansStorage (GrainIdHash, GrainTypeHash, GrainIdN0, GrainIdN1, GrainTypeString, GrainIdExtensionString, ServiceId, PayloadBinary, Version);
                INSERT INTO OrleansStorage SELECT 17, 4, 0, 0, state, grain, 'test', payload, version FROM grain_state;
                DROP TABLE grain_state;
                DELETE FROM SchemaVersions WHERE ScriptName LIKE '%0003%';
                """);
        }
        await using var again = await TestSilo.Start(folder);
        Assert.Equal("kept", await again.Note("note-1").Read());
        await again.Note("note-1").Write("and written on");
        Assert.Equal(2L, Scalar(again, "SELECT version FROM grain_state"));
    }

    [Fact]
    public async Task A_storage_failure_names_no_type_of_the_driver_to_a_client()
    {
        using var folder = new TestFolder();
        await using var silo = await TestSilo.Start(folder);
        using var client = await silo.Client();
        silo.Sql("DROP TABLE grain_state");
        RequestContext.Set(Grains.Interfaces.Operators.RoleToken.ContextKey, silo.Tokens.Issue("ann", "viewer"));
        var grain = ((IClusterClient)client.Services.GetService(typeof(IClusterClient))!).GetGrain<INoteGrain>("note-1");
        var error = await Assert.ThrowsAnyAsync<Exception>(() => grain.Write("a"));
        Assert.DoesNotContain("Sqlite", error.ToString(), StringComparison.OrdinalIgnoreCase);
        await client.StopAsync(TestContext.Current.CancellationToken);
    }

    private static void Copy(TestSilo silo, string from, string to) =>
        silo.Sql($"UPDATE grain_state SET (payload, version) = (SELECT payload, version FROM grain_state WHERE {RowOf} LIKE '%{from}%') WHERE {RowOf} LIKE '%{to}%'");

    private static long Rows(TestSilo silo) => Scalar(silo, "SELECT COUNT(*) FROM grain_state");

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
