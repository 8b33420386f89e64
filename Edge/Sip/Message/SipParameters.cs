namespace IvrActors.Edge.Sip.Message;

/// <summary>Parameters of a header value or URI: <c>;name=value;flag</c>. A view of the text; names compare without case.</summary>
public readonly struct SipParameters
{
    private readonly string? _text;
    private readonly int _start;
    private readonly int _end;

    private SipParameters(string text, int start, int end)
    {
        _text = text;
        _start = start;
        _end = end;
    }

    /// <summary>Value as written (quotes and escapes kept), "" for a parameter without value, null when absent.</summary>
    public string? this[string name] => TryFind(name, out var value) ? value.ToString() : null;

    public bool Contains(string name) => TryFind(name, out _);

    /// <summary>Finds a parameter without allocation.</summary>
    public bool TryFind(ReadOnlySpan<char> name, out ReadOnlySpan<char> value)
    {
        foreach (var parameter in this)
        {
            if (parameter.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
            {
                value = parameter.Value;
                return true;
            }
        }
        value = default;
        return false;
    }

    public Enumerator GetEnumerator() => new(_text, _start, _end);

    /// <summary>The text from the first semicolon on, "" when there are none.</summary>
    public override string ToString() => _text?[_start.._end] ?? "";

    /// <summary>Reads all <c>;name[=value]</c> of a header value. False when one is malformed, repeated, or there are too many.</summary>
    internal static bool TryTake(ref SipCursor cursor, out SipParameters parameters)
    {
        var start = cursor.Position;
        var end = start;
        var count = 0;
        parameters = default;
        while (cursor.TakeSeparator(';'))
        {
            if (cursor.Run(SipGrammar.Token).Length == 0 || ++count > SipLimits.Parameters)
                return false;
            end = cursor.Position;
            if (!cursor.TakeSeparator('='))
                continue;
            if (!cursor.TakeQuoted() && cursor.Run(SipGrammar.ParameterValue).Length == 0)
                return false;
            end = cursor.Position;
        }
        parameters = new SipParameters(cursor.Source, start, end);
        return count < 2 || parameters.NamesAreUnique();
    }

    /// <summary>Reads all <c>;name[=value]</c> of a SIP URI: no white space, no quotes, whole escapes.</summary>
    internal static bool TryTakeOfUri(ref SipCursor cursor, out SipParameters parameters)
    {
        var start = cursor.Position;
        var count = 0;
        parameters = default;
        while (cursor.Take(';'))
        {
            if (cursor.Run(SipGrammar.UriParameter).Length == 0 || ++count > SipLimits.Parameters)
                return false;
            if (cursor.Take('=') && cursor.Run(SipGrammar.UriParameter).Length == 0)
                return false;
        }
        parameters = new SipParameters(cursor.Source, start, cursor.Position);
        return (count < 2 || parameters.NamesAreUnique()) && SipGrammar.EscapesAreWhole(cursor.Slice(start, cursor.Position - start));
    }

    /// <summary>RFC 3261 7.3.1: a parameter name appears at most once.</summary>
    private bool NamesAreUnique()
    {
        var outer = GetEnumerator();
        while (outer.MoveNext())
        {
            var rest = outer;
            while (rest.MoveNext())
            {
                if (rest.Current.Name.Equals(outer.Current.Name, StringComparison.OrdinalIgnoreCase))
                    return false;
            }
        }
        return true;
    }

    /// <summary>One parameter.</summary>
    public readonly ref struct Parameter(ReadOnlySpan<char> name, ReadOnlySpan<char> value)
    {
        public ReadOnlySpan<char> Name { get; } = name;
        public ReadOnlySpan<char> Value { get; } = value;
    }

    /// <summary>Walks text that <see cref="TryTake"/> or <see cref="TryTakeOfUri"/> has found well-formed.</summary>
    public ref struct Enumerator
    {
        private SipCursor _cursor;

        internal Enumerator(string? text, int start, int end)
        {
            _cursor = new SipCursor(text ?? "", start, end);
            Current = default;
        }

        public Parameter Current { get; private set; }

        public bool MoveNext()
        {
            if (!_cursor.TakeSeparator(';'))
                return false;
            var name = UpTo(";= \t");
            ReadOnlySpan<char> value = default;
            if (_cursor.TakeSeparator('='))
            {
                var start = _cursor.Position;
                value = _cursor.TakeQuoted() ? _cursor.Slice(start, _cursor.Position - start) : UpTo("; \t");
            }
            Current = new Parameter(name, value);
            return true;
        }

        private ReadOnlySpan<char> UpTo(ReadOnlySpan<char> stops)
        {
            var length = _cursor.Rest.IndexOfAny(stops);
            if (length < 0)
                length = _cursor.Rest.Length;
            _cursor.Position += length;
            return _cursor.Slice(_cursor.Position - length, length);
        }
    }
}
