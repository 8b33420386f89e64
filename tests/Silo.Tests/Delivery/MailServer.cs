using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace IvrActors.Silo.Tests.Delivery;

/// <summary>A mail server on loopback (RFC 5321, STARTTLS of RFC 3207, AUTH PLAIN of RFC 4954) that keeps what it hears and refuses what the test says.</summary>
internal sealed class MailServer : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly X509Certificate2? _certificate;
    private readonly bool _implicit;
    private readonly Task _serving;

    public MailServer(X509Certificate2? certificate, bool @implicit = false)
    {
        (_certificate, _implicit) = (certificate, @implicit);
        _listener.Start();
        _serving = Serve();
    }

    public DnsEndPoint EndPoint => new("127.0.0.1", ((IPEndPoint)_listener.LocalEndpoint).Port);

    /// <summary>Commands, each with a mark of whether TLS protected it.</summary>
    public List<string> Heard { get; } = [];

    public List<string> Mails { get; } = [];

    /// <summary>Answers by the command's first word, instead of the usual ones.</summary>
    public Dictionary<string, string> Answers { get; } = [];

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        await _serving;
        _stop.Dispose();
    }

    private async Task Serve()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                using var client = await _listener.AcceptTcpClientAsync(_stop.Token);
                await Talk(client.GetStream());
            }
            catch (Exception e) when (e is IOException or SocketException or OperationCanceledException or System.Security.Authentication.AuthenticationException)
            {
                // A client that leaves at once is what some tests are about.
            }
        }
    }

    private async Task Talk(Stream stream)
    {
        if (_implicit) stream = await Protect(stream);
        await Say(stream, "220 mail.test ESMTP");
        while (await Read(stream) is { } line)
        {
            var word = line.Split(' ', ':')[0].ToUpperInvariant();
            lock (Heard) Heard.Add((stream is SslStream ? "tls " : "clear ") + line);
            if (Answers.TryGetValue(word, out var answer))
            {
                await Say(stream, answer);
                continue;
            }
            switch (word)
            {
                case "EHLO":
                    await Say(stream, stream is SslStream ? "250-mail.test\r\n250 AUTH PLAIN" : _certificate is null ? "250 mail.test" : "250-mail.test\r\n250 STARTTLS");
                    break;
                case "STARTTLS":
                    await Say(stream, "220 go");
                    stream = await Protect(stream);
                    break;
                case "AUTH":
                    await Say(stream, "235 welcome");
                    break;
                case "DATA":
                    await Say(stream, "354 go");
                    var mail = new StringBuilder();
                    while (await Read(stream) is { } text and not ".") mail.AppendLine(text);
                    lock (Mails) Mails.Add(mail.ToString());
                    await Say(stream, "250 taken");
                    break;
                case "QUIT":
                    await Say(stream, "221 bye");
                    return;
                default:
                    await Say(stream, "250 well");
                    break;
            }
        }
    }

    private async Task<Stream> Protect(Stream stream)
    {
        var tls = new SslStream(stream);
        await tls.AuthenticateAsServerAsync(_certificate!);
        return tls;
    }

    private ValueTask Say(Stream stream, string text) => stream.WriteAsync(Encoding.ASCII.GetBytes(text + "\r\n"), _stop.Token);

    // Byte by byte, so that nothing of the handshake after STARTTLS is taken for text.
    private async Task<string?> Read(Stream stream)
    {
        var line = new StringBuilder();
        var one = new byte[1];
        while (await stream.ReadAsync(one, _stop.Token) == 1)
        {
            if (one[0] == '\n') return line.ToString().TrimEnd('\r');
            line.Append((char)one[0]);
        }
        return null;
    }
}
