using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using IvrActors.Edge.Sip.Message;

namespace IvrActors.Edge.Tests.Net;

/// <summary>The other side of connections that the edge opens: a trunk's proxy over TCP or TLS.</summary>
internal sealed class PeerServer : IAsyncDisposable
{
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly X509Certificate2? _certificate;
    private readonly List<IAsyncDisposable> _open = [];

    public PeerServer(X509Certificate2? certificate = null, bool listening = true)
    {
        _certificate = certificate;
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        if (listening) _listener.Listen();
    }

    public IPEndPoint EndPoint => (IPEndPoint)_listener.LocalEndPoint!;

    /// <summary>What the client showed in the last handshake.</summary>
    public X509Certificate2? Shown { get; private set; }

    public async Task<PeerStream> Accept()
    {
        var socket = await _listener.AcceptAsync().WaitAsync(EdgeHost.Patience);
        Stream stream = new NetworkStream(socket, ownsSocket: true);
        if (_certificate is not null)
        {
            var secure = new SslStream(stream);
            stream = secure;
            await secure.AuthenticateAsServerAsync(new SslServerAuthenticationOptions
            {
                ServerCertificate = _certificate,
                ClientCertificateRequired = true,
                RemoteCertificateValidationCallback = (_, shown, _, _) =>
                {
                    Shown = shown is null ? null : X509CertificateLoader.LoadCertificate(shown.GetRawCertData());
                    return true;
                },
            }).WaitAsync(EdgeHost.Patience);
        }
        var accepted = new PeerStream(stream);
        _open.Add(accepted);
        return accepted;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var stream in _open) await stream.DisposeAsync();
        _listener.Dispose();
    }
}

/// <summary>One accepted connection.</summary>
internal sealed class PeerStream(Stream stream) : IAsyncDisposable
{
    private readonly PipeReader _reader = PipeReader.Create(stream);
    private SipFramer _framer;

    public Task Send(ReadOnlyMemory<byte> bytes) => stream.WriteAsync(bytes).AsTask();

    /// <summary>The next frame: a message, a ping; null at the end of the stream.</summary>
    public async Task<(SipFrameKind Kind, byte[] Bytes)?> Next()
    {
        while (true)
        {
            var read = await _reader.ReadAsync().AsTask().WaitAsync(EdgeHost.Patience);
            var frame = _framer.Next(read.Buffer);
            if (frame.Kind is not (SipFrameKind.NeedMore or SipFrameKind.Fault))
            {
                var bytes = read.Buffer.Slice(0, frame.Length).ToArray();
                _reader.AdvanceTo(read.Buffer.GetPosition(frame.Length));
                return (frame.Kind, bytes);
            }
            if (read.IsCompleted) return null;
            _reader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
        }
    }

    public ValueTask DisposeAsync() => stream.DisposeAsync();
}
