namespace IvrActors.Edge.Sip.Dialogs;

/// <summary>Dialog state as values (RFC 3261 12), for whoever goes on with it elsewhere.</summary>
internal sealed class DialogRecord
{
    /// <summary>
    /// How far our sequence numbers jump when another edge goes on: more than the edge before can have used since, whatever it refreshed or repeated. A request that it still sends comes with a lower
    /// number, and the peer refuses it (RFC 3261 12.2.2). The second edge in a row that is asked for one dialog jumps twice as far, and so on; the limit of 2^31 (8.1.1.5) is reached by some 250.
    /// </summary>
    public const uint Gap = 65_536;

    /// <summary>For a BYE after which nobody goes on: above whatever an edge that was asked before may have sent.</summary>
    public const int LastJump = 1024;

    public required DialogId Id { get; init; }

    /// <summary>Our side and the peer, as they stand in From and To of our requests.</summary>
    public required string Local { get; init; }
    public required string Remote { get; init; }
    public required IReadOnlyList<string> Routes { get; init; }
    public required string Target { get; init; }
    public required uint LocalSequence { get; init; }
    public required uint? RemoteSequence { get; init; }
    public required bool IsSecure { get; init; }
    public required bool IsCaller { get; init; }
}
