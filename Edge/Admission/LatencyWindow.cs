namespace IvrActors.Edge.Admission;

/// <summary>Latencies of the last seconds: a histogram in which older ones count less and less. Any thread records.</summary>
public sealed class LatencyWindow
{
    /// <summary>Below so many nothing is said: one slow answer of three is no load.</summary>
    private const int Fewest = 20;

    private static readonly double[] s_bounds = [1, 2, 5, 10, 20, 50, 100, 200, 350, 500, 700, 1000, 1500, 2000, 5000, 10_000];

    private readonly int[] _counts = new int[s_bounds.Length];

    public void Record(TimeSpan latency)
    {
        var bucket = Array.FindIndex(s_bounds, bound => latency.TotalMilliseconds <= bound);
        Interlocked.Increment(ref _counts[bucket < 0 ? ^1 : bucket]);
    }

    /// <summary>Halves what counts: to be called at even times.</summary>
    public void Age()
    {
        for (var i = 0; i < _counts.Length; i++)
        {
            var count = Volatile.Read(ref _counts[i]);
            Interlocked.Add(ref _counts[i], -(count - count / 2));
        }
    }

    /// <summary>The latency that this share stays below, as the bound of its bucket; zero when there are too few to say.</summary>
    public TimeSpan Quantile(double share)
    {
        var all = 0;
        foreach (ref var count in _counts.AsSpan()) all += Volatile.Read(ref count);
        if (all < Fewest) return TimeSpan.Zero;
        var below = 0;
        for (var i = 0; i < _counts.Length; i++)
        {
            below += Volatile.Read(ref _counts[i]);
            if (below >= share * all) return TimeSpan.FromMilliseconds(s_bounds[i]);
        }
        return TimeSpan.FromMilliseconds(s_bounds[^1]);
    }
}
