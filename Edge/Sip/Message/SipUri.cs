using System.Diagnostics.CodeAnalysis;

namespace IvrActors.Edge.Sip.Message;

/// <summary>
/// A <c>sip:</c> or <c>sips:</c> URI (RFC 3261 19.1), or the text of a URI of another scheme, of which only <see cref="Scheme"/> and
/// <see cref="Opaque"/> are known. A view of the text that it was read from.
/// </summary>
public sealed class SipUri : IEquatable<SipUri>
{
    private readonly string _text;
    private readonly int _start;
    private int _end;
    private int _schemeEnd;
    private int _userStart = -1;
    private int _userEnd;
    private int _passwordEnd;
    private int _hostStart;
    private int _hostEnd;
    private int _headersStart;

    private SipUri(string text, int start)
    {
        _text = text;
        _start = start;
    }

    /// <summary>Lower case.</summary>
    public string Scheme { get; private set; } = "";

    /// <summary>Whether the scheme is <c>sip</c> or <c>sips</c>; if not, only <see cref="Scheme"/> and <see cref="Opaque"/> say anything.</summary>
    public bool IsSip { get; private set; }

    /// <summary>All after the colon of the scheme, e.g. the number of a <c>tel:</c> URI.</summary>
    public string Opaque => _text[(_schemeEnd + 1).._end];

    /// <summary>User part with its escapes resolved, or null.</summary>
    public string? User => _userStart < 0 ? null : field ??= Unescape(RawUser);

    /// <summary>Host name, IPv4 address, or IPv6 address in brackets. Empty for other schemes.</summary>
    public string Host => field ??= _text[_hostStart.._hostEnd];

    public int? Port { get; private set; }

    public SipParameters Parameters { get; private set; }

    /// <summary>Headers after the question mark, without it: <c>name=value&amp;name=value</c>, escaped. Empty when there are none.</summary>
    public string Headers => _headersStart == 0 ? "" : _text[_headersStart.._end];

    public bool HasHeaders => _headersStart != 0;

    /// <summary>Reads a whole text as a URI.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, [NotNullWhen(true)] out SipUri? uri) => TryParse(text.ToString(), out uri);

    /// <summary>Reads a whole text as a URI.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out SipUri? uri)
    {
        ArgumentNullException.ThrowIfNull(text);
        return TryParse(text, 0, text.Length, out uri);
    }

    /// <summary>Reads a part of a text as a URI and keeps a view of it.</summary>
    internal static bool TryParse(string source, int start, int end, [NotNullWhen(true)] out SipUri? uri)
    {
        uri = null;
        if (end - start > SipLimits.LineLength)
            return false;
        var text = source.AsSpan(start, end - start);
        var colon = text.IndexOf(':');
        if (colon <= 0 || !IsScheme(text[..colon]))
            return false;
        var read = new SipUri(source, start) { _end = end, _schemeEnd = start + colon };
        if (text[..colon].Equals("sip", StringComparison.OrdinalIgnoreCase))
            read.Scheme = "sip";
        else if (text[..colon].Equals("sips", StringComparison.OrdinalIgnoreCase))
            read.Scheme = "sips";
        else
            read.Scheme = text[..colon].ToString().ToLowerInvariant();
        read.IsSip = read.Scheme is "sip" or "sips";
        if (!(read.IsSip ? read.ReadSip(text[(colon + 1)..].IndexOf('@')) : IsAbsolute(text[(colon + 1)..])))
            return false;
        uri = read;
        return true;
    }

    /// <summary>The exact text.</summary>
    public override string ToString() => _start == 0 && _end == _text.Length ? _text : _text[_start.._end];

    /// <summary>Equivalence of RFC 3261 19.1.4; other schemes by exact text.</summary>
    public bool Equals(SipUri? other)
    {
        if (ReferenceEquals(this, other))
            return true;
        if (other is null || Scheme != other.Scheme)
            return false;
        if (!IsSip)
            return Opaque == other.Opaque;
        return User == other.User && Password == other.Password && Port == other.Port
            && Host.Equals(other.Host, StringComparison.OrdinalIgnoreCase)
            && ParametersMatch(Parameters, other.Parameters) && ParametersMatch(other.Parameters, Parameters)
            && SortedHeaders().SequenceEqual(other.SortedHeaders(), StringComparer.OrdinalIgnoreCase);
    }

    public override bool Equals(object? obj) => Equals(obj as SipUri);

    public override int GetHashCode() => IsSip
        ? HashCode.Combine(Scheme, User, StringComparer.OrdinalIgnoreCase.GetHashCode(Host), Port)
        : HashCode.Combine(Scheme, Opaque);

    private string? Password => _userStart < 0 || _passwordEnd <= _userEnd ? null : Unescape(_text.AsSpan((_userEnd + 1).._passwordEnd));

    private ReadOnlySpan<char> RawUser => _text.AsSpan(_userStart, _userEnd - _userStart);

    /// <summary>[ userinfo "@" ] hostport uri-parameters [ headers ]. Only userinfo can hold an at sign, so the first one ends it.</summary>
    private bool ReadSip(int at)
    {
        var cursor = new SipCursor(_text, _schemeEnd + 1, _end);
        if (at >= 0 && !ReadUser(ref cursor))
            return false;
        _hostStart = cursor.Position;
        if (!cursor.TakeHost())
            return false;
        _hostEnd = cursor.Position;
        if (cursor.Take(':'))
        {
            if (!cursor.TakePort(out var port))
                return false;
            Port = port;
        }
        if (!SipParameters.TryTakeOfUri(ref cursor, out var parameters))
            return false;
        Parameters = parameters;
        return (!cursor.Take('?') || ReadHeaders(ref cursor)) && cursor.AtEnd;
    }

    private bool ReadUser(ref SipCursor cursor)
    {
        _userStart = cursor.Position;
        if (cursor.Run(SipGrammar.User).Length == 0)
            return false;
        _userEnd = cursor.Position;
        _passwordEnd = _userEnd;
        if (cursor.Take(':'))
        {
            cursor.Run(SipGrammar.Password);
            _passwordEnd = cursor.Position;
        }
        return SipGrammar.EscapesAreWhole(_text.AsSpan(_userStart, _passwordEnd - _userStart)) && cursor.Take('@');
    }

    private bool ReadHeaders(ref SipCursor cursor)
    {
        _headersStart = cursor.Position;
        var count = 0;
        do
        {
            if (++count > SipLimits.Parameters || cursor.Run(SipGrammar.UriHeader).Length == 0 || !cursor.Take('='))
                return false;
            cursor.Run(SipGrammar.UriHeader);
        }
        while (cursor.Take('&'));
        return SipGrammar.EscapesAreWhole(_text.AsSpan(_headersStart, cursor.Position - _headersStart));
    }

    private IEnumerable<string> SortedHeaders() => HasHeaders
        ? Headers.Split('&').Select(h => Unescape(h)).Order(StringComparer.OrdinalIgnoreCase)
        : [];

    /// <summary>Parameters in both must be equal; these five change where a request goes and so never match their absence.</summary>
    private static bool ParametersMatch(SipParameters ours, SipParameters theirs)
    {
        foreach (var parameter in ours)
        {
            if (theirs.TryFind(parameter.Name, out var value))
            {
                if (!Unescape(parameter.Value).Equals(Unescape(value), StringComparison.OrdinalIgnoreCase))
                    return false;
            }
            else if (parameter.Name.ToString().ToLowerInvariant() is "user" or "ttl" or "method" or "maddr" or "transport")
                return false;
        }
        return true;
    }

    private static string Unescape(ReadOnlySpan<char> text)
    {
        if (!text.Contains('%'))
            return text.ToString();
        var result = new System.Text.StringBuilder(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] != '%')
                result.Append(text[i]);
            else
            {
                result.Append((char)((HexValue(text[i + 1]) << 4) | HexValue(text[i + 2])));
                i += 2;
            }
        }
        return result.ToString();
    }

    private static int HexValue(char digit) => char.IsAsciiDigit(digit) ? digit - '0' : (digit | 0x20) - 'a' + 10;

    private static bool IsScheme(ReadOnlySpan<char> text)
    {
        foreach (var c in text)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('+' or '-' or '.'))
                return false;
        }
        return char.IsAsciiLetter(text[0]);
    }

    private static bool IsAbsolute(ReadOnlySpan<char> text) =>
        text.Length > 0 && !text.ContainsAnyExcept(SipGrammar.AbsoluteUri) && SipGrammar.EscapesAreWhole(text);
}
