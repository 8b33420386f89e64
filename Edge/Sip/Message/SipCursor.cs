namespace IvrActors.Edge.Sip.Message;

/// <summary>A bounded reader over part of a text. Each method moves past what it took, or returns false.</summary>
internal ref struct SipCursor
{
    private readonly ReadOnlySpan<char> _text;
    private readonly string? _source;

    /// <summary>A reader of which views may be kept.</summary>
    internal SipCursor(string source, int start, int end)
        : this(source.AsSpan(), start, end) => _source = source;

    /// <summary>A reader that only checks: its text does not last, so no view of it can be kept.</summary>
    internal SipCursor(ReadOnlySpan<char> text, int start, int end)
    {
        _text = text[..end];
        Position = start;
    }

    internal readonly string Source => _source ?? throw new InvalidOperationException("internal error: a view of text that does not last");

    /// <summary>All of the text up to the end of this part.</summary>
    internal readonly ReadOnlySpan<char> Text => _text;

    internal int Position { get; set; }

    internal readonly bool AtEnd => Position >= _text.Length;

    internal readonly char Current => Position < _text.Length ? _text[Position] : '\0';

    internal readonly ReadOnlySpan<char> Slice(int from, int length) => _text.Slice(from, length);

    internal readonly ReadOnlySpan<char> Rest => _text[Position..];

    internal void SkipSpace()
    {
        while (Position < _text.Length && SipGrammar.IsSpace(_text[Position]))
            Position++;
    }

    internal bool Take(char expected)
    {
        if (Position >= _text.Length || _text[Position] != expected)
            return false;
        Position++;
        return true;
    }

    /// <summary>A separator with the linear white space that may stand on both sides.</summary>
    internal bool TakeSeparator(char expected)
    {
        var before = Position;
        SkipSpace();
        if (!Take(expected))
        {
            Position = before;
            return false;
        }
        SkipSpace();
        return true;
    }

    /// <summary>The longest run of the given characters, possibly empty.</summary>
    internal ReadOnlySpan<char> Run(System.Buffers.SearchValues<char> characters)
    {
        var rest = Rest;
        var length = rest.IndexOfAnyExcept(characters);
        var run = length < 0 ? rest : rest[..length];
        Position += run.Length;
        return run;
    }

    /// <summary>A quoted string with its quotes.</summary>
    internal bool TakeQuoted()
    {
        if (Current != '"')
            return false;
        for (var i = Position + 1; i < _text.Length; i++)
        {
            if (_text[i] == '\\')
                i++;
            else if (_text[i] == '"')
            {
                Position = i + 1;
                return true;
            }
        }
        return false;
    }

    /// <summary>host: a name, an IPv4 address, or an IPv6 address in brackets.</summary>
    internal bool TakeHost()
    {
        var start = Position;
        if (!Take('['))
            return SipGrammar.IsHostName(Run(SipGrammar.HostName));
        Run(SipGrammar.Ipv6);
        return Take(']') && SipGrammar.IsHost(Slice(start, Position - start));
    }

    /// <summary>Digits of a port: 1 to 65535.</summary>
    internal bool TakePort(out int port)
    {
        port = 0;
        var digits = 0;
        while (char.IsAsciiDigit(Current) && digits++ < 5)
            port = port * 10 + (_text[Position++] - '0');
        return digits is > 0 and <= 5 && port is > 0 and <= 65_535;
    }
}
