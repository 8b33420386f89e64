using System.Threading.Channels;
using IvrActors.Edge.Rtp;
using Org.BouncyCastle.Tls;

namespace IvrActors.Edge.Dtls;

/// <summary>
/// Runs handshakes of all calls, which block their thread, on a bounded number of threads. Whoever comes when all are taken is not queued: its ClientHello is lost, and it
/// sends another one in a second.
/// </summary>
internal sealed class DtlsHandshakes : IDisposable
{
    /// <summary>Handshakes at once. One takes a few ms of work and two round trips, so that these are hundreds a second; their memory is that of their threads' stacks.</summary>
    public const int MostAtOnce = 64;

    /// <summary>Datagrams with ClientHellos that wait for their cookie to be looked at.</summary>
    private const int MostKnocks = 256;

    private const int StackBytes = 512 * 1024;

    private readonly Channel<(DtlsAssociation Association, byte[] Datagram, MediaAddress From)> _knocks =
        Channel.CreateBounded<(DtlsAssociation, byte[], MediaAddress)>(new BoundedChannelOptions(MostKnocks) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });
    private readonly TimeProvider _time;
    private readonly Action<Exception> _failed;
    private readonly Task _door;
    private readonly DtlsCookies _cookies;
    private int _running;

    /// <param name="failed">Told of internal errors, never of a peer's.</param>
    public DtlsHandshakes(TimeProvider time, Action<Exception> failed)
    {
        (_time, _failed) = (time, failed);
        _cookies = new DtlsCookies(time);
        _door = Task.Run(OpenDoor);
    }

    public TimeProvider Time => _time;

    public int Running => Volatile.Read(ref _running);

    /// <summary>Has the cookie of a ClientHello, or of a fragment of one, looked at, before anything is kept of it (RFC 6347 4.2.1).</summary>
    public void Knock(DtlsAssociation association, byte[] datagram, MediaAddress from) => _knocks.Writer.TryWrite((association, datagram, from));

    /// <summary>Runs on a thread of its own, unless all are taken.</summary>
    public bool TryRun(Action handshake)
    {
        if (Interlocked.Increment(ref _running) > MostAtOnce)
        {
            Interlocked.Decrement(ref _running);
            DtlsMetrics.Ended("busy");
            return false;
        }
        try
        {
            new Thread(() => Run(handshake), StackBytes) { IsBackground = true, Name = "dtls handshake" }.Start();
            return true;
        }
#pragma warning disable CA1031 // The system gives no more threads (or memory for one): its place must come free again, and this call's handshake is not begun.
        catch (Exception)
#pragma warning restore CA1031
        {
            Interlocked.Decrement(ref _running);
            DtlsMetrics.Ended("busy");
            return false;
        }
    }

    /// <summary>One whole handshake; null when it failed, for whatever reason of the peer's.</summary>
    public SrtpKeys? Shake(DtlsTerms terms, DtlsQueue queue, DtlsRequest? request)
    {
        var began = _time.GetTimestamp();
        try
        {
            IDtlsSide side;
            if (terms.WeAreClient)
            {
                var client = new DtlsSrtpClient(terms);
                side = client;
                new DtlsClientProtocol().Connect(client, queue);
            }
            else
            {
                var server = new DtlsSrtpServer(terms);
                side = server;
                new DtlsServerProtocol().Accept(server, queue, request);
            }
            DtlsMetrics.Duration.Observe(_time.GetElapsedTime(began).TotalSeconds);
            DtlsMetrics.Ended(side.Keys is null ? "failed" : "keyed");
            return side.Keys;
        }
        catch (WrongCertificateException)
        {
            DtlsMetrics.Ended("wrong-certificate");
        }
        catch (TlsTimeoutException)
        {
            DtlsMetrics.Ended("timeout");
        }
        catch (IOException)
        {
            DtlsMetrics.Ended("failed"); // Alerts are IOExceptions, too.
        }
        return null;
    }

    public void Dispose() => _knocks.Writer.TryComplete();

    private void Run(Action handshake)
    {
        try
        {
            handshake();
        }
#pragma warning disable CA1031 // No handshake may end the process.
        catch (Exception e)
#pragma warning restore CA1031
        {
            _failed(e);
        }
        finally
        {
            Interlocked.Decrement(ref _running);
        }
    }

    private async Task OpenDoor()
    {
        await foreach (var (association, datagram, from) in _knocks.Reader.ReadAllAsync())
        {
            try
            {
                Open(association, datagram, from);
            }
#pragma warning disable CA1031 // No ClientHello may close the door.
            catch (Exception e)
#pragma warning restore CA1031
            {
                _failed(e);
            }
        }
    }

    private void Open(DtlsAssociation association, byte[] datagram, MediaAddress from)
    {
        ReadOnlySpan<byte> rest = datagram;
        while (HelloFragment.TryTake(ref rest, out var fragment))
        {
            if (fragment.TryReadCookie(out _, out _))
            {
                if (!_cookies.Holds(fragment, from, datagram.Length, out var answer))
                {
                    if (answer is not null) association.SendTo(answer, from);
                    return;
                }
            }
            else if (!association.IsProven(from))
            {
                continue; // A part without a cookie, of whoever has shown none: it comes again behind the first one.
            }
            // Once more when it is whole, since the parts may be of several senders.
            if (association.Hellos.Add(_time.GetTimestamp(), fragment, from) is { } hello && _cookies.Verify(hello, from, out _) is { } request) association.Admit(request, hello, from);
        }
    }
}
