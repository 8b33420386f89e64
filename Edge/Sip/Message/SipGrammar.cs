using System.Buffers;
using System.Net;

namespace IvrActors.Edge.Sip.Message;

/// <summary>Character classes and terminals of RFC 3261 section 25.1.</summary>
internal static class SipGrammar
{
    private const string Alphanumeric = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    private const string Unreserved = Alphanumeric + "-_.!~*'()";

    internal static readonly SearchValues<char> Token = SearchValues.Create(Alphanumeric + "-.!%*_+`'~");
    internal static readonly SearchValues<char> Word = SearchValues.Create(Alphanumeric + "-.!%*_+`'~()<>:\\\"/[]?{}");

    /// <summary>Token, or a host as gen-value: IPv6 stands in brackets in general, without them in <c>received</c>.</summary>
    internal static readonly SearchValues<char> ParameterValue = SearchValues.Create(Alphanumeric + "-.!%*_+`'~[]:");

    internal static readonly SearchValues<char> User = SearchValues.Create(Unreserved + "%&=+$,;?/");
    internal static readonly SearchValues<char> Password = SearchValues.Create(Unreserved + "%&=+$,");
    internal static readonly SearchValues<char> UriParameter = SearchValues.Create(Unreserved + "%[]/:&+$");
    internal static readonly SearchValues<char> UriHeader = SearchValues.Create(Unreserved + "%[]/?:+$");
    internal static readonly SearchValues<char> AbsoluteUri = SearchValues.Create(Unreserved + "%;/?:@&=+$,[]");

    /// <summary>bchars of a multipart boundary (RFC 2046 5.1.1).</summary>
    internal static readonly SearchValues<char> Boundary = SearchValues.Create(Alphanumeric + "'()+_,-./:=? ");

    /// <summary>Labels may carry an underscore: it is no legal host character, yet container networks name hosts so.</summary>
    internal static readonly SearchValues<char> HostName = SearchValues.Create(Alphanumeric + "-._");
    internal static readonly SearchValues<char> Ipv6 = SearchValues.Create("0123456789abcdefABCDEF:.");

    /// <summary>Controls other than the tab.</summary>
    internal static readonly SearchValues<char> Control = SearchValues.Create(
        [.. Enumerable.Range(0, 0x20).Where(c => c != '\t').Select(c => (char)c), (char)0x7F]);

    /// <summary>Controls other than the tab and the two of a line end.</summary>
    internal static readonly SearchValues<char> ControlWithinLine = SearchValues.Create(
        [.. Enumerable.Range(0, 0x20).Where(c => c is not ('\t' or '\r' or '\n')).Select(c => (char)c), (char)0x7F]);

    internal static bool IsToken(ReadOnlySpan<char> text) => text.Length > 0 && !text.ContainsAnyExcept(Token);

    internal static bool IsSpace(char c) => c is ' ' or '\t';

    /// <summary>Whether every percent sign is followed by two hexadecimal digits.</summary>
    internal static bool EscapesAreWhole(ReadOnlySpan<char> text)
    {
        for (var at = text.IndexOf('%'); at >= 0;)
        {
            if (at + 2 >= text.Length || !char.IsAsciiHexDigit(text[at + 1]) || !char.IsAsciiHexDigit(text[at + 2]))
                return false;
            text = text[(at + 3)..];
            at = text.IndexOf('%');
        }
        return true;
    }

    /// <summary>hostname, IPv4address or IPv6reference. A name whose last label begins with a digit must be an IPv4 address.</summary>
    internal static bool IsHost(ReadOnlySpan<char> host)
    {
        if (host.Length is 0 or > 255)
            return false;
        if (host[0] == '[')
        {
            return host[^1] == ']' && IsIpv6(host[1..^1]);
        }
        return !host.ContainsAnyExcept(HostName) && IsHostName(host);
    }

    /// <summary>As <see cref="IsHost"/>, of characters that a name or an IPv4 address may hold.</summary>
    internal static bool IsHostName(ReadOnlySpan<char> host)
    {
        if (host.Length is 0 or > 255)
            return false;
        var name = host[^1] == '.' ? host[..^1] : host;
        var top = name[(name.LastIndexOf('.') + 1)..];
        return top.Length > 0 && char.IsAsciiDigit(top[0]) ? IsIpv4(host) : LabelsAreWhole(name);
    }

    /// <summary>The grammar of RFC 3261 puts three colons before an IPv4 part where two are meant; RFC 5118 4.10 wants both read.</summary>
    internal static bool IsIpv6(ReadOnlySpan<char> text)
    {
        const int MostCharacters = 45;
        if (text.Length > MostCharacters || text.ContainsAnyExcept(Ipv6))
            return false;
        var three = text.IndexOf(":::");
        if (three >= 0 && text.Contains('.'))
            text = string.Concat(text[..three], text[(three + 1)..]);
        return text.Contains(':') && IPAddress.IsValid(text);
    }

    /// <summary>Longest number read, leading zeros included (RFC 4475 3.1.1.1 has some).</summary>
    internal const int MostDigits = 20;

    /// <summary>Digits only, no overflow: the value, or null.</summary>
    internal static uint? Number(ReadOnlySpan<char> digits)
    {
        if (digits.Length is 0 or > MostDigits)
            return null;
        ulong value = 0;
        foreach (var digit in digits)
        {
            if (!char.IsAsciiDigit(digit))
                return null;
            value = value * 10 + (uint)(digit - '0');
            if (value > uint.MaxValue)
                return null;
        }
        return (uint)value;
    }

    /// <summary>Whether control characters stand only where a quoted-pair escapes them (RFC 3261 25.1, RFC 4475 3.1.1.2).</summary>
    internal static bool ControlsAreEscaped(ReadOnlySpan<char> value)
    {
        var quoted = false;
        for (var i = 0; i < value.Length; i++)
        {
            if (value[i] == '"')
                quoted = !quoted;
            else if (quoted && value[i] == '\\' && i + 1 < value.Length && value[i + 1] is not ('\r' or '\n'))
                i++;
            else if (Control.Contains(value[i]))
                return false;
        }
        return true;
    }

    private static bool LabelsAreWhole(ReadOnlySpan<char> name)
    {
        var labelStart = 0;
        for (var i = 0; i <= name.Length; i++)
        {
            if (i < name.Length && name[i] != '.')
                continue;
            if (i == labelStart || i - labelStart > 63 || name[labelStart] == '-' || name[i - 1] == '-')
                return false;
            labelStart = i + 1;
        }
        return true;
    }

    /// <summary>Four decimal octets. A leading zero is refused: some, the platform among them, read such an octet as octal.</summary>
    internal static bool IsIpv4(ReadOnlySpan<char> text)
    {
        var (octets, digits, value) = (1, 0, 0);
        foreach (var c in text)
        {
            if (c == '.')
            {
                if (digits == 0 || ++octets > 4)
                    return false;
                (digits, value) = (0, 0);
                continue;
            }
            if (!char.IsAsciiDigit(c) || (digits > 0 && value == 0))
                return false;
            digits++;
            value = value * 10 + (c - '0');
            if (value > 255)
                return false;
        }
        return octets == 4 && digits > 0;
    }
}
