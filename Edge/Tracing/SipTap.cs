using IvrActors.Edge.Net;
using IvrActors.Edge.Sip.Dialogs;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;

namespace IvrActors.Edge.Tracing;

/// <summary>Where every SIP message passes, decrypted, on its way in and out. While nobody traces it costs one volatile read, else a copy of what is asked for.</summary>
public sealed class SipTap(TimeProvider time)
{
    private volatile TraceWatch[]? _watches;

    internal TapBuffer Buffer { get; } = new();

    /// <summary>Of the calls that began while somebody traced, and of those that were asked for.</summary>
    internal CallNames Names { get; } = new();

    /// <summary>What is looked for from now on; null: nothing.</summary>
    internal IReadOnlyList<TraceWatch>? Watches
    {
        get => _watches;
        set => _watches = value is { Count: > 0 } ? [.. value] : null;
    }

    /// <summary>A peer's message, before anything is done with it.</summary>
    /// <param name="message">What the parser made of it; null when it refused it.</param>
    internal void Received(ReadOnlySpan<byte> bytes, SipMessage? message, SipPeer peer)
    {
        if (_watches is { } watches) Take(watches, bytes, TapKind.Received, peer, message?.CallId);
    }

    internal void Sent(in SipSend send)
    {
        if (_watches is { } watches) Take(watches, send.Bytes, TapKind.Sent, send.Peer, CallIdOf(send.Bytes));
    }

    /// <summary>A datagram of a source that is not listened to.</summary>
    internal void NotListenedTo(ReadOnlySpan<byte> bytes, in SourceAddress source)
    {
        if (_watches is not { } watches) return;
        var remote = source.ToEndPoint();
        if (!Array.Exists(watches, watch => watch.Matches(TapKind.NotListenedTo, remote.Address, null, null, null))) return;
        Buffer.Add(new TappedMessage(bytes.ToArray()) { At = time.GetUtcNow(), Kind = TapKind.NotListenedTo, Transport = SipTransport.Udp, Remote = remote });
    }

    /// <summary>This dialog belongs to this call.</summary>
    internal void Joined(string call, string sipCallId)
    {
        if (_watches is not { } watches) return;
        Names.Add(sipCallId, call);
        foreach (var watch in watches)
        {
            if (watch.Call == call) watch.Add(sipCallId);
        }
    }

    private void Take(TraceWatch[] watches, ReadOnlySpan<byte> bytes, TapKind kind, SipPeer peer, string? callId)
    {
        if (!Array.Exists(watches, watch => watch.Matches(kind, peer.EndPoint.Address, peer.Trunk, peer.Entry, callId))) return;
        Buffer.Add(new TappedMessage(bytes.ToArray())
        {
            At = time.GetUtcNow(),
            Kind = kind,
            Transport = peer.Transport,
            Remote = peer.EndPoint,
            Connection = peer.Connection,
            OpenedByUs = peer.OpenedByUs,
            Entry = peer.Entry,
            Trunk = peer.Trunk,
            SipCallId = callId,
        });
    }

    /// <summary>Of a message that we wrote: its names are in their canonical form.</summary>
    private static string? CallIdOf(ReadOnlySpan<byte> message)
    {
        var name = "\r\nCall-ID: "u8;
        var start = message.IndexOf(name);
        if (start < 0) return null;
        var value = message[(start + name.Length)..];
        var end = value.IndexOf("\r\n"u8);
        return end < 0 ? null : System.Text.Encoding.Latin1.GetString(value[..end]);
    }
}
