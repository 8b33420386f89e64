using System.IO.Pipelines;
using System.Net.WebSockets;
using System.Threading.Channels;
using IvrActors.Edge.Sip.Transactions;

namespace IvrActors.Edge.Net;

/// <summary>One stream connection with a peer, whoever opened it: its write queue and the clocks by which a slow, idle or dead peer is cut off.</summary>
/// <param name="abort">Ends it at once; may be called more than once.</param>
internal sealed class SipConnection(SipPeer peer, TimeProvider time, Action abort)
{
    /// <summary>Bytes that a peer may leave unread; a trunk with a thousand calls a second has less in flight.</summary>
    private const long MostUnsent = 4 * 1024 * 1024;

    /// <summary>Bytes that wait until the connection is there: a second's worth of a busy trunk.</summary>
    private const long MostWhileConnecting = 512 * 1024;

    private readonly Channel<byte[]> _unsent = Channel.CreateUnbounded<byte[]>(new UnboundedChannelOptions { SingleReader = true });
    private long _unsentBytes;
    private long _partialSince;
    private long _lastInput = time.GetTimestamp();

    public SipPeer Peer { get; } = peer;

    /// <summary>Domains for which the peer's certificate was verified (RFC 5922); empty where it showed none.</summary>
    public IReadOnlyList<string> Identities { get; set; } = [];

    /// <summary>False while a connection of ours is still being made.</summary>
    public bool IsOpen { get; set; } = true;

    /// <summary>What a WebSocket is told when we end it.</summary>
    public WebSocketCloseStatus CloseStatus { get; set; } = WebSocketCloseStatus.EndpointUnavailable;

    /// <summary>Pings that we send on it; null on connections that the peer opened, and so keeps alive.</summary>
    public KeepAlive? KeepAlive { get; init; }

    /// <summary>Queues bytes; false when the connection is going down.</summary>
    public bool TrySend(byte[] bytes)
    {
        if (Interlocked.Add(ref _unsentBytes, bytes.Length) > (IsOpen ? MostUnsent : MostWhileConnecting))
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
        abort();
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
    /// <param name="write">Writes one message; false when nobody reads any more.</param>
    public async Task WriteAll(Func<byte[], ValueTask<bool>> write)
    {
        await foreach (var bytes in _unsent.Reader.ReadAllAsync())
        {
            var goesOn = await write(bytes);
            Interlocked.Add(ref _unsentBytes, -bytes.Length);
            if (!goesOn) return;
        }
    }

    public Task WriteAll(PipeWriter output) => WriteAll(async bytes => await output.WriteAsync(bytes) is { IsCompleted: false, IsCanceled: false });
}
