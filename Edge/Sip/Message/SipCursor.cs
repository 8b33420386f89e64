namespace IvrActors.Edge.Sip.Message;

/// <summary>A bounded reader over part of a text. Each method moves past what it took, or returns false.</summary>
internal ref struct SipCursor(string source, int start, int end)
{
    private readonly ReadOnlySpan<char> _text = source.AsSpan(0, end);

    internal string Source { get; } = source;
    internal int Position { get; set; } = start;

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
        if (Take('['))
        {
            Run(SipGrammar.Ipv6);
            if (!Take(']'))
                return false;
        }
        else
            Run(SipGrammar.HostName);
        return SipGrammar.IsHost(Slice(start, Position - start));
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
