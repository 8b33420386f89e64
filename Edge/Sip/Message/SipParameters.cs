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
        var fits = TrySkip(ref cursor, ParameterRules.None, out var start, out var end);
        parameters = fits ? new SipParameters(cursor.Source, start, end) : default;
        return fits;
    }

    /// <summary>As <see cref="TryTake"/>, without keeping a view.</summary>
    /// <param name="cursor">Stands at the first semicolon, or where there is none.</param>
    /// <param name="rules">What is asked of certain values.</param>
    /// <param name="start">Where the parameters begin.</param>
    /// <param name="end">Where the last one ends.</param>
    internal static bool TrySkip(ref SipCursor cursor, ParameterRules rules, out int start, out int end)
    {
        start = end = cursor.Position;
        return !cursor.TakeSeparator(';') || Skip(ref cursor, rules, ref end);
    }

    /// <summary>Reads all <c>;name[=value]</c> of a SIP URI: no white space, no quotes, whole escapes.</summary>
    internal static bool TrySkipOfUri(ref SipCursor cursor)
    {
        if (!cursor.Take(';'))
            return true;
        var start = cursor.Position;
        Span<(int Start, int Length)> names = stackalloc (int, int)[SipLimits.Parameters];
        var count = 0;
        do
        {
            var nameStart = cursor.Position;
            var name = cursor.Run(SipGrammar.UriParameter);
            if (name.Length == 0 || count == names.Length || !IsNew(cursor.Text, names[..count], name))
                return false;
            names[count++] = (nameStart, name.Length);
            if (cursor.Take('=') && cursor.Run(SipGrammar.UriParameter).Length == 0)
                return false;
        }
        while (cursor.Take(';'));
        return SipGrammar.EscapesAreWhole(cursor.Slice(start, cursor.Position - start));
    }

    /// <summary>A view of a part that was found well-formed.</summary>
    internal static SipParameters Of(string text, int start, int end) => new(text, start, end);

    private static bool Skip(ref SipCursor cursor, ParameterRules rules, ref int end)
    {
        Span<(int Start, int Length)> names = stackalloc (int, int)[SipLimits.Parameters];
        var (count, others) = (0, 0);
        do
        {
            var nameStart = cursor.Position;
            var name = cursor.Run(SipGrammar.Token);
            if (name.Length == 0 || count == names.Length || !IsNew(cursor.Text, names[..count], name))
                return false;
            names[count++] = (nameStart, name.Length);
            end = cursor.Position;
            var valueStart = end;
            if (cursor.TakeSeparator('='))
            {
                valueStart = cursor.Position;
                if (!cursor.TakeQuoted() && cursor.Run(SipGrammar.ParameterValue).Length == 0)
                    return false;
                end = cursor.Position;
            }
            if (!Fits(rules, name, cursor.Slice(valueStart, end - valueStart)))
                return false;
            // We may yet add those two to a Via, and what we have marked must stay readable.
            if (rules == ParameterRules.Via && !Is(name, "rport") && !Is(name, "received") && ++others > SipLimits.Parameters - 2)
                return false;
        }
        while (cursor.TakeSeparator(';'));
        return true;
    }

    /// <summary>RFC 3261 7.3.1: a parameter name appears at most once.</summary>
    private static bool IsNew(ReadOnlySpan<char> text, ReadOnlySpan<(int Start, int Length)> names, ReadOnlySpan<char> name)
    {
        foreach (var (start, length) in names)
        {
            if (length == name.Length && name.Equals(text.Slice(start, length), StringComparison.OrdinalIgnoreCase))
                return false;
        }
        return true;
    }

    private static bool Fits(ParameterRules rules, ReadOnlySpan<char> name, ReadOnlySpan<char> value) => (rules, name.Length) switch
    {
        // A branch is a token, received an address, rport empty or a port: they are echoed and used to find where to answer.
        (ParameterRules.Via, 5) when Is(name, "rport") => value.Length == 0 || SipGrammar.Number(value) is > 0 and <= 65_535,
        (ParameterRules.Via, 6) when Is(name, "branch") => SipGrammar.IsToken(value),
        (ParameterRules.Via, 8) when Is(name, "received") => System.Net.IPAddress.IsValid(value),
        (ParameterRules.Address, 3) when Is(name, "tag") => SipGrammar.IsToken(value),
        (ParameterRules.Address, 7) when Is(name, "expires") => SipGrammar.Number(value) is not null,
        _ => true,
    };

    private static bool Is(ReadOnlySpan<char> name, string known) => name.Equals(known, StringComparison.OrdinalIgnoreCase);

    /// <summary>One parameter.</summary>
    public readonly ref struct Parameter(ReadOnlySpan<char> name, ReadOnlySpan<char> value)
    {
        public ReadOnlySpan<char> Name { get; } = name;
        public ReadOnlySpan<char> Value { get; } = value;
    }

    /// <summary>Walks text that <see cref="TrySkip"/> or <see cref="TrySkipOfUri"/> has found well-formed.</summary>
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

/// <summary>Which values of parameters are checked while they are read.</summary>
internal enum ParameterRules
{
    None,
    Via,
    Address,
}
