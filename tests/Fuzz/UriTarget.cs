using System.Text;
using IvrActors.Edge.Sip.Message;
using static IvrActors.Fuzz.OracleException;

namespace IvrActors.Fuzz;

/// <summary>SIP URIs. Oracle: a regular expression of the grammar accepts the same ones and finds the same parts; each equals itself read again.</summary>
public sealed class UriTarget : IFuzzTarget
{
    public string Name => "uri";

    public IReadOnlyList<byte[]> Dictionary { get; } =
    [
        .. new[]
        {
            "sip:", "sips:", "SIP:", "tel:+1", "@", ":", ":5060", ":0", ":65535", ":65536", ";", "=", "?", "&", "%00", "%40", "%3b", "%", "%4", "..", ".1", ".", "-",
            "[::1]", "[::ffff:192.0.2.1]", "[2001:db8:::192.0.2.1]", "[", "]", "127.0.0.1", "0127.0.0.1", "1.2.3", "256.1.1.1", "example.com", "example.com.",
            ";transport=udp", ";lr", ";maddr=", ";user=phone", ";method=INVITE", ";ttl=1", "?a=b", "&c=", "\u00e9", " ", "\t", "\r\n", "\0", "<", ">", "\"",
        }.Select(Encoding.Latin1.GetBytes),
    ];

    public bool Run(ReadOnlyMemory<byte> input)
    {
        var text = Encoding.Latin1.GetString(input.Span);
        var accepted = SipUri.TryParse(text, out var uri);
        if (accepted)
            CheckFixedPoint(text, uri!);
        if (text.Length <= SipLimits.LineLength && (!accepted || uri!.IsSip))
            CheckAgainstGrammar(text, uri);
        return accepted;
    }

    private static void CheckFixedPoint(string text, SipUri uri)
    {
        Require(uri.ToString() == text, "a URI is written otherwise than it was read");
        Require(SipUri.TryParse(text.AsSpan(), out var again) && again.Equals(uri) && again.GetHashCode() == uri.GetHashCode(), "a URI does not equal itself");
        foreach (var parameter in uri.Parameters)
            Require(uri.Parameters.Contains(parameter.Name.ToString()), "a parameter is not found by its name");
    }

    private static void CheckAgainstGrammar(string text, SipUri? uri)
    {
        var match = ObviousGrammar.SipUri.Match(text);
        var host = match.Groups["host"].Value;
        var port = match.Groups["port"];
        var parameters = ObviousGrammar.Parameters(match.Groups["parameters"].Value);
        var expected = match.Success && ObviousGrammar.IsHost(host) && (!port.Success || ObviousGrammar.IsPort(port.Value)) && parameters is not null
            && match.Groups["headers"].Value.Count(c => c == '&') < SipLimits.Parameters;
        Require(expected == uri is not null, expected ? "a URI of the grammar was refused" : "no URI of the grammar was accepted");
        if (uri is null)
            return;
        Require(uri.Host == host, "another host was read");
        Require((uri.Port?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "") == port.Value.TrimStart('0'), "another port was read");
        Require((uri.User is not null) == match.Groups["user"].Success, "a user was read where none is");
        foreach (var (name, value) in parameters!)
            Require(uri.Parameters[name] == value, "another parameter was read");
    }
}
