namespace IvrActors.Grains.Tests.Callers;

/// <summary>The machine's clock plus what a test adds. Timers stay real: the silo lives by them.</summary>
internal sealed class TestClock : TimeProvider
{
    private TimeSpan _ahead;
    private TimeSpan _set;

    public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + _ahead + _set;

    public override long GetTimestamp() => base.GetTimestamp() + (long)(_ahead.TotalSeconds * TimestampFrequency);

    /// <summary>Somebody sets the wall clock; no time passes.</summary>
    public void Set(TimeSpan by) => _set += by;

    public void Advance(TimeSpan by) => _ahead += by;
}
