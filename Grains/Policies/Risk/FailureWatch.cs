namespace IvrActors.Grains.Policies.Risk;

/// <summary>
/// Whether more fails than usual, over a whole trunk or tenant: the one thing that gives away a thousand origins which try a little each. The usual odds (failures for each
/// success) are learned over hours, within bounds, and not while there is a wave, so that nobody can teach them slowly what an attack is.
/// </summary>
internal sealed class FailureWatch
{
    /// <summary>Before anything was learned: 3 % mistyped, twice that to be sure.</summary>
    internal const double UsualOdds = 0.06;

    private const double LeastOdds = 0.02, MostOdds = 0.25;

    /// <summary>Successes that the first odds weigh as much as.</summary>
    private const double PriorWeight = 200;

    /// <summary>Fewest failures in a minute, and in ten, that are a wave where hardly anybody calls.</summary>
    internal const int FewestMinute = 30, FewestShort = 60;

    private const int SlotsOfMinute = 6, SlotsShort = 60, SlotsDay = 24;

    private static readonly TimeSpan s_halfLife = TimeSpan.FromHours(6);
    private static readonly TimeSpan s_lesson = TimeSpan.FromMinutes(1);

    private readonly SlidingCount _failed = new(PinSpray.Short, SlotsShort), _succeeded = new(PinSpray.Short, SlotsShort), _succeededToday = new(PinSpray.Day, SlotsDay);
    private double _learnedFailures, _learnedSuccesses;
    private int _failedSince, _succeededSince;
    private TimeSpan _learnedAt;

    /// <summary>Failures for each success, as it usually is.</summary>
    public double Odds => Math.Clamp((_learnedFailures + UsualOdds * PriorWeight) / (_learnedSuccesses + PriorWeight), LeastOdds, MostOdds);

    public void Add(TimeSpan now, int succeeded, int failed)
    {
        _failed.Add(now, failed);
        _succeeded.Add(now, succeeded);
        _succeededToday.Add(now, succeeded);
        (_failedSince, _succeededSince) = (_failedSince + failed, _succeededSince + succeeded);
        if (now - _learnedAt >= s_lesson) Learn(now);
    }

    /// <summary>The failures of the window that make a wave; 0: there is none.</summary>
    public int Wave(TimeSpan now)
    {
        var minute = _failed.Count(now, SlotsOfMinute);
        if (HonestFailures.AreExceeded(minute, Odds * _succeeded.Count(now, SlotsOfMinute), FewestMinute)) return minute;
        var lately = _failed.Count(now);
        return HonestFailures.AreExceeded(lately, Odds * _succeeded.Count(now), FewestShort) ? lately : 0;
    }

    public ExpectedFailures Expected(TimeSpan now) => new(Odds * _succeeded.Count(now), Odds * _succeededToday.Count(now));

    private void Learn(TimeSpan now)
    {
        if (Wave(now) == 0)
        {
            var kept = Math.Pow(0.5, (now - _learnedAt) / s_halfLife);
            (_learnedFailures, _learnedSuccesses) = (_learnedFailures * kept + _failedSince, _learnedSuccesses * kept + _succeededSince);
        }
        (_failedSince, _succeededSince, _learnedAt) = (0, 0, now);
    }
}
