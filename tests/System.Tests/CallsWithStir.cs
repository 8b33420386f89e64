using System.Formats.Asn1;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using IvrActors.SystemTests.Harness;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace IvrActors.SystemTests;

/// <summary>A carrier that signs who calls (STIR/SHAKEN): Kamailio with its secsipid module, whose certificate is on an HTTPS server.</summary>
public sealed class CallsWithStir
{
    private const string Called = "+493012345678";

    [Fact]
    public async Task A_call_that_the_carrier_has_signed_is_attested_and_one_past_the_carrier_is_refused()
    {
        Programs.Require("sipp");
        Programs.Require("kamailio");
        using var authority = new Authority();
        await using var server = IvrServer.Create("stir", authority.AddTo);
        await using var web = await authority.Serve();
        await server.Start();
        await using var carrier = await Kamailio.Signing(server, $"{web.Urls.First()}/shaken.pem", authority.KeyFile(server.Folder));
        await using var rtp = new RtpListener();

        await using var call = await Sipp.Call(server, rtp.Port, [new(TimeSpan.FromSeconds(0.5), "")], SippEnd.HangUp, new TestCaller().Number, carrier.Port, called: Called);
        Assert.True(await call.WaitForExit(Eventually.Limit) == 0, $"{call.Tail()}\n--- carrier:\n{carrier.Output}\n--- server:\n{server.Output}");
        Assert.Equal(1, await server.Metric("ivr_stir_verifications_total", "result=\"a\""));
        await Eventually.Holds(async () => (await server.Ivr(["audit", "export"])).Contains("loopback/attested", StringComparison.Ordinal), "the audit records name an attested origin");

        await using var unsigned = await Sipp.Call(server, rtp.Port, [], SippEnd.HangUp, new TestCaller().Number, called: Called);
        Assert.NotEqual(0, await unsigned.WaitForExit(Eventually.Limit));
        Assert.Contains("428", unsigned.Output, StringComparison.Ordinal);
    }

    /// <summary>Gives the carrier its certificate, and the web server its own.</summary>
    private sealed class Authority : IDisposable
    {
        private readonly ECDsa _rootKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        private readonly ECDsa _carrierKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        private readonly X509Certificate2 _root;

        public Authority()
        {
            var request = new CertificateRequest("CN=STI authority", _rootKey, HashAlgorithmName.SHA256);
            request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
            request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
            request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
            _root = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddHours(2));
        }

        /// <summary>A cluster that takes calls to <see cref="Called"/> from carriers of this authority only.</summary>
        public string AddTo(string yaml, string folder)
        {
            var file = Path.Combine(folder, "sti.pem");
            File.WriteAllText(file, _root.ExportCertificatePem());
            yaml = ClusterFile.WithTrunks(yaml, """
                - name: loopback
                  from: [127.0.0.0/8]
                  srtp: preferred
                  stir: { verify: reject, missing: reject }
                """);
            return $"stir: {{ trusted_cas: {file}, web_ca: {file}, trusted_addresses: [127.0.0.0/8] }}\n"
                + yaml.Replace("numbers: { bank: bank }", $"numbers: {{ bank: bank, \"{Called}\": bank }}", StringComparison.Ordinal);
        }

        public string KeyFile(string folder)
        {
            var file = Path.Combine(folder, "carrier.key");
            File.WriteAllText(file, _carrierKey.ExportECPrivateKeyPem());
            return file;
        }

        public async Task<WebApplication> Serve()
        {
            using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            var names = new SubjectAlternativeNameBuilder();
            names.AddIpAddress(IPAddress.Loopback);
            using var issued = Issue("CN=web", key, names.Build());
            using var whole = issued.CopyWithPrivateKey(key);
            var certificate = X509CertificateLoader.LoadPkcs12(whole.Export(X509ContentType.Pkcs12), null, X509KeyStorageFlags.Exportable);
            using var shaken = Issue("CN=SHAKEN 709J", _carrierKey, new X509Extension("1.3.6.1.5.5.7.1.26", Provider("709J"), critical: false));
            var chain = shaken.ExportCertificatePem();
            var builder = WebApplication.CreateSlimBuilder();
            builder.Logging.ClearProviders();
            builder.WebHost.UseKestrelHttpsConfiguration();
            builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.UseHttps(certificate)));
            var app = builder.Build();
            app.MapGet("/shaken.pem", () => Results.Text(chain, "application/pem-certificate-chain"));
            await app.StartAsync();
            return app;
        }

        public void Dispose()
        {
            _root.Dispose();
            _rootKey.Dispose();
            _carrierKey.Dispose();
        }

        private X509Certificate2 Issue(string name, ECDsa key, X509Extension extension)
        {
            var request = new CertificateRequest(name, key, HashAlgorithmName.SHA256);
            request.CertificateExtensions.Add(extension);
            return request.Create(_root, DateTimeOffset.UtcNow.AddMinutes(-30), DateTimeOffset.UtcNow.AddHours(1), RandomNumberGenerator.GetBytes(8));
        }

        /// <summary>TNAuthList with the code of a provider (RFC 8226 9).</summary>
        private static byte[] Provider(string code)
        {
            var writer = new AsnWriter(AsnEncodingRules.DER);
            using (writer.PushSequence())
            using (writer.PushSequence(new Asn1Tag(TagClass.ContextSpecific, 0))) writer.WriteCharacterString(UniversalTagNumber.IA5String, code);
            return writer.Encode();
        }
    }
}
