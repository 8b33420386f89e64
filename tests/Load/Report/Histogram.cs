namespace IvrActors.Load.Report;

/// <summary>Counts times in 200,000 steps, of 10 µs if nothing is said; longer ones count as the longest. Any thread may record.</summary>
internal sealed class Histogram(long step = TimeSpan.TicksPerMillisecond / 100)
{
    private readonly int[] _counts = new int[200_001];
    private long _max;

    public void Record(long ticks)
    {
        ticks = Math.Max(0, ticks);
        Interlocked.Increment(ref _counts[Math.Min(ticks / step, _counts.Length - 1)]);
        for (var seen = Volatile.Read(ref _max); ticks > seen; seen = Volatile.Read(ref _max))
            if (Interlocked.CompareExchange(ref _max, ticks, seen) == seen) break;
    }

    public long Count => _counts.Sum(c => (long)c);

    public double MaxMs => TimeSpan.FromTicks(_max).TotalMilliseconds;

    /// <summary>The time in ms that a fraction <paramref name="p"/> of the recorded ones does not exceed; not a number when there is none.</summary>
    public double QuantileMs(double p)
    {
        var rank = (long)Math.Ceiling(Count * p);
        if (rank == 0) return double.NaN;
        long sum = 0;
        for (var i = 0; i < _counts.Length; i++)
        {
            sum += _counts[i];
            if (sum >= rank) return (i + 1) * step / (double)TimeSpan.TicksPerMillisecond;
        }
        return MaxMs;
    }
}
