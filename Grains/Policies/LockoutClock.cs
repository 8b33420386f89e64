namespace IvrActors.Grains.Policies;

/// <summary>The clocks of this process.</summary>
internal sealed class LockoutClock(TimeProvider time)
{
    private readonly long _began = time.GetTimestamp();
    private readonly Guid _process = Guid.NewGuid();

    public LockoutMoment Now => new(time.GetUtcNow(), time.GetElapsedTime(_began), _process);
}
