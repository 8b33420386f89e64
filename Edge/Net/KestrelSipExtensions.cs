using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;

namespace IvrActors.Edge.Net;

/// <summary>The SIP stream listeners of an edge.</summary>
public static class KestrelSipExtensions
{
    /// <summary>A handshake that takes longer is an attack or a dead peer.</summary>
    private static readonly TimeSpan s_handshakeTimeout = TimeSpan.FromSeconds(5);

    /// <summary>Listens for SIP over TCP and TLS as <paramref name="options"/> say. Call it where Kestrel is configured.</summary>
    public static void ListenSip(this KestrelServerOptions kestrel, EdgeOptions options, IServiceProvider services)
    {
        if (options.TcpPort is { } tcp) kestrel.Listen(options.Address, tcp, listen => Serve(listen, services, null));
        if (options.TlsPort is not { } tls) return;
        var certificate = options.Certificate ?? throw new InvalidOperationException("SIP over TLS needs a certificate");
        kestrel.Listen(options.Address, tls, listen => Serve(listen, services, certificate));
    }

    private static void Serve(ListenOptions listen, IServiceProvider services, X509Certificate2? certificate)
    {
        listen.Protocols = HttpProtocols.None;
        // Resolved by the first connection: Kestrel is configured while the host is still being built.
        listen.Use(next => connection => services.GetRequiredService<ConnectionGate>().Pass(connection, next));
        if (certificate is not null)
        {
            var tls = TlsOptions(certificate);
            listen.UseHttps(new TlsHandshakeCallbackOptions { HandshakeTimeout = s_handshakeTimeout, OnConnection = _ => ValueTask.FromResult(tls) });
        }
        listen.Run(connection => services.GetRequiredService<SipConnectionHandler>().OnConnectedAsync(connection));
    }

    /// <summary>TLS 1.2 with AEAD suites and TLS 1.3 only.</summary>
    private static SslServerAuthenticationOptions TlsOptions(X509Certificate2 certificate) => new()
    {
        AllowRenegotiation = false, // A way to make us work for nothing; no SIP peer needs it.
        ServerCertificateContext = SslStreamCertificateContext.Create(certificate, additionalCertificates: null, offline: true),
#pragma warning disable CA5398 // Older versions are refused on purpose, and the system's default may allow them.
        EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
#pragma warning restore CA5398
        CipherSuitesPolicy = OperatingSystem.IsLinux() ? new CipherSuitesPolicy(
        [
            TlsCipherSuite.TLS_AES_128_GCM_SHA256, TlsCipherSuite.TLS_AES_256_GCM_SHA384, TlsCipherSuite.TLS_CHACHA20_POLY1305_SHA256,
            TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
            TlsCipherSuite.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TlsCipherSuite.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
            TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, TlsCipherSuite.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        ]) : null,
    };
}
