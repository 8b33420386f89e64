using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using IvrActors.Edge.Sip.Message;

namespace IvrActors.Load.Sip;

/// <summary>How SIP messages reach the server. What comes back is handed on as one message each, by a thread of the link's own.</summary>
internal abstract class Link : IDisposable
{
    /// <summary>As it stands in Via: UDP, TCP or TLS.</summary>
    public abstract string Transport { get; }

    /// <summary>This end, for Via and Contact.</summary>
    public abstract IPEndPoint Local { get; }

    /// <summary>Whether a message may be lost, so that it has to be repeated (RFC 3261 17.1.1.2).</summary>
    public bool IsUnreliable => Transport == "UDP";

    /// <param name="to">Another end than the server, to which a call was moved; only where there are no connections.</param>
    public abstract void Send(ReadOnlySpan<byte> message, IPEndPoint? to = null);

    public abstract void Dispose();

    public static async Task<Link> Open(string transport, IPEndPoint server, IPAddress from, Action<SipParseResult> received)
    {
        if (transport == "udp") return new UdpLink(server, from, received);
        var socket = new Socket(server.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        socket.Bind(new IPEndPoint(from, 0));
        await socket.ConnectAsync(server);
        Stream stream = new NetworkStream(socket, ownsSocket: true);
        if (transport == "tls")
        {
            // The server's certificate is a generated one: this measures, it does not trust.
            var tls = new SslStream(stream, false, (_, _, _, _) => true);
            await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = server.Address.ToString() });
            stream = tls;
        }
        return new StreamLink(transport.ToUpperInvariant(), stream, (IPEndPoint)socket.LocalEndPoint!, received);
    }
}

internal sealed class UdpLink : Link
{
    private readonly Socket _socket;
    private readonly SocketAddress _server;
    private readonly Thread _thread;
    private volatile bool _stopped;

    public UdpLink(IPEndPoint server, IPAddress from, Action<SipParseResult> received)
    {
        _socket = new Socket(server.AddressFamily, SocketType.Dgram, ProtocolType.Udp) { ReceiveBufferSize = 4 << 20, ReceiveTimeout = 100 };
        _socket.Bind(new IPEndPoint(from, 0));
        _server = server.Serialize();
        Local = (IPEndPoint)_socket.LocalEndPoint!;
        _thread = new Thread(() => Run(received)) { Name = "sip-udp", IsBackground = true };
        _thread.Start();
    }

    public override string Transport => "UDP";

    public override IPEndPoint Local { get; }

    public override void Send(ReadOnlySpan<byte> message, IPEndPoint? to = null) => _socket.SendTo(message, SocketFlags.None, to?.Serialize() ?? _server);

    public override void Dispose()
    {
        _stopped = true;
        _thread.Join();
        _socket.Dispose();
    }

    private void Run(Action<SipParseResult> received)
    {
        var buffer = new byte[65536];
        while (!_stopped)
        {
            try
            {
                var length = _socket.Receive(buffer);
                received(SipParser.Parse(buffer.AsSpan(0, length).ToArray()));
            }
            catch (SocketException e) when (e.SocketErrorCode is SocketError.TimedOut or SocketError.WouldBlock or SocketError.ConnectionRefused)
            {
                // nothing came for 100 ms: look whether to stop
            }
        }
    }
}

internal sealed class StreamLink : Link
{
    private readonly Stream _stream;
    private readonly Lock _gate = new();
    private readonly Task _reading;

    public StreamLink(string transport, Stream stream, IPEndPoint local, Action<SipParseResult> received)
    {
        Transport = transport;
        Local = local;
        _stream = stream;
        _reading = Task.Run(() => Read(received));
    }

    public override string Transport { get; }

    public override IPEndPoint Local { get; }

    public override void Send(ReadOnlySpan<byte> message, IPEndPoint? to = null)
    {
        lock (_gate) _stream.Write(message);
    }

    public override void Dispose()
    {
        _stream.Dispose();
        _reading.Wait(TimeSpan.FromSeconds(5));
    }

    private async Task Read(Action<SipParseResult> received)
    {
        var reader = PipeReader.Create(_stream);
        var framer = new SipFramer();
        try
        {
            while (true)
            {
                var read = await reader.ReadAsync();
                var rest = read.Buffer;
                while (Next(ref framer, ref rest, received))
                {
                }
                reader.AdvanceTo(rest.Start, rest.End);
                if (read.IsCompleted) return;
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // The connection ended; calls on it fail by their time-outs.
        }
    }

    private static bool Next(ref SipFramer framer, ref ReadOnlySequence<byte> rest, Action<SipParseResult> received)
    {
        var frame = framer.Next(rest);
        switch (frame.Kind)
        {
            case SipFrameKind.Message:
                received(SipParser.ParseFramed(rest.Slice(0, frame.Length).ToArray()));
                rest = rest.Slice(frame.Length);
                return true;
            case SipFrameKind.KeepAlivePing or SipFrameKind.KeepAlivePong:
                rest = rest.Slice(frame.Length);
                return true;
            case SipFrameKind.NeedMore:
                return false;
            default:
                throw new IOException("the server sent what is no SIP");
        }
    }
}
