using System.Text;
using IvrActors.Edge.Sip.Message;

namespace IvrActors.Edge.Sip.Tracing;

/// <summary>
/// What a trace shows of each header: one table, from which follows that a header that does not stand in it shows nothing. Even its name is masked when no RFC that
/// this parser knows defines it, for strangers choose names, too.
/// </summary>
internal static class HeaderMask
{
    /// <summary>Instead of names that are not known.</summary>
    public const string Unknown = "X-Masked";

    private delegate string? Mask(string value, NumberSweep sweep);

    private static readonly Dictionary<string, Mask> s_masks = new(StringComparer.Ordinal)
    {
        [SipHeaderNames.Via] = Via,
        [SipHeaderNames.CallId] = (value, _) => value,
        [SipHeaderNames.CSeq] = (value, _) => CSeq.TryParse(value, out var cseq) ? $"{MaskText.Number(cseq.Number)} {MaskText.Method(cseq.Method)}" : null,

        // Who and where.
        [SipHeaderNames.From] = UriMask.Addresses,
        [SipHeaderNames.To] = UriMask.Addresses,
        [SipHeaderNames.Contact] = UriMask.Addresses,
        [SipHeaderNames.Route] = UriMask.Addresses,
        [SipHeaderNames.RecordRoute] = UriMask.Addresses,
        ["P-Asserted-Identity"] = UriMask.Addresses,
        ["P-Preferred-Identity"] = UriMask.Addresses,
        ["Diversion"] = UriMask.Addresses,
        ["History-Info"] = UriMask.Addresses,
        ["Refer-To"] = UriMask.Addresses,
        ["Referred-By"] = UriMask.Addresses,
        ["Reply-To"] = UriMask.Addresses,
        ["Path"] = UriMask.Addresses,
        ["Service-Route"] = UriMask.Addresses,
        ["Replaces"] = Replaces,

        // Counts and times.
        [SipHeaderNames.MaxForwards] = Number,
        [SipHeaderNames.Expires] = Number,
        ["Min-Expires"] = Number,
        ["Min-SE"] = Number,
        ["RSeq"] = Number,
        ["Retry-After"] = (value, _) => LeadingNumber(value),
        ["Session-Expires"] = (value, _) => WithParameters(value, MaskText.IsNumber, Refresher),
        [SipHeaderNames.Date] = (value, _) => SipDate.IsValid(value) ? value : null,
        [SipHeaderNames.Timestamp] = (value, _) => MaskText.IsDotted(value) ? value : null,
        ["MIME-Version"] = (value, _) => MaskText.IsDotted(value) ? value : null,
        ["RAck"] = (value, _) => value.Split(' ', StringSplitOptions.RemoveEmptyEntries) is [var response, var request, var method] && MaskText.IsNumber(response) && MaskText.IsNumber(request)
            ? $"{response} {request} {MaskText.Method(method)}" : null,

        // Lists of names.
        [SipHeaderNames.Allow] = Words,
        [SipHeaderNames.Supported] = Words,
        [SipHeaderNames.Require] = Words,
        [SipHeaderNames.ProxyRequire] = Words,
        [SipHeaderNames.Unsupported] = Words,
        [SipHeaderNames.Accept] = Words,
        [SipHeaderNames.AcceptEncoding] = Words,
        ["Accept-Language"] = Words,
        ["Allow-Events"] = Words,
        ["Content-Language"] = Words,
        [SipHeaderNames.ContentEncoding] = Words,
        ["Priority"] = Words,
        ["Privacy"] = (value, _) => List(value, ';', ";"),
        [SipHeaderNames.ContentDisposition] = (value, _) => WithParameters(value, MaskText.IsWord, (name, text) => name == "handling" && MaskText.IsWord(text) ? text : null),
        ["Event"] = (value, _) => WithParameters(value, MaskText.IsWord, (name, text) => name == "id" && MaskText.IsNumber(text) ? text : null),
        ["Subscription-State"] = (value, _) => WithParameters(value, MaskText.IsWord, SubscriptionParameter),
        ["Reason"] = Reason,
        ["Warning"] = (value, _) => MaskText.IsNumber(value.AsSpan(0, Math.Min(3, value.Length))) ? $"{value.AsSpan(0, Math.Min(3, value.Length))} masked \"{MaskText.Masked}\"" : null,

        // Programs.
        ["User-Agent"] = (value, _) => Products(value),
        ["Server"] = (value, _) => Products(value),

        // Proofs.
        ["Authorization"] = CredentialMask.Of,
        ["Proxy-Authorization"] = CredentialMask.Of,
        ["WWW-Authenticate"] = CredentialMask.Of,
        ["Proxy-Authenticate"] = CredentialMask.Of,
    };

    private static readonly HashSet<string> s_known = new(SipHeaderNames.ForEachKnown(name => name), StringComparer.Ordinal);

    /// <summary>Name and value as they are shown.</summary>
    public static (string Name, string Value) Of(string name, string value, NumberSweep sweep)
    {
        var shown = s_masks.TryGetValue(name, out var mask) ? mask(value, sweep) : null;
        if (shown is null) sweep.Learn(value);
        return (s_known.Contains(name) ? name : Unknown, shown ?? MaskText.Masked);
    }

    private static string? Via(string value, NumberSweep sweep)
    {
        var result = new StringBuilder();
        var cursor = new SipCursor(value, 0, value.Length);
        do
        {
            if (!Message.Via.TryTake(ref cursor, out var via)) return null;
            if (result.Length > 0) result.Append(", ");
            result.Append("SIP/2.0/").Append(MaskText.IsWord(via.Transport) ? via.Transport : MaskText.Masked).Append(' ').Append(MaskText.Host(via.Host));
            if (via.Port is { } port) result.Append(':').Append(port);
            UriMask.AppendParameters(result, via.Parameters, ViaParameter);
        }
        while (cursor.TakeSeparator(','));
        return cursor.AtEnd ? result.ToString() : null;
    }

    private static string? ViaParameter(string name, string value) => name switch
    {
        "alias" => "",
        "rport" => value,
        "branch" when MaskText.IsId(value) => value,
        "ttl" or "keep" when MaskText.IsNumber(value) => value,
        "received" when MaskText.IsAddress(value.AsSpan().TrimStart('[').TrimEnd(']')) => value,
        "maddr" when SipGrammar.IsHost(value) => MaskText.Host(value),
        _ => null,
    };

    private static string? Replaces(string value, NumberSweep sweep) => ReplacedDialog(value);

    /// <summary>The dialog that is to be replaced (RFC 3891 6.1), which is what an attended transfer is understood by: Call-ID and tags, and nothing else that stands there.</summary>
    public static string? ReplacedDialog(string value) => ReplacesHeader.TryParse(value, out var replaced) && MaskText.IsId(replaced.LocalTag) && MaskText.IsId(replaced.RemoteTag is "" ? "0" : replaced.RemoteTag)
        ? $"{replaced.CallId};to-tag={replaced.LocalTag};from-tag={(replaced.RemoteTag.Length == 0 ? "0" : replaced.RemoteTag)}{(replaced.EarlyOnly ? ";early-only" : "")}"
        : null;

    private static string? Number(string value, NumberSweep sweep) => MaskText.IsNumber(value) ? value : null;

    /// <summary>Seconds; behind them a comment and parameters may stand.</summary>
    private static string? LeadingNumber(string value)
    {
        var end = value.AsSpan().IndexOfAnyExceptInRange('0', '9');
        var digits = end < 0 ? value : value[..end];
        return MaskText.IsNumber(digits) ? digits : null;
    }

    private static string Words(string value, NumberSweep sweep) => List(value, ',', ", ");

    private static string List(string value, char separator, string joined) => value.Trim().Length == 0
        ? ""
        : string.Join(joined, MaskText.Unquoted(value).Split(separator, StringSplitOptions.TrimEntries).Select(item => WithParameters(item, MaskText.IsWords, (name, text) => name == "q" && MaskText.IsDotted(text) ? text : null) ?? MaskText.Masked));

    private delegate bool IsHarmless(ReadOnlySpan<char> text);

    /// <summary>A value with those of its parameters that are let through; null when the value is not.</summary>
    private static string? WithParameters(string text, IsHarmless isHarmless, Func<string, string, string?> parameter)
    {
        var parts = MaskText.Unquoted(text).Split(';', StringSplitOptions.TrimEntries);
        if (!isHarmless(parts[0])) return null;
        var result = new StringBuilder(parts[0]);
        foreach (var part in parts.Skip(1))
        {
            var equals = part.IndexOf('=', StringComparison.Ordinal);
            if (equals < 0) continue;
            var name = part[..equals].Trim().ToLowerInvariant();
            if (parameter(name, part[(equals + 1)..].Trim()) is { } value) result.Append(';').Append(name).Append('=').Append(value);
        }
        return result.ToString();
    }

    private static string? Refresher(string name, string text) => name == "refresher" && text.ToLowerInvariant() is "uac" or "uas" ? text.ToLowerInvariant() : null;

    private static string? SubscriptionParameter(string name, string text) => name switch
    {
        "expires" or "retry-after" when MaskText.IsNumber(text) => text,
        "reason" when MaskText.IsWord(text) => text,
        _ => null,
    };

    /// <summary>Protocol and cause of each (RFC 3326); its text is a stranger's.</summary>
    private static string? Reason(string value, NumberSweep sweep)
    {
        var reasons = MaskText.Unquoted(value).Split(',', StringSplitOptions.TrimEntries)
            .Select(text => WithParameters(text, MaskText.IsWord, (name, cause) => name == "cause" && cause.Length <= 3 && MaskText.IsNumber(cause) ? cause : null)).OfType<string>().ToList();
        return reasons.Count > 0 ? string.Join(", ", reasons) : null;
    }

    private static string Products(string value)
    {
        const int Most = 8;
        var products = value.Split(' ', StringSplitOptions.RemoveEmptyEntries).Take(Most).Select(product => MaskText.IsProduct(product) ? product : MaskText.Masked);
        return string.Join(' ', products);
    }
}
