using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Prometheus;

namespace IvrActors.Edge.Net.Tls;

/// <summary>The certificate of our listeners, with its key and the chain that is sent along. Read anew from its files while connections go on with what they began with.</summary>
public sealed class ServerCertificate : IReloadedCertificate
{
    private static readonly Gauge s_expiry = Metrics.CreateGauge("ivr_tls_certificate_expiry_timestamp_seconds", "When the server certificate expires, as Unix time.");
    private static readonly Counter s_reloads = Metrics.CreateCounter("ivr_tls_certificate_reloads_total", "Changed certificate files, by what became of them.", "result");

    private readonly CertificateFiles<Loaded> _files;

    private ServerCertificate(CertificateFiles<Loaded> files)
    {
        _files = files;
        Publish();
    }

    public string Purpose => "server certificate";

    public X509Certificate2 Current => _files.Current.Certificate;

    /// <summary>For handshakes that begin now.</summary>
    public SslStreamCertificateContext Context => _files.Current.Context;

    /// <summary>For a listener of web pages: TLS 1.2 and 1.3, and the certificate of the moment.</summary>
    public TlsHandshakeCallbackOptions WebOptions() => new()
    {
        HandshakeTimeout = TlsRules.HandshakeTimeout,
        OnConnection = _ => ValueTask.FromResult(new SslServerAuthenticationOptions
        {
            ServerCertificateContext = Context,
            EnabledSslProtocols = TlsRules.Protocols,
            CipherSuitesPolicy = TlsRules.Suites,
            AllowRenegotiation = false,
        }),
    };

    /// <summary>A certificate that never changes.</summary>
    public static ServerCertificate Of(X509Certificate2 certificate) => new(new CertificateFiles<Loaded>(() => new Loaded(certificate, [])));

    /// <summary>A PEM file with the certificate and the ones that signed it, and a PEM file with its key.</summary>
    /// <exception cref="CryptographicException">They are no such files, or do not belong together.</exception>
    public static ServerCertificate FromFiles(string file, string keyFile) => new(new CertificateFiles<Loaded>(() => Load(file, keyFile), file, keyFile));

    public CertificateReload Reload(DateTimeOffset now)
    {
        var result = _files.Reload((used, loaded) => loaded.Certificate.NotBefore <= now.LocalDateTime && now.LocalDateTime < loaded.Certificate.NotAfter ? loaded : used);
        if (result == CertificateReload.Unchanged) return result;
        if (result == CertificateReload.Replaced) Publish();
        s_reloads.WithLabels(result == CertificateReload.Replaced ? "replaced" : "refused").Inc();
        return result;
    }

    private static Loaded Load(string file, string keyFile)
    {
        var chain = new X509Certificate2Collection();
        chain.ImportFromPemFile(file);
        return new Loaded(X509Certificate2.CreateFromPemFile(file, keyFile), [.. chain.Skip(1)]);
    }

    private void Publish() => s_expiry.Set(new DateTimeOffset(Current.NotAfter).ToUnixTimeSeconds());

    private sealed class Loaded(X509Certificate2 certificate, X509Certificate2Collection chain)
    {
        public X509Certificate2 Certificate => certificate;

        public SslStreamCertificateContext Context { get; } = SslStreamCertificateContext.Create(certificate, chain, offline: true);
    }
}
