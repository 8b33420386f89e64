using IvrActors.Silo.Storage;
using Microsoft.Data.Sqlite;
using Xunit;

namespace IvrActors.Silo.Tests.Storage;

public sealed class SqliteWriterTests : IDisposable
{
    private readonly TestFolder _folder = new();
    private readonly SqliteDatabase _database;

    public SqliteWriterTests()
    {
        _database = new SqliteDatabase(Path.Combine(_folder, "ivr.db"));
        _database.Migrate();
    }

    public void Dispose()
    {
        _database.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task A_conflict_fails_its_own_write_and_no_other_of_its_batch()
    {
        Assert.True(await _database.States.Write("note", "n-0", [1], expected: 0, version: 1, durable: false));
        Assert.All(await InOneBatch(i => _database.States.Write("note", "n-0", [2], expected: i == 3 ? 1 : 7, version: i == 3 ? 2 : 8, durable: i == 5)), (won, i) => Assert.Equal(i == 3, won));
        Assert.Equal(2, (await _database.States.Read("note", "n-0"))!.Value.Version);
    }

    [Fact]
    public async Task A_write_of_several_statements_that_fails_leaves_nothing_and_the_others_stay()
    {
        var results = await InOneBatch(async i =>
        {
            try
            {
                return await _database.Writer.Run(durable: true, session =>
                {
                    session.Statement("INSERT INTO grain_state (state, grain, version, payload) VALUES ('note', ?1, 1, x'00')").Bind(1, $"n-{i}").Run();
                    if (i == 4) session.Execute("INSERT INTO no_such_table VALUES (1)");
                    return true;
                }, several: true);
            }
            catch (SqliteException)
            {
                return false;
            }
        });
        Assert.All(results, (written, i) => Assert.Equal(i != 4, written));
        Assert.Equal(results.Length - 1, (await _database.States.KeysOf("note")).Count);
        Assert.DoesNotContain("n-4", await _database.States.KeysOf("note"));
    }

    [Fact]
    public async Task A_transaction_that_fails_is_told_to_everybody_in_it_and_does_not_lock_the_file()
    {
        var results = await InOneBatch(async i =>
        {
            try
            {
                // As SQLite does it by itself when the disk is full.
                return await _database.Writer.Run(durable: false, session =>
                {
                    if (i == 2) session.Execute("ROLLBACK; INSERT INTO no_such_table VALUES (1)");
                    return true;
                });
            }
            catch (SqliteException)
            {
                return false;
            }
        });
        Assert.DoesNotContain(true, results);
        Assert.True(await _database.States.Write("note", "n-1", [1], expected: 0, version: 1, durable: true));
        TestSilo.SqlOn(_database.File, "DELETE FROM grain_state");
    }

    [Fact]
    public async Task A_disk_that_is_full_refuses_what_does_not_fit_and_keeps_what_was_acknowledged()
    {
        const int Full = 13;
        await MostPages(1); // No fewer than there are.
        var written = 0;
        var full = await Assert.ThrowsAsync<SqliteException>(async () =>
        {
            for (; written < 1000; written++) Assert.True(await Write(written));
        });
        Assert.Equal(Full, full.SqliteErrorCode);
        await MostPages(int.MaxValue);
        Assert.True(await Write(written));
        for (var i = 0; i <= written; i++) Assert.Equal((1, 3000), (await _database.States.Read("note", $"n-{i}")) is { } row ? (row.Version, row.Payload.Length) : default);

        Task<bool> Write(int i) => _database.States.Write("note", $"n-{i}", new byte[3000], expected: 0, version: 1, durable: true);

        Task MostPages(int most) => _database.Writer.Run(durable: false, session =>
        {
            session.Execute($"PRAGMA max_page_count = {most}");
            return true;
        });
    }

    [Theory, InlineData(true, 2), InlineData(false, 1)]
    public async Task One_write_that_must_survive_a_power_cut_makes_its_batch_so(bool oneIsDurable, int synchronous)
    {
        var modes = await InOneBatch(i => _database.Writer.Run(durable: oneIsDurable && i == 6, session =>
        {
            var pragma = session.Statement("PRAGMA synchronous");
            pragma.Step();
            var mode = pragma.Long(0);
            pragma.Reset();
            return mode;
        }));
        Assert.All(modes, mode => Assert.Equal(synchronous, mode));
    }

    [Fact]
    public async Task What_was_given_to_it_is_written_before_it_closes()
    {
        var writes = Enumerable.Range(0, 1000).Select(i => _database.States.Write("note", $"n-{i}", [1], expected: 0, version: 1, durable: false)).ToArray();
        _database.Dispose();
        Assert.All(await Task.WhenAll(writes), Assert.True);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => _database.States.Write("note", "n-late", [1], expected: 0, version: 1, durable: false));
        using var again = new SqliteDatabase(_database.File);
        Assert.Equal(1000, (await again.States.KeysOf("note")).Count);
    }

    /// <summary>Runs ten writes that the writer finds together, because it is held up while they are given to it.</summary>
    private async Task<T[]> InOneBatch<T>(Func<int, Task<T>> write)
    {
        using var given = new ManualResetEventSlim();
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var holdUp = _database.Writer.Run(durable: false, _ =>
        {
            begun.SetResult();
            given.Wait();
            return true;
        });
        // Else the writer may find the one that holds it up and the ten together.
        await begun.Task;
        var writes = Enumerable.Range(0, 10).Select(write).ToArray();
        given.Set();
        await holdUp;
        return await Task.WhenAll(writes);
    }
}
