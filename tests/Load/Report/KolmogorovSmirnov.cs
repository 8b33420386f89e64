namespace IvrActors.Load.Report;

/// <summary>The two-sample test of Kolmogorov and Smirnov: whether two samples can be of one distribution, whatever it is.</summary>
internal static class KolmogorovSmirnov
{
    /// <summary>The largest distance between the two empirical distributions, 0 to 1.</summary>
    public static double Distance(IReadOnlyList<double> a, IReadOnlyList<double> b)
    {
        var (x, y) = (a.Order().ToArray(), b.Order().ToArray());
        var (i, j, most) = (0, 0, 0.0);
        while (i < x.Length && j < y.Length)
        {
            // Equal values step together, or ties would count as a distance.
            var value = Math.Min(x[i], y[j]);
            while (i < x.Length && x[i] <= value) i++;
            while (j < y.Length && y[j] <= value) j++;
            most = Math.Max(most, Math.Abs((double)i / x.Length - (double)j / y.Length));
        }
        return most;
    }

    /// <summary>
    /// The probability of such a distance or a larger one if both are of one distribution: Kolmogorov's series, 2 Σ (-1)^(k-1) exp(-2 k² λ²), with Stephens' correction for
    /// small samples, λ = (√n + 0.12 + 0.11/√n) D, n = ab/(a+b). With ties it is too large, never too small.
    /// </summary>
    public static double Probability(double distance, int a, int b)
    {
        var root = Math.Sqrt((double)a * b / (a + b));
        var lambda = (root + 0.12 + 0.11 / root) * distance;
        // Below it the series converges slowly, and the sum is 1 to all digits that matter.
        if (lambda < 0.2) return 1;
        var sum = 0.0;
        for (var k = 1; k <= 100; k++) sum += (k % 2 == 1 ? 2 : -2) * Math.Exp(-2 * k * k * lambda * lambda);
        return Math.Clamp(sum, 0, 1);
    }
}
