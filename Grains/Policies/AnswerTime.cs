namespace IvrActors.Grains.Policies;

/// <summary>When the answer to a factor check is given: at whole multiples of the floor, so that small differences of the work are not heard even when a queue makes all of it long.</summary>
public static class AnswerTime
{
    /// <summary>How long to wait after so much work; zero without a floor.</summary>
    public static TimeSpan Rest(TimeSpan floor, TimeSpan worked)
    {
        if (floor <= TimeSpan.Zero) return TimeSpan.Zero;
        var over = worked.Ticks % floor.Ticks;
        return over == 0 && worked > TimeSpan.Zero ? TimeSpan.Zero : TimeSpan.FromTicks(floor.Ticks - over);
    }
}
