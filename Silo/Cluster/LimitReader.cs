using System.Globalization;
using IvrActors.Grains.Interfaces.Policies;

namespace IvrActors.Silo.Cluster;

/// <summary>Reads <c>limits</c>, the one table of limits, and what tenants and trunks say instead of their row. Every key may be absent: rows of trunk, caller, source, edge and outbound then are those of the committed cluster.yaml, where their reasons stand; the others bound nothing.</summary>
internal static class LimitReader
{
    private const double Share = 0.2;

    private static readonly Dictionary<string, bool> s_unavailable = new(StringComparer.Ordinal) { ["open"] = true, ["closed"] = false };

    private static readonly LimitRule s_none = new() { KnownShare = Share, OpenWhenUnavailable = true };
    private static readonly LimitRule s_trunk = s_none with { Calls = new RateLimit(100, TimeSpan.FromSeconds(1), 200) };
    private static readonly LimitRule s_caller = new() { Calls = new RateLimit(30, TimeSpan.FromMinutes(1), 30) };
    private static readonly OutboundLimits s_outbound = new(new RateLimit(10, TimeSpan.FromMinutes(1), 10), 10, TimeSpan.FromHours(1));

    public static LimitSettings Read(YamlMap map)
    {
        var (source, edge, outbound) = (map.Map("source", required: false), map.Map("edge", required: false), map.Map("outbound", required: false));
        var cluster = ReadRow(map.Map("cluster", required: false), s_none);
        var limits = new LimitSettings
        {
            MessagesPerSource = ReadRate(source, "messages", new RateLimit(2000, TimeSpan.FromSeconds(1), 4000))!,
            CallsAtOnce = edge.Number("calls_at_once", 1, 100_000, 4000),
            Cluster = cluster,
            Tenant = ReadRow(map.Map("tenant", required: false), s_none, cluster),
            Trunk = ReadRow(map.Map("trunk", required: false), s_trunk, cluster),
            Caller = ReadRow(map.Map("caller", required: false), s_caller, cluster, isOfMany: false),
            Destination = ReadRow(map.Map("destination", required: false), s_none, cluster),
            Outbound = OutboundReader.ReadLimits(outbound, s_outbound),
            LongestCall = map.Time("longest_call", TimeSpan.FromHours(4)),
            SessionInterval = map.Time("session_interval", TimeSpan.FromMinutes(30)),
        };
        if (limits.LongestCall < TimeSpan.FromMinutes(1) || limits.LongestCall > TimeSpan.FromHours(24)) map.Report("longest_call", "bad value", "a time from 1m to 24h");
        if (limits.SessionInterval < TimeSpan.FromSeconds(90) || limits.SessionInterval > TimeSpan.FromHours(2)) map.Report("session_interval", "bad value", "a time from 90s (RFC 4028 4) to 2h");
        source.Done();
        edge.Done();
        outbound.Done();
        map.Done();
        return limits;
    }

    /// <summary>What a tenant or a trunk says instead of the table's row: key by key.</summary>
    public static LimitRule ReadOwn(YamlMap map, LimitRule usual, LimitRule cluster) => ReadRow(map.Map("limits", required: false), usual, cluster);

    /// <summary>Calls per time; null: absent, and without a default.</summary>
    public static RateLimit? ReadRate(YamlMap map, string key, RateLimit? usual)
    {
        if (!map.Has(key)) return map.Absent<RateLimit>(key) ?? usual;
        var below = map.Map(key);
        var limit = new RateLimit(below.Number("count", 1, 1_000_000), below.Time("period"), below.Number("burst", 1, 1_000_000));
        below.Done();
        return limit;
    }

    /// <param name="isOfMany">Whether several callers share it, so that a part can be kept for the known ones.</param>
    private static LimitRule ReadRow(YamlMap map, LimitRule usual, LimitRule? cluster = null, bool isOfMany = true)
    {
        var rule = new LimitRule
        {
            Calls = ReadRate(map, "calls", usual.Calls),
            AtOnce = map.OptionalNumber("calls_at_once", 1, 100_000) ?? usual.AtOnce,
            KnownShare = isOfMany ? ReadShare(map, "known_share", usual.KnownShare) : 0,
            OpenWhenUnavailable = map.Choice("when_unavailable", s_unavailable, usual.OpenWhenUnavailable),
        };
        if (map.Has("calls_at_once") && rule.AtOnce > cluster?.AtOnce) map.Report("calls_at_once", "more than the cluster takes", $"at most limits.cluster.calls_at_once, {cluster.AtOnce}");
        map.Done();
        return rule;
    }

    private static double ReadShare(YamlMap map, string key, double usual)
    {
        var text = map.Text(key, "a share from 0% to 50%", string.Create(CultureInfo.InvariantCulture, $"{usual:P0}"), IsShare);
        return IsShare(text) ? int.Parse(text[..^1], CultureInfo.InvariantCulture) / 100.0 : usual;
    }

    private static bool IsShare(string text) => text is [.. { Length: 1 or 2 } digits, '%'] && digits.All(char.IsAsciiDigit) && int.Parse(digits, CultureInfo.InvariantCulture) <= 50;
}
