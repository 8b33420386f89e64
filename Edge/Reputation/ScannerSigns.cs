using IvrActors.Edge.Sip.Message;

namespace IvrActors.Edge.Reputation;

/// <summary>
/// Fingerprints of programs that look for telephone systems to abuse. By name, where they give one; and by how SIPVicious builds its messages, which
/// stays when its name and the display name in From are changed.
/// </summary>
public static class ScannerSigns
{
    /// <summary>Names in lower case. None of them is part of the name of a telephone or a carrier's equipment.</summary>
    private static readonly string[] s_names =
    [
        "friendly-scanner", "friendly-request", "sipvicious", "sipcli", "sip-scan", "sipscan", "sundayddr", "vaxsipuseragent", "vaxipuseragent", "pplsip", "zmeu", "iwar", "siparmyknife",
        "sivus", "smap", "sip-vicious", "scan-sip", "gulp-sip",
    ];

    /// <summary>Where a scanner's name stands, if it does not hide it.</summary>
    private static readonly string[] s_headers = ["User-Agent", "Server", "Subject", "Organization", SipHeaderNames.From];

    /// <summary>Whether a request bears such a fingerprint; it may be one that was rejected (<see cref="SipParseResult.Answerable"/>).</summary>
    public static bool IsIn(SipRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        foreach (var header in s_headers)
        {
            if (request.Headers.First(header) is { } value && HasName(value)) return true;
        }
        return IsSipVicious(request);
    }

    private static bool HasName(string value)
    {
        foreach (var name in s_names)
        {
            if (value.Contains(name, StringComparison.OrdinalIgnoreCase)) return true;
        }
        return false;
    }

    /// <summary>
    /// SIPVicious 0.3: branch <c>z9hG4bK-</c> and a decimal number of 32 bits, Call-ID a decimal number, and in From a tag that is the hexadecimal form
    /// of what it looks for, a byte 1, and another decimal number. Any one of them an honest program may have, all of them none has.
    /// </summary>
    private static bool IsSipVicious(SipRequest request)
    {
        const string Branch = "z9hG4bK-";
        return request.Vias is [{ Branch: { } branch }, ..] && branch.StartsWith(Branch, StringComparison.Ordinal) && IsNumber(branch.AsSpan(Branch.Length), 10)
            && request.Headers.First(SipHeaderNames.CallId) is { } call && IsNumber(call, 40)
            && request.Headers.First(SipHeaderNames.From) is { } from && IsNumberedHex(TagOf(from));
    }

    /// <summary>The last parameter of that name; From as a whole may be malformed.</summary>
    private static ReadOnlySpan<char> TagOf(string from)
    {
        const string Tag = "tag=";
        var at = from.LastIndexOf(Tag, StringComparison.OrdinalIgnoreCase);
        if (at < 0 || !from.AsSpan(0, at).TrimEnd().EndsWith(";")) return [];
        var tag = from.AsSpan(at + Tag.Length);
        var end = tag.IndexOf(';');
        return (end < 0 ? tag : tag[..end]).Trim();
    }

    private static bool IsNumber(ReadOnlySpan<char> text, int mostDigits) => text.Length > 0 && text.Length <= mostDigits && !text.ContainsAnyExceptInRange('0', '9');

    /// <summary>Hexadecimal of some bytes, 01, and digits.</summary>
    private static bool IsNumberedHex(ReadOnlySpan<char> tag)
    {
        if (tag.Length % 2 != 0 || tag.ContainsAnyExcept("0123456789abcdef")) return false;
        var at = tag.Length - 2;
        while (at >= 0 && tag[at] == '3' && char.IsAsciiDigit(tag[at + 1])) at -= 2;
        return at > 0 && at < tag.Length - 2 && tag[at..(at + 2)] is "01";
    }
}
