using System.Security.Cryptography;
using System.Text;
using IvrActors.Grains.Interfaces.Calls;

namespace IvrActors.Grains.Calls;

/// <summary>How callers are called back: how often, how long after, and how often a busy line is tried.</summary>
internal static class CallBackRule
{
    /// <summary>Per caller identity and hour. Whoever knows a PIN can make its owner's telephone ring no more often.</summary>
    public const int MostPerHour = 3;

    /// <summary>Within 24 hours: three an hour would ring all night.</summary>
    public const int MostPerDay = 6;

    /// <summary>A line that was hung up is not free at once: mobile networks take a second or two, analogue lines longer.</summary>
    private static readonly TimeSpan s_after = TimeSpan.FromSeconds(4);

    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(10);

    private const int Tries = 3;

    /// <summary>For what is said before the first call ends, and the way of the news that it has.</summary>
    private static readonly TimeSpan s_slack = TimeSpan.FromMinutes(3);

    /// <summary>The id of the call that an event orders: of the same event again the same, so that it is ordered, paid for and made once.</summary>
    public static CallId IdOf(CallId call, int seq) => new("call-" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"ivr call back {call.Value}/{seq}")).AsSpan(0, 16)));

    /// <summary>Counts one more call-back of a caller; null: it is one too many. The one that was counted last is not counted again.</summary>
    public static CallBackCount? Count(DateTimeOffset now, CallBackCount before, CallId callBack)
    {
        if (string.Equals(before.Last, callBack.Value, StringComparison.Ordinal)) return before;
        // Of a clock that was set back by more than the day nothing is left to count.
        var recent = before.At.Where(at => (now - at).Duration() < TimeSpan.FromHours(24)).ToList();
        var lately = recent.Count(at => (now - at).Duration() < TimeSpan.FromHours(1));
        return recent.Count >= MostPerDay || lately >= MostPerHour ? null : new CallBackCount { Last = callBack.Value, At = [.. recent, now] };
    }

    /// <summary>From the order to the answer, at most.</summary>
    public static TimeSpan Longest(TimeSpan ringTime) => s_slack + s_after + Tries * ringTime + (Tries - 1) * s_pause;

    public static Originate OrderOf(CallBackTicket ticket) => new()
    {
        Tenant = ticket.Tenant,
        Trunk = ticket.Trunk,
        Number = ticket.Number,
        RingTime = ticket.RingTime,
        MostTalk = ticket.MostTalk,
        After = s_after,
        Tries = Tries,
        Pause = s_pause,
    };
}

/// <summary>When a caller was called back in the last day.</summary>
[GenerateSerializer, Alias("ivr.state.CallBackCount")]
public sealed class CallBackCount
{
    /// <summary>The call that was ordered last.</summary>
    [Id(0)] public string Last { get; init; } = "";
    [Id(1)] public List<DateTimeOffset> At { get; init; } = [];
}
