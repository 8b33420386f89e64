using System.Threading.Channels;
using IvrActors.Edge.Rtp;
using Org.BouncyCastle.Tls;

namespace IvrActors.Edge.Dtls;

/// <summary>
/// Runs handshakes of all calls, which block their thread, on a bounded number of threads. Whoever comes when all are taken is not queued: its ClientHello is lost, and it
/// sends another one in a second. One thread looks at cookies and starts the others, so that no media wait for it.
/// </summary>
internal sealed class DtlsHandshakes : IDisposable
{
    /// <summary>
    /// Handshakes at once, most of which wait for their peers: what they hold is a thread with what it has used of its stack, some tens of KB. How many compute is for
    /// <see cref="DtlsTurns"/> to say.
    /// </summary>
    public const int MostAtOnce = 512;

    /// <summary>Of one host: whoever opens calls and then says nothing holds no more than a quarter, each of them for no longer than <see cref="DtlsQueue.MostSilence"/>.</summary>
    public const int MostOfSource = MostAtOnce / 4;

    /// <summary>Datagrams with ClientHellos that wait for their cookie to be looked at, and handshakes of ours that are to begin.</summary>
    private const int MostKnocks = 256;

    /// <summary>Records of one datagram that are looked at: fragments are as long as the path lets them be.</summary>
    private const int MostFragments = 4;

    private const int StackBytes = 512 * 1024;

    // Nobody waits: only TryWrite is used, which in this mode says false when it is full.
    private readonly Channel<(DtlsAssociation Association, byte[]? Datagram, MediaAddress From)> _knocks =
        Channel.CreateBounded<(DtlsAssociation, byte[]?, MediaAddress)>(new BoundedChannelOptions(MostKnocks) { FullMode = BoundedChannelFullMode.Wait, SingleReader = true });
    private readonly TimeProvider _time;
    private readonly Action<Exception> _failed;
    private readonly Task _door;
    private readonly DtlsCookies _cookies;
    private readonly Lock _gate = new();
    private readonly Dictionary<MediaAddress, int> _bySource = [];
    private int _running;

    /// <param name="failed">Told of internal errors, never of a peer's.</param>
    public DtlsHandshakes(TimeProvider time, Action<Exception> failed)
    {
        (_time, _failed) = (time, failed);
        _cookies = new DtlsCookies(time);
        _door = Task.Run(OpenDoor);
    }

    public TimeProvider Time => _time;

    public DtlsTurns Turns { get; } = new(DtlsTurns.Most);

    public int Running => Volatile.Read(ref _running);

    /// <summary>The host that an address is of; of IPv6 the /64, in which a host may take any.</summary>
    public static MediaAddress SourceOf(MediaAddress address) => address with { Port = 0, Low = address.IsV6 ? 0 : address.Low };

    /// <summary>Has the cookie of a ClientHello, or of a fragment of one, looked at, before anything is kept of it (RFC 6347 4.2.1).</summary>
    public void Knock(DtlsAssociation association, byte[] datagram, MediaAddress from) => _knocks.Writer.TryWrite((association, datagram, from));

    /// <summary>As <see cref="Knock"/>, for a handshake that we begin: not by whom asks for it, whose thread has no time. False when too many wait.</summary>
    public bool Ask(DtlsAssociation association, MediaAddress to) => _knocks.Writer.TryWrite((association, null, to));

    /// <summary>Takes the place of a handshake with that peer, which <see cref="Run"/> gives back; false when all are taken, or too many by its host.</summary>
    public bool TryReserve(MediaAddress peer)
    {
        var source = SourceOf(peer);
        lock (_gate)
        {
            var ofSource = _bySource.GetValueOrDefault(source);
            if (_running < MostAtOnce && ofSource < MostOfSource)
            {
                _running++;
                _bySource[source] = ofSource + 1;
                return true;
            }
        }
        DtlsMetrics.Ended("busy");
        return false;
    }

    /// <summary>Runs on a thread of its own, in the place that was reserved. Not for a thread that must not wait, or under a lock that such a one takes.</summary>
    /// <param name="notBegun">Told when the system gives no more threads.</param>
    public void Run(MediaAddress peer, Action handshake, Action notBegun)
    {
        try
        {
            new Thread(() => RunNow(peer, handshake), StackBytes) { IsBackground = true, Name = "dtls handshake" }.Start();
        }
#pragma warning disable CA1031 // No thread, or no memory for one: its place must come free again, and this call's handshake is not begun.
        catch (Exception)
#pragma warning restore CA1031
        {
            Release(peer);
            DtlsMetrics.Ended("busy");
            notBegun();
        }
    }

    /// <summary>One whole handshake; null when it failed, for whatever reason of the peer's.</summary>
    public SrtpKeys? Shake(DtlsTerms terms, DtlsQueue queue, DtlsRequest? request)
    {
        var began = _time.GetTimestamp();
        Turns.Take();
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
        catch (Exception e) when (e is TlsTimeoutException or SilentPeerException)
        {
            DtlsMetrics.Ended("timeout");
        }
        catch (IOException)
        {
            DtlsMetrics.Ended("failed"); // Alerts are IOExceptions, too.
        }
        finally
        {
            Turns.Give();
        }
        return null;
    }

    public void Dispose() => _knocks.Writer.TryComplete();

    private void RunNow(MediaAddress peer, Action handshake)
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
            Release(peer);
        }
    }

    private void Release(MediaAddress peer)
    {
        var source = SourceOf(peer);
        lock (_gate)
        {
            _running--;
            if (--_bySource[source] == 0) _bySource.Remove(source);
        }
    }

    private async Task OpenDoor()
    {
        await foreach (var (association, datagram, from) in _knocks.Reader.ReadAllAsync())
        {
            try
            {
                if (datagram is null) association.BeginNow(from);
                else Open(association, datagram, from);
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
        for (var taken = 0; taken < MostFragments && HelloFragment.TryTake(ref rest, out var fragment); taken++)
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
            if (association.Hellos.Add(_time.GetTimestamp(), fragment, from) is not { } hello) continue;
            if (_cookies.Verify(hello, from, out _) is { } request) association.Admit(request, hello, from);
            return; // One datagram, one hello: who sends more of them wants work done.
        }
    }
}
