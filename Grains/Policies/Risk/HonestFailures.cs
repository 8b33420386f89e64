namespace IvrActors.Grains.Policies.Risk;

/// <summary>
/// How many failures honest callers make. Their number is told from how many succeed, because an attacker makes failures as they like and successes hardly: so a cluster that
/// was just started, or is busier than ever, knows what to expect without having learned it.
/// </summary>
internal static class HonestFailures
{
    /// <summary>A person who errs does so up to three times in one call: failures come in clumps, which widens their spread by as much.</summary>
    private const double Clump = 3;

    /// <summary>One false alarm in 10^9 windows, were the failures normally distributed.</summary>
    private const double Deviations = 6;

    /// <summary>Share of all wrong PINs that one PIN may have among honest callers: with PINs by Zipf's law over 10,000 it is 10 %, and what people key by mistake is what people choose.</summary>
    public const double ShareOfOnePin = 0.1;

    /// <summary>Whether there are more than honest callers make: above what is expected by more than chance, and not few in any case.</summary>
    public static bool AreExceeded(int failures, double expected, int fewest) => failures >= fewest && failures > Most(expected);

    public static double Most(double expected) => expected + Deviations * Math.Sqrt(Clump * expected);
}
