using System.Threading.Channels;
using IvrActors.Edge.Sip.Transactions;
using Microsoft.AspNetCore.Connections;

namespace IvrActors.Edge.Net;

/// <summary>One TCP or TLS connection of a peer: its write queue and the clocks by which a slow or idle peer is cut off.</summary>
internal sealed class SipConnection(ConnectionContext context, SipPeer peer, TimeProvider time)
{
    /// <summary>Bytes that a peer may leave unread; a trunk with a thousand calls a second has less in flight.</summary>
    private const long MostUnsent = 4 * 1024 * 1024;

    private readonly Channel<byte[]> _unsent = Channel.CreateUnbounded<byte[]>(new UnboundedChannelOptions { SingleReader = true });
    private long _unsentBytes;
    private long _partialSince;
    private long _lastInput = time.GetTimestamp();

    public SipPeer Peer { get; } = peer;

    /// <summary>Queues bytes; false when the connection is going down.</summary>
    public bool TrySend(byte[] bytes)
    {
        if (Interlocked.Add(ref _unsentBytes, bytes.Length) > MostUnsent)
        {
            SipMetrics.SlowReader.Inc();
            Abort();
            return false;
        }
        return _unsent.Writer.TryWrite(bytes);
    }

    /// <summary>No more is queued; what is gets sent.</summary>
    public void Complete() => _unsent.Writer.TryComplete();

    public void Abort()
    {
        _unsent.Writer.TryComplete();
        context.Abort();
    }

    /// <summary>Notes what the reader saw: bytes that came, and whether the beginning of a message is left over.</summary>
    public void Progress(bool partial)
    {
        var now = time.GetTimestamp();
        Interlocked.Exchange(ref _lastInput, now);
        if (!partial) Interlocked.Exchange(ref _partialSince, 0);
        else Interlocked.CompareExchange(ref _partialSince, now, 0);
    }

    /// <summary>How long the peer has been sending one message.</summary>
    public TimeSpan PartialFor => Interlocked.Read(ref _partialSince) is not 0 and var since ? time.GetElapsedTime(since) : TimeSpan.Zero;

    public TimeSpan IdleFor => time.GetElapsedTime(Interlocked.Read(ref _lastInput));

    /// <summary>Writes until the connection ends or <see cref="Complete"/> was called and all is sent.</summary>
    public async Task WriteAll()
    {
        await foreach (var bytes in _unsent.Reader.ReadAllAsync())
        {
            var result = await context.Transport.Output.WriteAsync(bytes);
            Interlocked.Add(ref _unsentBytes, -bytes.Length);
            if (result.IsCompleted || result.IsCanceled) return;
        }
    }
}
