using Org.BouncyCastle.Tls;

namespace IvrActors.Edge.Dtls;

/// <summary>What a blocking handshake reads from and writes to: the media thread puts datagrams in, the handshake's thread waits for them.</summary>
internal sealed class DtlsQueue(Action<byte[]> send, TimeProvider time, DtlsTurns turns, int mostSent = DtlsQueue.MostSent) : DatagramTransport
{
    /// <summary>Datagrams that wait; a flight is a handful, and more is a flood, whose rest is lost as on any path.</summary>
    public const int MostWaiting = 32;

    /// <summary>Datagrams of one handshake in all: several times what one takes on a path that loses every other packet.</summary>
    public const int MostReceived = 500;

    /// <summary>Largest datagram that is sent: IPv6's least MTU without its headers and some for tunnels.</summary>
    public const int MostSent = 1200;

    /// <summary>A peer that says nothing for so long is gone: one that is there sends again after 1 s and after 3 (RFC 6347 4.2.4.1).</summary>
    public static readonly TimeSpan MostSilence = TimeSpan.FromSeconds(3.5);

    private readonly object _gate = new();
    private readonly Queue<byte[]> _waiting = new();
    private readonly List<byte[]> _flight = [];
    private long _heardAt = time.GetTimestamp();
    private int _received;
    private bool _closed;
    private bool _muted;

    /// <summary>What was sent since the last datagram was received: at the end of a handshake, its last flight.</summary>
    public IReadOnlyList<byte[]> LastFlight => _flight;

    public void Put(byte[] datagram)
    {
        lock (_gate)
        {
            if (_closed || _waiting.Count >= MostWaiting) return;
            _waiting.Enqueue(datagram);
            _heardAt = time.GetTimestamp();
            Monitor.Pulse(_gate);
        }
    }

    /// <summary>Nothing more is sent; who waits, wakes and fails.</summary>
    public void End()
    {
        lock (_gate)
        {
            _closed = _muted = true;
            _waiting.Clear();
            Monitor.PulseAll(_gate);
        }
    }

    public int GetReceiveLimit() => Net.MediaWire.MostDatagram;

    public int GetSendLimit() => mostSent;

    public int Receive(byte[] buf, int off, int len, int waitMillis) => Receive(buf.AsSpan(off, len), waitMillis);

    public int Receive(Span<byte> buffer, int waitMillis)
    {
        turns.Give();
        try
        {
            return Wait(buffer, waitMillis);
        }
        finally
        {
            turns.Take();
        }
    }

    private int Wait(Span<byte> buffer, int waitMillis)
    {
        lock (_gate)
        {
            if (_waiting.Count == 0 && !_closed)
            {
                var left = MostSilence - time.GetElapsedTime(_heardAt);
                if (left <= TimeSpan.Zero) throw new SilentPeerException();
                Monitor.Wait(_gate, Math.Max(1, Math.Min(waitMillis, (int)Math.Ceiling(left.TotalMilliseconds))));
            }
            if (_closed) throw new IOException("the handshake was given up");
            if (!_waiting.TryDequeue(out var datagram)) return -1;
            if (++_received > MostReceived) throw new IOException("more datagrams than a handshake takes");
            datagram.CopyTo(buffer);
            _flight.Clear();
            return datagram.Length;
        }
    }

    public void Send(byte[] buf, int off, int len) => Send(buf.AsSpan(off, len));

    public void Send(ReadOnlySpan<byte> buffer)
    {
        if (_muted) return;
        var datagram = buffer.ToArray();
        _flight.Add(datagram);
        send(datagram);
    }

    /// <summary>Called by the protocol when it fails.</summary>
    public void Close() => End();
}

/// <summary>Nothing came from the peer for <see cref="DtlsQueue.MostSilence"/>. Not a time-out of BouncyCastle's, which takes one for a reason to wait again.</summary>
internal sealed class SilentPeerException() : IOException("the peer is silent");
