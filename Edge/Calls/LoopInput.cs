using IvrActors.Edge.Sip.Transactions;

namespace IvrActors.Edge.Calls;

internal enum LoopInputKind
{
    /// <summary>A SIP message from a peer.</summary>
    Message,

    /// <summary>A request that the parser refused, to be answered with <see cref="LoopInput.Number"/>.</summary>
    Refused,

    /// <summary>A stream ends after what is queued for it was sent.</summary>
    CloseStream,

    /// <summary>The connection of a stream peer is gone.</summary>
    StreamGone,
    Media,

    /// <summary>A call grain's reply, or null when the cluster could not be reached.</summary>
    Reply,

    /// <summary>A command of the cluster for one call.</summary>
    Order,

    /// <summary>A call that met an internal error ends.</summary>
    Fail,
    Timer,

    /// <summary>Something that was waited for off this thread goes on: an <c>Action</c> of now.</summary>
    Run,

    /// <summary>Asks for an <c>EdgeReport</c>.</summary>
    Report,

    /// <summary>End all calls and tell when they are gone.</summary>
    Drain,
}

/// <summary>What the signalling thread works through. Never prints what it carries.</summary>
internal readonly struct LoopInput(LoopInputKind kind, object? subject = null, object? detail = null)
{
    public LoopInputKind Kind { get; } = kind;

    public object? Subject { get; } = subject;

    public object? Detail { get; } = detail;

    public SipPeer? Peer { get; init; }

    public int Number { get; init; }

    public MediaSignal Media { get; init; }

    public override string ToString() => Kind.ToString();
}
