using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.RegularExpressions;
using IvrActors.Edge;
using IvrActors.Edge.Sdp;
using IvrActors.Edge.Sip.Auth;
using IvrActors.Edge.Srtp;
using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Silo.Cluster;
using IvrActors.Silo.Commands;
using Xunit;

namespace IvrActors.Silo.Tests.Cluster;

public sealed partial class TrunkReaderTests : IDisposable
{
    private const string Password = "correct horse";

    private readonly TestFolder _folder = new();

    public TrunkReaderTests()
    {
        Directory.CreateDirectory(Path.Combine(_folder, "trunks"));
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var authority = new CertificateRequest("CN=carrier", key, HashAlgorithmName.SHA256).CreateSelfSigned(DateTimeOffset.UtcNow, DateTimeOffset.UtcNow.AddDays(1));
        Write("trunks/carrier-ca.pem", authority.ExportCertificatePem());
        Write("trunks/carrier.password", Password + "\n");
        Write("trunks/phones.accounts", $"# phones\n\nalice:{Password}\nbob:a:b\n");
    }

    [Fact]
    public void The_example_of_the_documentation_is_right_and_has_nothing_weak()
    {
        var cluster = Right(Example(development: true));
        var trunks = cluster.Tenants[0].Trunks.Select(t => t.ToEdge("demo")).ToList();
        Assert.Equal(UnknownSources.Silent, cluster.UnknownSources);

        var carrier = trunks[0];
        Assert.Equal(["sip.carrier.example"], carrier.Tls!.Identities);
        Assert.Equal(Path.Combine(_folder, "trunks/carrier-ca.pem"), carrier.Tls.AuthorityFile);
        Assert.Equal(("sips:sip.carrier.example", "ivr-4711", Password, true), (carrier.Outbound!.Proxy.ToString(), carrier.Outbound.User, carrier.Outbound.Password!.Expose().ToString(), carrier.Outbound.IsSecure));
        Assert.Equal([SdpCodec.Pcma, SdpCodec.Pcmu], carrier.Codecs);
        Assert.Equal([SrtpSuite.Aes256Gcm, SrtpSuite.Aes128Sha1Tag80], carrier.SrtpSuites);
        Assert.Equal(("DE", 500, TimeSpan.FromSeconds(30), new RateLimit(20, TimeSpan.FromSeconds(1), 40)), (carrier.Region, carrier.Limit.AtOnce, carrier.Ping, carrier.Limit.Calls));
        Assert.Equal((0.3, false), (carrier.Limit.KnownShare, carrier.Limit.OpenWhenUnavailable));
        Assert.True(carrier.Destinations[0].AllowsNumber("+4930123"));

        var phones = trunks[1];
        Assert.Equal(["alice", "bob"], phones.Digest!.Accounts.Keys.Order());
        Assert.Equal(cluster.Limits.Trunk, phones.Limit);
        Assert.Equal((2, TimeSpan.FromMinutes(1)), (phones.Registrar!.MostContacts, phones.Registrar.LeastExpires));

        var (_, weak) = ClusterFileReader.Parse(Path.Combine(_folder, "cluster.yaml"), Example(development: false));
        Assert.DoesNotContain(weak, e => e.Message.Contains("trunks", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Check_takes_the_example_and_names_a_password_that_is_missing_without_printing_others()
    {
        var file = Write("cluster.yaml", Example(development: true).Replace("flows: flows ", $"flows: {ClusterFileTests.Root()}/flows ", StringComparison.Ordinal)
            .Replace("prompts: flows/prompts ", $"prompts: {ClusterFileTests.Root()}/flows/prompts ", StringComparison.Ordinal));
        Assert.Equal((ExitCode.Done, ""), await Check(file));
        Write("trunks/carrier.password", "\n");
        var (exit, error) = await Check(file);
        Assert.Equal(ExitCode.Findings, exit);
        Assert.StartsWith("The password of the way out of trunk carrier is missing", error, StringComparison.Ordinal);
        Write("trunks/carrier.password", Password);
        Write("trunks/phones.accounts", $"alice:{Password}\n{Password}\n");
        (exit, error) = await Check(file);
        Assert.Equal(ExitCode.Findings, exit);
        Assert.Contains("phones.accounts:2: no account", error, StringComparison.Ordinal);
        Assert.DoesNotContain(Password, error, StringComparison.Ordinal);
    }

    // The trunk's keys → the findings, without the place of the trunk in the file.
    [Theory]
    [InlineData("codecs: [pcmu]", "from: nothing says who this trunk is: at least one of from, tls, digest and outbound")]
    [InlineData("tls: { ca: trunks/carrier-ca.pem }", "tls.identities: missing key: a list, each a SIP domain such as sip.carrier.example")]
    [InlineData("tls: { identities: [\"*.carrier.example\"] }", "tls.identities: bad value: a SIP domain such as sip.carrier.example")]
    [InlineData("tls: { identities: [a.example], ca: nowhere.pem }", "tls.ca: no such file: a PEM file of certificates")]
    [InlineData("tls: { identities: [a.example], ca: trunks/carrier.password }", "tls.ca: no certificate: a PEM file of certificates")]
    [InlineData("digest: { user: a, password_variable: A }", "digest.realm: missing key: a realm such as ivr.example")]
    [InlineData("digest: { realm: r }", "digest.user: no accounts: either user with its password, or accounts, or operators: true")]
    [InlineData("digest: { realm: r, user: a, accounts: trunks/phones.accounts, password_variable: A }", "digest.user: two kinds of accounts: either user with its password, or accounts")]
    [InlineData("digest: { realm: r, user: a }", "digest.user: no password: password_file or password_variable")]
    [InlineData("digest: { realm: r, user: a, password: x }", "digest.user: no password: password_file or password_variable|digest.password: unknown key: one of accounts, md5, operators, password_file, password_variable, realm, user, without_tls")]
    [InlineData("digest: { realm: r, user: a, password_variable: A, md5: sometimes }", "digest.md5: bad value: one of false, true, only")]
    [InlineData("digest: { realm: r, user: a, password_variable: A, password_file: trunks/carrier.password }", "digest.password_variable: two passwords: either password_file or password_variable")]
    [InlineData("digest: { realm: 'a\"b', user: a, password_variable: A }", "digest.realm: bad value: a realm such as ivr.example")]
    [InlineData("from: [192.0.2.0/24]|registrar: { }", "registrar: anybody could register: digest or tls beside it: an address proves no user")]
    [InlineData("tls: { identities: [a.example] }|registrar: { }", "registrar: nobody may register: users: a certificate names a domain, and no user of it")]
    [InlineData("digest: { realm: r, user: a, password_variable: A }|registrar: { users: [a] }", "registrar: two lists of users: no users: with digest each account registers itself")]
    [InlineData("digest: { realm: r, user: a, password_variable: A }|registrar: { min_expires: 2m, max_expires: 1m }", "registrar.max_expires: bad value: a time not below min_expires")]
    [InlineData("outbound: { }", "outbound.proxy: missing key: a SIP URI without user such as sip:sip.carrier.example;transport=tls")]
    [InlineData("outbound: { proxy: \"sips:a@b\" }", "outbound.proxy: bad value: a SIP URI without user such as sip:sip.carrier.example;transport=tls")]
    [InlineData("outbound: { proxy: \"sip:b;transport=sctp\" }", "outbound.proxy: bad value: a SIP URI without user such as sip:sip.carrier.example;transport=tls")]
    [InlineData("outbound: { proxy: \"sips:b;transport=udp\" }", "outbound.proxy: bad value: a SIP URI without user such as sip:sip.carrier.example;transport=tls")]
    [InlineData("outbound: { proxy: \"sips:b\", register: true }", "outbound.register: nobody to register: user beside it")]
    [InlineData("outbound: { proxy: \"sips:b\", password_variable: A }", "outbound.user: a password of nobody: user beside it")]
    [InlineData("outbound: { proxy: \"sips:b\", expires: 5s }", "outbound.expires: bad value: a time from 1m to 1d")]
    [InlineData("outbound: { proxy: \"sip:b\" }", "outbound: no call out can have the media encryption that srtp: required asks for: a proxy with sips: or ;transport=tls, because media keys are sent in signalling")]
    [InlineData("from: [192.0.2.0/24]|destinations: [\"+49\"]", "destinations: no way to them: outbound or registrar beside it")]
    [InlineData("outbound: { proxy: \"sips:b\" }|destinations: [\"0049\", \"sip:pbx\"]", "destinations: bad value: a prefix such as +49 or an address such as sip:agent@pbx.example|destinations: bad value: a prefix such as +49 or an address such as sip:agent@pbx.example")]
    [InlineData("from: [192.0.2.0/24]|codecs: [g729]", "codecs: bad value: pcmu, pcma or opus")]
    [InlineData("from: [192.0.2.0/24]|codecs: [pcmu, pcmu]", "codecs: duplicate codec: each codec once")]
    [InlineData("from: [192.0.2.0/24]|srtp_suites: [AES_CM_128_HMAC_SHA1]", "srtp_suites: bad value: one of AEAD_AES_256_GCM, AEAD_AES_128_GCM, AES_256_CM_HMAC_SHA1_80, AES_CM_128_HMAC_SHA1_80, AES_256_CM_HMAC_SHA1_32, AES_CM_128_HMAC_SHA1_32")]
    [InlineData("from: [192.0.2.0/24]|srtp_suites: [AEAD_AES_128_GCM, AEAD_AES_128_GCM]", "srtp_suites: duplicate suite: each suite once")]
    [InlineData("from: [192.0.2.0/24]|srtp_offers: both", "srtp_offers: bad value: one of sdes, dtls")]
    [InlineData("from: [192.0.2.0/24]|srtp: off|srtp_offers: dtls", "srtp_offers: media encryption is off: sdes, or srtp: required or preferred beside it")]
    [InlineData("from: [192.0.2.0/24]|srtp_suites: [AES_256_CM_HMAC_SHA1_80]|srtp_offers: dtls", "srtp_offers: no suite that DTLS has: one of AEAD_AES_256_GCM, AEAD_AES_128_GCM, AES_CM_128_HMAC_SHA1_80 in srtp_suites")]
    [InlineData("outbound: { proxy: \"sip:b\" }|srtp: preferred|srtp_offers: dtls", "srtp_offers: a fingerprint in clear signalling proves nothing, so none is offered: a proxy with sips: or ;transport=tls")]
    [InlineData("outbound: { proxy: \"sip:b\" }|srtp_offers: dtls", "outbound: no call out can have the media encryption that srtp: required asks for: a proxy with sips: or ;transport=tls, because media keys are sent in signalling")]
    [InlineData("from: [192.0.2.0/24]|tones: yes", "tones: bad value: one of without_events, always, never")]
    [InlineData("from: [192.0.2.0/24]|region: Germany", "region: bad value: a country such as DE")]
    [InlineData("from: [192.0.2.0/24]|calls_at_once: 5000", "calls_at_once: unknown key: one of codecs, destinations, digest, from, limits, location, name, outbound, ping, region, registrar, sdes_without_tls, srtp, srtp_offers, srtp_suites, stir, tls, tones, trusts_caller_identity")]
    [InlineData("from: [192.0.2.0/24]|limits: { calls: { count: 0, period: 1s, burst: 1 } }", "limits.calls.count: bad value: a whole number from 1 to 1000000")]
    [InlineData("from: [192.0.2.0/24]|ping: 30s", "ping: nobody to ask: outbound beside it")]
    [InlineData("outbound: { proxy: \"sips:b\" }|ping: 1s", "ping: bad value: a time from 5s to 1h")]
    public void Each_mistake_and_contradiction_is_named(string keys, string findings)
    {
        var (cluster, errors) = ClusterFileReader.Parse(Path.Combine(_folder, "cluster.yaml"), Cluster(keys, development: true));
        Assert.Null(cluster);
        Assert.Equal(findings.Split('|').Order(), errors.Select(Short).Order());
        Assert.All(errors, e => Assert.InRange(e.Line, ClusterFileTests.LineOfTrunk, ClusterFileTests.LineOfTrunk + keys.Split('|').Length));
    }

    [Theory]
    [InlineData("digest: { realm: r, user: a, password_variable: A, without_tls: true }", "digest: weak setting: digest over clear signalling, where its answers can be tried against a word list: without_tls: false, or development: true")]
    [InlineData("outbound: { proxy: \"sip:b;transport=tcp\" }|srtp: off", "srtp: weak setting: media without encryption: required, or development: true|outbound: weak setting: signalling to the proxy in clear: a proxy with sips: or ;transport=tls, or development: true")]
    [InlineData("from: [192.0.2.0/24]|srtp_suites: [AES_CM_128_HMAC_SHA1_80, AES_CM_128_HMAC_SHA1_32]", "srtp_suites: weak setting: media whose packets are authenticated by 32 bits: suites that do not end in _32, or development: true")]
    public void What_is_weak_needs_a_development_cluster(string keys, string findings)
    {
        Right(Cluster(keys, development: true));
        var (_, errors) = ClusterFileReader.Parse(Path.Combine(_folder, "cluster.yaml"), Cluster(keys, development: false));
        Assert.Equal(findings.Split('|').Order(), errors.Where(e => e.Message.Contains("trunks[0]", StringComparison.Ordinal)).Select(Short).Order());
    }

    [Theory]
    [InlineData("", SrtpOffers.Sdes)]
    [InlineData("|srtp_offers: sdes", SrtpOffers.Sdes)]
    [InlineData("|srtp_offers: dtls", SrtpOffers.Dtls)]
    [InlineData("|srtp: preferred|srtp_offers: dtls", SrtpOffers.Dtls)]
    public void Keys_are_offered_in_sdp_or_by_dtls(string keys, SrtpOffers offers) =>
        Assert.Equal(offers, Right(Cluster("outbound: { proxy: \"sips:b\" }" + keys, development: true)).Tenants[0].Trunks[0].ToEdge("demo").SrtpOffers);

    [Theory]
    [InlineData("", false, false)]
    [InlineData(", md5: false", false, false)]
    [InlineData(", md5: true", true, false)]
    [InlineData(", md5: only", true, true)]
    public void Md5_is_offered_never_second_or_alone(string key, bool offered, bool alone)
    {
        var trunk = Right(Cluster($"digest: {{ realm: r, accounts: trunks/phones.accounts{key} }}", development: true)).Tenants[0].Trunks[0];
        var digest = trunk.ToEdge("demo").Digest!;
        Assert.Equal((offered, alone), (digest.Md5, digest.OnlyMd5));
    }

    [Fact]
    public void A_user_of_a_realm_is_in_one_trunk_only()
    {
        const string Digest = "digest: { realm: r, user: a, password_variable: A }";
        var (_, errors) = ClusterFileReader.Parse(Path.Combine(_folder, "cluster.yaml"), Cluster(Digest, development: true) + $"      - name: u\n        {Digest}\n");
        Assert.Contains("duplicate user 'a' in realm 'r' (tenants[0].trunks, expected each user of a realm in one trunk)", Assert.Single(errors).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_trunk_of_an_old_file_has_the_defaults()
    {
        var trunk = Right(Cluster("from: [192.0.2.0/24]", development: false, certificates: true)).Tenants[0].Trunks[0];
        Assert.Equal((SrtpPolicy.Required, false, false), (trunk.Srtp, trunk.SdesWithoutTls, trunk.TrustsCallerIdentity));
        Assert.Equal([SdpCodec.Pcmu, SdpCodec.Pcma], trunk.Codecs);
        Assert.Equal([SrtpSuite.Aes256Gcm, SrtpSuite.Aes128Gcm, SrtpSuite.Aes256Sha1Tag80, SrtpSuite.Aes128Sha1Tag80], trunk.SrtpSuites);
        Assert.True(trunk is { Tls: null, Digest: null, Registrar: null, Outbound: null, Region: null, Limit: { AtOnce: null, KnownShare: 0.2, OpenWhenUnavailable: true }, Ping: null, Destinations.Count: 0 });
        Assert.Equal(new RateLimit(100, TimeSpan.FromSeconds(1), 200), trunk.Limit.Calls);
    }

    [Fact]
    public void A_password_is_kept_as_hashes_of_the_realm_and_printed_nowhere()
    {
        var trunk = Right(Cluster("digest: { realm: r, user: a, password_variable: IVR_TEST_NO_SUCH_PASSWORD }", development: true)).Tenants[0].Trunks[0];
        Assert.Throws<MissingSecretException>(() => trunk.ToEdge("demo"));
        var account = new DigestAccount("a", "r", Password, md5: false);
        Assert.DoesNotContain(Password, account.ToString()!, StringComparison.Ordinal);
        // RFC 7616 3.9.1: user, realm and password of the example.
        Assert.Equal("7987c64c30e25f1b74be53f966b49b90f2808aa92faf9a00262392d7b4794232",
            Encoding.ASCII.GetString(DigestHash.Ha1(DigestAlgorithm.Sha256, "Mufasa", "http-auth@example.org", "Circle of Life")));
    }

    public void Dispose() => _folder.Dispose();

    private string Write(string name, string text)
    {
        var path = Path.Combine(_folder, name);
        File.WriteAllText(path, text);
        return path;
    }

    private ClusterFile Right(string text)
    {
        var (cluster, errors) = ClusterFileReader.Parse(Path.Combine(_folder, "cluster.yaml"), text);
        Assert.Empty(errors);
        return cluster!;
    }

    /// <summary>The committed cluster with one trunk of these keys.</summary>
    private string Cluster(string keys, bool development, bool certificates = false)
    {
        var lines = ClusterFileTests.Text.Split('\n');
        var trunk = new[] { "      - name: t" }.Concat(keys.Split('|').Select(key => "        " + key));
        var text = string.Join('\n', lines.Take(ClusterFileTests.LineOfTrunk - 1).Concat(trunk).Append(""));
        if (!development) text = text.Replace("development: true", "development: false", StringComparison.Ordinal);
        return certificates ? text + CertificateKeys() : text;
    }

    private string CertificateKeys()
    {
        foreach (var name in new[] { "server.pem", "server.key", "ring.p12" }) Write(name, "");
        return "certificates:\n  server: { file: server.pem, key: server.key }\n  key_ring: { file: ring.p12, password_variable: X }\n";
    }

    private static string Example(bool development)
    {
        var example = Block().Match(File.ReadAllText(Path.Combine(ClusterFileTests.Root(), "docs/operations.md"))).Groups["text"].Value;
        var text = ClusterFileTests.Text[..ClusterFileTests.Text.IndexOf("tenants:", StringComparison.Ordinal)] + example;
        return development ? text : text.Replace("development: true", "development: false", StringComparison.Ordinal);
    }

    private static async Task<(int Exit, string Error)> Check(string file)
    {
        using var error = new StringWriter();
        var exit = await CommandLine.Run(["check", "--cluster", file], TextReader.Null, TextWriter.Null, error);
        return (exit, error.ToString());
    }

    /// <summary>key: message: expectation.</summary>
    private static string Short(ClusterError error)
    {
        var match = Finding().Match(error.Message);
        return $"{match.Groups["path"].Value}: {match.Groups["what"].Value}: {match.Groups["expected"].Value}";
    }

    [GeneratedRegex("```yaml trunks\n(?<text>.*?)```", RegexOptions.Singleline)]
    private static partial Regex Block();

    [GeneratedRegex(@"^(?<what>.*) \(tenants\[0\]\.trunks\[0\]\.(?<path>[\w.]+), expected (?<expected>.*)\)$")]
    private static partial Regex Finding();
}
