namespace IvrActors.Edge.Admission;

/// <summary>
/// Admission by measured load, pure: each reading changes the share of new calls that is let in, and a random number decides on one call. The share
/// follows the ratio of what is bearable to what is measured (the occupancy algorithm, RFC 6357 4), with a band in which it stays; who is to be
/// turned away is taken from the ordinary callers before the known ones (as RFC 7339 7.3 takes it from its first category). ADR 0010.
/// </summary>
public static class AdmissionControl
{
    /// <summary>A sample's weight in the smoothed number of calls.</summary>
    private const double Smoothing = 0.2;

    private static readonly LoadSignal[] s_signals = Enum.GetValues<LoadSignal>();

    /// <param name="ordinary">New calls since the last reading; likewise <paramref name="known"/>.</param>
    public static AdmissionState Observe(AdmissionRules rules, AdmissionState state, in LoadReading reading, int ordinary, int known)
    {
        ArgumentNullException.ThrowIfNull(rules);
        ArgumentNullException.ThrowIfNull(state);
        var (signal, pressure) = Strongest(rules, reading);
        var next = state with
        {
            Signal = signal,
            Pressure = pressure,
            Ordinary = state.Ordinary + Smoothing * (ordinary - state.Ordinary),
            Known = state.Known + Smoothing * (known - state.Known),
            Accepted = Accept(state.Accepted, pressure),
        };
        // A processor that is busy with turning callers away gets no less busy by turning those away that it serves in time.
        return Share(next, sparesKnown: signal == LoadSignal.Cpu);
    }

    /// <summary>Whether one call is let in.</summary>
    /// <param name="chance">A random number, 0 to below 1.</param>
    public static bool Admits(AdmissionState state, CallClass kind, double chance)
    {
        ArgumentNullException.ThrowIfNull(state);
        return chance >= state.ShedOf(kind);
    }

    /// <summary>
    /// Seconds for Retry-After: few, because a proxy keeps all calls away for that long (RFC 3261 21.5.4), and spread, so that not all come back at once.
    /// </summary>
    /// <param name="chance">As for <see cref="Admits"/>, another one.</param>
    public static int RetryAfter(double chance) => 1 + (int)(chance * 5);

    private static (LoadSignal Signal, double Pressure) Strongest(AdmissionRules rules, in LoadReading reading)
    {
        var (signal, pressure) = (LoadSignal.Cpu, 0.0);
        foreach (var candidate in s_signals)
        {
            if (rules.PressureOf(candidate, reading) is var strength && strength > pressure) (signal, pressure) = (candidate, strength);
        }
        return (signal, pressure);
    }

    private static double Accept(double accepted, double pressure) => pressure switch
    {
        > 1 => Math.Max(AdmissionRules.LeastAccepted, accepted * Math.Max(AdmissionRules.StrongestStep, 1 / pressure)),
        < AdmissionRules.Relief when accepted < 1 => Math.Min(1, accepted * 1.1 + AdmissionRules.SlowestGrowth),
        _ => accepted,
    };

    private static AdmissionState Share(AdmissionState state, bool sparesKnown)
    {
        var all = state.Ordinary + state.Known;
        var shed = 1 - state.Accepted;
        if (all < double.Epsilon || shed == 0) return state with { OrdinaryShed = shed, KnownShed = 0 };
        var ordinary = state.Ordinary / all;
        if (shed <= ordinary) return state with { OrdinaryShed = shed / ordinary, KnownShed = 0 };
        var known = sparesKnown ? 0 : Math.Min(1, (shed - ordinary) / (1 - ordinary));
        return state with { OrdinaryShed = 1, KnownShed = known };
    }
}
