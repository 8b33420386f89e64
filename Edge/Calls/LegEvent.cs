using IvrActors.Grains.Interfaces;
using IvrActors.Grains.Interfaces.Calls;

namespace IvrActors.Edge.Calls;

/// <summary>An event for the call grain. Secret digits are beside it: they are sealed off the signalling thread, just before it is sent.</summary>
public sealed class LegEvent(CallEvent callEvent)
{
    public CallEvent Event { get; } = callEvent;

    /// <summary>Digits to be sealed into the <see cref="DigitsCollected"/>; owned by the receiver, who zeroes them.</summary>
    public Secret<byte>? Digits { get; init; }

    /// <summary>Name of the collect: the purpose to which they are sealed.</summary>
    public string Purpose { get; init; } = "";
}

/// <summary>What media reports about a call, as a value for the signalling thread. Never prints its key.</summary>
public readonly struct MediaSignal(MediaSignalKind kind, char key, int playId, long timestamp)
{
    public MediaSignalKind Kind { get; } = kind;

    public char Key { get; } = key;

    public int PlayId { get; } = playId;

    /// <summary><c>TimeProvider</c> timestamp of when it happened.</summary>
    public long Timestamp { get; } = timestamp;

    public override string ToString() => Kind.ToString();
}

public enum MediaSignalKind
{
    Key,
    Tone,
    PlayStarted,
    PlayEnded,
    TimedOut,
}
