using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using IvrActors.Edge.Sip.Message;
using Xunit;

namespace IvrActors.Edge.Tests.Net;

/// <summary>A caller over UDP, TCP or TLS from an address of its own, so that answers can be aimed at port 5060 without a clash.</summary>
internal sealed class Phone : IAsyncDisposable
{
    private readonly Socket _socket;
    private readonly string _transport;
    private Stream? _stream;
    private PipeReader? _reader;
    private SipFramer _framer;
    private int _branch;

    private Phone(Socket socket, string transport) => (_socket, _transport) = (socket, transport);

    public string CallId { get; set; } = "call" + Guid.NewGuid().ToString("N");

    /// <summary>Whom it asks for.</summary>
    public string User { get; set; } = "bank";

    public string Target => $"sip:{User}@127.0.0.1";

    public IPEndPoint Local => (IPEndPoint)_socket.LocalEndPoint!;

    public int Available => _socket.Available;

    /// <summary>Whether the other side has closed, and nothing more is to be read.</summary>
    public bool IsClosed => _socket.Poll(0, SelectMode.SelectRead) && _socket.Available == 0;

    /// <summary>As <see cref="Udp"/>, after whoever has the port now.</summary>
    public static async Task<Phone> UdpWhenFree(IPEndPoint server, string address, int port)
    {
        for (var end = DateTime.UtcNow + EdgeHost.Patience; ; await Task.Delay(50))
        {
            try
            {
                return Udp(server, address, port);
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressAlreadyInUse && DateTime.UtcNow < end)
            {
            }
        }
    }

    public static Phone Udp(IPEndPoint server, string address = "127.0.31.1", int port = 0)
    {
        var socket = new Socket(server.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(IPAddress.Parse(address), port));
        socket.Connect(server);
        return new Phone(socket, "UDP");
    }

    public static async Task<Phone> Stream(IPEndPoint server, bool tls, string address = "127.0.31.1", X509Certificate2? certificate = null)
    {
        var socket = new Socket(server.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Parse(address), 0));
        await socket.ConnectAsync(server);
        var phone = new Phone(socket, tls ? "TLS" : "TCP") { _stream = new NetworkStream(socket, ownsSocket: true) };
        if (tls)
        {
            var secure = new SslStream(phone._stream, false, (_, _, _, _) => true);
            var options = new SslClientAuthenticationOptions { TargetHost = "edge", ClientCertificateContext = certificate is null ? null : SslStreamCertificateContext.Create(certificate, null, offline: true) };
            await secure.AuthenticateAsClientAsync(options).WaitAsync(EdgeHost.Patience);
            phone._stream = secure;
        }
        phone._reader = PipeReader.Create(phone._stream);
        return phone;
    }

    public Task Send(string text) => Send(Encoding.Latin1.GetBytes(text));

    public async Task Send(ReadOnlyMemory<byte> bytes)
    {
        if (_stream is null) await _socket.SendAsync(bytes);
        else await _stream.WriteAsync(bytes);
    }

    public Task Request(string method, int sequence, string? toTag = null, string body = "", string? type = null, string headers = "")
    {
        _branch++;
        return Again(method, sequence, toTag, body, type, headers);
    }

    /// <summary>As <see cref="Request"/>, with the branch of the request before: a CANCEL of it, or the ACK of its refusal.</summary>
    public Task Again(string method, int sequence, string? toTag = null, string body = "", string? type = null, string headers = "") => Send(
        $"{method} {Target} SIP/2.0\r\nVia: SIP/2.0/{_transport} {_socket.LocalEndPoint};branch=z9hG4bK{CallId}{_branch};rport\r\nMax-Forwards: 70\r\n"
        + $"From: <sip:+4915550001@127.0.0.1>;tag=f\r\nTo: <{Target}>{(toTag is null ? "" : ";tag=" + toTag)}\r\nCall-ID: {CallId}\r\nCSeq: {sequence} {method}\r\n"
        + $"Contact: <sip:caller@{_socket.LocalEndPoint};transport={_transport.ToLowerInvariant()}>\r\n{(type is null ? "" : $"Content-Type: {type}\r\n")}{headers}Content-Length: {body.Length}\r\n\r\n{body}");

    public async Task<SipMessage> Receive() => SipParser.Parse(await ReceiveBytes()).Message!;

    /// <summary>One message as it came: an answer to a malformed request repeats what was malformed.</summary>
    public async Task<byte[]> ReceiveBytes()
    {
        if (_reader is null)
        {
            var buffer = new byte[65536];
            var length = await _socket.ReceiveAsync(buffer).WaitAsync(EdgeHost.Patience);
            return buffer[..length];
        }
        while (true)
        {
            var read = await _reader.ReadAsync().AsTask().WaitAsync(EdgeHost.Patience);
            var frame = _framer.Next(read.Buffer);
            if (frame.Kind == SipFrameKind.Message)
            {
                var message = read.Buffer.Slice(0, frame.Length).ToArray();
                _reader.AdvanceTo(read.Buffer.GetPosition(frame.Length));
                return message;
            }
            if (read.IsCompleted) throw new EndOfStreamException();
            _reader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
        }
    }

    public async Task<SipResponse> Final()
    {
        while (true)
        {
            if (await Receive() is SipResponse { Status: >= 200 } response) return response;
        }
    }

    /// <summary>The final response to a request of that method; others are passed over.</summary>
    public async Task<SipResponse> FinalOf(string method)
    {
        while (true)
        {
            if (await Final() is { } response && response.CSeq.Method == method) return response;
        }
    }

    /// <summary>The next request of that method. What comes before is passed over: an answer is repeated until its ACK was taken, however late that is.</summary>
    public async Task<SipRequest> RequestOf(string method)
    {
        while (true)
        {
            if (await Receive() is SipRequest request && request.Method == method) return request;
        }
    }

    /// <summary>Status of the next final response.</summary>
    public async Task<int> FinalStatus()
    {
        while (true)
        {
            var line = Encoding.Latin1.GetString(await ReceiveBytes(), 0, "SIP/2.0 200".Length);
            if (line.StartsWith("SIP/2.0 ", StringComparison.Ordinal) && int.Parse(line.AsSpan(8)) is >= 200 and var status) return status;
        }
    }

    /// <summary>All bytes until the other side closes.</summary>
    public async Task<string> ReadToEnd()
    {
        using var reader = new StreamReader(_stream!, Encoding.Latin1);
        return await reader.ReadToEndAsync().WaitAsync(EdgeHost.Patience);
    }

    public async Task<byte[]> ReadRaw(int length)
    {
        var bytes = new byte[length];
        await _stream!.ReadExactlyAsync(bytes).AsTask().WaitAsync(EdgeHost.Patience);
        return bytes;
    }

    /// <summary>Breaks the connection off, as a host that lost power and came back does.</summary>
    public void Reset()
    {
        _socket.LingerState = new LingerOption(true, 0);
        _socket.Dispose();
    }

    public async ValueTask DisposeAsync()
    {
        if (_stream is not null) await _stream.DisposeAsync();
        _socket.Dispose();
    }
}
