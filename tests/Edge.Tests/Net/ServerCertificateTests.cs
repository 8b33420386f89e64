using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using IvrActors.Edge.Net.Tls;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace IvrActors.Edge.Tests.Net;

/// <summary>New certificate files while the edge runs.</summary>
public sealed class ServerCertificateTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory();
    private readonly TestAuthority _authority = new();

    private string Pem => Path.Combine(_folder.FullName, "server.pem");

    private string Key => Path.Combine(_folder.FullName, "server.key");

    public void Dispose()
    {
        _folder.Delete(recursive: true);
        _authority.Dispose();
    }

    private string Write(TimeSpan? life = null)
    {
        using var certificate = _authority.Issue(dnsNames: ["edge"], life: life);
        using var key = certificate.GetECDsaPrivateKey()!;
        File.WriteAllText(Pem, certificate.ExportCertificatePem() + "\n" + _authority.Pem);
        File.WriteAllText(Key, key.ExportPkcs8PrivateKeyPem());
        return certificate.Thumbprint;
    }

    private static async Task<string> ShownTo(EdgeHost host)
    {
        using var client = new TcpClient(new System.Net.IPEndPoint(System.Net.IPAddress.Parse("127.0.31.1"), 0));
        await client.ConnectAsync(host.Tls);
        await using var secure = new SslStream(client.GetStream(), false, (_, _, _, _) => true);
        await secure.AuthenticateAsClientAsync("edge").WaitAsync(EdgeHost.Patience);
        return X509CertificateLoader.LoadCertificate(secure.RemoteCertificate!.GetRawCertData()).Thumbprint;
    }

    [Fact]
    public async Task New_handshakes_use_the_new_certificate_and_open_connections_go_on()
    {
        var old = Write();
        var certificate = ServerCertificate.FromFiles(Pem, Key);
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        using var watcher = new CertificateWatcher([certificate], time, NullLogger<CertificateWatcher>.Instance);
        await watcher.StartAsync(TestContext.Current.CancellationToken);
        await using var host = await EdgeHost.Start(certificate: certificate);
        await using var phone = await Phone.Stream(host.Tls, tls: true);
        Assert.Equal(old, await ShownTo(host));

        var renewed = Write();
        time.Advance(TimeSpan.FromSeconds(11));
        Assert.Equal(renewed, await ShownTo(host));
        await phone.Request("OPTIONS", 1);
        Assert.Equal(200, (await phone.Final()).Status);
    }

    [Fact]
    public void Files_that_cannot_be_used_are_refused_once_and_the_old_certificate_stays()
    {
        var old = Write();
        var certificate = ServerCertificate.FromFiles(Pem, Key);
        Assert.Equal(CertificateReload.Unchanged, certificate.Reload(DateTimeOffset.UtcNow));

        File.WriteAllText(Pem, "-----BEGIN CERTIFICATE-----\nMII");
        Assert.Equal(CertificateReload.Refused, certificate.Reload(DateTimeOffset.UtcNow));
        Assert.Equal(CertificateReload.Unchanged, certificate.Reload(DateTimeOffset.UtcNow));
        Write();
        using (var other = ECDsa.Create(ECCurve.NamedCurves.nistP256)) File.WriteAllText(Key, other.ExportPkcs8PrivateKeyPem());
        Assert.Equal(CertificateReload.Refused, certificate.Reload(DateTimeOffset.UtcNow));
        Write(life: TimeSpan.FromHours(-1));
        Assert.Equal(CertificateReload.Refused, certificate.Reload(DateTimeOffset.UtcNow));
        File.Delete(Key);
        Assert.Equal(CertificateReload.Refused, certificate.Reload(DateTimeOffset.UtcNow));
        Assert.Equal(old, certificate.Current.Thumbprint);

        var good = Write();
        Assert.Equal(CertificateReload.Replaced, certificate.Reload(DateTimeOffset.UtcNow));
        Assert.Equal(good, certificate.Current.Thumbprint);
    }
}
