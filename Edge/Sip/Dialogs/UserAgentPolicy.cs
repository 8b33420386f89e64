namespace IvrActors.Edge.Sip.Dialogs;

/// <summary>Bounds and times of a user agent.</summary>
public sealed class UserAgentPolicy
{
    /// <summary>Calls of one trunk at once, of both directions: one trunk must not take all there is.</summary>
    public int MostCallsPerTrunk { get; init; } = 4000;

    /// <summary>Early dialogs of one INVITE of ours: honest proxies fork to a few phones.</summary>
    public int MostForks { get; init; } = 8;

    /// <summary>Seconds of a session without refresh (RFC 4028); half an hour is what the standard recommends.</summary>
    public uint SessionSeconds { get; init; } = 1800;

    /// <summary>The least that a peer may ask for; 90 s is the standard's bound.</summary>
    public uint LeastSessionSeconds { get; init; } = 90;

    /// <summary>Longest call, in ticks: no caller of an IVR stays for hours, but a forgotten call does.</summary>
    public long MostCallLength { get; init; } = 4 * TimeSpan.TicksPerHour;
}
