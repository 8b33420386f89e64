using IvrActors.Silo.Cluster;
using IvrActors.Silo.Storage;
using IvrActors.TestPostgres;
using Microsoft.Data.Sqlite;
using Npgsql;

namespace IvrActors.Silo.Tests.Storage;

/// <summary>An empty database of one test, of either kind, and a way into it for somebody who has the file or the server.</summary>
internal abstract class TestDatabase : IAsyncDisposable
{
    public abstract StorageSettings Settings { get; }

    /// <summary>The section <c>storage</c> of a <c>cluster.yaml</c>.</summary>
    public abstract string Yaml { get; }

    /// <summary>Ends the guard of the audit records.</summary>
    public abstract string DropTriggers { get; }

    /// <summary>Where bytes of it rest, besides the data folder.</summary>
    public abstract Task<IEnumerable<string>> Files();

    public abstract void Sql(string sql);

    public abstract long Scalar(string sql);

    /// <summary>These bytes in its SQL.</summary>
    public abstract string Bytes(string hex);

    public abstract ValueTask DisposeAsync();

    public IDatabase Open()
    {
        var database = Databases.Open(Settings);
        database.Migrate();
        return database;
    }
}

/// <param name="folder">The data folder that it is in; it stays.</param>
internal sealed class TestSqlite(string folder) : TestDatabase
{
    private string File => Path.Combine(folder, "ivr.db");

    public override StorageSettings Settings => new SqliteSettings(File);

    public override string Yaml => "storage:\n  kind: sqlite\n";

    public override string DropTriggers => "DROP TRIGGER audit_record_is_not_changed; DROP TRIGGER audit_record_is_not_removed;";

    public override Task<IEnumerable<string>> Files() => Task.FromResult<IEnumerable<string>>([]);

    public override void Sql(string sql) => TestSilo.SqlOn(File, sql);

    public override long Scalar(string sql)
    {
        using var connection = new SqliteConnection($"Data Source={File};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        return (long)command.ExecuteScalar()!;
    }

    public override string Bytes(string hex) => $"x'{hex}'";

    public override ValueTask DisposeAsync() => ValueTask.CompletedTask;
}

internal sealed class TestPostgresDatabase : TestDatabase
{
    private readonly PostgresServer _server;
    private readonly string _name;
    private readonly NpgsqlDataSource _administrator;

    private TestPostgresDatabase(PostgresServer server, string name) => (_server, _name, _administrator) = (server, name, server.AdministratorOf(name));

    public static async Task<TestPostgresDatabase> Create() => await Create(await Postgres.Server());

    public static async Task<TestPostgresDatabase> Create(PostgresServer server) => new(server, await server.CreateDatabase());

    public override PostgresSettings Settings => Postgres.Settings(_server, _name);

    public override string Yaml =>
        $"storage: {{ kind: postgresql, host: {PostgresServer.Host}, port: {_server.Port}, database: {_name}, user: {PostgresServer.User}, password_file: {_server.PasswordFile}, ca: {_server.AuthorityFile}, pool: 10 }}\n";

    public override string DropTriggers => "DROP TRIGGER audit_record_is_not_changed ON audit_record; DROP TRIGGER audit_record_is_not_emptied ON audit_record;";

    public override async Task<IEnumerable<string>> Files()
    {
        await _server.Execute("CHECKPOINT");
        return _server.FilesOf(Scalar($"SELECT oid::bigint FROM pg_database WHERE datname = '{_name}'"));
    }

    public override void Sql(string sql)
    {
        using var command = _administrator.CreateCommand(sql);
        command.ExecuteNonQuery();
    }

    public override long Scalar(string sql)
    {
        using var command = _administrator.CreateCommand(sql);
        return (long)command.ExecuteScalar()!;
    }

    public override string Bytes(string hex) => $"'\\x{hex}'";

    // The database goes with its server.
    public override ValueTask DisposeAsync() => _administrator.DisposeAsync();
}
