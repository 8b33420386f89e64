using System.Text;
using IvrActors.Edge.Sip.Message;

namespace IvrActors.Edge.Sip.Tracing;

/// <summary>URIs and addresses without who is meant: of users only that they are numbers, how long, and their last two digits; hosts as they are.</summary>
internal static class UriMask
{
    /// <summary>Digits at the end of a number that are shown, so that two calls can be told apart. Of what is shorter than a number of a country: none.</summary>
    private const int Shown = 2, LeastToShow = 7;

    private static readonly HashSet<string> s_nobody = new(StringComparer.OrdinalIgnoreCase) { "anonymous", "restricted", "unavailable", "unknown", "ivr" };
    private static readonly HashSet<string> s_schemes = new(StringComparer.Ordinal) { "tel", "urn", "http", "https", "mailto", "im", "pres", "cid", "data" };

    public static string Uri(SipUri uri, NumberSweep sweep)
    {
        if (!uri.IsSip) return Other(uri, sweep);
        var result = new StringBuilder(uri.Scheme).Append(':');
        if (uri.User is not null) result.Append(UserInfo(uri, sweep)).Append('@');
        result.Append(MaskText.Host(uri.Host));
        if (uri.Port is { } port) result.Append(':').Append(port);
        AppendParameters(result, uri.Parameters, UriParameter);
        if (uri.HasHeaders) result.Append('?').Append(UriHeaders(uri.Headers));
        return result.ToString();
    }

    /// <summary>Values of a header of addresses; null when they cannot be read.</summary>
    public static string? Addresses(string value, NumberSweep sweep)
    {
        if (value == "*") return value;
        var result = new StringBuilder();
        var cursor = new SipCursor(value, 0, value.Length);
        do
        {
            if (!NameAddress.TryTake(ref cursor, out var address)) return null;
            if (result.Length > 0) result.Append(", ");
            Append(result, address, sweep);
        }
        while (cursor.TakeSeparator(','));
        return cursor.AtEnd ? result.ToString() : null;
    }

    /// <summary>Appends parameters of which <paramref name="mask"/> gives a value (or "" for none), and one mark for all others.</summary>
    public static void AppendParameters(StringBuilder result, SipParameters parameters, Func<string, string, string?> mask)
    {
        var others = false;
        foreach (var parameter in parameters)
        {
            var name = parameter.Name.ToString().ToLowerInvariant();
            if (mask(name, parameter.Value.ToString()) is not { } value)
            {
                others = true;
                continue;
            }
            result.Append(';').Append(name);
            if (value.Length > 0) result.Append('=').Append(value);
        }
        if (others) result.Append(';').Append(MaskText.Unnamed);
    }

    private static void Append(StringBuilder result, NameAddress address, NumberSweep sweep)
    {
        if (address.DisplayName is { } name)
        {
            sweep.Learn(name);
            result.Append(name.Equals("Anonymous", StringComparison.OrdinalIgnoreCase) ? "\"Anonymous\" " : $"\"{MaskText.Masked}\" ");
        }
        result.Append('<').Append(Uri(address.Uri, sweep)).Append('>');
        AppendParameters(result, address.Parameters, AddressParameter);
    }

    /// <summary>Only userinfo can hold an at sign, so the first one ends it.</summary>
    private static string UserInfo(SipUri uri, NumberSweep sweep)
    {
        var text = uri.ToString().AsSpan(uri.Scheme.Length + 1);
        text = text[..text.IndexOf('@')];
        var colon = text.IndexOf(':');
        var user = User((colon < 0 ? text : text[..colon]).ToString(), sweep);
        return colon < 0 ? user : $"{user}:{MaskText.Masked}";
    }

    /// <summary>A user part, or the number of a tel URI. Behind a semicolon stands what belongs to a number (RFC 3966), or keys to press.</summary>
    private static string User(string user, NumberSweep sweep)
    {
        if (s_nobody.Contains(user)) return user.ToLowerInvariant();
        sweep.Learn(System.Uri.UnescapeDataString(user));
        var semicolon = user.IndexOf(';', StringComparison.Ordinal);
        var number = (semicolon < 0 ? user : user[..semicolon]).Replace("%2B", "+", StringComparison.OrdinalIgnoreCase);
        return (IsNumber(number) ? Digits(number) : MaskText.Masked) + (semicolon < 0 ? "" : ";" + MaskText.Masked);
    }

    private static bool IsNumber(ReadOnlySpan<char> text)
    {
        if (text.StartsWith('+')) text = text[1..];
        return text.ContainsAny("0123456789x") && !text.ContainsAnyExcept("0123456789x-.()");
    }

    private static string Digits(string number)
    {
        var left = number.Count(IsDigit);
        var shown = left >= LeastToShow ? Shown : 0;
        var result = number.ToCharArray();
        for (var i = 0; i < result.Length; i++)
        {
            if (IsDigit(result[i]) && left-- > shown) result[i] = 'x';
        }
        return new string(result);

        static bool IsDigit(char c) => char.IsAsciiDigit(c) || c == 'x';
    }

    private static string Other(SipUri uri, NumberSweep sweep)
    {
        // An emergency call must be seen to be one (RFC 5031).
        if (uri.Scheme == "urn" && uri.Opaque.StartsWith("service:", StringComparison.OrdinalIgnoreCase) && MaskText.IsWord(uri.Opaque.AsSpan("service:".Length))) return uri.ToString();
        sweep.Learn(System.Uri.UnescapeDataString(uri.Opaque));
        if (uri.Scheme == "tel") return "tel:" + User(uri.Opaque, sweep);
        return (s_schemes.Contains(uri.Scheme) ? uri.Scheme : MaskText.Unnamed) + ":" + MaskText.Masked;
    }

    private static string? UriParameter(string name, string value) => name switch
    {
        "lr" or "ob" => "",
        "transport" or "user" or "method" when MaskText.IsWord(value) => value,
        "ttl" or "cause" when MaskText.IsNumber(value) => value,
        "maddr" when SipGrammar.IsHost(value) => MaskText.Host(value),
        _ => null,
    };

    private static string? AddressParameter(string name, string value)
    {
        var bare = value.Trim('"');
        return name switch
        {
            "lr" or "ob" => "",
            "tag" when MaskText.IsId(value) => value,
            "expires" or "reg-id" or "counter" or "limit" when MaskText.IsNumber(value) => value,
            "q" or "index" or "rc" or "mp" or "np" when MaskText.IsDotted(value) => value,
            "reason" or "privacy" or "screen" or "party" or "id-type" when MaskText.IsWord(bare) => bare,
            _ => null,
        };
    }

    /// <summary>Of the headers in a URI the dialog that is to be replaced, written anew.</summary>
    private static string UriHeaders(string headers)
    {
        const string Name = ReplacesHeader.Name + "=";
        var fields = headers.Split('&');
        var dialog = fields.Where(field => field.StartsWith(Name, StringComparison.OrdinalIgnoreCase)).Select(field => HeaderMask.ReplacedDialog(System.Uri.UnescapeDataString(field[Name.Length..]))).FirstOrDefault();
        var others = $"{MaskText.Unnamed}={MaskText.Masked}";
        if (dialog is null) return others;
        var shown = Name + System.Uri.EscapeDataString(dialog);
        return fields.Length == 1 ? shown : $"{shown}&{others}";
    }
}
