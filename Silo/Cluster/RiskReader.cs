using System.Globalization;
using IvrActors.Grains.Policies.Risk;

namespace IvrActors.Silo.Cluster;

/// <summary>Reads <c>risk</c>: from which score on something is done about an attempt, and what. Every key may be absent; everything is on then.</summary>
internal static class RiskReader
{
    /// <summary>An edge asks again when it had no answer for 4 s.</summary>
    private static readonly TimeSpan s_longestHold = TimeSpan.FromSeconds(3);

    private static readonly TimeSpan s_longestBlock = TimeSpan.FromDays(1);

    public static RiskPolicy Read(YamlMap map)
    {
        var fallback = new RiskPolicy();
        var tarpit = map.Map("tarpit", required: false);
        var policy = new RiskPolicy
        {
            Raised = map.Number("raised", 1, 100, fallback.Raised),
            High = map.Number("high", 1, 100, fallback.High),
            HalfLife = map.Time("half_life", fallback.HalfLife),
            AccountsOfOrigin = map.Number("accounts_of_origin", 2, 1000, fallback.AccountsOfOrigin),
            AccountsToBlock = map.Number("accounts_to_block", 2, 1000, fallback.AccountsToBlock),
            CallsOfOrigin = map.Number("calls_of_origin", 2, 10_000, fallback.CallsOfOrigin),
            StepUp = map.Flag("step_up", fallback.StepUp),
            SlowDown = TimeOrOff(map, "slow_down", fallback.SlowDown, s_longestHold, "3s: an edge asks again after four"),
            Tarpit = TimeOrOff(tarpit, "time", fallback.Tarpit, s_longestHold, "3s: an edge asks again after four"),
            TarpitsAtOnce = tarpit.Number("at_once", 1, 10_000, fallback.TarpitsAtOnce),
            Block = TimeOrOff(map, "block", fallback.Block, s_longestBlock, "1d: a number may have another owner then"),
            Alarm = map.Flag("alarm", fallback.Alarm),
        };
        if (policy.High < policy.Raised) map.Report("high", "bad value", "a score not below risk.raised");
        if (policy.HalfLife < TimeSpan.FromMinutes(1) || policy.HalfLife > TimeSpan.FromDays(1)) map.Report("half_life", "bad value", "a time from 1m to 1d");
        if (policy.AccountsToBlock < policy.AccountsOfOrigin) map.Report("accounts_to_block", "bad value", "a number not below risk.accounts_of_origin");
        if (policy.Tarpit < policy.SlowDown) tarpit.Report("time", "bad value", "a time not below risk.slow_down");
        tarpit.Done();
        map.Done();
        return policy;
    }

    /// <summary>Where a trunk takes its calls in; null where it does not say.</summary>
    public static GeoPoint? ReadLocation(YamlMap map)
    {
        var place = new GeoPoint(Degrees(map, "latitude", 90), Degrees(map, "longitude", 180));
        map.Done();
        return place;
    }

    private static TimeSpan? TimeOrOff(YamlMap map, string key, TimeSpan? fallback, TimeSpan most, string bound)
    {
        if (map.IsOff(key)) return null;
        var time = map.Time(key, fallback);
        if (time > most) map.Report(key, "bad value", "off, or a time of at most " + bound);
        return time;
    }

    private static double Degrees(YamlMap map, string key, double most)
    {
        double degrees = 0;
        map.Text(key, $"degrees from -{most} to {most} such as 52.5", valid: text =>
            double.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out degrees) && Math.Abs(degrees) <= most);
        return degrees;
    }
}
