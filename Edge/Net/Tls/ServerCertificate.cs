using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Prometheus;

namespace IvrActors.Edge.Net.Tls;

/// <summary>What <see cref="ServerCertificate.Reload"/> found.</summary>
public enum CertificateReload
{
    Unchanged,
    Replaced,

    /// <summary>The files changed and cannot be used: the certificate in use stays.</summary>
    Refused,
}

/// <summary>The certificate of our listeners, with its key and the chain that is sent along. Read anew from its files while connections go on with what they began with.</summary>
public sealed class ServerCertificate
{
    private static readonly Gauge s_expiry = Metrics.CreateGauge("ivr_tls_certificate_expiry_timestamp_seconds", "When the server certificate expires, as Unix time.");
    private static readonly Counter s_reloads = Metrics.CreateCounter("ivr_tls_certificate_reloads_total", "Changed certificate files, by what became of them.", "result");

    private readonly string? _file;
    private readonly string? _keyFile;
    private readonly Lock _lock = new();
    private byte[] _seen;
    private volatile Loaded _current;

    private ServerCertificate(Loaded loaded, string? file, string? keyFile, byte[] seen)
    {
        (_current, _file, _keyFile, _seen) = (loaded, file, keyFile, seen);
        Publish();
    }

    public X509Certificate2 Current => _current.Certificate;

    /// <summary>For handshakes that begin now.</summary>
    public SslStreamCertificateContext Context => _current.Context;

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
    public static ServerCertificate Of(X509Certificate2 certificate) => new(new Loaded(certificate, []), null, null, []);

    /// <summary>A PEM file with the certificate and the ones that signed it, and a PEM file with its key.</summary>
    /// <exception cref="CryptographicException">They are no such files, or do not belong together.</exception>
    public static ServerCertificate FromFiles(string file, string keyFile)
    {
        var seen = Fingerprint(file, keyFile);
        return new ServerCertificate(Load(file, keyFile), file, keyFile, seen);
    }

    /// <summary>Looks at the files. What is refused once is not looked at again before it changes.</summary>
    public CertificateReload Reload(DateTimeOffset now)
    {
        if (_file is null || _keyFile is null) return CertificateReload.Unchanged;
        lock (_lock)
        {
            var result = CertificateReload.Refused;
            try
            {
                var seen = Fingerprint(_file, _keyFile);
                if (seen.AsSpan().SequenceEqual(_seen)) return CertificateReload.Unchanged;
                _seen = seen;
                var loaded = Load(_file, _keyFile);
                if (loaded.Certificate.NotBefore <= now.LocalDateTime && now.LocalDateTime < loaded.Certificate.NotAfter)
                {
                    _current = loaded; // The one before stays alive as long as a connection uses it.
                    Publish();
                    result = CertificateReload.Replaced;
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException or ArgumentException)
            {
                // Half written, unreadable, or a key of another certificate.
            }
            s_reloads.WithLabels(result == CertificateReload.Replaced ? "replaced" : "refused").Inc();
            return result;
        }
    }

    private static Loaded Load(string file, string keyFile)
    {
        var chain = new X509Certificate2Collection();
        chain.ImportFromPemFile(file);
        return new Loaded(X509Certificate2.CreateFromPemFile(file, keyFile), [.. chain.Skip(1)]);
    }

    private static byte[] Fingerprint(string file, string keyFile)
    {
        var key = File.ReadAllBytes(keyFile);
        try
        {
            return [.. SHA256.HashData(File.ReadAllBytes(file)), .. SHA256.HashData(key)];
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
        }
    }

    private void Publish() => s_expiry.Set(new DateTimeOffset(_current.Certificate.NotAfter).ToUnixTimeSeconds());

    private sealed class Loaded(X509Certificate2 certificate, X509Certificate2Collection chain)
    {
        public X509Certificate2 Certificate => certificate;

        public SslStreamCertificateContext Context { get; } = SslStreamCertificateContext.Create(certificate, chain, offline: true);
    }
}
