using System.Net;
using System.Net.Sockets;
using System.Text;
using IvrActors.Silo.Cluster;
using IvrActors.Silo.Storage;
using IvrActors.Silo.Tests.Cluster;
using IvrActors.Silo.Tests.Delivery;
using IvrActors.TestPostgres;
using Npgsql;
using NpgsqlTypes;
using Xunit;

namespace IvrActors.Silo.Tests.Storage;

public sealed class PostgresDatabaseTests : IAsyncLifetime
{
    private readonly TestFolder _folder = new();
    private PostgresServer _server = null!;
    private TestPostgresDatabase _database = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await Postgres.Server();
        _database = await TestPostgresDatabase.Create();
    }

    public async ValueTask DisposeAsync()
    {
        if (_database is not null) await _database.DisposeAsync();
        _folder.Dispose();
    }

    [Fact]
    public async Task Of_eight_first_writers_on_two_silos_one_wins_for_each_of_fifty_rows()
    {
        using var one = Opened();
        using var other = Opened();
        var wins = await Task.WhenAll(Enumerable.Range(0, 50).SelectMany(row => Enumerable.Range(0, 8).Select(racer =>
            Task.Run(async () => (Row: row, Racer: racer, Won: await (racer % 2 == 0 ? one : other).States.Write("note", $"n-{row}", [(byte)racer], expected: 0, version: 1, durable: true))))));
        Assert.All(wins.GroupBy(win => win.Row), row => Assert.Single(row, win => win.Won));
        foreach (var (row, racer, _) in wins.Where(win => win.Won)) Assert.Equal([(byte)racer], (await other.States.Read("note", $"n-{row}"))!.Value.Payload);
    }

    [Fact]
    public async Task Of_eight_writers_of_the_same_version_one_wins_and_none_brings_a_removed_row_back()
    {
        using var one = Opened();
        using var other = Opened();
        Assert.True(await one.States.Write("note", "n-1", [0], expected: 0, version: 1, durable: true));
        var wins = await Task.WhenAll(Enumerable.Range(0, 8).Select(racer => (racer % 2 == 0 ? one : other).States.Write("note", "n-1", [1], expected: 1, version: 2, durable: true)));
        Assert.Single(wins, won => won);
        Assert.False(await one.States.Delete("note", "n-1", expected: 1, durable: true));
        Assert.True(await one.States.Delete("note", "n-1", expected: 2, durable: true));
        Assert.False(await other.States.Write("note", "n-1", [1], expected: 2, version: 3, durable: true));
        Assert.Null(await one.States.Read("note", "n-1"));
    }

    [Fact]
    public async Task What_fails_in_a_batch_fails_alone()
    {
        using var database = Opened();
        var results = await InOneBatch(database, async i =>
        {
            try
            {
                // PostgreSQL's text holds no zero.
                return await database.States.Write("note", i == 4 ? "n-\0" : $"n-{i}", [1], expected: i == 6 ? 7 : 0, version: 8, durable: true);
            }
            catch (PostgresException)
            {
                return (bool?)null;
            }
        });
        Assert.All(results, (written, i) => Assert.Equal(i switch { 4 => null, 6 => false, _ => true }, written));
        Assert.Equal(8, _database.Scalar("SELECT count(*) FROM grain_state WHERE state = 'note'"));
    }

    [Theory, InlineData(true, "on"), InlineData(false, "off")]
    public async Task One_write_that_must_survive_a_power_cut_makes_its_batch_so(bool oneIsDurable, string expected)
    {
        // Also on a server that would not wait for the disk by itself.
        _database.Sql($"ALTER ROLE {PostgresServer.User} IN DATABASE {_database.Settings.Database} SET synchronous_commit = off");
        using var database = Opened();
        await InOneBatch(database, i => database.Writer.Run(oneIsDurable && i == 6, "mode", $"n-{i}", () =>
            new("INSERT INTO grain_state SELECT 'mode', $1, 1, convert_to(current_setting('synchronous_commit'), 'UTF8')") { Parameters = { new NpgsqlParameter { Value = $"n-{i}", NpgsqlDbType = NpgsqlDbType.Text } } }));
        for (var i = 0; i < 10; i++) Assert.Equal(expected, Encoding.UTF8.GetString((await database.States.Read("mode", $"n-{i}"))!.Value.Payload));
        Assert.Equal(1, _database.Scalar("SELECT count(DISTINCT xmin::text) FROM grain_state WHERE state = 'mode'"));
    }

    [Fact]
    public async Task What_was_given_to_it_is_written_before_it_closes()
    {
        var database = Opened();
        var writes = Enumerable.Range(0, 1000).Select(i => database.States.Write("note", $"n-{i}", [1], expected: 0, version: 1, durable: false)).ToArray();
        database.Dispose();
        Assert.All(await Task.WhenAll(writes), Assert.True);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => database.States.Write("note", "n-late", [1], expected: 0, version: 1, durable: false));
        Assert.Equal(1000, _database.Scalar("SELECT count(*) FROM grain_state"));
    }

    [Fact]
    public void A_server_that_another_authority_signed_is_refused()
    {
        using var authority = new TestAuthority(_folder);
        Assert.Contains("certificate", Refused(_database.Settings with { AuthorityFile = authority.File }), StringComparison.OrdinalIgnoreCase);
        // Nor is it trusted because nothing was said.
        Assert.Contains("certificate", Refused(_database.Settings with { AuthorityFile = null }), StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public void A_server_whose_certificate_is_for_another_name_is_refused() =>
        Assert.Contains("certificate", Refused(_database.Settings with { Host = "127.0.0.1" }), StringComparison.OrdinalIgnoreCase);

    [Fact]
    public async Task A_server_without_tls_is_refused_before_it_hears_a_name()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var heard = Task.Run(async () =>
        {
            using var client = await listener.AcceptTcpClientAsync();
            var stream = client.GetStream();
            var request = new byte[8];
            await stream.ReadExactlyAsync(request);
            // SSLRequest is answered with N for no.
            stream.WriteByte((byte)'N');
            return await stream.ReadAsync(request);
        });
        Assert.Contains("SSL connection requested", Refused(_database.Settings with { Port = ((IPEndPoint)listener.LocalEndpoint).Port }), StringComparison.Ordinal);
        Assert.Equal(0, await heard);
    }

    [Fact]
    public void A_server_that_takes_tls_only_refuses_a_client_without() =>
        Assert.Contains("no encryption", Refused(_database.Settings with { Tls = false, Host = "127.0.0.1", AuthorityFile = null }), StringComparison.Ordinal);

    [Fact]
    public void A_wrong_password_is_refused_and_told_nowhere()
    {
        var file = Path.Combine(_folder, "password");
        File.WriteAllText(file, "canary-4711");
        var reason = Refused(_database.Settings with { Password = new SecretSource(file, null, "the database") });
        Assert.Contains("password authentication failed", reason, StringComparison.Ordinal);
        Assert.DoesNotContain("canary-4711", reason + _server.Log, StringComparison.Ordinal);
        Assert.DoesNotContain("canary-4711", new PostgresDatabase(_database.Settings with { Password = new SecretSource(file, null, "the database") }).Source.ConnectionString, StringComparison.Ordinal);
    }

    [Fact]
    public void A_password_that_is_not_there_is_named() =>
        Assert.Contains("IVR_NO_SUCH_PASSWORD", Assert.Throws<MissingSecretException>(() => new PostgresDatabase(_database.Settings with { Password = new SecretSource(null, "IVR_NO_SUCH_PASSWORD", "the database") })).Message, StringComparison.Ordinal);

    [Fact]
    public async Task Silos_that_start_together_make_one_database_and_one_ring_of_keys()
    {
        var cluster = Cluster(Path.Combine(_folder, "one"));
        TestKeys.CopyCertificateTo(cluster.DataFolder);
        var vaults = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() => ClusterVault.OpenOrCreate(cluster, DateTimeOffset.UtcNow))));
        var key = Assert.Single(vaults.Select(vault => vault.Keys.SealingKey.KeyId).Distinct());
        Assert.Single(vaults[0].Ring.List());
        foreach (var vault in vaults) vault.Dispose();
        Assert.Equal(Newest, _database.Scalar("SELECT count(*) FROM schemaversions"));
        // One without what protects the ring makes nothing of its own; with it, it has the same keys.
        var other = Cluster(Path.Combine(_folder, "other"));
        Assert.Contains("certificate that protects the key ring is missing", Assert.Throws<KeyRingException>(() => ClusterVault.OpenOrCreate(other, DateTimeOffset.UtcNow)).Message, StringComparison.Ordinal);
        TestKeys.CopyCertificateTo(other.DataFolder);
        using var second = ClusterVault.OpenOrCreate(other, DateTimeOffset.UtcNow);
        Assert.Equal(key, second.Keys.SealingKey.KeyId);
    }

    [Fact]
    public void A_database_with_content_whose_keys_are_gone_gets_no_others()
    {
        var cluster = Cluster(_folder);
        TestKeys.CopyCertificateTo(cluster.DataFolder);
        ClusterVault.OpenOrCreate(cluster, DateTimeOffset.UtcNow).Dispose();
        _database.Sql("INSERT INTO grain_state VALUES ('note', 'n-1', 1, '\\x00'); DELETE FROM key_element");
        var error = Assert.Throws<KeyRingException>(() => ClusterVault.OpenOrCreate(cluster, DateTimeOffset.UtcNow));
        Assert.Contains("is missing. Restore it", error.Message, StringComparison.Ordinal);
        Assert.Equal(0, _database.Scalar("SELECT count(*) FROM key_element"));
    }

    [Fact]
    public async Task Who_starts_waits_for_who_started_before()
    {
        using var one = new PostgresDatabase(_database.Settings);
        using var other = new PostgresDatabase(_database.Settings);
        var held = one.HoldStart()!;
        var second = Task.Run(other.HoldStart);
        await Eventually(() => _database.Scalar("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())") == 1);
        Assert.False(second.IsCompleted);
        held.Dispose();
        (await second)!.Dispose();
    }

    [Fact]
    public void A_database_that_nobody_started_with_is_told_from_one_that_is_not_there()
    {
        Assert.Contains("never started", Assert.Throws<DatabaseException>(() => Databases.OpenExisting(_database.Settings)).Message, StringComparison.Ordinal);
        Assert.Contains("does not exist", Refused(_database.Settings with { Database = "nowhere" }), StringComparison.Ordinal);
    }

    [Fact]
    public void A_database_of_the_next_version_is_used_and_one_of_a_later_version_is_refused()
    {
        using (Opened())
        {
            // Made.
        }
        Journal(Newest + 1);
        using (Opened())
        {
            // One ahead.
        }
        Journal(Newest + 2);
        using var database = new PostgresDatabase(_database.Settings);
        Assert.Contains($"later version: it is at script {Newest + 2:0000}, and this version knows {Newest:0000}", Assert.Throws<DatabaseException>(database.Migrate).Message, StringComparison.Ordinal);

        void Journal(long script) => _database.Sql($"INSERT INTO schemaversions (scriptname, applied) VALUES ('{Migrations.Postgres}{script:0000}-later.sql', now())");
    }

    /// <summary>How many scripts there are.</summary>
    private static long Newest => typeof(Migrations).Assembly.GetManifestResourceNames().Count(name => name.StartsWith(Migrations.Postgres, StringComparison.Ordinal));

    private PostgresDatabase Opened() => (PostgresDatabase)_database.Open();

    private ClusterFile Cluster(string folder)
    {
        Directory.CreateDirectory(folder);
        var (cluster, errors) = ClusterFileReader.Parse(Path.Combine(folder, "cluster.yaml"), StorageReaderTests.Section().Replace(ClusterFileTests.Text, _database.Yaml));
        Assert.Empty(errors);
        return cluster!;
    }

    private static string Refused(PostgresSettings settings)
    {
        using var database = new PostgresDatabase(settings);
        return Assert.Throws<DatabaseException>(() => database.IsNew).Message;
    }

    /// <summary>Runs ten writes that one connection finds together, because all are held up while they are given to the writer.</summary>
    private async Task<T[]> InOneBatch<T>(PostgresDatabase database, Func<int, Task<T>> write)
    {
        await using var administrator = await _server.AdministratorOf(_database.Settings.Database).OpenConnectionAsync();
        await using var transaction = await administrator.BeginTransactionAsync();
        await using (var command = new NpgsqlCommand("LOCK TABLE grain_state IN SHARE MODE", administrator)) await command.ExecuteNonQueryAsync();
        var holdUps = new List<Task<bool>>();
        while (holdUps.Count < PostgresWriter.Lines)
        {
            // One after the other, else one connection may find several together.
            holdUps.Add(database.States.Write("hold-up", $"n-{holdUps.Count}", [1], expected: 0, version: 1, durable: true));
            await Eventually(() => _database.Scalar("SELECT count(*) FROM pg_locks WHERE relation = 'grain_state'::regclass AND NOT granted") == holdUps.Count);
        }
        var writes = Enumerable.Range(0, 10).Select(write).ToArray();
        await transaction.RollbackAsync();
        Assert.All(await Task.WhenAll(holdUps), Assert.True);
        return await Task.WhenAll(writes);
    }

    private static async Task Eventually(Func<bool> condition)
    {
        var until = DateTime.UtcNow.AddSeconds(30);
        while (!condition())
        {
            Assert.True(DateTime.UtcNow < until, "the condition did not come true in 30 s");
            await Task.Delay(10);
        }
    }
}
