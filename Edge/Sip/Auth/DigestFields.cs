using System.Text;
using IvrActors.Edge.Sip.Message;

namespace IvrActors.Edge.Sip.Auth;

/// <summary>
/// The value of an authentication header (RFC 3261 25.1): <c>Digest name=value, name="value"</c>. Names compare without case and stand once;
/// quoted values lose their quotes and escapes.
/// </summary>
internal sealed class DigestFields
{
    /// <summary>RFC 7616 defines 13 of them.</summary>
    private const int Most = 24;

    /// <summary>Longest value: a nonce of some servers has 200 characters.</summary>
    private const int MostLength = 1024;

    private const string Scheme = "Digest";

    private readonly List<(string Name, string Value)> _fields = [];

    private DigestFields()
    {
    }

    public string? this[string name]
    {
        get
        {
            foreach (var field in _fields)
            {
                if (field.Name.Equals(name, StringComparison.OrdinalIgnoreCase)) return field.Value;
            }
            return null;
        }
    }

    /// <summary>Reads a header value. Null when the scheme is another one, or anything in it is malformed, repeated, too long or too much.</summary>
    public static DigestFields? Read(string value)
    {
        var cursor = new SipCursor(value, 0, value.Length);
        cursor.SkipSpace();
        if (!cursor.Run(SipGrammar.Token).Equals(Scheme, StringComparison.OrdinalIgnoreCase) || !SipGrammar.IsSpace(cursor.Current)) return null;
        cursor.SkipSpace();
        var fields = new DigestFields();
        do
        {
            if (!fields.TakeOne(ref cursor)) return null;
        }
        while (cursor.TakeSeparator(','));
        cursor.SkipSpace();
        return cursor.AtEnd ? fields : null;
    }

    private bool TakeOne(ref SipCursor cursor)
    {
        var name = cursor.Run(SipGrammar.Token);
        if (name.Length == 0 || _fields.Count == Most || !cursor.TakeSeparator('=')) return false;
        var start = cursor.Position;
        var quoted = cursor.TakeQuoted();
        if (!quoted && cursor.Run(SipGrammar.Token).Length == 0) return false;
        var length = cursor.Position - start;
        if (length > MostLength) return false;
        var text = name.ToString();
        if (this[text] is not null) return false;
        var value = cursor.Slice(start, length);
        _fields.Add((text, quoted ? Unquote(value[1..^1]) : value.ToString()));
        return true;
    }

    /// <summary>A quoted-string of this text.</summary>
    public static string Quote(string text) => $"\"{text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"";

    private static string Unquote(ReadOnlySpan<char> text)
    {
        if (!text.Contains('\\')) return text.ToString();
        var result = new StringBuilder(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '\\') i++;
            result.Append(text[i]);
        }
        return result.ToString();
    }
}
