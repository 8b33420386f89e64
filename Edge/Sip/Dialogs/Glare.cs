namespace IvrActors.Edge.Sip.Dialogs;

/// <summary>How long to wait after a 491 before an offer is made again (RFC 3261 14.1).</summary>
public static class Glare
{
    /// <summary>Tries in all; two sides that meet each time have a fault.</summary>
    public const int MostTries = 4;

    private const long Step = 10 * TimeSpan.TicksPerMillisecond;

    /// <summary>Ticks: 2.1 to 4 s for who made the Call-ID, else up to 2 s, in steps of 10 ms.</summary>
    /// <param name="chance">0 to below 1.</param>
    public static long Delay(bool madeCallId, double chance) => madeCallId ? (210 + (long)(chance * 191)) * Step : (long)(chance * 201) * Step;
}
