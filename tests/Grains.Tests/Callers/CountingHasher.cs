using IvrActors.Grains.Callers;
using IvrActors.Grains.Privacy;

namespace IvrActors.Grains.Tests.Callers;

/// <summary>The real hash, counted; tells on what thread it ran.</summary>
internal sealed class CountingHasher(IClusterKeys keys) : PinHasher(keys)
{
    private int _runs;

    public int Runs => _runs;

    public TaskScheduler? LastScheduler { get; private set; }

    public override bool Matches(PinHash stored, ReadOnlySpan<byte> pin)
    {
        Interlocked.Increment(ref _runs);
        LastScheduler = TaskScheduler.Current;
        return base.Matches(stored, pin);
    }

    public override PinHash Make(ReadOnlySpan<byte> pin, byte[] salt, PinCost cost)
    {
        Interlocked.Increment(ref _runs);
        return base.Make(pin, salt, cost);
    }
}
