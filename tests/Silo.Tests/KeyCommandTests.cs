using System.Text.RegularExpressions;
using IvrActors.Grains.Audit;
using IvrActors.Grains.Interfaces.Audit;
using IvrActors.Silo.Cluster;
using IvrActors.Silo.Commands;
using IvrActors.Silo.Storage;
using IvrActors.Silo.Tests.Cluster;
using Xunit;

namespace IvrActors.Silo.Tests;

/// <summary>The commands on a stopped cluster. With a running one: tests/System.Tests.</summary>
public sealed partial class KeyCommandTests : IDisposable
{
    private readonly TestFolder _folder = new();
    private readonly string _file;

    public KeyCommandTests()
    {
        _file = Path.Combine(_folder, "cluster.yaml");
        File.WriteAllText(_file, ClusterFileTests.Text.Replace("port: 30000", $"port: {TestSilo.FreePort()}", StringComparison.Ordinal));
        TestKeys.CopyCertificateTo(Cluster.DataFolder);
        using var vault = ClusterVault.OpenOrCreate(Cluster, DateTimeOffset.UtcNow);
    }

    private ClusterFile Cluster => ClusterFileReader.Read(_file).Cluster!;

    [Fact]
    public async Task Keys_are_listed_and_rotated_and_that_is_recorded()
    {
        var first = Assert.Single(Ids(await Keys("list")));
        var made = Assert.Single(Ids(await Keys("rotate")));
        var lines = (await Keys("list")).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Contains("protected by the certificate 'CN=ivr key ring'", lines[0], StringComparison.Ordinal);
        Assert.StartsWith(first, lines[1], StringComparison.Ordinal);
        Assert.EndsWith("0 rows  old", lines[1], StringComparison.Ordinal);
        Assert.StartsWith(made, lines[2], StringComparison.Ordinal);
        Assert.EndsWith("current", lines[2], StringComparison.Ordinal);
        var record = Assert.Single(await Ledger());
        Assert.Equal(("command-line", "keys.rotated", first), (record.Actor, record.Action, record.Object));
        Assert.Equal(ExitCode.Done, (await CommandLineTests.Ivr("audit", "verify", "--cluster", _file)).Exit);
    }

    [Fact]
    public async Task Keys_are_protected_anew_and_that_is_recorded()
    {
        Assert.Contains("1 keys are protected by the certificate", await Keys("protect"), StringComparison.Ordinal);
        Assert.Equal("keys.protected", Assert.Single(await Ledger()).Action);
        Assert.Single(Ids(await Keys("list")));
    }

    [Fact]
    public async Task A_key_is_revoked_with_a_reason_only_and_by_its_id()
    {
        var id = Ids(await Keys("list"))[0];
        Assert.Equal(ExitCode.Usage, (await CommandLineTests.Ivr("keys", "revoke", id, "--cluster", _file)).Exit);
        Assert.Equal(ExitCode.Usage, (await CommandLineTests.Ivr("keys", "revoke", id, "--reason", "two\nlines", "--cluster", _file)).Exit);
        var (exit, _, error) = await CommandLineTests.Ivr("keys", "revoke", Guid.NewGuid().ToString(), "--reason", "test", "--cluster", _file);
        Assert.Equal(ExitCode.Findings, exit);
        Assert.Contains("Not revoked. There is no key", error, StringComparison.Ordinal);
        Assert.Empty(await Ledger());
    }

    [Fact]
    public async Task No_key_stands_in_what_the_commands_print()
    {
        var printed = await Keys("list") + await Keys("rotate") + await Keys("protect") + await Keys("list");
        using var vault = ClusterVault.OpenExisting(Cluster, DateTimeOffset.UtcNow);
        var secrets = new List<byte[]> { vault.Ring.Secret("master", false, () => []), vault.Ring.Secret("sealing", false, () => []) };
        secrets.AddRange(vault.Ring.Live.All.Select(key => Convert.FromBase64String(key.Descriptor.ExportToXml().SerializedDescriptorElement.Descendants("value").Single().Value)));
        Assert.Equal(4, secrets.Count);
        foreach (var secret in secrets)
        {
            Assert.True(secret.Length >= 32);
            Assert.DoesNotContain(Convert.ToBase64String(secret)[..16], printed, StringComparison.Ordinal);
            Assert.DoesNotContain(Convert.ToHexStringLower(secret)[..16], printed, StringComparison.OrdinalIgnoreCase);
        }
    }

    [Fact]
    public async Task A_ring_whose_certificate_is_gone_is_named_and_nothing_is_made()
    {
        File.Delete(Path.Combine(Cluster.CertificateFolder, "keyring.key"));
        var (exit, _, error) = await CommandLineTests.Ivr("keys", "list", "--cluster", _file);
        Assert.Equal(ExitCode.Unusable, exit);
        Assert.Contains($"'{Path.Combine(Cluster.CertificateFolder, "keyring.pem")}'", error, StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(Cluster.CertificateFolder, "keyring.key")));
    }

    public void Dispose() => _folder.Dispose();

    private async Task<string> Keys(string verb)
    {
        var (exit, output, error) = await CommandLineTests.Ivr("keys", verb, "--cluster", _file);
        Assert.Equal((ExitCode.Done, ""), (exit, error));
        return output;
    }

    private async Task<List<AuditEntry>> Ledger()
    {
        using var vault = ClusterVault.OpenExisting(Cluster, DateTimeOffset.UtcNow);
        var entries = new List<AuditEntry>();
        await foreach (var record in vault.Database.Audit.Read(IAuditGrain.Cluster, AuditChain.First)) entries.Add(record.Entry);
        return entries;
    }

    private static List<string> Ids(string text) => [.. Id().Matches(text).Select(match => match.Value)];

    [GeneratedRegex("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")]
    private static partial Regex Id();
}
