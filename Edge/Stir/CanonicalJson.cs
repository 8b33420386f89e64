using System.Globalization;
using System.Text;
using System.Text.Unicode;

namespace IvrActors.Edge.Stir;

internal enum JsonKind
{
    Object,
    Array,
    Text,
    Integer,

    /// <summary>true, false, null, or a number that is no whole one.</summary>
    Other,
}

/// <summary>
/// A value of the JSON of PASSporTs, in the one form that RFC 8225 9 gives it: no white space, and the members of each object in the order of their names. Anything
/// else is refused, so that what was signed can be read in one way only.
/// </summary>
internal sealed class CanonicalJson
{
    private readonly List<(string Name, CanonicalJson Value)> _members = [];
    private readonly List<CanonicalJson> _items = [];

    private CanonicalJson(JsonKind kind) => Kind = kind;

    public JsonKind Kind { get; }

    /// <summary>Of a text.</summary>
    public string Text { get; private set; } = "";

    /// <summary>Of a whole number.</summary>
    public long Number { get; private set; }

    public IReadOnlyList<CanonicalJson> Items => _items;

    public IReadOnlyList<(string Name, CanonicalJson Value)> Members => _members;

    /// <summary>The member of this name; null where there is none, or this is no object.</summary>
    public CanonicalJson? this[string name] => _members.Find(member => member.Name == name).Value;

    /// <summary>The text of the member of this name; null where there is none, or it is no text.</summary>
    public string? TextOf(string name) => this[name] is { Kind: JsonKind.Text } member ? member.Text : null;

    public bool Has(string name) => this[name] is not null;

    /// <summary>Reads a whole value; null when it is not in canonical form or exceeds a bound.</summary>
    public static CanonicalJson? Read(ReadOnlySpan<byte> utf8)
    {
        if (utf8.Length > StirLimits.JsonBytes || !Utf8.IsValid(utf8)) return null;
        var reader = new Reader(utf8);
        return reader.Value(StirLimits.JsonDepth) is { } value && reader.AtEnd ? value : null;
    }

    /// <summary>A text as JSON.</summary>
    public static string Quote(string text)
    {
        var json = new StringBuilder("\"");
        foreach (var c in text)
        {
            if (c is '"' or '\\') json.Append('\\').Append(c);
            else if (c < ' ') json.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
            else json.Append(c);
        }
        return json.Append('"').ToString();
    }

    private ref struct Reader(ReadOnlySpan<byte> utf8)
    {
        private readonly ReadOnlySpan<byte> _json = utf8;
        private int _at;
        private int _values;

        public readonly bool AtEnd => _at == _json.Length;

        private readonly int Next => _at < _json.Length ? _json[_at] : -1;

        public CanonicalJson? Value(int depth)
        {
            if (depth == 0 || ++_values > StirLimits.JsonValues) return null;
            return Next switch
            {
                '{' => Object(depth),
                '[' => Array(depth),
                '"' => Text() is { } text ? new CanonicalJson(JsonKind.Text) { Text = text } : null,
                't' => Word("true"u8),
                'f' => Word("false"u8),
                'n' => Word("null"u8),
                _ => Number(),
            };
        }

        private CanonicalJson? Object(int depth)
        {
            _at++;
            var result = new CanonicalJson(JsonKind.Object);
            if (Take('}')) return result;
            var last = default(ReadOnlySpan<byte>);
            do
            {
                var start = _at + 1;
                if (Next != '"' || Text() is not { } name) return null;
                // An escaped name could hide from who looks for it, and from the order.
                var raw = _json[start..(_at - 1)];
                if (raw.Contains((byte)'\\') || (result._members.Count > 0 && last.SequenceCompareTo(raw) >= 0)) return null;
                last = raw;
                if (!Take(':') || Value(depth - 1) is not { } value) return null;
                result._members.Add((name, value));
            }
            while (Take(','));
            return Take('}') ? result : null;
        }

        private CanonicalJson? Array(int depth)
        {
            _at++;
            var result = new CanonicalJson(JsonKind.Array);
            if (Take(']')) return result;
            do
            {
                if (Value(depth - 1) is not { } value) return null;
                result._items.Add(value);
            }
            while (Take(','));
            return Take(']') ? result : null;
        }

        private CanonicalJson? Word(ReadOnlySpan<byte> word)
        {
            if (!_json[_at..].StartsWith(word)) return null;
            _at += word.Length;
            return new CanonicalJson(JsonKind.Other);
        }

        private CanonicalJson? Number()
        {
            var start = _at;
            Take('-');
            if (!Take('0') && !Digits()) return null;
            var whole = _json[start.._at];
            var isWhole = true;
            if (Take('.'))
            {
                isWhole = false;
                if (!Digits()) return null;
            }
            if (Take('e') || Take('E'))
            {
                isWhole = false;
                if (!Take('+')) Take('-');
                if (!Digits()) return null;
            }
            return isWhole && long.TryParse(whole, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)
                ? new CanonicalJson(JsonKind.Integer) { Number = number }
                : new CanonicalJson(JsonKind.Other);
        }

        private bool Digits()
        {
            var start = _at;
            while (Next is >= '0' and <= '9') _at++;
            return _at > start;
        }

        /// <summary>A text without its quotes, its escapes resolved.</summary>
        private string? Text()
        {
            _at++;
            var text = new StringBuilder();
            var plain = _at;
            while (Next >= ' ' && Next != '"')
            {
                if (Next != '\\')
                {
                    _at++;
                    continue;
                }
                text.Append(Encoding.UTF8.GetString(_json[plain.._at]));
                if (!Escape(text)) return null;
                plain = _at;
            }
            if (Next != '"') return null;
            text.Append(Encoding.UTF8.GetString(_json[plain.._at]));
            _at++;
            return IsWhole(text) ? text.ToString() : null;
        }

        private bool Escape(StringBuilder text)
        {
            _at++;
            var kind = Next;
            _at++;
            switch (kind)
            {
                case '"' or '\\' or '/':
                    text.Append((char)kind);
                    return true;
                case 'b':
                    text.Append('\b');
                    return true;
                case 'f':
                    text.Append('\f');
                    return true;
                case 'n':
                    text.Append('\n');
                    return true;
                case 'r':
                    text.Append('\r');
                    return true;
                case 't':
                    text.Append('\t');
                    return true;
                case 'u' when _json.Length - _at >= 4 && ushort.TryParse(_json.Slice(_at, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var code):
                    text.Append((char)code);
                    _at += 4;
                    return true;
                default:
                    return false;
            }
        }

        /// <summary>Whether no half of a surrogate pair stands alone.</summary>
        private static bool IsWhole(StringBuilder text)
        {
            for (var i = 0; i < text.Length; i++)
            {
                if (!char.IsSurrogate(text[i])) continue;
                if (i + 1 == text.Length || !char.IsSurrogatePair(text[i], text[i + 1])) return false;
                i++;
            }
            return true;
        }

        private bool Take(char expected)
        {
            if (Next != expected) return false;
            _at++;
            return true;
        }
    }
}
