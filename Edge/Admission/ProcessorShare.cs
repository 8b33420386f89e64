namespace IvrActors.Edge.Admission;

/// <summary>
/// The share of the processors that a process uses, smoothed over some seconds, because compiling code and collecting garbage come in bursts. Samples count by the time that they
/// are of: where the machine has no time for who takes them, two may be a moment apart and say anything. Pure.
/// </summary>
public struct ProcessorShare
{
    private static readonly TimeSpan s_memory = TimeSpan.FromSeconds(3);

    /// <summary>0 to 1.</summary>
    public double Value { get; private set; }

    /// <param name="busy">Processor time used in <paramref name="elapsed"/>.</param>
    public void Add(TimeSpan busy, TimeSpan elapsed, int processors)
    {
        if (elapsed <= TimeSpan.Zero) return;
        var share = Math.Clamp(busy / elapsed / processors, 0, 1);
        Value += (1 - Math.Exp(-(elapsed / s_memory))) * (share - Value);
    }
}
