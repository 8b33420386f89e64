using System.Globalization;
using System.Xml.Linq;
using Npgsql;
using NpgsqlTypes;

namespace IvrActors.Silo.Storage;

/// <summary>The key ring in the cluster's PostgreSQL database, where every silo has it. What protects it is elsewhere: the database alone opens nothing.</summary>
/// <param name="name">The database, for messages.</param>
internal sealed class PostgresKeyStore(NpgsqlDataSource source, string name) : IKeyStore
{
    /// <summary>Who holds this lock of the database changes the ring. "ivr keys", and of no meaning.</summary>
    private const long RingLock = 0x697672206B657973;

    public string Place => $"the table key_element of {name}";

    public bool HasKeys => Run(new("SELECT EXISTS (SELECT FROM key_element WHERE name LIKE 'key-%')"), command => (bool)command.ExecuteScalar()!);

    public string PlaceOf(string secret) => $"'{secret}' in the table key_secret of {name}";

    public string Stamp() => Run(new("SELECT count(*), coalesce(sum(changed), 0)::bigint FROM key_element"), command =>
    {
        using var reader = command.ExecuteReader();
        reader.Read();
        return string.Create(CultureInfo.InvariantCulture, $"{reader.GetInt64(0)} {reader.GetInt64(1)}");
    });

    public IReadOnlyList<KeyElement> Elements() => Run(new("SELECT name, xml FROM key_element ORDER BY name"), command =>
    {
        var elements = new List<KeyElement>();
        using var reader = command.ExecuteReader();
        while (reader.Read()) elements.Add(new KeyElement(reader.GetString(0), XElement.Parse(reader.GetString(1))));
        return elements;
    });

    public void Add(KeyElement element) => Run(new("INSERT INTO key_element (name, xml) VALUES ($1, $2)") { Parameters = { Text(element.Name), Text(element.Xml.ToString()) } }, command => command.ExecuteNonQuery());

    public void Replace(KeyElement element) =>
        Run(new("UPDATE key_element SET xml = $2, changed = nextval('key_change') WHERE name = $1") { Parameters = { Text(element.Name), Text(element.Xml.ToString()) } }, command => command.ExecuteNonQuery());

    public byte[]? Secret(string name) => Run(new("SELECT content FROM key_secret WHERE name = $1") { Parameters = { Text(name) } }, command => command.ExecuteScalar() as byte[]);

    public bool TryAddSecret(string name, byte[] content) =>
        Run(new("INSERT INTO key_secret (name, content) VALUES ($1, $2) ON CONFLICT DO NOTHING") { Parameters = { Text(name), Bytes(content) } }, command => command.ExecuteNonQuery() == 1);

    public bool TryReplaceSecret(string name, byte[] expected, byte[] content) =>
        Run(new("UPDATE key_secret SET content = $3 WHERE name = $1 AND content = $2") { Parameters = { Text(name), Bytes(expected), Bytes(content) } }, command => command.ExecuteNonQuery() == 1);

    public IReadOnlyList<string> Secrets(string prefix) => Run(new("SELECT name FROM key_secret WHERE starts_with(name, $1) ORDER BY name") { Parameters = { Text(prefix) } }, command =>
    {
        var names = new List<string>();
        using var reader = command.ExecuteReader();
        while (reader.Read()) names.Add(reader.GetString(0));
        return names;
    });

    /// <summary>An advisory lock: the server takes it from a process that is killed.</summary>
    public IDisposable Lock() => Guarded<IDisposable>(() =>
    {
        var connection = source.OpenConnection();
        try
        {
            return new Held(connection);
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    });

    private T Run<T>(NpgsqlCommand command, Func<NpgsqlCommand, T> work) => Guarded(() =>
    {
        using (command)
        {
            using var connection = source.OpenConnection();
            command.Connection = connection;
            return work(command);
        }
    });

    private T Guarded<T>(Func<T> work)
    {
        try
        {
            return work();
        }
        catch (NpgsqlException e)
        {
            throw new KeyRingException($"The key ring in {Place} does not answer: {(e as PostgresException)?.MessageText ?? e.Message.TrimEnd('.')}.", e);
        }
    }

    private static NpgsqlParameter<string> Text(string value) => new() { TypedValue = value, NpgsqlDbType = NpgsqlDbType.Text };

    private static NpgsqlParameter<byte[]> Bytes(byte[] value) => new() { TypedValue = value, NpgsqlDbType = NpgsqlDbType.Bytea };

    private sealed class Held : IDisposable
    {
        private readonly NpgsqlConnection _connection;

        public Held(NpgsqlConnection connection)
        {
            _connection = connection;
            Execute(new("SELECT pg_advisory_lock($1)"));
        }

        public void Dispose()
        {
            using (_connection)
            {
                try
                {
                    Execute(new("SELECT pg_advisory_unlock($1)"));
                }
                catch (NpgsqlException)
                {
                    // The connection is gone, and its locks with it.
                }
            }
        }

        private void Execute(NpgsqlCommand command)
        {
            using (command)
            {
                command.Connection = _connection;
                command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = RingLock });
                command.ExecuteNonQuery();
            }
        }
    }
}
