using System.Globalization;
using System.Net;
using System.Net.Sockets; // AddressFamily only.
using System.Text.RegularExpressions;

namespace IvrActors.Fuzz;

/// <summary>RFC 3261 25.1 once more, as regular expressions and word splitting: slow, and easy to hold against the grammar.</summary>
internal static partial class ObviousGrammar
{
    private const string Alphanumeric = "A-Za-z0-9";
    private const string Unreserved = Alphanumeric + @"\-_.!~*'()";
    private const string Token = Alphanumeric + @"\-.!%*_+`'~";
    private const string Escaped = "%[0-9A-Fa-f]{2}";
    private const string Host = @"(?<host>\[[0-9A-Fa-f:.]*\]|[A-Za-z0-9_.\-]+)";
    private const string UriParameter = $"(?:[{Unreserved}\\[\\]/:&+$]|{Escaped})+";
    private const string UriHeader = $"(?:[{Unreserved}\\[\\]/?:+$]|{Escaped})";
    private const string Quoted = @"""(?:\\.|[^""\\])*""";

    [GeneratedRegex(
        @$"\A(?i:sips?):(?:(?<user>(?:[{Unreserved}&=+$,;?/]|{Escaped})+)(?::(?:[{Unreserved}&=+$,]|{Escaped})*)?@)?{Host}(?::(?<port>[0-9]+))?"
        + @$"(?<parameters>(?:;{UriParameter}(?:={UriParameter})?)*)(?:\?(?<headers>{UriHeader}+={UriHeader}*(?:&{UriHeader}+={UriHeader}*)*))?\z",
        RegexOptions.CultureInvariant | RegexOptions.Singleline)]
    internal static partial Regex SipUri { get; }

    [GeneratedRegex(
        @$"\A(?i:SIP)[ \t]*/[ \t]*2\.0[ \t]*/[ \t]*(?<transport>[{Token}]+)[ \t]+{Host}(?:[ \t]*:[ \t]*(?<port>[0-9]+))?"
        + @$"(?<parameters>(?:[ \t]*;[ \t]*[{Token}]+(?:[ \t]*=[ \t]*(?:{Quoted}|[{Token}\[\]:]+))?)*)\z",
        RegexOptions.CultureInvariant | RegexOptions.Singleline)]
    internal static partial Regex Via { get; }

    [GeneratedRegex(@$"[ \t]*;[ \t]*(?<name>[^;= \t]+)(?:[ \t]*=[ \t]*(?<value>{Quoted}|[^; \t]+))?", RegexOptions.CultureInvariant | RegexOptions.Singleline)]
    private static partial Regex Parameter { get; }

    [GeneratedRegex(
        @$"\A[ \t]*(?i:Digest)[ \t]+(?<name>[{Token}]+)[ \t]*=[ \t]*(?<value>{Quoted}|[{Token}]+)(?:[ \t]*,[ \t]*(?<name>[{Token}]+)[ \t]*=[ \t]*(?<value>{Quoted}|[{Token}]+))*[ \t]*\z",
        RegexOptions.CultureInvariant | RegexOptions.Singleline)]
    private static partial Regex Digest { get; }

    [GeneratedRegex(@"\\(.)", RegexOptions.Singleline)]
    private static partial Regex Escape { get; }

    [GeneratedRegex(":::")]
    private static partial Regex ThreeColons { get; }

    /// <summary>Names and values; null when a name comes twice or there are more than 32.</summary>
    internal static Dictionary<string, string>? Parameters(string text)
    {
        var result = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (Match match in Parameter.Matches(text))
        {
            if (!result.TryAdd(match.Groups["name"].Value, match.Groups["value"].Value))
                return null;
        }
        return result.Count <= 32 ? result : null;
    }

    /// <summary>Names and values without quotes of a Digest header; null when it is none, a name comes twice, or one of our limits is passed.</summary>
    internal static Dictionary<string, string>? DigestFields(string text)
    {
        const int MostFields = 24, MostLength = 1024;
        var match = Digest.Match(text);
        var names = match.Groups["name"].Captures;
        var values = match.Groups["value"].Captures;
        if (!match.Success || names.Count > MostFields)
            return null;
        var result = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        for (var i = 0; i < names.Count; i++)
        {
            var value = values[i].Value;
            if (value.Length > MostLength || !result.TryAdd(names[i].Value, value[0] == '"' ? Escape.Replace(value[1..^1], "$1") : value))
                return null;
        }
        return result;
    }

    /// <summary>What the expression leaves open: labels, octets, IPv6 addresses.</summary>
    internal static bool IsHost(string host)
    {
        if (host.Length > 255)
            return false;
        if (host[0] == '[')
            return host.Length <= 47 && IPAddress.TryParse(host.Contains('.') ? ThreeColons.Replace(host[1..^1], "::", 1) : host[1..^1], out var address) && address.AddressFamily == AddressFamily.InterNetworkV6;
        var labels = (host.EndsWith('.') ? host[..^1] : host).Split('.');
        if (labels[^1].Length > 0 && char.IsAsciiDigit(labels[^1][0]))
            return !host.EndsWith('.') && labels.Length == 4 && labels.All(IsOctet);
        return labels.All(label => label.Length is > 0 and <= 63 && label[0] != '-' && label[^1] != '-');
    }

    internal static bool IsPort(string digits) => digits.Length <= 5 && int.Parse(digits, CultureInfo.InvariantCulture) is > 0 and <= 65_535;

    private static bool IsOctet(string label) =>
        label.Length is > 0 and <= 3 && label.All(char.IsAsciiDigit) && (label == "0" || label[0] != '0') && int.Parse(label, CultureInfo.InvariantCulture) <= 255;
}
