using System.Globalization;

namespace IvrActors.Bench;

/// <summary>Median cost of one operation.</summary>
public readonly record struct Cost(string Name, double Nanoseconds, long Bytes)
{
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Name,-34} {Nanoseconds,10:F0} ns {1e9 / Nanoseconds,12:F0}/s {Bytes,8} bytes");
}

/// <summary>
/// Times operations against each other in one run: rounds of all operations in turn, and the median of each over the rounds, so that a slow phase of the
/// machine hits them alike and their ratio stands.
/// </summary>
public static class Measurement
{
    private const int Rounds = 11;
    private static readonly TimeSpan PerRound = TimeSpan.FromMilliseconds(150);

    public static IReadOnlyList<Cost> Compare(params (string Name, Action Operation)[] operations)
    {
        var counts = operations.Select(o => CountFor(o.Operation)).ToArray();
        var rounds = operations.Select(_ => new double[Rounds]).ToArray();
        for (var round = 0; round < Rounds; round++)
        {
            for (var i = 0; i < operations.Length; i++)
                rounds[i][round] = Time(operations[i].Operation, counts[i]).TotalNanoseconds / counts[i];
        }
        return [.. operations.Select((o, i) => new Cost(o.Name, rounds[i].Order().ElementAt(Rounds / 2), Allocated(o.Operation)))];
    }

    /// <summary>Warms up until tiered compilation has settled and finds how many repetitions fill a round.</summary>
    private static int CountFor(Action operation)
    {
        var count = 1_000;
        TimeSpan taken;
        while ((taken = Time(operation, count)) < PerRound)
            count *= 2;
        Time(operation, count);
        return (int)Math.Max(1, count * (PerRound / taken));
    }

    /// <summary>Processor time of this process, garbage collection included: time in which others had the core does not count.</summary>
    private static TimeSpan Time(Action operation, int count)
    {
        var started = Environment.CpuUsage.TotalTime;
        for (var i = 0; i < count; i++)
            operation();
        return Environment.CpuUsage.TotalTime - started;
    }

    private static long Allocated(Action operation)
    {
        const int Count = 1_000;
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < Count; i++)
            operation();
        return (GC.GetAllocatedBytesForCurrentThread() - before) / Count;
    }
}
