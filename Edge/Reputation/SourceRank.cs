namespace IvrActors.Edge.Reputation;

/// <summary>How much a source matters where there is no room for all. What anybody can forge stands below what somebody had to be there for.</summary>
internal enum SourceRank
{
    /// <summary>A free place.</summary>
    None = 0,

    /// <summary>Points for what a datagram said.</summary>
    Suspected = 1,

    /// <summary>A block for what a datagram said.</summary>
    Blocked = 2,

    /// <summary>Points for what was proven.</summary>
    Seen = 3,

    /// <summary>It authenticated or completed a call.</summary>
    Vouched = 4,

    /// <summary>A block for what was proven.</summary>
    BlockedProven = 5,

    /// <summary>A block that an operator ordered.</summary>
    Ordered = 6,
}

/// <summary>Who gives way to whom: a flood of forged sources lifts no block, and takes the place of nobody real.</summary>
internal static class SourceRanks
{
    public static SourceRank OfBlock(bool ordered, bool proven) => ordered ? SourceRank.Ordered : proven ? SourceRank.BlockedProven : SourceRank.Blocked;

    /// <summary>Whether a source gives way to a newcomer: to one that matters more, or as much and for as long. Forged blocks do not even displace each other.</summary>
    /// <param name="until">When the block or the trust in it ends; 0 of mere points.</param>
    public static bool GivesWay(SourceRank held, long until, SourceRank newcomer, long newcomerUntil) =>
        held < newcomer || (held == newcomer && held != SourceRank.Blocked && until <= newcomerUntil);
}
