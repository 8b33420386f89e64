namespace IvrActors.Grains.Callers.Factors;

/// <summary>The counter of one-time codes by time: <see cref="Hotp"/> over the time step (RFC 6238).</summary>
internal static class Totp
{
    /// <summary>112 bits (NIST SP 800-63B-4 3.1.4.1).</summary>
    public const int LeastKeyBytes = 14;

    private const int StepSeconds = 30;

    /// <summary>The number of the 30-second step since 1970.</summary>
    public static long StepOf(DateTimeOffset now) => now.ToUnixTimeSeconds() / StepSeconds;
}
