using System.Net;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using IvrActors.Edge.Net.Tls;
using IvrActors.Edge.Sip.Transactions;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;

namespace IvrActors.Edge.Net;

/// <summary>The SIP stream listeners of an edge.</summary>
public static class KestrelSipExtensions
{
    /// <summary>Listens for SIP over TCP, TLS and WebSockets as <paramref name="options"/> say. Call it where Kestrel is configured.</summary>
    public static void ListenSip(this KestrelServerOptions kestrel, EdgeOptions options, IServiceProvider services)
    {
        foreach (var address in options.Addresses)
        {
            if (options.TcpPort is { } tcp) kestrel.Listen(address, tcp, listen => Serve(listen, options, services, SipTransport.Tcp));
            if (options.TlsPort is { } tls) kestrel.Listen(address, tls, listen => Serve(listen, options, services, SipTransport.Tls));
            if (options.WsPort is { } ws) kestrel.Listen(address, ws, listen => Serve(listen, options, services, SipTransport.Ws));
            if (options.WssPort is { } wss) kestrel.Listen(address, wss, listen => Serve(listen, options, services, SipTransport.Wss));
        }
    }

    private static void Serve(ListenOptions listen, EdgeOptions options, IServiceProvider services, SipTransport transport)
    {
        var isHttp = transport is SipTransport.Ws or SipTransport.Wss;
        listen.Protocols = isHttp ? HttpProtocols.Http1 : HttpProtocols.None;
        // Resolved by the first connection: Kestrel is configured while the host is still being built.
        listen.Use(next => connection => services.GetRequiredService<ConnectionGate>().Pass(connection, transport, next));
        if (transport is SipTransport.Tls or SipTransport.Wss)
        {
            var certificate = options.Certificate ?? throw new InvalidOperationException("SIP over TLS needs a certificate");
            listen.UseHttps(new TlsHandshakeCallbackOptions
            {
                HandshakeTimeout = TlsRules.HandshakeTimeout,
                OnConnection = handshake => ValueTask.FromResult(Handshake(handshake.Connection, certificate, services.GetRequiredService<TlsTrust>())),
            });
        }
        if (isHttp) listen.Use(next => connection => SipWebSockets.Mark(connection, transport, next));
        else listen.Run(connection => services.GetRequiredService<SipConnectionHandler>().OnConnectedAsync(connection));
    }

    private static SslServerAuthenticationOptions Handshake(ConnectionContext connection, ServerCertificate certificate, TlsTrust trust) => new()
    {
        AllowRenegotiation = false, // A way to make us work for nothing; no SIP peer needs it.
        AllowTlsResume = !trust.AsksForCertificates, // A resumed session lacks the chain by which the client's certificate was verified.
        ServerCertificateContext = certificate.Context,
        EnabledSslProtocols = TlsRules.Protocols,
        CipherSuitesPolicy = TlsRules.Suites,
        ClientCertificateRequired = trust.AsksForCertificates,
        RemoteCertificateValidationCallback = (_, shown, chain, _) => Identify(connection, trust, shown, chain),
    };

    /// <summary>No certificate is no error: the source may be a trunk by its address. A false one ends the handshake.</summary>
    private static bool Identify(ConnectionContext connection, TlsTrust trust, X509Certificate? shown, X509Chain? chain)
    {
        if (shown is not X509Certificate2 certificate || connection.RemoteEndPoint is not IPEndPoint remote) return shown is null;
        var source = remote.Address.IsIPv4MappedToIPv6 ? remote.Address.MapToIPv4() : remote.Address;
        if (!trust.TryIdentify(certificate, chain?.ChainPolicy.ExtraStore, source, out var peer))
        {
            SipMetrics.FalseIdentity.Inc();
            return false;
        }
        if (peer is not null) connection.Features.Set(peer);
        return true;
    }
}
