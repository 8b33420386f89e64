using System.Text.RegularExpressions;
using IvrActors.Silo.Cluster;
using Xunit;

namespace IvrActors.Silo.Tests.Cluster;

public sealed partial class StorageReaderTests
{
    private const string Right = "kind: postgresql, host: db.example.net, password_variable: IVR_DB_PASSWORD";

    private static (ClusterFile? Cluster, IReadOnlyList<ClusterError> Errors) Read(string storage, bool development = true) => ClusterFileReader.Parse(
        Path.Combine(ClusterFileTests.Root(), "cluster.yaml"),
        Section().Replace(ClusterFileTests.Text, storage + "\n").Replace("development: true", development ? "development: true" : "development: false", StringComparison.Ordinal));

    [Fact]
    public void What_is_not_said_of_a_server_is_usual_and_safe()
    {
        var (cluster, errors) = Read($"storage: {{ {Right} }}");
        Assert.Empty(errors);
        var storage = Assert.IsType<PostgresSettings>(cluster!.Storage);
        Assert.Equal(("db.example.net", 5432, "ivr", "ivr", true, null, 20), (storage.Host, storage.Port, storage.Database, storage.User, storage.Tls, storage.AuthorityFile, storage.Pool));
    }

    [Fact]
    public void What_the_documents_show_is_read()
    {
        var shown = Documented().Match(File.ReadAllText(Path.Combine(ClusterFileTests.Root(), "docs", "operations.md"))).Value;
        Assert.NotEqual("", shown);
        var file = Path.GetTempFileName();
        try
        {
            File.WriteAllText(file, "a-password\n");
            var (cluster, errors) = Read(shown.Replace("database.password", file, StringComparison.Ordinal).Replace("database-ca.pem", file, StringComparison.Ordinal));
            Assert.Empty(errors);
            var storage = Assert.IsType<PostgresSettings>(cluster!.Storage);
            Assert.Equal(("db.example.net", 5432, "ivr", "ivr", true, file, 20), (storage.Host, storage.Port, storage.Database, storage.User, storage.Tls, storage.AuthorityFile, storage.Pool));
            using var password = storage.Password.Read();
            Assert.Equal("a-password", new string(password.Expose()));
            Assert.DoesNotContain("a-password", storage.ToString(), StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Theory]
    [InlineData("kind: mysql", "cluster.yaml:13:18: bad value (storage.kind, expected one of sqlite, postgresql)")]
    [InlineData("kind: postgresql, password_variable: A", "cluster.yaml:13:10: missing key (storage.host, expected a host name or an IP address)")]
    [InlineData("kind: postgresql, host: \"a,b\", password_variable: A", "bad value (storage.host")]
    [InlineData("kind: postgresql, host: /run/postgresql, password_variable: A", "bad value (storage.host")]
    [InlineData("kind: postgresql, host: a", "no single password (storage.password_file, expected either password_file or password_variable)")]
    [InlineData(Right + ", password_file: cluster.yaml", "no single password (storage.password_file")]
    [InlineData(Right + ", password: secret", "unknown key (storage.password,")]
    [InlineData(Right + ", port: 0", "bad value (storage.port, expected a whole number from 1 to 65535)")]
    [InlineData(Right + ", pool: 7", "bad value (storage.pool, expected a whole number from 8 to 1000)")]
    [InlineData(Right + ", ca: no/such.pem", "no such file (storage.ca, expected a file)")]
    [InlineData(Right + ", tls: prefer", "bad value (storage.tls, expected one of verified, none)")]
    [InlineData(Right + ", tls: none, ca: cluster.yaml", "a certificate that nothing checks (storage.ca")]
    [InlineData(Right + ", file: ivr.db", "unknown key (storage.file,")]
    [InlineData("kind: sqlite, host: a", "unknown key (storage.host, expected one of file, kind)")]
    public void A_mistake_is_named_with_its_key(string storage, string expected)
    {
        var (_, errors) = Read($"storage: {{ {storage} }}");
        Assert.Contains(expected, Assert.Single(errors).ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Without_tls_a_server_is_asked_in_development_only()
    {
        Assert.Empty(Read($"storage: {{ {Right}, tls: none }}").Errors);
        Assert.Contains(Read($"storage: {{ {Right}, tls: none }}", development: false).Errors, e => e.ToString().Contains("weak setting: the database without TLS (storage.tls", StringComparison.Ordinal));
        Assert.DoesNotContain(Read($"storage: {{ {Right} }}", development: false).Errors, e => e.ToString().Contains("storage", StringComparison.Ordinal));
    }

    [GeneratedRegex(@"storage:\n  kind: sqlite.*\n  file: ivr\.db\n")]
    internal static partial Regex Section();

    [GeneratedRegex(@"storage: \{ kind: postgresql[^}]*\}")]
    private static partial Regex Documented();
}
