using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.RegularExpressions;
using IvrActors.Edge.Stir;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Silo.Cluster;
using Xunit;

namespace IvrActors.Silo.Tests.Cluster;

/// <summary><c>stir</c> of the cluster, of a trunk and of its way out.</summary>
public sealed partial class StirReaderTests : IDisposable
{
    private const string Peer = "from: [192.0.2.0/24]";

    private readonly string _folder = Directory.CreateTempSubdirectory("stir-").FullName;

    public StirReaderTests()
    {
        Directory.CreateDirectory(Path.Combine(_folder, "stir"));
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=root", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.CrlSign | X509KeyUsageFlags.KeyCertSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        using var root = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        Write("cas.pem", root.ExportCertificatePem());
        Write("crl.pem", PemEncoding.WriteString("X509 CRL", new CertificateRevocationListBuilder().Build(root, 1, DateTimeOffset.UtcNow.AddDays(1), HashAlgorithmName.SHA256)));
        Write("ivr.key", key.ExportPkcs8PrivateKeyPem());
        using var other = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        Write("p384.key", other.ExportPkcs8PrivateKeyPem());
        Write("junk.pem", "junk");
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void The_examples_of_the_documentation_are_what_they_say()
    {
        var examples = Blocks().Match(File.ReadAllText(Path.Combine(ClusterFileTests.Root(), "docs", "operations.md")));
        var cluster = Right(Head + examples.Groups["cluster"].Value + "tenants:\n  - name: demo\n    numbers: { bank: bank }\n    transfer_targets: {}\n    trunks:\n" + examples.Groups["trunk"].Value);
        Assert.Equal((At("cas.pem"), At("crl.pem"), "10.20.0.0/16"), (cluster.Stir.AuthorityFile, Assert.Single(cluster.Stir.CrlFiles), Assert.Single(cluster.Stir.TrustedAddresses).ToString()));
        var trunk = cluster.Tenants[0].Trunks[0].ToEdge("demo");
        Assert.Equal((StirPolicy.Downgrade, false, "493012345678"), (trunk.Stir.Policy, trunk.Stir.MustHaveIdentity, Assert.Single(trunk.Stir.Numbers)));
        Assert.Equal(("https://stir.example.net/ivr.pem", Attestation.A), (trunk.Outbound!.Signer!.CertificateUrl, trunk.Outbound.Signer.Attestation));
    }

    [Fact]
    public void An_old_file_asks_for_no_identity_and_signs_nothing()
    {
        var trunk = Right(ClusterFileTests.Text).Tenants[0].Trunks[0].ToEdge("demo");
        Assert.Equal((StirPolicy.Off, false, null), (trunk.Stir.Policy, trunk.Stir.MustHaveIdentity, trunk.Outbound?.Signer));
    }

    [Theory]
    [InlineData("stir: { trusted_cas: stir/none.pem }", "no such file (stir.trusted_cas, expected a PEM file of certificates)")]
    [InlineData("stir: { trusted_cas: stir/junk.pem }", "no certificate (stir.trusted_cas, expected a PEM file of certificates)")]
    [InlineData("stir: { trusted_cas: stir/cas.pem, crls: [stir/cas.pem] }", "bad value (stir.crls, expected a file with a revocation list, PEM or DER)")]
    [InlineData("stir: { trusted_cas: stir/cas.pem, trusted_addresses: [10.1.2.3/33] }", "bad value (stir.trusted_addresses, expected a network such as 192.0.2.0/24)")]
    [InlineData("stir: { trusted_cas: stir/cas.pem, web_ca: stir/junk.pem }", "no certificate (stir.web_ca, expected a PEM file of certificates)")]
    [InlineData("stir: { trusted_cas: stir/cas.pem, cache: 1h }", "unknown key (stir.cache, expected one of crls, trusted_addresses, trusted_cas, web_ca)")]
    [InlineData("stir: { crls: [stir/crl.pem] }", "nobody is trusted (stir.trusted_cas, expected a PEM file of the authorities whose certificates callers' providers have)")]
    public void Each_mistake_of_the_cluster_is_named_with_its_line(string stir, string finding) => Assert.Equal($"cluster.yaml:{Line(stir)}: {finding}", Finding(Cluster(stir, Peer)));

    [Theory]
    [InlineData("stir: { verify: maybe }", "bad value (tenants[0].trunks[0].stir.verify, expected one of off, mark, downgrade, reject)")]
    [InlineData("stir: { verify: mark, missing: yes }", "bad value (tenants[0].trunks[0].stir.missing, expected one of allow, reject)")]
    [InlineData("stir: { verify: off, missing: reject }", "nothing is asked for (tenants[0].trunks[0].stir.missing, expected verify: mark, downgrade or reject beside it)")]
    [InlineData("stir: { verify: mark, numbers: [\"12\"] }", "bad value (tenants[0].trunks[0].stir.numbers, expected a number in E.164 such as +493012345678)")]
    [InlineData("stir: { verify: mark, crls: [] }", "unknown key (tenants[0].trunks[0].stir.crls, expected one of missing, numbers, verify)")]
    public void Each_mistake_of_a_trunk_is_named(string stir, string finding) => Assert.EndsWith(": " + finding, Finding(Cluster("stir: { trusted_cas: stir/cas.pem }", Peer + ", " + stir)), StringComparison.Ordinal);

    [Theory]
    [InlineData("key: stir/none.key, certificate_url: \"https://a/b\"", "no such file (tenants[0].trunks[0].outbound.stir.key, expected a PEM file with a private key)")]
    [InlineData("certificate_url: \"https://a/b\"", "missing key (tenants[0].trunks[0].outbound.stir.key, expected a PEM file with a private key)")]
    [InlineData("key: stir/ivr.key", "missing key (tenants[0].trunks[0].outbound.stir.certificate_url, expected a URL such as https://stir.example.net/ivr.pem)")]
    [InlineData("key: stir/ivr.key, certificate_url: \"http://a/b\"", "bad value (tenants[0].trunks[0].outbound.stir.certificate_url, expected a URL such as https://stir.example.net/ivr.pem)")]
    [InlineData("key: stir/ivr.key, certificate_url: \"https://a/b\", attest: D", "bad value (tenants[0].trunks[0].outbound.stir.attest, expected one of A, B, C)")]
    public void Each_mistake_of_a_way_out_is_named(string stir, string finding) =>
        Assert.EndsWith(": " + finding, Finding(Cluster("", $"outbound: {{ proxy: \"sips:b.example\", caller_id: \"+4930\", stir: {{ {stir} }} }}")), StringComparison.Ordinal);

    [Theory, InlineData(""), InlineData(", user: ivr"), InlineData(", caller_id: ivr")]
    public void What_shows_no_number_is_not_signed(string shown) => Assert.Contains(
        "no number to sign for (tenants[0].trunks[0].outbound.stir, expected caller_id beside it",
        Finding(Cluster("", $"outbound: {{ proxy: \"sips:b.example\"{shown}, stir: {{ key: stir/ivr.key, certificate_url: \"https://a/b\" }} }}")),
        StringComparison.Ordinal);

    [Fact]
    public void A_trunk_that_verifies_while_nobody_is_trusted_is_a_mistake() =>
        Assert.Contains("trunk 't' verifies callers, and nobody is trusted (stir, expected trusted_cas", Finding(Cluster("", Peer + ", stir: { verify: mark }")), StringComparison.Ordinal);

    [Fact]
    public void A_key_that_is_none_for_this_stops_the_start_and_is_not_repeated()
    {
        var cluster = Right(Cluster("", "outbound: { proxy: \"sips:b.example\", caller_id: \"+4930\", stir: { key: stir/p384.key, certificate_url: \"https://a/b\" } }"));
        var refused = Assert.Throws<MissingSecretException>(() => cluster.Tenants[0].Trunks[0].ToEdge("demo"));
        Assert.Contains($"the way out of trunk t cannot be read from file '{At("p384.key")}', or is no private key on P-256", refused.Message, StringComparison.Ordinal);
    }

    private static string Head => ClusterFileTests.Text[..ClusterFileTests.Text.IndexOf("tenants:", StringComparison.Ordinal)];

    private static string Cluster(string stir, string trunk) =>
        Head + stir + $"\ntenants:\n  - name: demo\n    numbers: {{ bank: bank }}\n    transfer_targets: {{}}\n    trunks:\n      - {{ name: t, {trunk} }}\n";

    /// <summary>Line and column of the value that is wrong: that of the last key, but for what is not there.</summary>
    private static string Line(string stir)
    {
        var column = stir.StartsWith("stir: { crls", StringComparison.Ordinal) ? 7
            : stir.Contains("cache", StringComparison.Ordinal) ? stir.IndexOf("cache", StringComparison.Ordinal) + 1
            : stir.Contains('[', StringComparison.Ordinal) ? stir.IndexOf('[', StringComparison.Ordinal) + 2
            : stir.LastIndexOf(": ", StringComparison.Ordinal) + 3;
        return $"{Head.Count(c => c == '\n') + 1}:{column}";
    }

    private ClusterFile Right(string text)
    {
        var (cluster, errors) = ClusterFileReader.Parse(Path.Combine(_folder, "cluster.yaml"), text);
        Assert.Empty(errors);
        return cluster!;
    }

    private string Finding(string text) => Assert.Single(ClusterFileReader.Parse(Path.Combine(_folder, "cluster.yaml"), text).Errors).ToString();

    private string At(string name) => Path.Combine(_folder, "stir", name);

    private void Write(string name, string text) => File.WriteAllText(At(name), text);

    [GeneratedRegex("```yaml stir\n(?<cluster>.*?)```.*?```yaml stir-trunk\n(?<trunk>.*?)```", RegexOptions.Singleline)]
    private static partial Regex Blocks();
}
