using System.IO.Pipelines;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using IvrActors.Edge.Net.Tls;
using IvrActors.Edge.Sip.Transactions;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;

namespace IvrActors.Edge.Net;

/// <summary>Opens TCP and TLS connections to peers, and serves them as if the peers had opened them.</summary>
internal sealed partial class SipConnector(EdgeOptions options, SipTransports transports, SipIntake intake, SipStream stream, TlsTrust trust, TimeProvider time, ILogger<SipConnector> log)
{
    /// <summary>Connecting and shaking hands together: well below the 32 s that a transaction waits, so that the next hop can be tried.</summary>
    private static readonly TimeSpan s_connectTimeout = TimeSpan.FromSeconds(4);

    /// <summary>A peer that answers no pings is found to be gone by the kernel's probes: after two minutes.</summary>
    private const int QuietSeconds = 60;
    private const int ProbeSeconds = 20;
    private const int MostProbes = 3;

    /// <summary>Begins to connect. The connection takes messages at once and keeps them until it stands.</summary>
    public SipConnection Dial(SipPeer peer, StreamTarget target)
    {
        var ended = new CancellationTokenSource();
        var keepAlive = new KeepAlive(time.GetElapsedTime(0), Random.Shared.NextDouble);
        var connection = new SipConnection(peer, time, ended.Cancel) { IsOpen = false, KeepAlive = keepAlive };
        // The table learns of the connection before anything can end it: it is locked while this runs.
        _ = Task.Run(() => Run(connection, target, ended.Token), CancellationToken.None);
        return connection;
    }

    private async Task Run(SipConnection connection, StreamTarget target, CancellationToken ended)
    {
        using var socket = new Socket(target.EndPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        var outcome = "lost";
        try
        {
            await using var network = await Open(socket, connection, target, ended);
            outcome = "served";
            await using var _ = ended.Register(socket.Dispose);
            connection.IsOpen = true;
            connection.Progress(partial: false);
            await stream.Serve(connection, new Duplex(network), SourceAddress.Of(target.EndPoint));
        }
        catch (AuthenticationException)
        {
            outcome = "not_verified";
            NotVerified(log, target.Trunk.Name, target.EndPoint);
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException or TimeoutException or ObjectDisposedException or ConnectionAbortedException)
        {
            // Not reached, gone, or cut off.
        }
#pragma warning disable CA1031 // What one peer sends must not end the process, nor leave its connection in the table.
        catch (Exception e)
#pragma warning restore CA1031
        {
            SipMetrics.InternalError.Inc();
            Failed(log, e.GetType().Name, e.StackTrace ?? "");
        }
        finally
        {
            SipMetrics.Dialled(outcome);
            connection.Complete();
            transports.Remove(connection);
            if (outcome != "served") intake.Gone(connection.Peer);
        }
    }

    private async Task<Stream> Open(Socket socket, SipConnection connection, StreamTarget target, CancellationToken ended)
    {
        using var patience = new CancellationTokenSource(s_connectTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, ended);
        // Our own address as source: it is what the peer's rules know.
        if (options.AddressOf(target.EndPoint.AddressFamily) is { } own) socket.Bind(new IPEndPoint(own, 0));
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, QuietSeconds);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, ProbeSeconds);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, MostProbes);
        await socket.ConnectAsync(target.EndPoint, either.Token);
        var network = new NetworkStream(socket, ownsSocket: false);
        if (target.Transport == SipTransport.Tcp) return network;
        var secure = new SslStream(network);
        try
        {
            await secure.AuthenticateAsClientAsync(Handshake(connection, target), either.Token);
            return secure;
        }
        catch
        {
            await secure.DisposeAsync();
            throw;
        }
    }

    private SslClientAuthenticationOptions Handshake(SipConnection connection, StreamTarget target) => new()
    {
        TargetHost = target.TlsHost ?? target.Trunk.Tls?.Identities[0] ?? "",
        EnabledSslProtocols = TlsRules.Protocols,
        CipherSuitesPolicy = TlsRules.Suites,
        AllowRenegotiation = false,
        // Shown only to a server that asks for it: mutual TLS.
        ClientCertificateContext = options.Certificate?.Context,
        RemoteCertificateValidationCallback = (_, shown, chain, _) => Verify(connection, target, shown, chain),
    };

    /// <summary>RFC 5922 7.3: our own check instead of the platform's, which knows the rules of HTTP.</summary>
    private bool Verify(SipConnection connection, StreamTarget target, X509Certificate? shown, X509Chain? chain)
    {
        if (shown is not X509Certificate2 certificate || !trust.IsServer(certificate, chain?.ChainPolicy.ExtraStore, target.Trunk, target.TlsHost)) return false;
        connection.Identities = SipIdentity.IdentitiesOf(certificate);
        return true;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "trunk {Trunk}: the certificate of {EndPoint} is not trusted or for another domain")]
    private static partial void NotVerified(ILogger log, string trunk, IPEndPoint endPoint);

    [LoggerMessage(Level = LogLevel.Error, Message = "internal error on a connection of ours: {Error}\n{Stack}")]
    private static partial void Failed(ILogger log, string error, string stack);

    private sealed class Duplex(Stream stream) : IDuplexPipe
    {
        public PipeReader Input { get; } = PipeReader.Create(stream, new StreamPipeReaderOptions(leaveOpen: true));

        public PipeWriter Output { get; } = PipeWriter.Create(stream, new StreamPipeWriterOptions(leaveOpen: true));
    }
}
