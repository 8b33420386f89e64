using System.Diagnostics;
using System.Globalization;

namespace IvrActors.Fuzz;

/// <summary>What a run found out.</summary>
public sealed class FuzzReport
{
    public required string Target { get; init; }
    public required long Messages { get; init; }
    public required long Accepted { get; init; }
    public required TimeSpan Elapsed { get; init; }

    /// <summary>Longest time of one input, the shortest of three repetitions, so that a pause of the machine does not count.</summary>
    public required TimeSpan Slowest { get; init; }
    public required long HeapBefore { get; init; }
    public required long HeapAfter { get; init; }
    public required long AllocatedPerMessage { get; init; }

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Target}: {Messages} messages, {Accepted} accepted, {Elapsed.TotalSeconds:F1} s, {Messages / Elapsed.TotalSeconds:F0}/s, slowest {Slowest.TotalMilliseconds:F3} ms, "
        + $"heap {HeapBefore} -> {HeapAfter} bytes, {AllocatedPerMessage} bytes allocated per message");
}

/// <summary>An input on which a target threw, disagreed with its oracle, or took too long.</summary>
public sealed class FuzzException(string what, byte[] input, Exception? cause) : Exception(what, cause)
{
    public byte[] Input { get; } = input;
}

/// <summary>Feeds a target with mutated inputs and measures it.</summary>
public static class FuzzRun
{
    /// <summary>No input of at most 8 KiB may take longer: a thousand times what a usual one takes.</summary>
    public static readonly TimeSpan MostPerInput = TimeSpan.FromMilliseconds(50);

    /// <summary>The heap may differ by what caches and pools hold, not by something per message.</summary>
    public const long MostHeapGrowth = 4 * 1024 * 1024;

    /// <summary>Inputs before the first heap reading, so that pools and compiled code are already there.</summary>
    public const int WarmUp = 5_000;

    private static readonly TimeSpan Suspicious = TimeSpan.FromMilliseconds(5);

    public static FuzzReport Run(IFuzzTarget target, IReadOnlyList<byte[]> corpus, long messages, int seed)
    {
        Replay(target, corpus);
        var mutator = new Mutator(seed, corpus, target.Dictionary);
        for (var i = 0; i < WarmUp; i++)
            RunOne(target, mutator.Next());

        var heapBefore = GC.GetTotalMemory(forceFullCollection: true);
        var allocatedBefore = GC.GetAllocatedBytesForCurrentThread();
        var started = Stopwatch.GetTimestamp();
        var slowest = TimeSpan.Zero;
        long accepted = 0;
        using (var watchdog = new Watchdog(target.Name))
        {
            for (long i = 0; i < messages; i++)
            {
                var input = mutator.Next();
                watchdog.Begin(input);
                accepted += RunTimed(target, input, out var taken) ? 1 : 0;
                slowest = Max(slowest, taken);
            }
        }
        return new FuzzReport
        {
            Target = target.Name,
            Messages = messages,
            Accepted = accepted,
            Elapsed = Stopwatch.GetElapsedTime(started),
            Slowest = slowest,
            AllocatedPerMessage = (GC.GetAllocatedBytesForCurrentThread() - allocatedBefore) / Math.Max(1, messages),
            HeapBefore = heapBefore,
            HeapAfter = GrowthChecked(heapBefore),
        };
    }

    /// <summary>Runs inputs as they are: what broke a target once, or took a new way through it.</summary>
    public static void Replay(IFuzzTarget target, IReadOnlyList<byte[]> inputs)
    {
        foreach (var input in inputs)
            RunTimed(target, input);
    }

    /// <summary>Runs one input. Throws <see cref="FuzzException"/> when the target throws or takes too long.</summary>
    internal static bool RunTimed(IFuzzTarget target, ReadOnlyMemory<byte> input) => RunTimed(target, input, out _);

    private static bool RunTimed(IFuzzTarget target, ReadOnlyMemory<byte> input, out TimeSpan taken)
    {
        var begun = Stopwatch.GetTimestamp();
        var accepted = RunOne(target, input);
        taken = Stopwatch.GetElapsedTime(begun);
        if (taken > Suspicious)
            taken = Repeated(target, input);
        return accepted;
    }

    private static bool RunOne(IFuzzTarget target, ReadOnlyMemory<byte> input)
    {
        try
        {
            return target.Run(input);
        }
        catch (Exception cause)
        {
            throw new FuzzException($"{target.Name}: {cause.GetType().Name}: {cause.Message}", input.ToArray(), cause);
        }
    }

    private static TimeSpan Repeated(IFuzzTarget target, ReadOnlyMemory<byte> input)
    {
        var best = TimeSpan.MaxValue;
        for (var i = 0; i < 3; i++)
        {
            var begun = Stopwatch.GetTimestamp();
            RunOne(target, input);
            var taken = Stopwatch.GetElapsedTime(begun);
            best = taken < best ? taken : best;
        }
        return best <= MostPerInput ? best : throw new FuzzException($"{target.Name}: one input takes {best.TotalMilliseconds} ms", input.ToArray(), null);
    }

    private static long GrowthChecked(long heapBefore)
    {
        var heapAfter = GC.GetTotalMemory(forceFullCollection: true);
        return heapAfter - heapBefore <= MostHeapGrowth ? heapAfter
            : throw new InvalidOperationException($"the heap grew from {heapBefore} to {heapAfter} bytes");
    }

    private static TimeSpan Max(TimeSpan a, TimeSpan b) => a > b ? a : b;
}
