using System.Collections.Concurrent;
using IvrActors.Grains;
using IvrActors.Silo.Storage;
using IvrActors.TestPostgres;
using Npgsql;
using Xunit;

namespace IvrActors.Silo.Tests.Storage;

/// <summary>A server of their own, which they may break.</summary>
public sealed class PostgresOutageTests(PostgresOutageTests.OwnServer own) : IClassFixture<PostgresOutageTests.OwnServer>
{
    private const int Rows = 16;
    private const string ConnectionsOfOurs = "FROM pg_stat_activity WHERE application_name = 'ivr' AND datname = current_database()";

    public sealed class OwnServer : IAsyncLifetime
    {
        internal PostgresServer? Server { get; private set; }

        public async ValueTask InitializeAsync() => Server = PostgresServer.Programs is null ? null : await PostgresServer.Start();

        public async ValueTask DisposeAsync()
        {
            if (Server is not null) await Server.DisposeAsync();
        }
    }

    [Fact]
    public Task Connections_that_are_ended_in_the_middle_of_writes_lose_no_acknowledged_write_and_double_none() => NothingIsLostOrDoubled(async (server, database, writers) =>
    {
        for (var i = 0; i < 5; i++)
        {
            database.Scalar($"SELECT count(pg_terminate_backend(pid)) {ConnectionsOfOurs}");
            await writers.Advance(10);
        }
    });

    [Fact]
    public Task A_process_of_the_server_that_is_killed_in_the_middle_of_writes_loses_no_acknowledged_write_and_doubles_none() => NothingIsLostOrDoubled(async (server, database, writers) =>
    {
        // The server then ends all of them, and recovers.
        await server.Kill((int)database.Scalar($"SELECT min(pid)::bigint {ConnectionsOfOurs}"));
        await writers.Fail();
    });

    [Fact]
    public Task A_server_that_goes_away_in_the_middle_of_writes_and_comes_back_loses_no_acknowledged_write_and_doubles_none() => NothingIsLostOrDoubled(async (server, _, writers) =>
    {
        await server.Stop();
        await writers.Fail();
        await server.Resume();
    });

    [Fact]
    public Task A_disk_that_is_full_in_the_middle_of_writes_loses_no_acknowledged_write_doubles_none_and_all_goes_on_when_there_is_room() => NothingIsLostOrDoubled(async (_, database, writers) =>
    {
        database.Sql("CREATE FUNCTION disk_is_full() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'No space left on device' USING ERRCODE = 'disk_full'; END $$");
        database.Sql("CREATE TRIGGER disk_is_full BEFORE INSERT OR UPDATE ON grain_state EXECUTE FUNCTION disk_is_full()");
        await writers.Fail();
        database.Sql("DROP TRIGGER disk_is_full ON grain_state");
    });

    [Fact]
    public async Task While_it_is_away_nothing_names_the_driver_and_afterwards_nothing_is_left_of_it()
    {
        Postgres.Require();
        await using var database = await TestPostgresDatabase.Create(own.Server!);
        using var folder = new TestFolder();
        await using var silo = await TestSilo.Start(folder, storage: database.Settings);
        using var opened = database.Open();
        await silo.Note("note-1").Write("before");
        await own.Server!.Stop();
        try
        {
            var error = await Assert.ThrowsAnyAsync<OrleansException>(() => silo.Note("note-1").Write("lost"));
            Assert.Contains("Storage could not write the state 'note'.", error.ToString(), StringComparison.Ordinal);
            Assert.DoesNotMatch("(?i)npgsql|postgres", error.ToString());
            await Assert.ThrowsAsync<StorageUnavailableException>(() => opened.Audit.ReadHead("demo"));
            await Assert.ThrowsAsync<StorageUnavailableException>(() => opened.Audit.Search("demo", new()));
            // What is in memory goes on.
            Assert.Equal("lost", await silo.Note("note-1").Read());
        }
        finally
        {
            await own.Server.Resume();
        }
        // At once: no connection of before is tried in vain.
        await silo.Note("note-1").Write("after");
        Assert.Equal(0, (await opened.Audit.ReadHead("demo")).Number);
        await silo.Note("note-1").Deactivate();
        Assert.Equal("after", await silo.Note("note-1").Read());
    }

    private async Task NothingIsLostOrDoubled(Func<PostgresServer, TestPostgresDatabase, Writers, Task> outage)
    {
        Postgres.Require();
        await using var database = await TestPostgresDatabase.Create(own.Server!);
        using var opened = database.Open();
        var writers = new Writers(opened.States);
        await writers.Advance(10);
        await outage(own.Server!, database, writers);
        await writers.Advance(10);
        await writers.Stop();
        Assert.NotEqual(0, writers.Failures);
    }

    /// <summary>One for each row, which counts its version up and knows what was acknowledged. A write that fails may have been done: the row tells, as it does to a grain that reads again.</summary>
    private sealed class Writers
    {
        private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

        private readonly IStateTable _states;
        private readonly long[] _acknowledged = new long[Rows];
        private readonly ConcurrentQueue<string> _wrong = new();
        private readonly Task[] _running;
        private volatile bool _stopping;
        private int _failures;

        public Writers(IStateTable states)
        {
            _states = states;
            _running = [.. Enumerable.Range(0, Rows).Select(row => Task.Run(() => Run(row)))];
        }

        public int Failures => Volatile.Read(ref _failures);

        /// <summary>Until each row was written so many times more.</summary>
        public Task Advance(int writes)
        {
            var from = _acknowledged.ToArray();
            return Until(() => Enumerable.Range(0, Rows).All(row => Volatile.Read(ref _acknowledged[row]) >= from[row] + writes));
        }

        /// <summary>Until a write failed.</summary>
        public Task Fail() => Until(() => Failures > 0);

        public async Task Stop()
        {
            _stopping = true;
            await Task.WhenAll(_running);
            Assert.Empty(_wrong);
            for (var row = 0; row < Rows; row++) Assert.Equal(_acknowledged[row], (await _states.Read("note", $"n-{row}"))!.Value.Version);
        }

        private async Task Run(int row)
        {
            while (!_stopping)
            {
                var version = _acknowledged[row];
                try
                {
                    if (!await _states.Write("note", $"n-{row}", BitConverter.GetBytes(version + 1), version, version + 1, durable: true)) _wrong.Enqueue($"row {row} was not at {version}");
                    Volatile.Write(ref _acknowledged[row], version + 1);
                }
                catch (NpgsqlException)
                {
                    Interlocked.Increment(ref _failures);
                    var found = await ReadAgain(row);
                    if (found != version && found != version + 1) _wrong.Enqueue($"row {row} is at {found} after {version} was acknowledged");
                    Volatile.Write(ref _acknowledged[row], found);
                }
            }
        }

        private async Task<long> ReadAgain(int row)
        {
            while (true)
            {
                try
                {
                    if (await _states.Read("note", $"n-{row}") is not { } found) return 0;
                    if (BitConverter.ToInt64(found.Payload) != found.Version) _wrong.Enqueue($"row {row} holds {BitConverter.ToInt64(found.Payload)} as version {found.Version}");
                    return found.Version;
                }
                catch (NpgsqlException)
                {
                    await Task.Delay(10);
                }
            }
        }

        private async Task Until(Func<bool> condition)
        {
            var until = DateTime.UtcNow + s_limit;
            while (!condition())
            {
                Assert.True(DateTime.UtcNow < until, $"the condition did not come true in {s_limit}; {Failures} writes failed; {string.Join(", ", _wrong)}");
                await Task.Delay(10);
            }
        }
    }
}
