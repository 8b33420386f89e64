using System.Globalization;
using System.Text;
using IvrActors.Edge.Sip.Message;

namespace IvrActors.Edge.Sip.Tracing;

/// <summary>The classes of text that a trace shows. Each is so narrow that no number, key or word of a person fits; what is in none of them becomes <see cref="Masked"/>.</summary>
internal static class MaskText
{
    public const string Masked = "xxxx";

    /// <summary>Name of what stood under a name that is not shown: of a parameter, and of a media type.</summary>
    public const string Unnamed = "x-masked";

    private const int MostWord = 32;

    /// <summary>Enough for names such as <c>100rel</c> and <c>sha-256</c>; too few for a PIN.</summary>
    private const int MostDigits = 3;

    /// <summary>Digits of a product with its version, such as T46S/66.85.0.5, of which no more than three stand together.</summary>
    private const int MostVersionDigits = 8;

    /// <summary>Digits of a label of a host, such as edge-14 or a number of a customer.</summary>
    private const int MostLabelDigits = 6;

    /// <summary>A token with few digits: names of methods, extensions, reasons.</summary>
    public static bool IsWord(ReadOnlySpan<char> text) => text.Length <= MostWord && SipGrammar.IsToken(text) && Digits(text) <= MostDigits;

    /// <summary>A tag, branch or id that a program made: a token. That no number of a person stands in it is seen to by <see cref="NumberSweep"/>.</summary>
    public static bool IsId(ReadOnlySpan<char> text) => text.Length <= 256 && SipGrammar.IsToken(text);

    /// <summary>A count or a time in seconds.</summary>
    public static bool IsNumber(ReadOnlySpan<char> text) => text.Length <= 10 && SipGrammar.Number(text) is not null;

    /// <summary>Small numbers with dots between: a version, a q value, an index of History-Info.</summary>
    public static bool IsDotted(ReadOnlySpan<char> text) => text.Length > 0 && char.IsAsciiDigit(text[0]) && !text.ContainsAnyExcept("0123456789.") && IsProduct(text);

    /// <summary><c>type</c> or <c>type/subtype</c>.</summary>
    public static bool IsWords(ReadOnlySpan<char> text)
    {
        var slash = text.IndexOf('/');
        return slash < 0 ? IsWord(text) : IsWord(text[..slash]) && IsWord(text[(slash + 1)..]);
    }

    /// <summary>An address as the grammar has it: four octets, or IPv6 without a scope. The platform reads more as one, "1234" among it.</summary>
    public static bool IsAddress(ReadOnlySpan<char> text) => SipGrammar.IsIpv4(text) || SipGrammar.IsIpv6(text);

    /// <summary>The text with every quoted string empty (RFC 3261 25.1): what stands in one is a person's, separators are not what they seem, and one that does not end takes the rest.</summary>
    public static string Unquoted(string text)
    {
        if (!text.Contains('"', StringComparison.Ordinal)) return text;
        var result = new StringBuilder(text.Length);
        var quoted = false;
        for (var i = 0; i < text.Length; i++)
        {
            if (quoted && text[i] == '\\')
            {
                i++;
                continue;
            }
            if (!quoted || text[i] == '"') result.Append(text[i]);
            if (text[i] == '"') quoted = !quoted;
        }
        return result.ToString();
    }

    /// <summary>Whether no more than three digits stand together.</summary>
    public static bool HasShortNumbers(ReadOnlySpan<char> text)
    {
        var run = 0;
        foreach (var c in text)
        {
            run = char.IsAsciiDigit(c) ? run + 1 : 0;
            if (run > MostDigits) return false;
        }
        return true;
    }

    /// <summary>A product with its version, as programs name themselves.</summary>
    public static bool IsProduct(ReadOnlySpan<char> text) =>
        text.Length is > 0 and <= 48 && !text.ContainsAnyExcept(s_product) && Digits(text) <= MostVersionDigits && HasShortNumbers(text);

    /// <summary>A host as it is, with the digits of any label masked that could be a number.</summary>
    public static string Host(string host)
    {
        if (IsAddress(host.AsSpan().TrimStart('[').TrimEnd(']'))) return host;
        return string.Join('.', host.Split('.').Select(label => Digits(label) > MostLabelDigits ? NoDigits(label) : label));
    }

    public static string NoDigits(string text) => string.Create(text.Length, text, static (result, from) =>
    {
        for (var i = 0; i < result.Length; i++) result[i] = char.IsAsciiDigit(from[i]) ? 'x' : from[i];
    });

    /// <summary>The method, or one name for all that no RFC defines: a stranger chose it.</summary>
    public static string Method(string method) => SipMethods.IsKnown(method) ? method : "XMASKED";

    public static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);

    private static readonly System.Buffers.SearchValues<char> s_product =
        System.Buffers.SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._/");

    private static int Digits(ReadOnlySpan<char> text)
    {
        var count = 0;
        foreach (var c in text)
        {
            if (char.IsAsciiDigit(c)) count++;
        }
        return count;
    }
}
