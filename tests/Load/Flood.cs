using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace IvrActors.Load;

/// <summary>INVITEs over UDP from an address of their own, at a rate that no answer slows down: each once, never acknowledged, never ended. The worst that a peer can do without being malformed.</summary>
internal sealed class Flood : IDisposable
{
    private readonly Socket _socket;
    private readonly SocketAddress _server;
    private readonly string _to;
    private readonly double _rate;
    private readonly Thread _sender, _receiver;
    private volatile bool _stopped;
    private long _sent;

    public Flood(IPAddress from, IPEndPoint server, string user, double rate)
    {
        _socket = new Socket(server.AddressFamily, SocketType.Dgram, ProtocolType.Udp) { ReceiveBufferSize = 4 << 20, SendBufferSize = 4 << 20, ReceiveTimeout = 100 };
        _socket.Bind(new IPEndPoint(from, 0));
        (_server, _rate) = (server.Serialize(), rate);
        _to = $"sip:{user}@{server}";
        _sender = new Thread(Send) { IsBackground = true, Name = "flood-send" };
        _receiver = new Thread(Receive) { IsBackground = true, Name = "flood-receive" };
        _sender.Start();
        _receiver.Start();
    }

    public long Sent => Interlocked.Read(ref _sent);

    /// <summary>Answers by status; a 200 counts again each time it is repeated.</summary>
    public ConcurrentDictionary<string, int> Answers { get; } = new();

    /// <summary>Stops sending and listening.</summary>
    public void Dispose()
    {
        if (_stopped) return;
        _stopped = true;
        _sender.Join();
        _receiver.Join();
        _socket.Dispose();
    }

    private void Send()
    {
        var local = _socket.LocalEndPoint!.ToString();
        var run = Environment.ProcessId.ToString("x", CultureInfo.InvariantCulture);
        var sdp = $"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n";
        var clock = Stopwatch.StartNew();
        while (!_stopped)
        {
            var due = (long)(clock.Elapsed.TotalSeconds * _rate);
            for (; _sent < due && !_stopped; Interlocked.Increment(ref _sent))
            {
                var id = string.Create(CultureInfo.InvariantCulture, $"{run}-{_sent}");
                _socket.SendTo(
                    Encoding.ASCII.GetBytes(
                        $"INVITE {_to} SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch=z9hG4bKf{id};rport\r\nMax-Forwards: 70\r\nFrom: <sip:+4420{_sent % 100_000:D5}@{local}>;tag=f{id}\r\nTo: <{_to}>\r\n"
                        + $"Call-ID: flood-{id}\r\nCSeq: 1 INVITE\r\nContact: <sip:f@{local}>\r\nContent-Type: application/sdp\r\nContent-Length: {sdp.Length}\r\n\r\n{sdp}"),
                    SocketFlags.None, _server);
            }
            Thread.Sleep(1);
        }
    }

    private void Receive()
    {
        var buffer = new byte[65536];
        while (!_stopped)
        {
            try
            {
                var length = _socket.Receive(buffer);
                if (length < 12) continue;
                var line = Encoding.ASCII.GetString(buffer, 0, 12);
                Answers.AddOrUpdate(line.StartsWith("SIP/2.0 ", StringComparison.Ordinal) ? line[8..11] : line.Split(' ')[0], 1, (_, n) => n + 1);
            }
            catch (SocketException e) when (e.SocketErrorCode is SocketError.TimedOut or SocketError.WouldBlock or SocketError.ConnectionRefused)
            {
                // nothing came for 100 ms: look whether to stop
            }
        }
    }
}
