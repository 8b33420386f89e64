using System.Net;
using System.Net.WebSockets;
using System.Text.Unicode;
using IvrActors.Edge.Net.Tls;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace IvrActors.Edge.Net;

/// <summary>SIP over WebSocket (RFC 7118): one message in each WebSocket message, over connections that browsers open.</summary>
public static class SipWebSockets
{
    private const string SubProtocol = "sip";

    /// <summary>From the first byte to the upgrade; a browser needs a round trip.</summary>
    private static readonly TimeSpan s_upgradeTimeout = TimeSpan.FromSeconds(5);

    /// <summary>Below the 60 s after which proxies on the way forget a silent connection (RFC 7118 6).</summary>
    private static readonly TimeSpan s_ping = TimeSpan.FromSeconds(25);

    private static readonly TimeSpan s_pong = TimeSpan.FromSeconds(10);

    /// <summary>Serves what comes in on the WebSocket listeners, and nothing else of the host does.</summary>
    public static void UseSipWebSockets(this IApplicationBuilder app)
    {
        ArgumentNullException.ThrowIfNull(app);
        var options = new WebSocketOptions { KeepAliveInterval = s_ping, KeepAliveTimeout = s_pong };
        app.MapWhen(http => http.Features.Get<Upgrade>() is not null, branch => branch.UseWebSockets(options).Run(Serve));
    }

    /// <summary>Marks the requests of a connection as ours, and ends it unless it is upgraded soon.</summary>
    internal static async Task Mark(ConnectionContext connection, SipTransport transport, ConnectionDelegate next)
    {
        var upgrade = new Upgrade(transport);
        connection.Features.Set(upgrade);
        await using var deadline = new Timer(_ => End(connection, upgrade), null, s_upgradeTimeout, Timeout.InfiniteTimeSpan);
        await next(connection);
    }

    private static void End(ConnectionContext connection, Upgrade upgrade)
    {
        if (upgrade.IsDone) return;
        SipMetrics.SlowSender.Inc();
        connection.Abort();
    }

    private static async Task Serve(HttpContext http)
    {
        var upgrade = http.Features.Get<Upgrade>()!;
        var options = http.RequestServices.GetRequiredService<EdgeOptions>();
        if (Refusal(http, options) is { } status)
        {
            SipMetrics.NotAWebSocket.Inc();
            http.Response.StatusCode = status;
            http.Response.Headers.Connection = "close";
            if (status == StatusCodes.Status426UpgradeRequired) http.Response.Headers.Upgrade = "websocket";
            return;
        }
        upgrade.IsDone = true;
        using var socket = await http.WebSockets.AcceptWebSocketAsync(new WebSocketAcceptContext { SubProtocol = SubProtocol });
        await http.RequestServices.GetRequiredService<SipWebSocketHandler>().Serve(http, socket, upgrade.Transport);
    }

    /// <summary>Why this request is not upgraded, or null.</summary>
    private static int? Refusal(HttpContext http, EdgeOptions options)
    {
        if (http.Request.Path.Value != options.WebSocketPath) return StatusCodes.Status404NotFound;
        if (!http.WebSockets.IsWebSocketRequest) return StatusCodes.Status426UpgradeRequired;
        if (!http.WebSockets.WebSocketRequestedProtocols.Contains(SubProtocol, StringComparer.Ordinal)) return StatusCodes.Status400BadRequest;
        return IsOriginAllowed(http.Request.Headers.Origin, http.Request.Host.Host, options.WebSocketOrigins) ? null : StatusCodes.Status403Forbidden;
    }

    /// <summary>A browser names the page's origin (RFC 6455 10.2); what names none is no browser, and no page speaks through it.</summary>
    internal static bool IsOriginAllowed(string? origin, string ownHost, IReadOnlyList<string>? allowed)
    {
        if (string.IsNullOrEmpty(origin)) return true;
        if (allowed is not null) return allowed.Contains(origin, StringComparer.OrdinalIgnoreCase);
        return Uri.TryCreate(origin, UriKind.Absolute, out var page) && page.Host.Equals(ownHost, StringComparison.OrdinalIgnoreCase);
    }

    private sealed class Upgrade(SipTransport transport)
    {
        public SipTransport Transport => transport;

        public volatile bool IsDone;
    }
}

/// <summary>Serves one WebSocket.</summary>
internal sealed class SipWebSocketHandler(SipTransports transports, SipIntake intake, TimeProvider time)
{
    private const int FirstBuffer = 4096;

    private static readonly TimeSpan s_lastWrite = TimeSpan.FromSeconds(5);
    private static readonly byte[] s_pong = "\r\n"u8.ToArray();

    public async Task Serve(HttpContext http, WebSocket socket, SipTransport transport)
    {
        if (http.Connection.RemoteIpAddress is not { } address) return;
        var source = SourceAddress.Of(new IPEndPoint(address, http.Connection.RemotePort));
        var verified = http.Features.Get<TlsPeer>();
        if (intake.TrunkOf(source, transport == SipTransport.Wss, verified) is not { } trunk) return;
        NoteLocalPort(http.Connection.LocalPort, transport);
        var peer = new SipPeer(transport, source.ToEndPoint(), transports.NextConnection(), trunk) { Certified = verified?.Trunks ?? [] };
        var connection = new SipConnection(peer, time, http.Abort) { Identities = verified?.Identities ?? [] };
        transports.Add(connection);
        try
        {
            var writing = Write(connection, socket, http.RequestAborted);
            var reading = Read(connection, socket, source, http.RequestAborted);
            var first = await Task.WhenAny(reading, writing);
            connection.Complete();
            await writing.WaitAsync(s_lastWrite, time);
            // The peer answers our close with its own.
            if (first == writing) await reading.WaitAsync(s_lastWrite, time);
            else await reading;
        }
        catch (Exception e) when (e is WebSocketException or IOException or ConnectionAbortedException or ConnectionResetException or OperationCanceledException or TimeoutException)
        {
            // The peer went away, or was cut off.
        }
        finally
        {
            transports.Remove(connection);
            connection.Complete();
            intake.Gone(peer);
        }
    }

    /// <summary>Sends what is queued; when no more will be, the close.</summary>
    private static async Task Write(SipConnection connection, WebSocket socket, CancellationToken aborted)
    {
        await connection.WriteAll(async bytes =>
        {
            await socket.SendAsync(bytes, Utf8.IsValid(bytes) ? WebSocketMessageType.Text : WebSocketMessageType.Binary, endOfMessage: true, aborted);
            return socket.State is WebSocketState.Open or WebSocketState.CloseReceived;
        });
        if (socket.State == WebSocketState.CloseReceived) await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, aborted);
        else if (socket.State == WebSocketState.Open) await socket.CloseOutputAsync(connection.CloseStatus, null, aborted);
    }

    private async Task Read(SipConnection connection, WebSocket socket, SourceAddress source, CancellationToken aborted)
    {
        var buffer = new byte[FirstBuffer];
        var length = 0;
        while (true)
        {
            var received = await socket.ReceiveAsync(buffer.AsMemory(length), aborted);
            if (received.MessageType == WebSocketMessageType.Close) return;
            length += received.Count;
            connection.Progress(partial: !received.EndOfMessage);
            if (received.EndOfMessage)
            {
                await intake.Pace(source);
                Take(connection, buffer.AsMemory(0, length));
                buffer.AsSpan(0, length).Clear(); // An INFO with a key of a PIN does not stay.
                length = 0;
            }
            else if (length == SipLimits.StreamMessageBytes)
            {
                SipMetrics.Rejected(SipRejection.TooLarge);
                connection.CloseStatus = WebSocketCloseStatus.MessageTooBig;
                return;
            }
            else if (length == buffer.Length)
            {
                Array.Resize(ref buffer, Math.Min(buffer.Length * 4, SipLimits.StreamMessageBytes));
            }
        }
    }

    private void Take(SipConnection connection, ReadOnlyMemory<byte> message)
    {
        if (message.Span.SequenceEqual("\r\n\r\n"u8)) connection.TrySend(s_pong); // RFC 5626 4.4.1, which browsers' libraries send here, too.
        else intake.Take(message, connection.Peer);
    }

    private void NoteLocalPort(int port, SipTransport transport)
    {
        if (transport == SipTransport.Ws && transports.Address.WsPort == 0) transports.Address.WsPort = port;
        if (transport == SipTransport.Wss && transports.Address.WssPort == 0) transports.Address.WssPort = port;
    }
}
