namespace IvrActors.Edge.Sip.Dialogs;

/// <summary>Whose SDP offer waits for its answer (RFC 3264 4).</summary>
public enum OfferState
{
    None,
    Ours,
    Theirs,
}

/// <summary>What becomes of an offer that comes in.</summary>
public enum OfferVerdict
{
    Take,

    /// <summary>One of ours is under way: 491 (RFC 3261 14.2, RFC 3311 5.2).</summary>
    Glare,

    /// <summary>Theirs before is not answered yet: 500 with Retry-After.</summary>
    TooSoon,
}

/// <summary>The offers and answers of one dialog: one at a time, whatever messages carry them (RFC 3264, RFC 6337).</summary>
public sealed class OfferAnswer
{
    public OfferState State { get; private set; }

    /// <summary>Whether an offer was ever answered: only then there is a session.</summary>
    public bool Established { get; private set; }

    public OfferVerdict Receive()
    {
        var verdict = State switch { OfferState.Ours => OfferVerdict.Glare, OfferState.Theirs => OfferVerdict.TooSoon, _ => OfferVerdict.Take };
        if (verdict == OfferVerdict.Take) State = OfferState.Theirs;
        return verdict;
    }

    /// <summary>An offer of ours goes out; false while another one is open.</summary>
    public bool TrySend()
    {
        if (State != OfferState.None) return false;
        State = OfferState.Ours;
        return true;
    }

    public void Answered() => (State, Established) = (OfferState.None, true);

    /// <summary>The offer came to nothing; the session stays as it was (RFC 3261 14.1).</summary>
    public void Dropped() => State = OfferState.None;
}
