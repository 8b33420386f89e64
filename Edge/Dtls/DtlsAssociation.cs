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
/// A DTLS association that ends with its handshake: SRTP needs its keys and nothing more of it. Datagrams come in by <see cref="Take"/>; each attempt at a handshake runs on a
/// thread of <see cref="DtlsHandshakes"/>. Where ICE does not say who is the peer, a few addresses may try at once, and the first with the right certificate is it.
/// </summary>
internal sealed class DtlsAssociation : IDisposable
{
    /// <summary>
    /// Datagrams with ClientHellos a second that are looked at from where the peer is expected, and as many from elsewhere. A client needs two, or four with large key shares,
    /// and as many for each that it loses; this many cost a thousandth of a core, and a stranger must send more to be in the way of a peer whose address is not known.
    /// </summary>
    public const int MostHellos = 200;

    /// <summary>Addresses that try at once, where ICE has checked none: the peer, and strangers who were faster.</summary>
    public const int MostAttempts = 3;

    /// <summary>Handshakes that we begin; with the silence after which each is given up they last as long as anybody waits for a call's audio.</summary>
    private const int MostBegun = 9;

    /// <summary>How often the last flight is sent again to a client that did not get it (RFC 6347 4.2.4).</summary>
    private const int MostResends = 20;

    private readonly Lock _gate = new();
    private readonly DtlsHandshakes _handshakes;
    private readonly IDtlsOwner _owner;
    private readonly List<Attempt> _attempts = [];
    private readonly DtlsStarts _starts = new();
    private MediaAddress _expected;
    private byte[][] _lastFlight = [];
    private MediaAddress _lastFlightTo;
    private int _expectedHellos;
    private int _otherHellos;
    private long _hellosSince;
    private bool _beginning;
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
    public MediaAddress Expected
    {
        get
        {
            lock (_gate) return _expected;
        }
        set
        {
            lock (_gate) _expected = value;
        }
    }

    /// <summary>Whether an address may take part although it is not where the handshake began: set where ICE has checked addresses.</summary>
    public bool AnyAddress { get; init; }

    /// <summary>Largest datagram that is sent.</summary>
    public int MostSent { get; init; } = DtlsQueue.MostSent;

    /// <summary>Fragments of ClientHellos. Of the thread that looks at cookies.</summary>
    public HelloAssembly Hellos { get; }

    /// <summary>Whether who sends from there has shown that it receives what is sent there: by ICE, or by a cookie in the first part of a hello.</summary>
    public bool IsProven(MediaAddress from) => AnyAddress || Hellos.Has(from);

    /// <summary>Takes a datagram off the wire. Returns at once: whether it may be of a handshake that is to be, or that runs.</summary>
    public bool Take(ReadOnlySpan<byte> datagram, MediaAddress from)
    {
        var isHello = !Terms.WeAreClient && DtlsRecords.IsClientHello(datagram);
        lock (_gate)
        {
            if (_closed) return false;
            if (_keyed)
            {
                if (!Terms.WeAreClient && (from == _lastFlightTo || AnyAddress) && DtlsRecords.HasFinished(datagram) && _resends++ < MostResends) Resend(from);
                return false;
            }
            if (!isHello)
            {
                if (AttemptOf(from) is not { } attempt) return false;
                var kept = new byte[datagram.Length];
                var length = attempt.Gate.Keep(datagram, kept);
                if (length > 0) attempt.Queue.Put(kept[..length]);
                return true;
            }
            if (!IsInBudget(from)) return true;
        }
        _handshakes.Knock(this, datagram.ToArray(), from);
        return true;
    }

    /// <summary>As client: has a handshake begun, unless one runs already or too many have failed. Returns at once.</summary>
    public void Begin(MediaAddress to)
    {
        lock (_gate)
        {
            if (_closed || _keyed || _beginning || _attempts.Count > 0 || to.IsNone || _begun >= MostBegun) return;
            _beginning = true;
        }
        if (!_handshakes.Ask(this, to)) NotBegun();
    }

    /// <summary>As client: begins. On a thread that may wait.</summary>
    public void BeginNow(MediaAddress to)
    {
        Attempt attempt;
        lock (_gate)
        {
            _beginning = false;
            if (_closed || _keyed || _attempts.Count > 0 || !_handshakes.TryReserve(to)) return;
            _begun++;
            attempt = Add(to, hello: []);
        }
        _handshakes.Run(to, () => Run(attempt, request: null), () => Finish(attempt, keys: null));
    }

    /// <summary>A ClientHello with a cookie of ours came from there: its sender receives what is sent to it. On a thread that may wait.</summary>
    public void Admit(DtlsRequest request, byte[] hello, MediaAddress from)
    {
        Attempt attempt;
        lock (_gate)
        {
            if (_closed || _keyed) return;
            var before = BeforeIt(from);
            if (before is not null && (from == before.From || AnyAddress) && IsSame(hello, before.Hello)) return;
            // Nothing that runs is ended for what can't be begun.
            if (!_starts.TryTake(_handshakes.Time.GetElapsedTime(0).Ticks, from, AnyAddress || from == _expected) || !_handshakes.TryReserve(from)) return;
            if (before is not null)
            {
                before.Queue.End();
                _attempts.Remove(before);
            }
            attempt = Add(from, hello);
        }
        _handshakes.Run(from, () => Run(attempt, request), () => Finish(attempt, keys: null));
    }

    public void SendTo(ReadOnlySpan<byte> datagram, MediaAddress to) => _owner.Send(datagram, to);

    public void Dispose()
    {
        lock (_gate)
        {
            _closed = true;
            EndAttempts();
            _lastFlight = [];
        }
    }

    private void NotBegun()
    {
        lock (_gate) _beginning = false;
    }

    private Attempt? AttemptOf(MediaAddress from) => AnyAddress ? _attempts.FirstOrDefault() : _attempts.Find(one => one.From == from);

    /// <summary>
    /// Which attempt ends for one from there: that of the same client, which began anew; that of another port of its host; when all places are taken, the one that began first.
    /// What comes from where the peer is expected ends for nobody else.
    /// </summary>
    private Attempt? BeforeIt(MediaAddress from)
    {
        if (AttemptOf(from) is { } same) return same;
        return _attempts.Find(one => one.From != _expected && DtlsHandshakes.SourceOf(one.From) == DtlsHandshakes.SourceOf(from)) ?? (_attempts.Count < MostAttempts ? null : _attempts.Find(one => one.From != _expected));
    }

    private static bool IsSame(byte[] hello, byte[] other) => DtlsRecords.FragmentOf(hello).SequenceEqual(DtlsRecords.FragmentOf(other));

    private bool IsInBudget(MediaAddress from)
    {
        if (_handshakes.Time.GetElapsedTime(_hellosSince) >= TimeSpan.FromSeconds(1)) (_expectedHellos, _otherHellos, _hellosSince) = (0, 0, _handshakes.Time.GetTimestamp());
        return AnyAddress || from == _expected ? _expectedHellos++ < MostHellos : _otherHellos++ < MostHellos;
    }

    private void Resend(MediaAddress to)
    {
        foreach (var datagram in _lastFlight) _owner.Send(datagram, to);
    }

    private Attempt Add(MediaAddress from, byte[] hello)
    {
        var queue = new DtlsQueue(datagram => _owner.Send(datagram, from), _handshakes.Time, _handshakes.Turns, MostSent);
        var attempt = new Attempt(from, hello, new DtlsGate(fromClient: !Terms.WeAreClient), queue);
        _attempts.Add(attempt);
        return attempt;
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
            if (!_attempts.Remove(attempt) || _closed)
            {
                keys?.Dispose();
                return null;
            }
            if (keys is null) return null;
            _keyed = true;
            EndAttempts();
            // Sent again in one datagram, in which nothing overtakes the change of cipher; and Finished alone, for a client that has read the change and drops a datagram that begins with it.
            var flight = attempt.Queue.LastFlight;
            (_lastFlight, _lastFlightTo) = (flight.Count == 0 ? [] : [[.. flight.SelectMany(datagram => datagram)], flight[^1]], attempt.From);
            return keys;
        }
    }

    private void EndAttempts()
    {
        foreach (var attempt in _attempts) attempt.Queue.End();
        _attempts.Clear();
    }

    private sealed record Attempt(MediaAddress From, byte[] Hello, DtlsGate Gate, DtlsQueue Queue);
}
