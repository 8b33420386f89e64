using IvrActors.Edge.Rtp;
using Org.BouncyCastle.Tls;

namespace IvrActors.Edge.Dtls;

/// <summary>Whose media an association keys. Called by any thread.</summary>
internal interface IDtlsOwner
{
    void Send(ReadOnlySpan<byte> datagram, MediaAddress to);

    /// <summary>The handshake is complete, and the peer's certificate was the right one. Ownership of the keys goes over.</summary>
    void Keyed(DtlsAssociation association, SrtpKeys keys, MediaAddress peer);
}

/// <summary>
/// A DTLS association that ends with its handshake: SRTP needs its keys and nothing more of it. Datagrams come in by <see cref="Take"/>; a handshake runs on a thread of
/// <see cref="DtlsHandshakes"/>, one at a time, and one that fails leaves room for the next.
/// </summary>
internal sealed class DtlsAssociation : IDisposable
{
    /// <summary>
    /// Datagrams with ClientHellos a second that are looked at from where the peer is expected, and as many from elsewhere. A client needs two, or four with large key shares,
    /// and as many for each that it loses; this many cost a thousandth of a core, and a stranger must send more to be in the way of a peer whose address is not known.
    /// </summary>
    public const int MostHellos = 200;

    /// <summary>Handshakes that we begin; each lasts as long as anybody waits for a call's audio.</summary>
    private const int MostBegun = 3;

    /// <summary>How often the last flight is sent again to a client that did not get it (RFC 6347 4.2.4).</summary>
    private const int MostResends = 20;

    private readonly Lock _gate = new();
    private readonly DtlsHandshakes _handshakes;
    private readonly IDtlsOwner _owner;
    private Attempt? _attempt;
    private byte[][] _lastFlight = [];
    private MediaAddress _lastFlightTo;
    private int _expectedHellos;
    private int _otherHellos;
    private long _hellosSince;
    private int _begun;
    private int _resends;
    private bool _keyed;
    private bool _closed;

    public DtlsAssociation(DtlsHandshakes handshakes, DtlsTerms terms, IDtlsOwner owner)
    {
        (_handshakes, Terms, _owner) = (handshakes, terms, owner);
        Hellos = new HelloAssembly(handshakes.Time.TimestampFrequency);
    }

    public DtlsTerms Terms { get; }

    /// <summary>Where the peer said that it is; its handshake goes before a stranger's. None when that is not known.</summary>
    public MediaAddress Expected { get; set; }

    /// <summary>Whether an address may take part although it is not where the handshake began: set where ICE has checked addresses.</summary>
    public bool AnyAddress { get; init; }

    /// <summary>Largest datagram that is sent.</summary>
    public int MostSent { get; init; } = DtlsQueue.MostSent;

    /// <summary>Fragments of ClientHellos. Of the thread that looks at cookies.</summary>
    public HelloAssembly Hellos { get; }

    /// <summary>Whether who sends from there has shown that it receives what is sent there: by ICE, or by a cookie in the first part of a hello.</summary>
    public bool IsProven(MediaAddress from) => AnyAddress || Hellos.Has(from);

    /// <summary>Takes a datagram off the wire. Returns at once.</summary>
    public void Take(ReadOnlySpan<byte> datagram, MediaAddress from)
    {
        if (!Terms.WeAreClient && DtlsRecords.IsClientHello(datagram))
        {
            TakeHello(datagram, from);
            return;
        }
        lock (_gate)
        {
            if (_closed || (_attempt is null && !_keyed)) return;
            if (_attempt is { } running && from != running.From && !AnyAddress) return;
            if (_attempt is null)
            {
                if (!Terms.WeAreClient && (from == _lastFlightTo || AnyAddress) && DtlsRecords.HasFinished(datagram) && _resends++ < MostResends) Resend(from);
                return;
            }
            var kept = new byte[datagram.Length];
            var length = _attempt.Gate.Keep(datagram, kept);
            if (length > 0) _attempt.Queue.Put(kept[..length]);
        }
    }

    /// <summary>As client: begins, unless a handshake runs already or too many have failed.</summary>
    public void Begin(MediaAddress to)
    {
        lock (_gate)
        {
            if (_closed || _keyed || _attempt is not null || to.IsNone || _begun >= MostBegun) return;
            if (Start(request: null, to, hello: [])) _begun++;
        }
    }

    /// <summary>A ClientHello with a cookie of ours came from there: its sender receives what is sent to it.</summary>
    public void Admit(DtlsRequest request, byte[] hello, MediaAddress from)
    {
        lock (_gate)
        {
            if (_closed || _keyed || !MayBegin(hello, from)) return;
            _attempt?.Queue.End();
            _attempt = null;
            Start(request, from, hello);
        }
    }

    public void SendTo(ReadOnlySpan<byte> datagram, MediaAddress to) => _owner.Send(datagram, to);

    public void Dispose()
    {
        lock (_gate)
        {
            _closed = true;
            _attempt?.Queue.End();
            _attempt = null;
            _lastFlight = [];
        }
    }

    private void TakeHello(ReadOnlySpan<byte> datagram, MediaAddress from)
    {
        lock (_gate)
        {
            if (_closed || _keyed || !IsInBudget(from)) return;
        }
        _handshakes.Knock(this, datagram.ToArray(), from);
    }

    /// <summary>
    /// Whether a ClientHello may end the handshake that runs: one of the same client that began anew (and not the same hello once more), or one from where the peer is expected,
    /// when the other is not.
    /// </summary>
    private bool MayBegin(ReadOnlySpan<byte> hello, MediaAddress from)
    {
        if (_attempt is not { } running) return true;
        if (from == running.From) return !DtlsRecords.FragmentOf(hello).SequenceEqual(DtlsRecords.FragmentOf(running.Hello));
        return AnyAddress || (from == Expected && running.From != Expected);
    }

    private bool IsInBudget(MediaAddress from)
    {
        if (_handshakes.Time.GetElapsedTime(_hellosSince) >= TimeSpan.FromSeconds(1)) (_expectedHellos, _otherHellos, _hellosSince) = (0, 0, _handshakes.Time.GetTimestamp());
        return AnyAddress || from == Expected ? _expectedHellos++ < MostHellos : _otherHellos++ < MostHellos;
    }

    private void Resend(MediaAddress to)
    {
        foreach (var datagram in _lastFlight) _owner.Send(datagram, to);
    }

    private bool Start(DtlsRequest? request, MediaAddress from, byte[] hello)
    {
        var attempt = new Attempt(from, hello, new DtlsGate(fromClient: !Terms.WeAreClient), new DtlsQueue(datagram => _owner.Send(datagram, from), MostSent));
        if (!_handshakes.TryRun(() => Run(attempt, request))) return false;
        _attempt = attempt;
        return true;
    }

    // On the handshake's own thread.
    private void Run(Attempt attempt, DtlsRequest? request)
    {
        SrtpKeys? keys = null;
        try
        {
            keys = _handshakes.Shake(Terms, attempt.Queue, request);
        }
        finally
        {
            attempt.Queue.End();
            keys = Finish(attempt, keys);
        }
        if (keys is not null) _owner.Keyed(this, keys, attempt.From);
    }

    private SrtpKeys? Finish(Attempt attempt, SrtpKeys? keys)
    {
        lock (_gate)
        {
            if (_attempt != attempt || _closed)
            {
                keys?.Dispose();
                return null;
            }
            _attempt = null;
            if (keys is null) return null;
            _keyed = true;
            // Sent again in one datagram, in which nothing overtakes the change of cipher; and Finished alone, for a client that has read the change and drops a datagram that begins with it.
            var flight = attempt.Queue.LastFlight;
            (_lastFlight, _lastFlightTo) = (flight.Count == 0 ? [] : [[.. flight.SelectMany(datagram => datagram)], flight[^1]], attempt.From);
            return keys;
        }
    }

    private sealed record Attempt(MediaAddress From, byte[] Hello, DtlsGate Gate, DtlsQueue Queue);
}
