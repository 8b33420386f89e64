using System.Net;
using IvrActors.Edge.Sip.Transactions;

namespace IvrActors.Edge.Tracing;

/// <summary>What became of a message.</summary>
internal enum TapKind
{
    Received,
    Sent,

    /// <summary>Came from a source that is not listened to: no trunk's, blocked, or above its limit.</summary>
    NotListenedTo,
}

/// <summary>A SIP message on its way, not masked yet: it stays in this process, and <see cref="Forget"/> zeroes it.</summary>
internal sealed class TappedMessage(byte[] bytes)
{
    public byte[] Bytes { get; } = bytes;

    public required DateTimeOffset At { get; init; }

    public required TapKind Kind { get; init; }

    public required SipTransport Transport { get; init; }

    public required IPEndPoint Remote { get; init; }

    /// <summary>Number of the stream connection, 0 for UDP; and whether we opened it.</summary>
    public long Connection { get; init; }
    public bool OpenedByUs { get; init; }

    /// <summary>The trunk as which the peer came in and, when a password named another one, that one; null for a stranger.</summary>
    public EdgeTrunk? Entry { get; init; }
    public EdgeTrunk? Trunk { get; init; }

    /// <summary>Null when it could not be read.</summary>
    public string? SipCallId { get; init; }

    public void Forget() => Bytes.AsSpan().Clear();
}
