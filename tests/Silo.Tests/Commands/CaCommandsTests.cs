using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.RegularExpressions;
using IvrActors.Silo.Cluster;
using IvrActors.Silo.Commands;
using IvrActors.Silo.Security;
using IvrActors.Silo.Tests.Cluster;
using Xunit;

namespace IvrActors.Silo.Tests.Commands;

public sealed partial class CaCommandsTests : IDisposable
{
    private readonly TestFolder _folder = new();
    private readonly string _ca;
    private readonly string _password;

    public CaCommandsTests()
    {
        _ca = Path.Combine(_folder, "ca");
        _password = Path.Combine(_folder, "password");
        File.WriteAllText(_password, "correct horse battery\n");
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_CA_makes_renews_and_shows_certificates_that_nodes_take()
    {
        await Done("init", "--name", "bank");
        await Done("node", "node-1", "--roles", "silo,edge", "--dns", "node-1.example", "--ip", "192.0.2.10", "--ip", "2001:db8::10");
        await Done("node", "prometheus", "--roles", "monitor", "--days", "10");

        var shown = await Done("show");
        var lines = shown.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Matches(@"^CN=ivr node CA bank until \S+Z \(3650 days\)$", lines[0]);
        Assert.Matches(@"^node-1 silo,edge until \S+Z \(90 days\) dns=node-1.example ip=192.0.2.10 ip=2001:db8::10$", lines[1]);
        Assert.Matches(@"^prometheus monitor until \S+Z \(10 days\)$", lines[2]);

        var settings = SettingsOf("node-1");
        var node = new NodeIdentity("node-1", NodeRoles.Silo | NodeRoles.Edge);
        var first = NodeCertificate.Load(settings, node, DateTimeOffset.UtcNow).Current.Certificate;
        Assert.Equal(["spiffe://ivr/silo/node-1", "spiffe://ivr/edge/node-1"], NodeIdentity.Of(first)!.Uris);

        // Within 30 days only one of them expires.
        var renewed = await Done("renew");
        Assert.Matches(@"^\S+prometheus.pem until \S+Z \(10 days\)$", renewed.TrimEnd());
        Assert.Equal(first.Thumbprint, NodeCertificate.Load(settings, node, DateTimeOffset.UtcNow).Current.Certificate.Thumbprint);
        await Done("renew", "node-1");
        Assert.NotEqual(first.Thumbprint, NodeCertificate.Load(settings, node, DateTimeOffset.UtcNow).Current.Certificate.Thumbprint);
        Assert.Equal(lines.Select(WithoutTimes), (await Done("show")).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(WithoutTimes));
        Assert.Equal("nothing is due\n", await Done("renew", "--within", "5"));
    }

    [Fact]
    public async Task A_revoked_certificate_is_on_the_list_and_shown_as_such_until_the_node_has_another()
    {
        await Done("init");
        await Done("node", "node-1", "--roles", "edge");
        await Done("node", "node-2", "--roles", "edge");
        Assert.Matches(@"^\S+revoked.pem names node-1 [0-9A-F]+\n$", await Done("revoke", "node-1"));
        var shown = (await Done("show")).Split('\n');
        Assert.EndsWith(", revoked", shown[1], StringComparison.Ordinal);
        Assert.EndsWith("days)", shown[2], StringComparison.Ordinal);
        Assert.Throws<NodeTlsException>(() => NodeCertificate.Load(SettingsOf("node-1"), new NodeIdentity("node-1", NodeRoles.Edge), DateTimeOffset.UtcNow));
        await Done("renew", "node-1");
        Assert.DoesNotContain("revoked", await Done("show"), StringComparison.Ordinal);
        NodeCertificate.Load(SettingsOf("node-1"), new NodeIdentity("node-1", NodeRoles.Edge), DateTimeOffset.UtcNow);
        Assert.Contains("There is no certificate of 'node-9'", await Refused("revoke", "node-9"), StringComparison.Ordinal);
        await File.WriteAllTextAsync(Path.Combine(_ca, "revoked.pem"), "-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n", TestContext.Current.CancellationToken);
        Assert.Contains("is not this CA's list", await Refused("revoke", "node-1"), StringComparison.Ordinal);
        Assert.Contains("is not this CA's list", await Refused("show"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_keys_are_for_their_owner_alone_and_the_CAs_is_encrypted()
    {
        await Done("init");
        await Done("node", "node-1", "--roles", "silo");
        var key = await File.ReadAllTextAsync(Path.Combine(_ca, "ca.key"), TestContext.Current.CancellationToken);
        Assert.StartsWith("-----BEGIN ENCRYPTED" + " PRIVATE KEY-----", key, StringComparison.Ordinal);
        using var read = ECDsa.Create();
        Assert.ThrowsAny<Exception>(() => read.ImportFromEncryptedPem(key, "another password"));
        read.ImportFromEncryptedPem(key, "correct horse battery");
        Assert.Equal("1.2.840.10045.3.1.7", read.ExportParameters(false).Curve.Oid.Value);
        using var authority = X509Certificate2.CreateFromPem(await File.ReadAllTextAsync(Path.Combine(_ca, "ca.pem"), TestContext.Current.CancellationToken));
        var constraints = authority.Extensions.OfType<X509BasicConstraintsExtension>().Single();
        Assert.Equal((true, true, 0), (constraints.CertificateAuthority, constraints.Critical, constraints.PathLengthConstraint));
        if (OperatingSystem.IsWindows()) return;
        foreach (var file in new[] { Path.Combine(_ca, "ca.key"), Path.Combine(_ca, "nodes", "node-1.key") }) Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
    }

    [Fact]
    public async Task Nothing_is_overwritten_unless_that_is_asked_for()
    {
        await Done("init");
        await Done("node", "node-1", "--roles", "silo");
        var before = Content();
        Assert.Contains("There is a CA in", await Refused("init"), StringComparison.Ordinal);
        Assert.Contains("ivr ca renew node-1", await Refused("node", "node-1", "--roles", "edge"), StringComparison.Ordinal);
        File.Delete(Path.Combine(_ca, "nodes", "node-1.pem")); // The key alone is as much to lose.
        Assert.Contains("ivr ca renew node-1", await Refused("node", "node-1", "--roles", "edge"), StringComparison.Ordinal);
        await Done("node", "node-1", "--roles", "edge", "--replace");
        Assert.NotEqual(before, Content());

        await Done("init", "--replace");
        Assert.Contains("node-1 edge until", await Done("show"), StringComparison.Ordinal);
        Assert.Contains(", not signed by this CA", await Done("show"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_cannot_be_done_is_said_and_leaves_nothing_behind()
    {
        Assert.Contains("Make one by: ivr ca init", await Refused("node", "node-1", "--roles", "silo"), StringComparison.Ordinal);
        Assert.Contains("Make one by: ivr ca init", await Refused("show"), StringComparison.Ordinal);
        Assert.False(Directory.Exists(_ca));
        await File.WriteAllTextAsync(_password, "short", TestContext.Current.CancellationToken);
        Assert.Contains("at least 12 characters", await Refused("init"), StringComparison.Ordinal);
        Assert.False(Directory.Exists(_ca));

        await File.WriteAllTextAsync(_password, "correct horse battery", TestContext.Current.CancellationToken);
        await Done("init", "--days", "30");
        Assert.Contains("The CA expires before that", await Refused("node", "node-1", "--roles", "silo"), StringComparison.Ordinal);
        await File.WriteAllTextAsync(_password, "incorrect horse battery", TestContext.Current.CancellationToken);
        Assert.Contains("does not open with the password", await Refused("node", "node-1", "--roles", "silo", "--days", "7"), StringComparison.Ordinal);
        Assert.Contains("There is no certificate of 'node-9'", await Refused("renew", "node-9"), StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(_ca, "nodes")));
    }

    [Theory]
    [InlineData("node Node-1 --roles silo", "'Node-1' is no name")]
    [InlineData("node ../x --roles silo", "'../x' is no name")]
    [InlineData("renew ../x", "'../x' is no name")]
    [InlineData("node a --roles silo,king", "'king' is no role: silo, edge, dashboard, monitor")]
    [InlineData("node a", "--roles")]
    [InlineData("node a --roles silo --ip 1.2.3.4.5", "'1.2.3.4.5' is no IP address")]
    [InlineData("node a --roles silo --dns a/b", "'a/b' is no DNS name")]
    [InlineData("node a --roles silo --days 0", "--days must be from 1 to 36500")]
    public async Task A_wrong_command_line_is_refused_with_its_reason(string line, string reason)
    {
        var (exit, _, error) = await Ca(line.Split(' '));
        Assert.Equal(ExitCode.Usage, exit);
        Assert.Contains(reason, error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_a_password_nothing_is_made_and_it_is_said_where_it_was_looked_for()
    {
        var (exit, _, error) = await CommandLineTests.Ivr("ca", "init", "--folder", _ca, "--password-variable", "IVR_TEST_NO_SUCH_VARIABLE");
        Assert.Equal(ExitCode.Unusable, exit);
        Assert.Contains("environment variable IVR_TEST_NO_SUCH_VARIABLE", error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_ca));
    }

    [Fact]
    public async Task The_documented_commands_work()
    {
        var block = Block().Match(await File.ReadAllTextAsync(Path.Combine(ClusterFileTests.Root(), "docs", "operations.md"), TestContext.Current.CancellationToken)).Groups["text"].Value;
        foreach (var line in block.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            var words = line.Split('#')[0].Replace("ca.password", _password, StringComparison.Ordinal).Split(' ', StringSplitOptions.RemoveEmptyEntries);
            Assert.Equal(["ivr", "ca"], words[..2]);
            var (exit, output, error) = await CommandLineTests.Ivr([.. words[1..], "--folder", _ca]);
            Assert.Equal((ExitCode.Done, ""), (exit, error));
            Assert.NotEmpty(output);
        }
        Assert.Equal(["edge-1", "prometheus", "silo-1"], Directory.EnumerateFiles(Path.Combine(_ca, "nodes"), "*.pem").Select(Path.GetFileNameWithoutExtension).Order());
    }

    [GeneratedRegex("```sh ca\n(?<text>.*?)```", RegexOptions.Singleline)]
    private static partial Regex Block();

    private NodeTlsSettings SettingsOf(string node) => new(Path.Combine(_ca, "ca.pem"), Path.Combine(_ca, "nodes", node + ".pem"), Path.Combine(_ca, "nodes", node + ".key"), Path.Combine(_ca, "revoked.pem"));

    private string Content() => string.Concat(Directory.EnumerateFiles(_ca, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal).Select(File.ReadAllText));

    private static string WithoutTimes(string line) => Regex.Replace(line, @"\S+Z", "");

    private Task<(int Exit, string Output, string Error)> Ca(params string[] arguments) => CommandLineTests.Ivr(["ca", .. arguments, "--folder", _ca, "--password-file", _password]);

    private async Task<string> Done(params string[] arguments)
    {
        var (exit, output, error) = await Ca(arguments);
        Assert.Equal((ExitCode.Done, ""), (exit, error));
        return output;
    }

    private async Task<string> Refused(params string[] arguments)
    {
        var (exit, output, error) = await Ca(arguments);
        Assert.Equal((ExitCode.Findings, ""), (exit, output));
        return error;
    }
}
