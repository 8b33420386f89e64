using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using IvrActors.SystemTests.Harness;

namespace IvrActors.SystemTests;

/// <summary>We register with Kamailio as a carrier's registrar, which demands digest, over each transport and by each algorithm; and are called where we registered.</summary>
public sealed class RegistrationsWithACarrier
{
    private const string Password = "of-the-carrier";
    private static readonly string[] s_transports = ["udp", "tcp", "tls"];
    private static readonly string[] s_algorithms = ["MD5", "SHA-256"];

    [Fact]
    public async Task We_register_by_digest_over_udp_tcp_and_tls_refresh_and_are_called_there()
    {
        Programs.Require("kamailio");
        Programs.Require("sipp");
        var folder = Directory.CreateTempSubdirectory("ivr-carrier-").FullName;
        IssueCertificate(folder);
        await File.WriteAllTextAsync(Path.Combine(folder, "password"), Password);
        await using var md5 = await Kamailio.Registrar(Path.Combine(folder, "md5"), "MD5", Password, folder);
        await using var sha256 = await Kamailio.Registrar(Path.Combine(folder, "sha-256"), "SHA-256", Password, folder);
        var carriers = s_algorithms.Zip([md5, sha256]).ToArray();
        var trunks = carriers.SelectMany(carrier => s_transports.Select(transport => Trunk(folder, carrier.First, carrier.Second, transport)));
        await using var server = IvrServer.Create("carrier", (yaml, _) => ClusterFile.WithTrunks(yaml, string.Join('\n', trunks)));
        await server.Start();

        // Twice: the second time is a refresh, at 85 to 90 % of what was granted.
        foreach (var (algorithm, carrier) in carriers)
        {
            foreach (var transport in s_transports)
            {
                var line = $"registered bank@{Domain(algorithm, transport)} over {transport}";
                await Eventually.Holds(() => Task.FromResult(carrier.Output.Split(line).Length > 2), "twice " + line, () => $"{carrier.Output}\n--- server:\n{server.Output}");
            }
        }
        Assert.Equal(carriers.Length * s_transports.Length, await server.Metric("ivr_trunk_registered"));

        await using var rtp = new RtpListener();
        foreach (var transport in s_transports)
        {
            await using var call = await Sipp.Call(server, rtp.Port, [new(TimeSpan.FromSeconds(1), "")], SippEnd.HangUp, port: sha256.Port, domain: Domain("SHA-256", transport));
            Assert.True(await call.WaitForExit(Eventually.Limit) == 0, $"{transport}\n{call.Tail()}\n--- carrier:\n{sha256.Output}\n--- server:\n{server.Output}");
            Assert.True(await server.Metric("ivr_sip_messages_total", $"direction=\"in\",method=\"INVITE\",transport=\"{transport}\"") >= 1, transport);
        }

        // At the end every contact is taken back.
        await server.Stop();
        await using var nobody = await Sipp.Call(server, rtp.Port, [], SippEnd.HangUp, port: sha256.Port, domain: Domain("SHA-256", "udp"));
        Assert.NotEqual(0, await nobody.WaitForExit(Eventually.Limit));
        Assert.Contains("404", nobody.Output, StringComparison.Ordinal);
        Directory.Delete(folder, recursive: true);
    }

    private static string Domain(string algorithm, string transport) => $"{transport}.{algorithm.ToLowerInvariant()}.test";

    /// <summary>Over TLS the carrier is known by its certificate, else by its address.</summary>
    private static string Trunk(string folder, string algorithm, Kamailio carrier, string transport) => $$"""
        - name: {{transport}}-{{algorithm.ToLowerInvariant()}}
          {{(transport == "tls" ? $"tls: {{ identities: [carrier.test], ca: {folder}/ca.pem }}" : "from: [127.0.0.1/32]")}}
          outbound: { proxy: "sip:127.0.0.1:{{(transport == "tls" ? carrier.TlsPort : carrier.Port)}};transport={{transport}}", user: bank, password_file: {{folder}}/password, md5: {{(algorithm == "MD5" ? "true" : "false")}}, register: true, from_domain: {{Domain(algorithm, transport)}} }
          srtp: preferred
        """;

    /// <summary>An authority, and a certificate of it for the SIP domain carrier.test (RFC 5922), both for an hour.</summary>
    private static void IssueCertificate(string folder)
    {
        var (from, to) = (DateTimeOffset.UtcNow.AddMinutes(-5), DateTimeOffset.UtcNow.AddHours(1));
        using var authorityKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var authorityRequest = new CertificateRequest("CN=authority", authorityKey, HashAlgorithmName.SHA256);
        authorityRequest.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        authorityRequest.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        using var authority = authorityRequest.CreateSelfSigned(from, to);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=carrier", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddUri(new Uri("sip:carrier.test"));
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1"), new Oid("1.3.6.1.5.5.7.3.2")], false));
        using var certificate = request.Create(authority, from, to, [1]);
        File.WriteAllText(Path.Combine(folder, "ca.pem"), authority.ExportCertificatePem() + "\n");
        File.WriteAllText(Path.Combine(folder, "carrier.pem"), certificate.ExportCertificatePem() + "\n");
        File.WriteAllText(Path.Combine(folder, "carrier.key"), key.ExportPkcs8PrivateKeyPem() + "\n");
    }
}
