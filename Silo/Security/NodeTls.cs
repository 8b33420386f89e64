using System.IO.Pipelines;
using System.Net.Security;
using System.Security.Authentication;
using IvrActors.Edge.Net.Tls;
using IvrActors.Silo.Cluster;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Orleans.Configuration;

namespace IvrActors.Silo.Security;

/// <summary>Mutual TLS 1.3 between the nodes of a cluster. Who may connect where stands here, in one table.</summary>
internal static class NodeTls
{
    /// <summary>Who may connect to a silo as a silo.</summary>
    public const NodeRoles OnSiloPort = NodeRoles.Silo;

    /// <summary>Who may connect to a gateway as a client; a silo because the command line on its machine does.</summary>
    public const NodeRoles OnGateway = NodeRoles.Silo | NodeRoles.Edge | NodeRoles.Dashboard;

    public const NodeRoles OnMetrics = NodeRoles.Silo | NodeRoles.Edge | NodeRoles.Dashboard | NodeRoles.Monitor;

    /// <summary>Who may be what was connected to: silos alone listen.</summary>
    public const NodeRoles Listening = NodeRoles.Silo;

    /// <summary>On all connections of this silo, from and to silos and from clients.</summary>
    public static ISiloBuilder UseNodeTls(this ISiloBuilder silo, NodeCertificate certificate) => silo.Configure<SiloConnectionOptions>(options =>
    {
        options.ConfigureSiloInboundConnection(connection => connection.Secure(certificate, OnSiloPort, isServer: true, "on the silo port"));
        options.ConfigureSiloOutboundConnection(connection => connection.Secure(certificate, Listening, isServer: false, "of ours to a silo"));
        options.ConfigureGatewayInboundConnection(connection => connection.Secure(certificate, OnGateway, isServer: true, "on the gateway"));
    });

    /// <summary>On all connections of this client to gateways.</summary>
    public static IClientBuilder UseNodeTls(this IClientBuilder client, NodeCertificate certificate) =>
        client.Configure<ClientConnectionOptions>(options => options.ConfigureConnection(connection => connection.Secure(certificate, Listening, isServer: false, "of ours to a gateway")));

    /// <summary>What a process with a node certificate needs besides: it is watched, and a silo takes the tokens that nodes sign.</summary>
    public static void AddNodeCertificate(this IServiceCollection services, NodeCertificate certificate)
    {
        services.AddSingleton(certificate);
        services.AddSingleton<IReloadedCertificate>(certificate);
        services.AddSingleton<NodeTokenVerifier>();
    }

    /// <summary>For a listener of web requests that answers nodes and monitors only.</summary>
    public static TlsHandshakeCallbackOptions MetricsOptions(NodeCertificate certificate, IServiceProvider services)
    {
        var refusals = NodeRefusals.Of(services);
        var time = services.GetRequiredService<TimeProvider>();
        return new TlsHandshakeCallbackOptions
        {
            HandshakeTimeout = NodeHandshake.MostTime,
            OnConnection = connection =>
            {
                var handshake = new NodeHandshake(certificate.Current, OnMetrics, time.GetUtcNow());
                var options = handshake.AsServer();
                var check = options.RemoteCertificateValidationCallback!;
                options.RemoteCertificateValidationCallback = (sender, shown, chain, errors) =>
                {
                    var isRight = check(sender, shown, chain, errors);
                    if (handshake.Refusal is { } refusal) refusals.Report(refusal, "on the metrics port", connection.Connection.RemoteEndPoint, handshake.Subject);
                    return isRight;
                };
                return ValueTask.FromResult(options);
            },
        };
    }

    private static void Secure(this IConnectionBuilder connections, NodeCertificate certificate, NodeRoles allowed, bool isServer, string where)
    {
        var refusals = NodeRefusals.Of(connections.ApplicationServices);
        var time = connections.ApplicationServices.GetService<TimeProvider>() ?? TimeProvider.System;
        connections.Use(next => connection => Run(connection, next, certificate.Current, allowed, isServer, where, refusals, time));
    }

    /// <summary>One connection: the handshake, then what comes above it, over the secured pipes.</summary>
    /// <exception cref="ConnectionAbortedException">The peer was refused. Counted and logged already.</exception>
    internal static async Task Run(ConnectionContext connection, ConnectionDelegate next, NodeProof own, NodeRoles allowed, bool isServer, string where, NodeRefusals refusals, TimeProvider time)
    {
        var plain = connection.Transport;
        var wire = new DuplexPipeStream(plain);
        var tls = new SslStream(wire, leaveInnerStreamOpen: true);
        await using (tls)
        {
            var handshake = new NodeHandshake(own, allowed, time.GetUtcNow());
            if (await Shake(tls, wire, handshake, isServer, time) is { } refusal)
            {
                refusals.Report(refusal, where, connection.RemoteEndPoint, handshake.Subject);
                throw new ConnectionAbortedException($"No TLS between nodes: {refusal}."); // Else the peer would wait for its own time-out.
            }
            var secured = new StreamPipes(tls);
            connection.Transport = secured;
            try
            {
                await next(connection);
            }
            finally
            {
                connection.Transport = plain;
                await secured.Complete();
            }
        }
    }

    private static async Task<NodeRefusal?> Shake(SslStream tls, DuplexPipeStream wire, NodeHandshake handshake, bool isServer, TimeProvider time)
    {
        using var timeOut = new CancellationTokenSource(NodeHandshake.MostTime, time);
        try
        {
            await (isServer ? tls.AuthenticateAsServerAsync(handshake.AsServer(), timeOut.Token) : tls.AuthenticateAsClientAsync(handshake.AsClient(), timeOut.Token));
            return handshake.Peer is null ? NodeRefusal.NoCertificate : null;
        }
        catch (OperationCanceledException)
        {
            return NodeRefusal.TimeOut;
        }
        catch (AuthenticationException)
        {
            return handshake.Refusal ?? (wire.BeginsAsTls ? NodeRefusal.Handshake : NodeRefusal.Plaintext);
        }
        catch (Exception e) when (e is IOException or ConnectionAbortedException or ConnectionResetException or ObjectDisposedException or InvalidOperationException)
        {
            return handshake.Refusal ?? (wire.BeginsAsTls ? NodeRefusal.Closed : NodeRefusal.Plaintext);
        }
    }
}
