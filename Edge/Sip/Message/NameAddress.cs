using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace IvrActors.Edge.Sip.Message;

/// <summary>A value of From, To, Contact, Route or Record-Route: <c>"Name" &lt;uri&gt;;parameters</c> or <c>uri;parameters</c>.</summary>
public sealed class NameAddress
{
    private readonly string _text;
    private readonly int _start;
    private readonly int _end;
    private readonly int _nameEnd;

    private NameAddress(string text, in Shape shape)
    {
        (_text, _start, _end, _nameEnd) = (text, shape.Start, shape.End, shape.NameEnd);
        Uri = SipUri.Of(text, shape.Uri);
        Parameters = SipParameters.Of(text, shape.ParametersStart, shape.End);
    }

    public SipUri Uri { get; }

    /// <summary>Parameters of the header value, not of the URI.</summary>
    public SipParameters Parameters { get; }

    /// <summary>Dialog tag of From and To.</summary>
    public string? Tag => field ??= Parameters["tag"];

    /// <summary>Display name without quotes and escapes, or null. Personal, and written by a stranger: encode it wherever it is shown.</summary>
    public string? DisplayName => _nameEnd == _start ? null : Unquote(_text.AsSpan(_start, _nameEnd - _start).Trim(" \t"));

    /// <summary>Reads one value.</summary>
    public static bool TryParse(string value, [NotNullWhen(true)] out NameAddress? address)
    {
        ArgumentNullException.ThrowIfNull(value);
        var cursor = new SipCursor(value, 0, value.Length);
        return TryTake(ref cursor, out address) && cursor.AtEnd;
    }

    /// <summary>The exact text.</summary>
    public override string ToString() => _text[_start.._end];

    /// <summary>Reads the next value of a comma-separated list.</summary>
    internal static bool TryTake(ref SipCursor cursor, [NotNullWhen(true)] out NameAddress? address)
    {
        address = TrySkip(ref cursor, out var shape) ? new NameAddress(cursor.Source, shape) : null;
        return address is not null;
    }

    /// <summary>As <see cref="TryTake"/>, without keeping a view.</summary>
    internal static bool TrySkip(ref SipCursor cursor, out Shape shape)
    {
        shape = new Shape { Start = cursor.Position, NameEnd = cursor.Position };
        if (SkipName(ref cursor))
        {
            shape.NameEnd = cursor.Position;
            if (!cursor.Take('<'))
                return false;
            var length = cursor.Rest.IndexOf('>');
            if (length < 0 || !SipUri.TryRead(cursor.Text, cursor.Position, cursor.Position + length, out shape.Uri))
                return false;
            cursor.Position += length + 1;
        }
        else if (!SkipBareUri(ref cursor, out shape.Uri))
            return false;
        if (!SipParameters.TrySkip(ref cursor, ParameterRules.Address, out shape.ParametersStart, out _))
            return false;
        shape.End = cursor.Position;
        return true;
    }

    /// <summary>[ display-name ] up to an angle bracket. False, with nothing taken, when the value is a URI without brackets.</summary>
    private static bool SkipName(ref SipCursor cursor)
    {
        var start = cursor.Position;
        if (cursor.TakeQuoted())
            cursor.SkipSpace();
        else
        {
            while (cursor.Run(SipGrammar.Token).Length > 0)
                cursor.SkipSpace();
        }
        if (cursor.Current == '<')
            return true;
        cursor.Position = start;
        return false;
    }

    /// <summary>addr-spec: it ends at a parameter, a comma or white space, and may hold no question mark (RFC 3261 20.10).</summary>
    private static bool SkipBareUri(ref SipCursor cursor, out SipUri.Shape uri)
    {
        var rest = cursor.Rest;
        var length = rest.IndexOfAny(";, \t");
        if (length < 0)
            length = rest.Length;
        uri = default;
        if (rest[..length].Contains('?') || !SipUri.TryRead(cursor.Text, cursor.Position, cursor.Position + length, out uri))
            return false;
        cursor.Position += length;
        return true;
    }

    internal static string Unquote(ReadOnlySpan<char> name)
    {
        if (name.Length < 2 || name[0] != '"')
            return name.ToString();
        var result = new StringBuilder(name.Length);
        for (var i = 1; i < name.Length - 1; i++)
        {
            if (name[i] == '\\')
                i++;
            result.Append(name[i]);
        }
        return result.ToString();
    }

    /// <summary>Where the parts stand in the text.</summary>
    internal struct Shape
    {
        public int Start, NameEnd, ParametersStart, End;
        public SipUri.Shape Uri;
    }
}
