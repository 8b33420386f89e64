using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Grains.Policies;

namespace IvrActors.Silo.Cluster;

/// <summary>Reads what a tenant may spend on calls out and whom it may call: <c>tenants[].outbound</c>. What each key means: docs/operations.md, "Calls out".</summary>
internal static class OutboundReader
{
    private const string Forbidden = "forbidden";

    /// <summary>The edge ends calls that are longer, whatever is said here.</summary>
    private static readonly TimeSpan s_longestCall = TimeSpan.FromHours(4);

    private static readonly Dictionary<string, NumberKind> s_kinds = new(StringComparer.Ordinal)
    {
        ["premium"] = NumberKind.Premium,
        ["shared-cost"] = NumberKind.SharedCost,
        ["satellite"] = NumberKind.Satellite,
        ["personal"] = NumberKind.Personal,
    };

    /// <param name="usual">Of the table, where the tenant says nothing else.</param>
    public static OutboundPolicy Read(YamlMap map, OutboundLimits usual)
    {
        var spend = map.Map("spend");
        var (calls, atOnce, longest) = ReadLimits(map, usual);
        var policy = new OutboundPolicy
        {
            Prices = ReadPrices(map.Map("prices")),
            Unblocked = map.List("unblock", "one of " + string.Join(", ", s_kinds.Keys), text => s_kinds.TryGetValue(text, out var kind) ? kind : (NumberKind?)null, required: false).ToHashSet(),
            Spend = new SpendRule
            {
                PerHour = spend.Number("hour", 1, 1_000_000_000),
                PerDay = spend.Number("day", 1, 1_000_000_000),
                Calls = calls,
                CallsAtOnce = atOnce,
                LongestCall = longest,
            },
        };
        if (spend.Has("day") && policy.Spend.PerDay < policy.Spend.PerHour) spend.Report("day", "bad value", "an amount not below spend.hour");
        spend.Done();
        map.Done();
        return policy;
    }

    /// <summary>Reads calls out of a tenant, or the table's row of them.</summary>
    public static OutboundLimits ReadLimits(YamlMap map, OutboundLimits usual)
    {
        var limits = new OutboundLimits(LimitReader.ReadRate(map, "calls", usual.Calls) ?? usual.Calls, map.Number("calls_at_once", 1, 1000, usual.CallsAtOnce), map.Time("longest_call", usual.LongestCall));
        if (limits.LongestCall < TimeSpan.FromMinutes(1) || limits.LongestCall > s_longestCall) map.Report("longest_call", "bad value", "a time from 1m to 4h");
        return limits;
    }

    /// <summary>What is set in one place and impossible by another.</summary>
    public static void FindContradictions(YamlMap tenant, OutboundPolicy? policy, IReadOnlyDictionary<string, string> targets, IReadOnlyList<TrunkSettings> trunks)
    {
        var ways = trunks.Select(trunk => trunk.ToWayOut()).OfType<WayOut>().ToList();
        if (policy is not null && !trunks.Any(trunk => trunk is { Outbound: not null, Destinations.Count: > 0 })) tenant.Report("outbound", "no way out", "a trunk with outbound and destinations");
        foreach (var (name, number) in targets.Where(target => IsNumber(target.Value)))
        {
            if (ways.Any(way => OutboundRules.Decide(policy, way, number).Refusal == OutboundRefusal.None)) continue;
            var reason = ways.Count == 0 ? OutboundRefusal.NoWayOut : ways.Max(way => OutboundRules.Decide(policy, way, number).Refusal);
            tenant.Map("transfer_targets").Report(name, $"no call to this number is allowed: {OutboundRefusals.NameOf(reason)}", "a number that outbound.prices of the tenant and destinations of a trunk name");
        }
    }

    /// <summary>A number in E.164 that exists in the plan of its country.</summary>
    public static bool IsNumber(string text) => text.StartsWith('+') && NumberPlan.E164(text, null) == text;

    private static Dictionary<string, int?> ReadPrices(YamlMap map)
    {
        const string expected = "the price of a minute in minor units, or " + Forbidden;
        var prices = new Dictionary<string, int?>(StringComparer.Ordinal);
        foreach (var prefix in map.Keys.ToList())
        {
            if (prefix.Length is < 2 or > 16 || prefix[0] != '+' || prefix.AsSpan(1).ContainsAnyExceptInRange('0', '9'))
            {
                map.Absent<string>(prefix);
                map.Report(prefix, "bad prefix", "the beginning of numbers in E.164 such as +49");
                continue;
            }
            var text = map.Text(prefix, expected, valid: value => value == Forbidden || (value.Length <= 6 && value.All(char.IsAsciiDigit)));
            prices[prefix] = text == Forbidden || text.Length == 0 ? null : int.Parse(text, System.Globalization.CultureInfo.InvariantCulture);
        }
        map.Done();
        return prices;
    }
}
