namespace IvrActors.Edge.Sip.Dialogs;

/// <summary>Dialog state as values (RFC 3261 12), for whoever goes on with it elsewhere.</summary>
internal sealed class DialogRecord
{
    /// <summary>
    /// How far our sequence numbers jump when another edge goes on: more than the edge before can have used since, whatever it refreshed or repeated, and 32,000 edges may follow one another below the
    /// limit of 2^31 (RFC 3261 8.1.1.5). A request that it still sends comes with a lower number, and the peer refuses it (12.2.2).
    /// </summary>
    public const uint Gap = 65_536;

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
