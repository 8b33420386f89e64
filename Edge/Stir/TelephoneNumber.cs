using System.Text;
using IvrActors.Edge.Sip.Message;
using IvrActors.Grains.Interfaces.Policies;

namespace IvrActors.Edge.Stir;

/// <summary>Telephone numbers as they are signalled and as they are signed (RFC 8224 8.3).</summary>
internal static class TelephoneNumber
{
    /// <summary>The digits of a number, with its plus sign and without what only makes it readable; null when it is no number.</summary>
    public static string? DigitsOf(SipUri uri)
    {
        var text = uri.IsSip ? uri.User : uri.Scheme == "tel" ? uri.Opaque : null;
        if (text is null) return null;
        Span<char> digits = stackalloc char[StirLimits.NumberDigits + 1];
        var count = 0;
        foreach (var c in text)
        {
            if (c == ';') break;
            if (c is '-' or '.' or '(' or ')') continue;
            if (!(char.IsAsciiDigit(c) || (c == '+' && count == 0)) || count == digits.Length) return null;
            digits[count++] = c;
        }
        return count > 0 && digits[..count] is not "+" ? digits[..count].ToString() : null;
    }

    /// <summary>The number as it is signed: with its country's code and without a plus sign.</summary>
    /// <param name="digits">As <see cref="DigitsOf"/> gives them.</param>
    /// <param name="region">Country in whose way it is written; null: it has its country's code already.</param>
    public static string Canonical(string digits, string? region) => NumberPlan.Normalise(digits, region).TrimStart('+');

    /// <summary>A number as a PASSporT has it: digits, <c>*</c> and <c>#</c>. A plus sign before it is let pass, as some signers leave it there. Null when it is none.</summary>
    public static string? OfClaim(string text)
    {
        var number = text.StartsWith('+') ? text[1..] : text;
        return number.Length is > 0 and <= StirLimits.NumberDigits && number.All(c => char.IsAsciiDigit(c) || c is '*' or '#') ? number : null;
    }
}

/// <summary>Who calls or is called: either a canonical number or a URI. Personal: prints as nothing.</summary>
internal readonly record struct StirParty(string? Number, string? Uri)
{
    public bool IsNone => Number is null && Uri is null;

    public static StirParty OfNumber(string digits, string? region) => new(TelephoneNumber.Canonical(digits, region), null);

    /// <summary>Of a URI in signalling: its number where it has one.</summary>
    public static StirParty Of(SipUri uri, string? region) => TelephoneNumber.DigitsOf(uri) is { } digits ? OfNumber(digits, region) : new(null, CanonicalUri(uri));

    /// <summary>A URI that was signed.</summary>
    public static StirParty OfClaimedUri(string text) => new(null, SipUri.TryParse(text, out var uri) ? CanonicalUri(uri) : text);

    /// <summary>RFC 8224 8.5: scheme, user and host; of what is no SIP URI, the text.</summary>
    private static string CanonicalUri(SipUri uri)
    {
        if (!uri.IsSip) return uri.ToString();
        var text = new StringBuilder("sip:");
        if (uri.User is { } user) text.Append(user).Append('@');
        return text.Append(uri.Host.ToLowerInvariant()).ToString();
    }

    private bool PrintMembers(StringBuilder builder) => builder is null;
}
