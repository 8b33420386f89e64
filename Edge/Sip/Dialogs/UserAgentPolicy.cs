namespace IvrActors.Edge.Sip.Dialogs;

/// <summary>Bounds and times of a user agent.</summary>
public sealed class UserAgentPolicy
{
    /// <summary>Calls of one trunk at once, of both directions: one trunk must not take all there is.</summary>
    public int MostCallsPerTrunk { get; init; } = 4000;

    /// <summary>Early dialogs of one INVITE of ours: honest proxies fork to a few phones.</summary>
    public int MostForks { get; init; } = 8;
}
