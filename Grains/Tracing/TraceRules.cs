using System.Net;
using IvrActors.Grains.Interfaces.Tracing;

namespace IvrActors.Grains.Tracing;

/// <summary>What may be asked for, and when a trace is over.</summary>
internal static class TraceRules
{
    /// <summary>Traces at once in the cluster: each costs every edge a look at every message.</summary>
    public const int MostTraces = 8;

    public static readonly TimeSpan MostLasting = TimeSpan.FromHours(1);
    public const int MostMessages = 100_000;

    /// <summary>A reader asks several times a second; one that was silent for this long is gone.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    /// <summary>What waits for the reader: some seconds of a busy trace.</summary>
    public const int MostWaiting = 5000;
    public const int MostWaitingCharacters = 16 * 1024 * 1024;

    /// <summary>At most in one answer to the reader.</summary>
    public const int MostRead = 500;

    /// <summary>Texts that an edge may send: a masked message is a bit longer than the longest that a datagram holds.</summary>
    public const int MostText = 128 * 1024;

    private const int MostName = 256;

    public static bool MayBeAsked(TraceRequest request) =>
        request.Lasting > TimeSpan.Zero && request.Lasting <= MostLasting && request.MostMessages is > 0 and <= MostMessages
        && IsName(request.Filter.SipCallId) && IsName(request.Filter.Trunk) && IsName(request.Filter.Call) && IsSource(request.Filter.Source);

    /// <param name="age">Since the start.</param>
    /// <param name="silence">Since the reader was here.</param>
    /// <param name="shown">Messages so far.</param>
    public static TraceEnd EndOf(TraceRequest request, TimeSpan age, TimeSpan silence, long shown) =>
        silence > Patience ? TraceEnd.NobodyReads : age >= request.Lasting ? TraceEnd.TimeOver : shown >= request.MostMessages ? TraceEnd.Enough : TraceEnd.None;

    /// <summary>What is traced, for the audit record: a Call-ID without the number that some programs write into it.</summary>
    public static string Describe(TraceRequest request)
    {
        var filter = request.Filter;
        string?[] parts =
        [
            filter.SipCallId is { } callId ? "call-id " + WithoutNumbers(callId) : null,
            filter.Trunk is { } trunk ? "trunk " + trunk : null,
            filter.Source is { } source ? "source " + source : null,
            filter.Call is { } call ? "call " + call : null,
        ];
        var what = string.Join(", ", parts.OfType<string>());
        return FormattableString.Invariant($"{(what.Length == 0 ? "all" : what)} for {request.Lasting.TotalSeconds:0} s, {request.MostMessages} messages");
    }

    private static bool IsName(string? text) => text is null || (text.Length is > 0 and <= MostName && text.All(c => c is > ' ' and < (char)127));

    private static bool IsSource(string? text) => text is null || IPAddress.TryParse(text, out _) || IPNetwork.TryParse(text, out _);

    private static string WithoutNumbers(string text)
    {
        const int LeastDigits = 6;
        var result = text.ToCharArray();
        for (var start = 0; start < result.Length; start++)
        {
            var end = start;
            while (end < result.Length && char.IsAsciiDigit(result[end])) end++;
            if (end - start >= LeastDigits) result.AsSpan(start..end).Fill('x');
            start = Math.Max(start, end - 1);
        }
        return new string(result);
    }
}
