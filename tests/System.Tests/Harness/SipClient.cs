using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;

namespace IvrActors.SystemTests.Harness;

/// <summary>A caller that writes its SIP by hand, over TLS: for messages that no phone would send, with values that the test knows.</summary>
internal sealed partial class SipClient : IAsyncDisposable
{
    private readonly Socket _socket;
    private readonly SslStream _stream;
    private readonly StringBuilder _received = new();
    private int _sequence;

    private SipClient(Socket socket, SslStream stream) => (_socket, _stream) = (socket, stream);

    public required string Number { get; init; }

    /// <summary>Headers of every request.</summary>
    public string Headers { get; init; } = "";

    public string CallId { get; } = "7-" + Guid.NewGuid().ToString("N");

    /// <summary>The tag by which the other side knows the call.</summary>
    public string ToTag { get; private set; } = "";

    public static async Task<SipClient> Connect(IvrServer server, string number, string headers)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(IPAddress.Loopback, server.TlsPort);
        // Whose certificate it is does not matter to what is tested.
        var stream = new SslStream(new NetworkStream(socket, ownsSocket: true), false, (_, _, _, _) => true);
        await stream.AuthenticateAsClientAsync("127.0.0.1");
        return new SipClient(socket, stream) { Number = number, Headers = headers };
    }

    /// <summary>Calls and acknowledges; the answer with its description.</summary>
    public async Task<string> Call(string sdp)
    {
        var answer = await Ask("INVITE", sdp, "application/sdp");
        ToTag = Tag().Match(answer).Groups["tag"].Value;
        await Send("ACK", "", "", _sequence);
        return answer;
    }

    /// <summary>Sends a request and gives its final answer, which must be 200.</summary>
    public async Task<string> Ask(string method, string body = "", string type = "")
    {
        await Send(method, body, type, ++_sequence);
        while (true)
        {
            var message = await Receive();
            if (message.StartsWith("SIP/2.0 1", StringComparison.Ordinal) || !message.Contains($"CSeq: {_sequence} {method}", StringComparison.Ordinal)) continue;
            Assert.StartsWith("SIP/2.0 200", message, StringComparison.Ordinal);
            return message;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stream.DisposeAsync();
        _socket.Dispose();
    }

    private async Task Send(string method, string body, string type, int sequence)
    {
        var local = _socket.LocalEndPoint;
        var text = $"{method} sip:bank@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TLS {local};branch=z9hG4bK{CallId}{method}{sequence};rport\r\nMax-Forwards: 70\r\n"
            + $"From: \"{Number}\" <sip:{Number}@127.0.0.1>;tag=f1\r\nTo: <sip:bank@127.0.0.1>{(ToTag.Length == 0 ? "" : ";tag=" + ToTag)}\r\nCall-ID: {CallId}\r\nCSeq: {sequence} {method}\r\n"
            + $"Contact: <sip:{Number}@{local};transport=tls>\r\n{Headers}{(type.Length == 0 ? "" : $"Content-Type: {type}\r\n")}Content-Length: {body.Length}\r\n\r\n{body}";
        await _stream.WriteAsync(Encoding.ASCII.GetBytes(text));
    }

    private async Task<string> Receive()
    {
        var buffer = new byte[16 * 1024];
        using var limit = new CancellationTokenSource(Eventually.Limit);
        while (true)
        {
            var text = _received.ToString();
            var head = text.IndexOf("\r\n\r\n", StringComparison.Ordinal);
            if (head >= 0)
            {
                var length = head + 4 + int.Parse(Length().Match(text[..head]).Groups["length"].Value, System.Globalization.CultureInfo.InvariantCulture);
                if (text.Length >= length)
                {
                    _received.Remove(0, length);
                    return text[..length];
                }
            }
            var read = await _stream.ReadAsync(buffer, limit.Token);
            if (read == 0) throw new IOException("the server closed the connection:\n" + text);
            _received.Append(Encoding.ASCII.GetString(buffer, 0, read));
        }
    }

    [GeneratedRegex(@"\r\nContent-Length: (?<length>\d+)")]
    private static partial Regex Length();

    [GeneratedRegex(@"\r\nTo: [^\r]*;tag=(?<tag>[^;\r]+)")]
    private static partial Regex Tag();
}
