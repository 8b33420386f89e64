using IvrActors.Grains.Interfaces;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Policies;
using Microsoft.Extensions.Logging;

namespace IvrActors.Grains.Policies;

/// <summary>Why a call does not fit into a limit.</summary>
/// <param name="Reason">From a closed vocabulary.</param>
internal readonly record struct LimitRefusal(string Reason, TimeSpan RetryAfter, bool IsUnavailable = false);

/// <summary>
/// The narrow limits of one call, of its caller and of the number that it calls: too many to be leased, so they are asked as the call comes in. Those of its trunk, tenant and cluster its edge
/// has counted before.
/// </summary>
internal sealed partial class CallLimits(IGrainFactory grains, TimeSpan longestCall, ILogger log)
{
    public const string Caller = "caller";
    public const string Destination = "destination";

    private readonly List<string> _places = [];

    /// <summary>Keys of limits in which the call has a place, or may have one, for <see cref="Ended"/>.</summary>
    public IReadOnlyList<string> Places => _places;

    /// <summary>Null when it fits.</summary>
    /// <param name="scope">One of the constants above.</param>
    public async Task<LimitRefusal?> Take(string scope, string key, LimitRule rule, CallId call, bool isKnown)
    {
        if (!rule.Bounds) return null;
        // Noted before: a request that is not answered may have been counted, and the end of what was not changes nothing.
        if (rule.AtOnce is not null) _places.Add(key);
        try
        {
            var decision = await grains.Grain<IRateLimitGrain>(key).Take(new LimitTake
            {
                Call = call.Value,
                Calls = rule.Calls,
                CallsKept = isKnown ? 0 : rule.CallsKept,
                AtOnce = isKnown ? rule.AtOnce : rule.AtOnce - rule.SlotsKept,
                LongestCall = longestCall,
            });
            PolicyMetrics.Decided(scope, decision.Allowed ? "allowed" : "refused");
            if (decision.Allowed) return null;
            _places.Remove(key);
            return new LimitRefusal(scope + (decision.NoPlace ? "-busy" : "-rate-limit"), decision.RetryAfter);
        }
        catch (Exception e) when (!SiloLoss.Is(e))
        {
            LogUnasked(log, scope, e.GetType().Name);
            PolicyMetrics.Decided(scope, rule.OpenWhenUnavailable ? "alone" : "unavailable");
            return rule.OpenWhenUnavailable ? null : new LimitRefusal(scope + "-limit-unavailable", TimeSpan.FromSeconds(5), IsUnavailable: true);
        }
    }

    /// <summary>The call is over, or was not taken after all.</summary>
    public static async Task Ended(IGrainFactory grains, ILogger log, IEnumerable<string> places, CallId call)
    {
        foreach (var key in places)
        {
            try
            {
                await grains.Grain<IRateLimitGrain>(key).End(call.Value);
            }
            catch (Exception e)
            {
                // It frees itself when no call can last any longer.
                LogUnasked(log, "end", e.GetType().Name);
            }
        }
    }

    [LoggerMessage(LogLevel.Warning, "A limit of a call could not be asked: {Scope}, {Error}")]
    private static partial void LogUnasked(ILogger log, string scope, string error);
}
