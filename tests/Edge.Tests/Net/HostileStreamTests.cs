using System.Net;
using System.Net.Sockets;
using System.Text;
using IvrActors.Edge.Net;
using IvrActors.Edge.Sip.Message;
using Xunit;

namespace IvrActors.Edge.Tests.Net;

/// <summary>Connections that misbehave: those of others go on, and nothing stays behind.</summary>
public class HostileStreamTests
{
    private static readonly LingerOption s_reset = new(true, 0);

    private static async Task<Socket> Connect(IPEndPoint server, string from = "127.0.31.66")
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { LingerState = s_reset };
        socket.Bind(new IPEndPoint(IPAddress.Parse(from), 0));
        await socket.ConnectAsync(server);
        return socket;
    }

    /// <summary>Runs it while somebody else speaks, and holds that nothing is left of it.</summary>
    private static async Task While_others_speak(Func<EdgeHost, Task> hostile, bool webSockets = false)
    {
        await using var host = await EdgeHost.Start(webSockets: webSockets);
        await using var other = await Phone.Stream(host.Tls, tls: true);
        var attack = hostile(host);
        for (var i = 1; i <= 10 || !attack.IsCompleted; i++)
        {
            await other.Request("OPTIONS", i);
            Assert.Equal(200, (await other.Final()).Status);
        }
        await attack;
        await EdgeHost.Until(() => host.Connections == 1 && host.Admitted == 1);
    }

    [Fact]
    public Task An_abrupt_close_in_the_middle_of_a_message() => While_others_speak(async host =>
    {
        for (var i = 0; i < 30; i++)
        {
            using var socket = await Connect(host.Tcp);
            await socket.SendAsync(Encoding.ASCII.GetBytes("INVITE sip:bank@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.31.66;branch=z9hG4bKx\r\nContent-Le"));
        }
    });

    [Fact]
    public Task An_invite_and_then_an_abrupt_close() => While_others_speak(async host =>
    {
        for (var i = 0; i < 30; i++)
        {
            await using var phone = await Phone.Stream(host.Tcp, tls: false, "127.0.31.66");
            phone.CallId = "abrupt" + i;
            await phone.Request("INVITE", 1, body: "v=0\r\n", type: "application/sdp");
            phone.Reset();
        }
    });

    [Theory]
    [InlineData(" sip:bank@127.0.0.1 SIP/2.0\r\nContent-Length: 4294967295\r\n\r\n")]
    [InlineData(" sip:bank@127.0.0.1 SIP/2.0\r\nContent-Length: -1\r\n\r\n")]
    [InlineData(" sip:bank@127.0.0.1 SIP/2.0\r\nContent-Length: 70000\r\n\r\n")]
    [InlineData("\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001")]
    public Task A_frame_that_has_no_end_or_is_none(string rest) => While_others_speak(async host =>
    {
        await using var phone = await Phone.Stream(host.Tcp, tls: false, "127.0.31.66");
        await phone.Send((rest[0] == ' ' ? "INVITE" : "") + rest);
        await phone.ReadToEnd();
    });

    [Fact]
    public Task A_head_without_an_end() => While_others_speak(async host =>
    {
        using var socket = await Connect(host.Tcp);
        await socket.SendAsync("OPTIONS sip:bank@127.0.0.1 SIP/2.0\r\n"u8.ToArray());
        var line = Encoding.ASCII.GetBytes("X-Filler: " + new string('x', 1000) + "\r\n");
        try
        {
            while (true)
            {
                await socket.SendAsync(line);
                if (socket.Poll(0, SelectMode.SelectRead) && await socket.ReceiveAsync(new byte[1]) == 0) return;
            }
        }
        catch (SocketException)
        {
            // Cut off.
        }
    });

    [Fact]
    public Task Garbage_and_half_a_handshake_where_tls_is_spoken() => While_others_speak(async host =>
    {
        for (var i = 0; i < 20; i++)
        {
            using var socket = await Connect(host.Tls);
            await socket.SendAsync(i % 2 == 0 ? Encoding.ASCII.GetBytes("OPTIONS sip:bank SIP/2.0\r\n\r\n") : [0x16, 0x03, 0x01, 0x01, 0x00, 0x01]);
        }
    });

    [Fact]
    public Task A_handshake_that_does_not_go_on_is_ended() => While_others_speak(async host =>
    {
        using var socket = await Connect(host.Tls);
        await socket.SendAsync((byte[])[0x16, 0x03, 0x01, 0x01, 0x00, 0x01]);
        Assert.Equal(0, await Received(socket));
    });

    [Fact]
    public Task An_upgrade_that_does_not_come_is_not_waited_for() => While_others_speak(
        async host =>
        {
            using var socket = await Connect(host.Ws);
            await socket.SendAsync("GET /sip HTTP/1.1\r\nHost: "u8.ToArray());
            Assert.Equal(0, await Received(socket));
        },
        webSockets: true);

    private static bool IsClosed(Socket socket) => socket.Poll(0, SelectMode.SelectRead) && socket.Available == 0;

    /// <summary>0 at the end, orderly or not.</summary>
    private static async Task<int> Received(Socket socket)
    {
        try
        {
            return await socket.ReceiveAsync(new byte[1000]).WaitAsync(EdgeHost.Patience);
        }
        catch (SocketException)
        {
            return 0;
        }
    }

    [Fact]
    public Task Two_hundred_connections_at_once_that_say_nothing() => While_others_speak(async host =>
    {
        var sockets = await Task.WhenAll(Enumerable.Range(0, 200).Select(_ => Connect(host.Tcp)));
        await EdgeHost.Until(() => host.Admitted == 201);
        foreach (var socket in sockets) socket.Dispose();
    });

    [Fact]
    public async Task A_source_that_connects_again_and_again_is_not_shaken_hands_with_for_ever()
    {
        await using var host = await EdgeHost.Start();
        for (var i = 1; i < ConnectionGate.HandshakesPerSource.Burst; i++) (await Connect(host.Tls, "127.0.31.67")).Dispose();
        // The last that is let in: were those behind it let in too, it would be the first whose handshake is waited for no longer.
        using var waited = await Connect(host.Tls, "127.0.31.67");
        List<Socket> more = [];
        for (var i = 0; i < 200; i++) more.Add(await Connect(host.Tls, "127.0.31.67"));
        await EdgeHost.Until(() => more.Exists(IsClosed));
        Assert.False(IsClosed(waited));
        foreach (var socket in more) socket.Dispose();
        await using var other = await Phone.Stream(host.Tls, tls: true);
        await other.Request("OPTIONS", 1);
        Assert.Equal(200, (await other.Final()).Status);
    }
}
