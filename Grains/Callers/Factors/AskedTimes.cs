namespace IvrActors.Grains.Callers.Factors;

/// <summary>How often a caller's owner is disturbed for somebody who knows the PIN: in an hour, and in a day, in which an hour's number again and again would wear anybody down.</summary>
internal static class AskedTimes
{
    public const int MostADay = 15;

    private static readonly TimeSpan s_hour = TimeSpan.FromHours(1);
    private static readonly TimeSpan s_day = TimeSpan.FromHours(24);

    /// <summary>Those that still count.</summary>
    public static List<DateTimeOffset> OfTheDay(List<DateTimeOffset> times, DateTimeOffset now) => times.FindAll(at => now - at < s_day);

    /// <summary>Whether one more would be one too many.</summary>
    /// <param name="kept">What is left to others, of the hour and of the day.</param>
    public static bool AreUsedUp(List<DateTimeOffset> times, DateTimeOffset now, int mostAnHour, int kept = 0) =>
        times.Count(at => now - at < s_hour) >= mostAnHour - kept || times.Count(at => now - at < s_day) >= MostADay - kept;
}
