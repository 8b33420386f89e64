using System.Text;
using IvrActors.Silo.Storage;
using Orleans.Storage;
using Xunit;

namespace IvrActors.Silo.Tests.Storage;

public abstract class EncryptedGrainStorageTests : IAsyncLifetime
{
    private const string RowOf = "grain";

    private readonly TestFolder _folder = new();
    private TestDatabase _database = null!;

    private protected TestDatabase Database => _database;

    public async ValueTask InitializeAsync() => _database = await CreateDatabase(_folder);

    public async ValueTask DisposeAsync()
    {
        if (_database is not null) await _database.DisposeAsync();
        _folder.Dispose();
    }

    private protected abstract Task<TestDatabase> CreateDatabase(string folder);

    private protected Task<TestSilo> Start() => TestSilo.Start(_folder, storage: _database.Settings);

    [Fact]
    public async Task What_was_written_is_read_after_a_restart()
    {
        await using (var silo = await Start()) await silo.Note("note-1").Write("kept");
        await using var again = await Start();
        Assert.Equal("kept", await again.Note("note-1").Read());
    }

    [Fact]
    public async Task Nothing_of_a_state_is_readable_in_any_file()
    {
        const string canary = "a-very-known-canary-4711";
        await using (var silo = await Start())
        {
            await silo.Note("note-1").Write(canary);
            await silo.Note("note-1").Scratch(canary);
            await AssertNowhere(canary);
        }
        await AssertNowhere(canary);
    }

    [Fact]
    public async Task A_row_copied_over_anothers_is_refused_and_counted()
    {
        await using (var silo = await Start())
        {
            await silo.Note("note-1").Write("of one");
            await silo.Note("note-2").Write("of two");
        }
        await using var again = await Start();
        Copy(from: "note-1", to: "note-2");
        var before = StorageMetrics.Tampered.WithLabels("note").Value;
        await Assert.ThrowsAnyAsync<Exception>(() => again.Note("note-2").Read());
        Assert.Equal(before + 1, StorageMetrics.Tampered.WithLabels("note").Value);
        Assert.Equal("of one", await again.Note("note-1").Read());
    }

    [Fact]
    public async Task A_row_copied_to_another_state_of_the_same_grain_is_refused()
    {
        await using (var silo = await Start())
        {
            await silo.Note("note-1").Write("a");
            await silo.Note("note-1").Scratch("b");
        }
        await using var again = await Start();
        _database.Sql("UPDATE grain_state SET payload = (SELECT payload FROM grain_state WHERE state = 'scratch') WHERE state = 'note'");
        await Assert.ThrowsAnyAsync<Exception>(() => again.Note("note-1").Read());
    }

    [Fact]
    public async Task An_older_ciphertext_under_the_newer_version_is_refused()
    {
        await using (var silo = await Start())
        {
            await silo.Note("note-1").Write("old");
            _database.Sql("CREATE TABLE stolen AS SELECT * FROM grain_state");
            await silo.Note("note-1").Write("new");
        }
        await using var again = await Start();
        _database.Sql("UPDATE grain_state SET payload = (SELECT payload FROM stolen)");
        await Assert.ThrowsAnyAsync<Exception>(() => again.Note("note-1").Read());
    }

    [Fact]
    public async Task A_whole_old_row_put_back_while_the_process_runs_is_refused()
    {
        await using var silo = await Start();
        await silo.Note("note-1").Write("old");
        _database.Sql("CREATE TABLE stolen AS SELECT * FROM grain_state");
        await silo.Note("note-1").Write("new");
        _database.Sql("UPDATE grain_state SET (payload, version) = (SELECT payload, version FROM stolen)");
        await IsRefusedAfterDeactivation(silo);
    }

    [Fact]
    public async Task A_row_removed_while_the_process_runs_is_not_taken_for_one_that_never_was()
    {
        await using var silo = await Start();
        await silo.Note("note-1").Write("locked");
        _database.Sql("DELETE FROM grain_state");
        await IsRefusedAfterDeactivation(silo);
    }

    [Fact]
    public async Task Rows_of_a_state_that_dies_with_its_process_are_removed_and_no_others()
    {
        await using var silo = await Start();
        await silo.Note("note-1").Write("kept");
        await silo.Note("note-1").Scratch("left behind");
        Assert.Equal(2, Rows());
        var left = await silo.Database.States.KeysOf("scratch");
        await silo.Note("note-2").Scratch("of a call that came meanwhile");
        await silo.Database.States.Remove("scratch", left);
        Assert.Equal(2, Rows());
        Assert.Single(await silo.Database.States.KeysOf("scratch"), key => key.Contains("note-2", StringComparison.Ordinal));
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
        await using (var silo = await Start())
        {
            await silo.Note("note-1").Write("a");
            await silo.Note("note-1").Clear();
            Assert.Equal("(none)", await silo.Note("note-1").Read());
            await silo.Note("note-2").Write("b");
        }
        await using var again = await Start();
        Assert.Equal("(none)", await again.Note("note-1").Read());
        await again.Note("note-1").Write("c");
        Assert.Equal("c", await again.Note("note-1").Read());
        _database.Sql($"UPDATE grain_state SET payload = {_database.Bytes("")} WHERE {RowOf} LIKE '%note-2%'");
        await Assert.ThrowsAnyAsync<Exception>(() => again.Note("note-2").Read());
    }

    [Fact]
    public async Task A_relaxed_state_leaves_no_row_when_it_is_cleared_and_can_be_written_again()
    {
        await using var silo = await Start();
        await silo.Note("note-1").Scratch("a");
        await silo.Note("note-1").Scratch("b");
        Assert.Equal(1, Rows());
        await silo.Note("note-1").Scratch(null);
        Assert.Equal(0, Rows());
        await silo.Note("note-1").Scratch("c");
        Assert.Equal(1, Rows());
    }

    [Fact]
    public async Task What_may_be_removed_leaves_no_row_and_an_old_row_of_it_is_refused_when_it_is_put_back()
    {
        await using var silo = await Start();
        var id = GrainId.Create("note", "note-1");
        var row = new GrainState<NoteState>(new NoteState { Text = "few failures" });
        for (var i = 0; i < 100; i++) await silo.Storage.WriteStateAsync("removable", id, row);
        _database.Sql("CREATE TABLE stolen AS SELECT * FROM grain_state");
        await silo.Storage.ClearStateAsync("removable", id, row);
        Assert.Equal(0, Rows());

        var next = new GrainState<NoteState>(new NoteState());
        await silo.Storage.ReadStateAsync("removable", id, next);
        Assert.False(next.RecordExists);
        next.State = new NoteState { Text = "locked" };
        // The same second at worst: the version of a row that is written less than a thousand times a second is below that of the next second.
        await Eventually(() => Task.FromResult(DateTimeOffset.UtcNow.ToUnixTimeSeconds() > VersionOf("stolen") >> 10));
        await silo.Storage.WriteStateAsync("removable", id, next);
        _database.Sql("UPDATE grain_state SET (payload, version) = (SELECT payload, version FROM stolen)");
        await Assert.ThrowsAsync<TamperedStateException>(() => silo.Storage.ReadStateAsync("removable", id, new GrainState<NoteState>(new NoteState())));
        _database.Sql("DELETE FROM grain_state");
        var gone = new GrainState<NoteState>(new NoteState());
        if (!silo.Database.States.IsShared)
        {
            await Assert.ThrowsAsync<TamperedStateException>(() => silo.Storage.ReadStateAsync("removable", id, gone));
            return;
        }
        // Another silo may have removed it.
        await silo.Storage.ReadStateAsync("removable", id, gone);
        Assert.False(gone.RecordExists);
    }

    private long VersionOf(string table) => _database.Scalar($"SELECT version FROM {table}");

    [Fact]
    public async Task Lockouts_of_accounts_that_nobody_enrolled_are_found_page_by_page()
    {
        await using var silo = await Start();
        foreach (var (state, key) in new[] { ("lockout", "lock-a:1:x/Unattested"), ("lockout", "lock-a:1:y/Attested"), ("lockout", "lock-a:1:y/Unattested"), ("lockout", "lock-a:1:z/Unattested"), ("caller", "a:1:x"), ("caller", "a:1:y/"), ("note", "a:1:z") })
            _database.Sql($"INSERT INTO grain_state VALUES ('{state}', '{key}', 1, {_database.Bytes("00")})");
        Assert.Equal(["lock-a:1:y/Attested", "lock-a:1:y/Unattested"], await silo.Database.States.LockoutsOfStrangers("", 2));
        Assert.Equal(["lock-a:1:z/Unattested"], await silo.Database.States.LockoutsOfStrangers("lock-a:1:y/Unattested", 2));
    }

    [Fact]
    public async Task A_write_by_somebody_else_meanwhile_is_a_conflict()
    {
        await using var silo = await Start();
        await silo.Note("note-1").Write("a");
        _database.Sql("UPDATE grain_state SET version = version + 1");
        await Assert.ThrowsAnyAsync<Exception>(() => silo.Note("note-1").Write("b"));
        Assert.Equal(1, Rows());
    }

    [Fact]
    public async Task A_stale_writer_does_not_bring_a_removed_row_back()
    {
        await using var silo = await Start();
        await silo.Note("note-1").Write("a");
        _database.Sql("DELETE FROM grain_state");
        await Assert.ThrowsAnyAsync<Exception>(() => silo.Note("note-1").Write("b"));
        Assert.Equal(0, Rows());
    }

    [Fact]
    public async Task Of_two_first_writers_one_wins_and_the_other_is_told()
    {
        await using var silo = await Start();
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
        Assert.Equal(1, Rows());
    }

    [Fact]
    public async Task A_storage_failure_names_no_type_of_the_driver_to_a_client()
    {
        await using var silo = await Start();
        using var client = await silo.Client();
        _database.Sql("DROP TABLE grain_state");
        RequestContext.Set(Grains.Interfaces.Operators.RoleToken.ContextKey, silo.Tokens.Issue("ann", "viewer"));
        var grain = ((IClusterClient)client.Services.GetService(typeof(IClusterClient))!).GetGrain<INoteGrain>("note-1");
        var error = await Assert.ThrowsAnyAsync<Exception>(() => grain.Write("a"));
        Assert.DoesNotMatch("(?i)sqlite|npgsql|postgres", error.ToString());
        await client.StopAsync(TestContext.Current.CancellationToken);
    }

    private void Copy(string from, string to) =>
        _database.Sql($"UPDATE grain_state SET (payload, version) = (SELECT payload, version FROM grain_state WHERE {RowOf} LIKE '%{from}%') WHERE {RowOf} LIKE '%{to}%'");

    private long Rows() => _database.Scalar("SELECT COUNT(*) FROM grain_state");

    private async Task AssertNowhere(string text)
    {
        foreach (var file in Directory.EnumerateFiles(_folder, "*", SearchOption.AllDirectories).Concat(await _database.Files()))
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
