using System.Diagnostics.CodeAnalysis;

namespace IvrActors.Edge.Sip.Message;

/// <summary>
/// A <c>sip:</c> or <c>sips:</c> URI (RFC 3261 19.1), or the text of a URI of another scheme, of which only <see cref="Scheme"/> and
/// <see cref="Opaque"/> are known. A view of the text that it was read from.
/// </summary>
public sealed class SipUri : IEquatable<SipUri>
{
    private readonly string _text;
    private readonly Shape _shape;

    private SipUri(string text, in Shape shape)
    {
        (_text, _shape) = (text, shape);
        Scheme = shape.Kind switch { SchemeKind.Sip => "sip", SchemeKind.Sips => "sips", _ => text[shape.Start..shape.SchemeEnd].ToLowerInvariant() };
    }

    /// <summary>Lower case.</summary>
    public string Scheme { get; }

    /// <summary>Whether the scheme is <c>sip</c> or <c>sips</c>; if not, only <see cref="Scheme"/> and <see cref="Opaque"/> say anything.</summary>
    public bool IsSip => _shape.Kind != SchemeKind.Other;

    /// <summary>All after the colon of the scheme, e.g. the number of a <c>tel:</c> URI.</summary>
    public string Opaque => _text[(_shape.SchemeEnd + 1).._shape.End];

    /// <summary>Whether it is <c>urn:service:sos</c> or one of its sub-services, such as <c>urn:service:sos.fire</c> (RFC 5031 4.2).</summary>
    public bool IsEmergencyService
    {
        get
        {
            const string Sos = "service:sos";
            if (Scheme != "urn" || !Opaque.StartsWith(Sos, StringComparison.OrdinalIgnoreCase)) return false;
            return Opaque.Length == Sos.Length || Opaque[Sos.Length] == '.';
        }
    }

    /// <summary>User part with its escapes resolved, or null.</summary>
    public string? User => _shape.UserStart == 0 ? null : field ??= Unescape(RawUser);

    /// <summary>Host name, IPv4 address, or IPv6 address in brackets. Empty for other schemes.</summary>
    public string Host => field ??= _text[_shape.HostStart.._shape.HostEnd];

    public int? Port => _shape.Port == 0 ? null : _shape.Port;

    public SipParameters Parameters => IsSip ? SipParameters.Of(_text, _shape.ParametersStart, _shape.ParametersEnd) : default;

    /// <summary>Headers after the question mark, without it: <c>name=value&amp;name=value</c>, escaped. Empty when there are none.</summary>
    public string Headers => HasHeaders ? _text[_shape.HeadersStart.._shape.End] : "";

    public bool HasHeaders => _shape.HasHeaders;

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
        uri = TryRead(source, start, end, out var shape) ? new SipUri(source, shape) : null;
        return uri is not null;
    }

    /// <summary>As <see cref="TryParse(string, int, int, out SipUri?)"/>, without keeping a view.</summary>
    internal static bool TryRead(ReadOnlySpan<char> source, int start, int end, out Shape shape)
    {
        shape = new Shape { Start = start, End = end };
        if (end - start > SipLimits.LineLength)
            return false;
        var text = source[start..end];
        var colon = text.IndexOf(':');
        if (colon <= 0 || !IsScheme(text[..colon]))
            return false;
        shape.SchemeEnd = start + colon;
        shape.Kind = text[..colon].Equals("sip", StringComparison.OrdinalIgnoreCase) ? SchemeKind.Sip
            : text[..colon].Equals("sips", StringComparison.OrdinalIgnoreCase) ? SchemeKind.Sips
            : SchemeKind.Other;
        if (shape.Kind == SchemeKind.Other)
            return IsAbsolute(text[(colon + 1)..]);
        var cursor = new SipCursor(source, shape.SchemeEnd + 1, end);
        return ReadSip(ref cursor, ref shape);
    }

    /// <summary>A view of what was found well-formed in this text.</summary>
    internal static SipUri Of(string text, in Shape shape) => new(text, shape);

    /// <summary>This URI as it may stand in a request line: without headers and without the method parameter (RFC 3261 19.1.1, table 1).</summary>
    public SipUri AsRequestUri()
    {
        if (!IsSip || (!HasHeaders && !Parameters.Contains("method")))
            return this;
        var text = new System.Text.StringBuilder(_text, _shape.Start, _shape.ParametersStart - _shape.Start, _shape.End - _shape.Start);
        foreach (var parameter in Parameters)
        {
            if (parameter.Name.Equals("method", StringComparison.OrdinalIgnoreCase))
                continue;
            text.Append(';').Append(parameter.Name);
            if (parameter.Value.Length > 0)
                text.Append('=').Append(parameter.Value);
        }
        return TryParse(text.ToString(), out var uri) ? uri : throw new InvalidOperationException("internal error: a part of a URI is none");
    }

    /// <summary>The exact text.</summary>
    public override string ToString() => _text[_shape.Start.._shape.End];

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

    private string? Password =>
        _shape.UserStart == 0 || _shape.PasswordEnd <= _shape.UserEnd ? null : Unescape(_text.AsSpan((_shape.UserEnd + 1).._shape.PasswordEnd));

    private ReadOnlySpan<char> RawUser => _text.AsSpan(_shape.UserStart, _shape.UserEnd - _shape.UserStart);

    /// <summary>[ userinfo "@" ] hostport uri-parameters [ headers ]. Only userinfo can hold an at sign, so the first one ends it.</summary>
    private static bool ReadSip(ref SipCursor cursor, ref Shape shape)
    {
        if (cursor.Rest.Contains('@') && !ReadUser(ref cursor, ref shape))
            return false;
        shape.HostStart = cursor.Position;
        if (!cursor.TakeHost())
            return false;
        shape.HostEnd = cursor.Position;
        if (cursor.Take(':') && !cursor.TakePort(out shape.Port))
            return false;
        shape.ParametersStart = cursor.Position;
        if (!SipParameters.TrySkipOfUri(ref cursor))
            return false;
        shape.ParametersEnd = cursor.Position;
        return (!cursor.Take('?') || ReadHeaders(ref cursor, ref shape)) && cursor.AtEnd;
    }

    private static bool ReadUser(ref SipCursor cursor, ref Shape shape)
    {
        shape.UserStart = cursor.Position;
        if (cursor.Run(SipGrammar.User).Length == 0)
            return false;
        shape.UserEnd = cursor.Position;
        if (cursor.Take(':'))
            cursor.Run(SipGrammar.Password);
        shape.PasswordEnd = cursor.Position;
        return SipGrammar.EscapesAreWhole(cursor.Slice(shape.UserStart, shape.PasswordEnd - shape.UserStart)) && cursor.Take('@');
    }

    private static bool ReadHeaders(ref SipCursor cursor, ref Shape shape)
    {
        shape.HeadersStart = cursor.Position;
        var count = 0;
        do
        {
            if (++count > SipLimits.Parameters || cursor.Run(SipGrammar.UriHeader).Length == 0 || !cursor.Take('='))
                return false;
            cursor.Run(SipGrammar.UriHeader);
        }
        while (cursor.Take('&'));
        return SipGrammar.EscapesAreWhole(cursor.Slice(shape.HeadersStart, cursor.Position - shape.HeadersStart));
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

    internal enum SchemeKind : byte
    {
        Other,
        Sip,
        Sips,
    }

    /// <summary>Where the parts stand in the text. Nothing but a scheme stands at 0.</summary>
    internal struct Shape
    {
        public int Start, SchemeEnd, UserStart, UserEnd, PasswordEnd, HostStart, HostEnd, ParametersStart, ParametersEnd, HeadersStart, End;

        /// <summary>0: none.</summary>
        public int Port;

        public SchemeKind Kind;

        public readonly bool HasHeaders => HeadersStart != 0;
    }
}
