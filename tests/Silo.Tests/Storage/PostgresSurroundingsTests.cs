using System.Reflection;
using IvrActors.Silo.Cluster;
using IvrActors.Silo.Storage;
using Npgsql;
using Xunit;

namespace IvrActors.Silo.Tests.Storage;

public sealed class PostgresSurroundingsTests
{
    private const string Home = "/home/ivr";

    private static string HomeVariable => OperatingSystem.IsWindows() ? "APPDATA" : "HOME";

    [Theory]
    [InlineData("PGOPTIONS", true, true), InlineData("PGOPTIONS", false, true)]
    [InlineData("PGTARGETSESSIONATTRS", true, true)]
    [InlineData("PGSSLCERT", true, true), InlineData("PGSSLKEY", true, true), InlineData("PGSSLCERT", false, false)]
    [InlineData("PGSSLROOTCERT", true, true), InlineData("PGSSLROOTCERT", false, false)]
    [InlineData("PGPASSFILE", true, false), InlineData("PGPASSWORD", true, false), InlineData("PGUSER", true, false), InlineData("PGSERVICE", true, false), InlineData("PGHOST", true, false), InlineData("PGTZ", true, false)]
    public void A_variable_that_the_driver_would_follow_stops_the_start_by_its_name(string name, bool tls, bool refused)
    {
        var fault = PostgresSurroundings.FaultOf(Settings(tls), variable => variable == name ? "x" : null, _ => false);
        Assert.Equal(refused ? $"The environment variable {name} would change what cluster.yaml says of the database: unset it." : null, fault);
    }

    [Theory, InlineData("root.crt"), InlineData("postgresql.crt")]
    public void So_does_a_file_in_the_home_of_the_user(string name)
    {
        var path = Path.Combine(Home, OperatingSystem.IsWindows() ? "postgresql" : ".postgresql", name);
        Assert.StartsWith($"The file '{path}' would change", PostgresSurroundings.FaultOf(Settings(tls: true), variable => variable == HomeVariable ? Home : null, file => file == path), StringComparison.Ordinal);
        Assert.Null(PostgresSurroundings.FaultOf(Settings(tls: false), variable => variable == HomeVariable ? Home : null, file => file == path));
    }

    [Fact]
    public void An_authority_that_cluster_yaml_names_is_the_only_one()
    {
        var settings = Settings(tls: true) with { AuthorityFile = "ca.pem" };
        Assert.Null(PostgresSurroundings.FaultOf(settings, variable => variable == "PGSSLROOTCERT" ? "x" : null, _ => false));
        Assert.Null(PostgresSurroundings.FaultOf(settings, variable => variable == HomeVariable ? Home : null, file => file.EndsWith("root.crt", StringComparison.Ordinal)));
    }

    /// <summary>A newer driver that reads more is to be looked at.</summary>
    [Fact]
    public void All_that_the_driver_reads_from_its_surroundings_is_said_in_the_connection_string_or_refused()
    {
        using var source = PostgresDatabase.SourceOf(Settings(tls: true) with { AuthorityFile = "ca.pem" });
        var said = new NpgsqlConnectionStringBuilder(source.ConnectionString).Keys.Cast<string>().ToHashSet();
        string[] pinned = ["Username", "Root Certificate", "Client Encoding", "Timezone", "SSL Negotiation", "GSS Encryption Mode", "Require Auth", "Application Name", "SSL Mode"];
        Assert.Empty(pinned.Except(said, StringComparer.OrdinalIgnoreCase));
        // A password provider is asked in the place of all passwords.
        string[] known =
        [
            "User", "Password", "PassFile", "PassFileDefault", "SslCert", "SslCertDefault", "SslKey", "SslKeyDefault", "SslCertRoot", "SslCertRootDefault", "ClientEncoding", "TimeZone", "Options", "TargetSessionAttributes",
            "SslNegotiation", "GssEncryptionMode", "RequireAuth", "AppName",
        ];
        var read = typeof(NpgsqlConnection).Assembly.GetType("Npgsql.PostgresEnvironment", throwOnError: true)!.GetProperties(BindingFlags.Static | BindingFlags.NonPublic | BindingFlags.Public).Select(property => property.Name);
        Assert.Empty(read.Except(known));
    }

    private static PostgresSettings Settings(bool tls) => new()
    {
        Host = "db.example.net",
        Port = 5432,
        Database = "ivr",
        User = "ivr",
        Password = new SecretSource(null, "NONE", "the database"),
        Tls = tls,
        Pool = 20,
    };
}
