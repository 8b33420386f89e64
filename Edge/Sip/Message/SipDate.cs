using System.Globalization;

namespace IvrActors.Edge.Sip.Message;

/// <summary>SIP-date: the fixed form of RFC 1123, always GMT (RFC 3261 20.17).</summary>
public static class SipDate
{
    private const string Form = "ddd, dd MMM yyyy HH:mm:ss 'GMT'";

    public static bool IsValid(ReadOnlySpan<char> value) => TryParse(value, out _);

    public static bool TryParse(ReadOnlySpan<char> value, out DateTimeOffset date) =>
        DateTimeOffset.TryParseExact(value, Form, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out date);

    public static string Write(DateTimeOffset date) => date.ToUniversalTime().ToString(Form, CultureInfo.InvariantCulture);
}
