using System.Text.RegularExpressions;
using IvrActors.Silo.Cluster;
using IvrActors.Silo.Commands;
using IvrActors.Silo.Storage;
using Xunit;

namespace IvrActors.Silo.Tests.Cluster;

public sealed partial class KeyRingReaderTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public KeyRingReaderTests()
    {
        foreach (var file in new[] { "ring.p12", "old.p12", "secret", "lib.so" }) File.WriteAllText(Path.Combine(_folder, file), "4711\n");
    }

    [Fact]
    public void Without_anything_a_certificate_is_generated_and_a_key_lasts_90_days()
    {
        var cluster = Read("");
        Assert.Null(cluster.Certificates.KeyRing.Key);
        Assert.Empty(cluster.Certificates.KeyRing.Additional);
        Assert.Equal(new KeySettings(TimeSpan.FromDays(90), 200), cluster.Keys);
    }

    [Fact]
    public void The_ring_is_protected_by_a_token_and_opens_with_the_certificate_of_before()
    {
        var cluster = Read(
            """
            certificates:
              key_ring:
                pkcs11: { library: lib.so, token: ivr, key: ring, pin_file: secret }
                additional:
                  - { file: old.p12, password_variable: IVR_OLD }
                  - pkcs11: { library: lib.so, token: before, key: ring, pin_variable: IVR_PIN }
            keys: { lifetime: 30d, rows_per_second: 5 }
            """);
        var token = Assert.IsType<TokenSettings>(cluster.Certificates.KeyRing.Key);
        Assert.Equal((Path.Combine(_folder, "lib.so"), "ivr", "ring"), (token.Library, token.Token, token.Key));
        using var pin = token.Pin.Read();
        Assert.Equal("4711", pin.Expose());
        Assert.Equal(Path.Combine(_folder, "old.p12"), Assert.IsType<CertificateFileSettings>(cluster.Certificates.KeyRing.Additional[0]).File);
        Assert.Equal("before", Assert.IsType<TokenSettings>(cluster.Certificates.KeyRing.Additional[1]).Token);
        Assert.Equal(new KeySettings(TimeSpan.FromDays(30), 5), cluster.Keys);
    }

    [Fact]
    public void The_documented_keys_are_read()
    {
        var text = Documented().Match(File.ReadAllText(Path.Combine(ClusterFileTests.Root(), "docs", "operations.md"))).Groups["text"].Value;
        foreach (var (shown, here) in new[] { ("/usr/lib/softhsm/libsofthsm2.so", "lib.so"), ("/run/secrets/ring-pin", "secret") })
        {
            Assert.Contains(shown, text, StringComparison.Ordinal);
            text = text.Replace(shown, here, StringComparison.Ordinal);
        }
        var cluster = Read(text);
        Assert.Equal("ring", Assert.IsType<TokenSettings>(cluster.Certificates.KeyRing.Key).Key);
        Assert.Single(cluster.Certificates.KeyRing.Additional);
        Assert.Equal(Read("").Keys, cluster.Keys);
    }

    [Theory]
    [InlineData("{ file: ring.p12 }", "no single password (certificates.key_ring.password_file, expected either password_file or password_variable)")]
    [InlineData("{ file: ring.p12, password_file: secret, password_variable: A }", "no single password (certificates.key_ring.password_file, expected either password_file or password_variable)")]
    [InlineData("{ file: gone.p12, password_file: secret }", "no such file (certificates.key_ring.file, expected a PKCS#12 file)")]
    [InlineData("{ pkcs11: { library: lib.so, token: ivr, key: ring } }", "no single pin (certificates.key_ring.pkcs11.pin_file, expected either pin_file or pin_variable)")]
    [InlineData("{ pkcs11: { library: gone.so, token: ivr, key: ring, pin_file: secret } }", "no such file (certificates.key_ring.pkcs11.library, expected the token's PKCS#11 library)")]
    [InlineData("{ pkcs11: { token: ivr, key: ring, pin_file: secret } }", "missing key (certificates.key_ring.pkcs11.library, expected the token's PKCS#11 library)")]
    [InlineData("{ file: ring.p12, password_file: secret, pkcs11: { library: lib.so, token: ivr, key: ring, pin_file: secret } }", "two keys (certificates.key_ring.pkcs11, expected either file or pkcs11)")]
    [InlineData("{ additional: [ { password_file: secret } ] }", "no key (certificates.key_ring.additional[0].file, expected file, or pkcs11)")]
    public void What_is_wrong_with_it_is_named(string ring, string finding)
    {
        var (cluster, errors) = Parse($"certificates: {{ key_ring: {ring} }}");
        Assert.Null(cluster);
        Assert.Contains(errors, error => error.ToString().EndsWith(finding, StringComparison.Ordinal));
    }

    [Fact]
    public void A_key_lasts_at_least_a_day()
    {
        var (_, errors) = Parse("keys: { lifetime: 5m }");
        Assert.Contains(errors, error => error.ToString().EndsWith("bad value (keys.lifetime, expected a time from 1d to 3650d)", StringComparison.Ordinal));
    }

    [Fact]
    public void A_certificate_that_is_missing_or_does_not_open_is_named_with_its_place()
    {
        var gone = Path.Combine(_folder, "gone.p12");
        Assert.Contains($"'{gone}'", Assert.Throws<KeyRingException>(() => CertificateKey.FromFile(gone, "4711")).Message, StringComparison.Ordinal);
        var wrong = Path.Combine(_folder, "ring.p12");
        var error = Assert.Throws<KeyRingException>(() => CertificateKey.FromFile(wrong, "a-password"));
        Assert.Contains($"in '{wrong}', does not open with the password given", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("a-password", error.ToString(), StringComparison.Ordinal);
        Assert.Contains("environment variable IVR_NOT_SET", Assert.Throws<MissingSecretException>(() =>
            RingProtection.Open(new KeyRingSettings(new CertificateFileSettings(wrong, new SecretSource(null, "IVR_NOT_SET", "the key ring's certificate")), []), _folder, false, DateTimeOffset.UtcNow)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Check_says_which_pin_is_missing()
    {
        var file = Path.Combine(_folder, "cluster.yaml");
        var ring = "\ncertificates: { key_ring: { file: ring.p12, password_file: secret, additional: [ { pkcs11: { library: lib.so, token: ivr, key: ring, pin_variable: IVR_NO_SUCH_PIN } } ] } }\n";
        await File.WriteAllTextAsync(file, ClusterFileTests.Text.Replace(" flows", " " + Path.Combine(ClusterFileTests.Root(), "flows"), StringComparison.Ordinal) + ring, TestContext.Current.CancellationToken);
        var (exit, _, error) = await CommandLineTests.Ivr("check", "--cluster", file);
        Assert.Equal(ExitCode.Findings, exit);
        Assert.Contains("The password of the token 'ivr' (its PIN) is missing, empty or longer than 256 characters (environment variable IVR_NO_SUCH_PIN).", error, StringComparison.Ordinal);
    }

    public void Dispose() => _folder.Dispose();

    private ClusterFile Read(string text)
    {
        var (cluster, errors) = Parse(text);
        Assert.Empty(errors);
        return cluster!;
    }

    private (ClusterFile? Cluster, IReadOnlyList<ClusterError> Errors) Parse(string text) =>
        ClusterFileReader.Parse(Path.Combine(_folder, "cluster.yaml"), ClusterFileTests.Text + "\n" + text + "\n");

    [GeneratedRegex("```yaml keys\n(?<text>.*?)```", RegexOptions.Singleline)]
    private static partial Regex Documented();
}
