using System.Globalization;
using System.Net.Sockets;
using System.Security.Authentication;
using DbUp;
using DbUp.Postgresql;
using IvrActors.Silo.Cluster;
using Npgsql;

namespace IvrActors.Silo.Storage;

/// <summary>A database of a PostgreSQL server, which several silos share: a pool of connections for reading, and a few for writing (<see cref="Writer"/>).</summary>
internal sealed class PostgresDatabase : IDatabase
{
    /// <summary>Who holds this lock of the database starts with it. "ivr start", and of no meaning.</summary>
    private const long StartLock = 0x6976722073746172;

    /// <summary>The longest that the start of another process is waited for: scripts rewrite at most one table.</summary>
    private static readonly TimeSpan s_mostWait = TimeSpan.FromMinutes(5);

    private readonly PostgresSettings _settings;

    public PostgresDatabase(PostgresSettings settings)
    {
        _settings = settings;
        if (PostgresSurroundings.FaultOf(settings, Environment.GetEnvironmentVariable, System.IO.File.Exists) is { } fault) throw new DatabaseException(fault);
        // Else the driver would tell of it, and not what is missing.
        settings.Password.Read().Dispose();
        Source = SourceOf(settings);
        Writer = new PostgresWriter(Source);
        States = new PostgresStateTable(this);
        Audit = new PostgresAuditStore(this);
        Keys = new PostgresKeyStore(Source, Name);
    }

    /// <summary>Its connections, with TLS and password as <c>cluster.yaml</c> says.</summary>
    public NpgsqlDataSource Source { get; }

    public PostgresWriter Writer { get; }

    public IStateTable States { get; }

    public IAuditTable Audit { get; }

    public IKeyStore? Keys { get; }

    public IReadOnlyList<StoredTable> Tables { get; } = [StoredTable.States, StoredTable.AuditHeads, StoredTable.AuditRecords, StoredTable.KeyElements, StoredTable.KeySecrets];

    public bool IsNew
    {
        get
        {
            using var connection = OpenNow();
            using var command = new NpgsqlCommand("SELECT to_regclass('schemaversions') IS NULL", connection);
            return (bool)command.ExecuteScalar()!;
        }
    }

    /// <summary>An advisory lock: the server takes it from a process that is killed.</summary>
    public IDisposable? HoldStart()
    {
        var connection = OpenNow();
        try
        {
            return new HeldStart(connection);
        }
        catch (NpgsqlException e)
        {
            connection.Dispose();
            throw new DatabaseException($"{Name} is held by another process that starts: {ReasonOf(e)}.");
        }
    }

    public void Migrate()
    {
        try
        {
            Migrations.Run(DeployChanges.To.PostgresqlDatabase(new PostgresqlConnectionManager(Source)), Migrations.Postgres);
        }
        catch (NpgsqlException e)
        {
            throw new DatabaseException($"{Name} could not be brought up to date: {ReasonOf(e)}.");
        }
    }

    public async Task<IDatabaseSnapshot> OpenSnapshot() => await Opened(() => PostgresSnapshot.Open(Source)).ConfigureAwait(false);

    public async Task<IDatabaseLoad> BeginLoad() => await Opened(() => PostgresLoad.Begin(Source, Tables)).ConfigureAwait(false);

    /// <summary>A short read. When the connection broke, another one is asked: a pool holds what a server left that went and came back.</summary>
    public async Task<T> Read<T>(Func<NpgsqlConnection, Task<T>> work)
    {
        for (var tried = 1; ; tried++)
        {
            var connection = await Source.OpenConnectionAsync().ConfigureAwait(false);
            await using (connection.ConfigureAwait(false))
            {
                try
                {
                    return await work(connection).ConfigureAwait(false);
                }
                catch (NpgsqlException) when (tried < 3 && connection.FullState != System.Data.ConnectionState.Open)
                {
                    // The first that breaks empties the pool.
                }
            }
        }
    }

    public void Dispose()
    {
        Writer.Dispose();
        Source.Dispose();
    }

    private string Name => string.Create(CultureInfo.InvariantCulture, $"The database '{_settings.Database}' at {_settings.Host}:{_settings.Port}");

    internal static NpgsqlDataSource SourceOf(PostgresSettings settings)
    {
        var builder = new NpgsqlDataSourceBuilder(new NpgsqlConnectionStringBuilder
        {
            Host = settings.Host,
            Port = settings.Port,
            Database = settings.Database,
            Username = settings.User,
            SslMode = settings.Tls ? SslMode.VerifyFull : SslMode.Disable,
            RootCertificate = settings.Tls ? settings.AuthorityFile : null,
            GssEncryptionMode = GssEncryptionMode.Disable,
            // SCRAM by a server that does not know the password ends there; a password in clear would be told to whoever asks.
            RequireAuth = "ScramSHA256",
            ApplicationName = "ivr",
            // Else taken from the environment, as what PostgresSurroundings refuses.
            ClientEncoding = "UTF8",
            Timezone = "UTC",
            SslNegotiation = SslNegotiation.Postgres,
            MaxPoolSize = settings.Pool,
            Multiplexing = false,
            // Nothing here changes what a connection's next user would meet.
            NoResetOnClose = true,
            // Statements that come again are prepared once for each connection: planning is a good part of what a small write costs.
            MaxAutoPrepare = 64,
            AutoPrepareMinUsages = 2,
            // In seconds. A server that is not there refuses at once; one that hangs is not waited for while a caller hears nothing.
            Timeout = 5,
            CommandTimeout = 10,
        }.ConnectionString);
        builder.UsePasswordProvider(_ => PasswordOf(settings), (_, _) => ValueTask.FromResult(PasswordOf(settings)));
        return builder.Build();
    }

    // The driver takes a string: it is read anew for each connection, and kept by nobody.
    private static string PasswordOf(PostgresSettings settings)
    {
        using var password = settings.Password.Read();
        return new string(password.Expose());
    }

    private async Task<T> Opened<T>(Func<Task<T>> open)
    {
        try
        {
            return await open().ConfigureAwait(false);
        }
        catch (NpgsqlException e)
        {
            throw new DatabaseException($"{Name} cannot be opened: {ReasonOf(e)}.");
        }
    }

    private NpgsqlConnection OpenNow()
    {
        try
        {
            return Source.OpenConnection();
        }
        catch (NpgsqlException e)
        {
            throw new DatabaseException($"{Name} cannot be opened: {ReasonOf(e)}.");
        }
    }

    /// <summary>What the server or the system says; no message of either holds a password.</summary>
    private static string ReasonOf(NpgsqlException failure) => failure switch
    {
        PostgresException refused => refused.MessageText,
        { InnerException: AuthenticationException certificate } => certificate.Message.TrimEnd('.'),
        { InnerException: SocketException socket } => socket.Message,
        { InnerException: { } inner } => $"{failure.Message.TrimEnd('.')}: {inner.GetBaseException().Message.TrimEnd('.')}",
        _ => failure.Message.TrimEnd('.'),
    };

    private sealed class HeldStart : IDisposable
    {
        private readonly NpgsqlConnection _connection;

        public HeldStart(NpgsqlConnection connection)
        {
            _connection = connection;
            using var command = new NpgsqlCommand("SELECT pg_advisory_lock($1)", connection) { CommandTimeout = (int)s_mostWait.TotalSeconds, Parameters = { Number } };
            command.ExecuteNonQuery();
        }

        private static NpgsqlParameter<long> Number => new() { TypedValue = StartLock };

        public void Dispose()
        {
            using (_connection)
            {
                using var command = new NpgsqlCommand("SELECT pg_advisory_unlock($1)", _connection) { Parameters = { Number } };
                command.ExecuteNonQuery();
            }
        }
    }
}
