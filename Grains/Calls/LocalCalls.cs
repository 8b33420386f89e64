namespace IvrActors.Grains.Calls;

/// <summary>How many calls this silo controls now: call grains in its memory.</summary>
public sealed class LocalCalls
{
    private int _count;

    public int Count => Volatile.Read(ref _count);

    internal void Began() => Interlocked.Increment(ref _count);

    internal void Ended() => Interlocked.Decrement(ref _count);
}
