namespace IvrActors.Silo.Cluster;

/// <summary>Reads <c>storage</c>. What each key means: docs/operations.md, "PostgreSQL".</summary>
/// <param name="folder">What relative paths in the file are relative to.</param>
/// <param name="data">What SQLite's file stands in.</param>
/// <param name="isHere">Whether this node uses them: on another machine its files need not be.</param>
/// <param name="weak">Reports a setting that only a development cluster may have.</param>
internal sealed class StorageReader(string folder, string data, bool isHere, Action<YamlMap, string, string, string> weak)
{
    private const string Password = "password";

    private static readonly Dictionary<string, bool> s_kinds = new(StringComparer.Ordinal) { ["sqlite"] = false, ["postgresql"] = true };

    private static readonly Dictionary<string, bool> s_tls = new(StringComparer.Ordinal) { ["verified"] = true, ["none"] = false };

    public StorageSettings Read(YamlMap map)
    {
        StorageSettings settings = map.Choice("kind", s_kinds, false) ? ReadPostgres(map) : ReadSqlite(map);
        map.Done();
        return settings;
    }

    private SqliteSettings ReadSqlite(YamlMap map) =>
        new(Path.Combine(data, map.Text("file", "a file name in the data folder", "ivr.db", text => text == Path.GetFileName(text))));

    private PostgresSettings ReadPostgres(YamlMap map)
    {
        var tls = map.Choice("tls", s_tls, true);
        if (!tls) weak(map, "tls", "the database without TLS", "verified");
        var authority = map.File("ca", folder, "a file", isHere);
        if (authority is not null && !tls) map.Report("ca", "a certificate that nothing checks", "none, or tls: verified");
        return new PostgresSettings
        {
            Host = map.Text("host", "a host name or an IP address", valid: IsHost),
            Port = map.Number("port", 1, 65535, 5432),
            Database = map.Text("database", "the name of a database", "ivr"),
            User = map.Text("user", "the name of a role of the server", "ivr"),
            Password = ReadPassword(map),
            Tls = tls,
            AuthorityFile = authority,
            Pool = map.Number("pool", 8, 1000, 20),
        };
    }

    // No folder of a socket, which Npgsql would take as well: there is no TLS on one.
    private static bool IsHost(string text) => Uri.CheckHostName(text) is UriHostNameType.Dns or UriHostNameType.IPv4 or UriHostNameType.IPv6;

    private SecretSource ReadPassword(YamlMap map)
    {
        var file = map.File($"{Password}_file", folder, "a file", isHere);
        var variable = map.OptionalText($"{Password}_variable", "the name of an environment variable");
        if (file is null == variable is null) map.Report($"{Password}_file", "no single password", $"either {Password}_file or {Password}_variable");
        return new SecretSource(file, variable, "the database");
    }
}
