using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text;
using IvrActors.Edge.Net;
using IvrActors.Edge.Sip.Dialogs;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;
using IvrActors.Edge.Tests.Sip.Message;
using IvrActors.Grains.Interfaces.Calls;
using Xunit;

namespace IvrActors.Edge.Tests.Net;

/// <summary>SIP over WebSocket (RFC 7118), over real sockets.</summary>
public class WebSocketTests
{
    private static CancellationToken Patience => new CancellationTokenSource(EdgeHost.Patience).Token;

    /// <summary>A browser: it has no address of its own to write into Via.</summary>
    internal static async Task<ClientWebSocket> Browser(IPEndPoint server, bool secure = false, string path = "/sip", string? protocol = "sip", string? origin = null, string from = "127.0.31.1")
    {
        var socket = new ClientWebSocket();
        if (protocol is not null) socket.Options.AddSubProtocol(protocol);
        if (origin is not null) socket.Options.SetRequestHeader("Origin", origin);
        var handler = new SocketsHttpHandler
        {
            ConnectCallback = async (_, cancellation) =>
            {
                var tcp = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                tcp.Bind(new IPEndPoint(IPAddress.Parse(from), 0));
                await tcp.ConnectAsync(server, cancellation);
                return new NetworkStream(tcp, ownsSocket: true);
            },
        };
        handler.SslOptions.RemoteCertificateValidationCallback = (_, _, _, _) => true;
        using var invoker = new HttpMessageInvoker(handler);
        socket.Options.HttpVersion = HttpVersion.Version11;
        await socket.ConnectAsync(new Uri($"{(secure ? "wss" : "ws")}://{server}{path}"), invoker, Patience);
        return socket;
    }

    internal static byte[] Request(string method, int sequence, string branch, bool secure, string? toTag = null, string body = "") => Encoding.ASCII.GetBytes(
        $"{method} sip:bank@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/{(secure ? "WSS" : "WS")} df7jal23ls0d.invalid;branch=z9hG4bK{branch}\r\nMax-Forwards: 70\r\n"
        + $"From: <sip:+4915550001@127.0.0.1>;tag=f\r\nTo: <sip:bank@127.0.0.1>{(toTag is null ? "" : ";tag=" + toTag)}\r\nCall-ID: web\r\nCSeq: {sequence} {method}\r\n"
        + $"Contact: <sip:caller@df7jal23ls0d.invalid;transport=ws>\r\n{(body.Length == 0 ? "" : "Content-Type: application/sdp\r\n")}Content-Length: {body.Length}\r\n\r\n{body}");

    internal static Task Send(ClientWebSocket socket, byte[] bytes, WebSocketMessageType type = WebSocketMessageType.Text) => socket.SendAsync(bytes, type, true, Patience);

    internal static async Task<SipMessage> Receive(ClientWebSocket socket)
    {
        var buffer = new byte[65536];
        var received = await socket.ReceiveAsync(buffer.AsMemory(), Patience);
        Assert.True(received.EndOfMessage);
        return SipParser.Parse(buffer.AsMemory(0, received.Count)).Message!;
    }

    private static async Task<SipResponse> Final(ClientWebSocket socket)
    {
        while (true)
        {
            if (await Receive(socket) is SipResponse { Status: >= 200 } final) return final;
        }
    }

    private static async Task<HttpStatusCode> StatusOf(Func<Task> connect)
    {
        var refused = await Assert.ThrowsAsync<WebSocketException>(connect);
        return Enum.Parse<HttpStatusCode>(refused.Message.Split('\'').First(part => int.TryParse(part, out _)));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_browser_calls_and_is_hung_up_on_its_own_connection(bool secure)
    {
        await using var host = await EdgeHost.Start(webSockets: true);
        using var browser = await Browser(secure ? host.Wss : host.Ws, secure);
        Assert.Equal("sip", browser.SubProtocol);
        await Send(browser, Request("INVITE", 1, "a", secure, body: "v=0\r\n"));
        var answer = await Final(browser);
        Assert.Equal(200, answer.Status);
        Assert.Contains($"sip:ivr@{(secure ? host.Wss : host.Ws)};transport=ws", answer.Contact!.ToString());
        Assert.Contains("received=127.0.31.1", answer.TopVia.ToString());
        await Send(browser, Request("ACK", 1, "b", secure, answer.To.Tag), WebSocketMessageType.Binary);
        Assert.Equal(secure, Assert.IsType<CallOffered>(host.Events.First()).Encrypted);
        // Its answer says that the ACK was taken too: before that, no BYE may follow (RFC 3261 15).
        await Send(browser, Request("OPTIONS", 2, "c", secure, answer.To.Tag));
        Assert.Equal(200, (await Final(browser)).Status);
        var stopping = host.Stop();
        var bye = Assert.IsType<SipRequest>(await Receive(browser));
        Assert.Equal(("BYE", secure ? "WSS" : "WS"), (bye.Method, bye.TopVia.Transport));
        var closed = await browser.ReceiveAsync(new byte[100].AsMemory(), Patience);
        Assert.Equal((WebSocketMessageType.Close, WebSocketCloseStatus.EndpointUnavailable), (closed.MessageType, browser.CloseStatus));
        await browser.CloseAsync(WebSocketCloseStatus.NormalClosure, null, Patience);
        await stopping.WaitAsync(EdgeHost.Patience);
    }

    [Fact]
    public async Task What_is_no_sip_over_websocket_is_not_upgraded()
    {
        await using var host = await EdgeHost.Start(webSockets: true);
        Assert.Equal(HttpStatusCode.BadRequest, await StatusOf(() => Browser(host.Ws, protocol: null)));
        Assert.Equal(HttpStatusCode.BadRequest, await StatusOf(() => Browser(host.Ws, protocol: "chat")));
        Assert.Equal(HttpStatusCode.NotFound, await StatusOf(() => Browser(host.Ws, path: "/")));
        await using var plain = await Phone.Stream(host.Ws, tls: false);
        await plain.Send($"GET /sip HTTP/1.1\r\nHost: {host.Ws}\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 426 ", await plain.ReadToEnd());
        await EdgeHost.Until(() => host.Admitted == 0);
    }

    [Fact]
    public async Task A_page_of_another_host_may_not_call_unless_it_is_listed()
    {
        await using var host = await EdgeHost.Start(webSockets: true);
        Assert.Equal(HttpStatusCode.Forbidden, await StatusOf(() => Browser(host.Ws, origin: "https://evil.example")));
        using var own = await Browser(host.Ws, origin: "https://127.0.0.1");
        await using var listing = await EdgeHost.Start(webSockets: true, origins: ["https://phone.example"]);
        using var listed = await Browser(listing.Ws, origin: "https://phone.example");
        Assert.Equal(HttpStatusCode.Forbidden, await StatusOf(() => Browser(listing.Ws, origin: "https://127.0.0.1")));
    }

    [Fact]
    public async Task A_stranger_is_not_even_answered_by_http()
    {
        await using var host = await EdgeHost.Start(webSockets: true);
        await using var stranger = await Phone.Stream(host.Ws, tls: false, "127.0.32.1");
        await stranger.Send($"GET /sip HTTP/1.1\r\nHost: {host.Ws}\r\n\r\n");
        Assert.Equal("", await stranger.ReadToEnd());
    }

    [Fact]
    public async Task A_message_in_pieces_is_one_message_and_one_that_is_too_large_ends_the_connection()
    {
        await using var host = await EdgeHost.Start(webSockets: true);
        using var browser = await Browser(host.Ws);
        var request = Request("OPTIONS", 1, "a", secure: false);
        await browser.SendAsync(request.AsMemory(0, 40), WebSocketMessageType.Text, endOfMessage: false, Patience);
        await browser.SendAsync(request.AsMemory(40), WebSocketMessageType.Text, endOfMessage: true, Patience);
        Assert.Equal(200, (await Final(browser)).Status);
        await Send(browser, new byte[SipLimits.StreamMessageBytes + 1], WebSocketMessageType.Binary);
        var closed = await browser.ReceiveAsync(new byte[100].AsMemory(), Patience);
        Assert.Equal((WebSocketMessageType.Close, WebSocketCloseStatus.MessageTooBig), (closed.MessageType, browser.CloseStatus));
        await EdgeHost.Until(() => host.Connections == 0);
    }

    [Fact]
    public async Task What_is_no_sip_message_harms_nobody_and_a_line_end_ping_is_answered()
    {
        await using var host = await EdgeHost.Start(webSockets: true);
        using var browser = await Browser(host.Ws);
        await Send(browser, [0xFF, 0x00, 0x01], WebSocketMessageType.Binary);
        await Send(browser, "\r\n\r\n"u8.ToArray());
        var buffer = new byte[10];
        var pong = await browser.ReceiveAsync(buffer.AsMemory(), Patience);
        Assert.Equal("\r\n", Encoding.ASCII.GetString(buffer, 0, pong.Count));
        await Send(browser, Request("OPTIONS", 1, "a", secure: false));
        Assert.Equal(200, (await Final(browser)).Status);
    }

    [Fact]
    public async Task A_request_of_ours_reaches_the_browser_on_the_connection_that_it_opened()
    {
        await using var host = await EdgeHost.Start(webSockets: true);
        using var browser = await Browser(host.Ws);
        await EdgeHost.Until(() => host.Connections == 1);
        var open = host.Transports.Connections.Single().Peer;
        var found = host.Transports.PeerTo(SipTransport.Ws, open.EndPoint, host.Trunk("test"));
        Assert.Equal(open.Connection, found.Connection);
        Assert.True(host.Transports.Send(new SipSend(found, Samples.Request("OPTIONS"), "OPTIONS")));
        Assert.Equal("OPTIONS", Assert.IsType<SipRequest>(await Receive(browser)).Method);
    }

    [Fact]
    public async Task A_browser_that_is_torn_away_leaves_nothing_behind()
    {
        await using var host = await EdgeHost.Start(webSockets: true);
        var browser = await Browser(host.Ws);
        await EdgeHost.Until(() => host.Connections == 1);
        browser.Abort();
        await EdgeHost.Until(() => host.Connections == 0 && host.Admitted == 0);
    }

    [Theory]
    [InlineData(null, "ivr.example", null, true)]
    [InlineData("https://ivr.example", "ivr.example", null, true)]
    [InlineData("https://ivr.example:8443", "IVR.example", null, true)]
    [InlineData("https://ivr.example.evil.example", "ivr.example", null, false)]
    [InlineData("null", "ivr.example", null, false)]
    [InlineData("https://phone.example", "ivr.example", "https://phone.example", true)]
    [InlineData("https://ivr.example", "ivr.example", "https://phone.example", false)]
    public void An_origin_is_the_own_host_or_listed(string? origin, string host, string? allowed, bool expected) =>
        Assert.Equal(expected, SipWebSockets.IsOriginAllowed(origin, host, allowed is null ? null : [allowed]));
}
