using IvrActors.Silo.Cluster;
using IvrActors.Silo.Tests.Storage;
using IvrActors.TestPostgres;
using Xunit;

[assembly: AssemblyFixture(typeof(Postgres))]

namespace IvrActors.Silo.Tests.Storage;

/// <summary>The one PostgreSQL server of a run, started by the first test that asks for it. Without the program such tests fail in CI and are skipped elsewhere.</summary>
public sealed class Postgres : IAsyncLifetime
{
    private static readonly Lazy<Task<PostgresServer>> s_server = new(() => PostgresServer.Start());

    internal static Task<PostgresServer> Server()
    {
        Require();
        return s_server.Value;
    }

    internal static void Require()
    {
        if (PostgresServer.Programs is not null) return;
        const string reason = "PostgreSQL is not installed: the README's test command installs it";
        if (Environment.GetEnvironmentVariable("CI") == "true") Assert.Fail(reason);
        Assert.Skip(reason);
    }

    internal static PostgresSettings Settings(PostgresServer server, string database) => new()
    {
        Host = PostgresServer.Host,
        Port = server.Port,
        Database = database,
        User = PostgresServer.User,
        Password = new SecretSource(server.PasswordFile, null, "the database"),
        Tls = true,
        AuthorityFile = server.AuthorityFile,
        Pool = 20,
    };

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        if (s_server is { IsValueCreated: true, Value.IsCompletedSuccessfully: true }) await (await s_server.Value).DisposeAsync();
    }
}
