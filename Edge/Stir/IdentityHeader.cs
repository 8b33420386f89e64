namespace IvrActors.Edge.Stir;

/// <summary>
/// The value of an Identity header (RFC 8224 4): <c>header.payload.signature;info=&lt;url&gt;;alg=ES256;ppt=shaken</c>, or <c>..signature;…</c> in
/// compact form. The three parts are base64url, not looked into here.
/// </summary>
internal sealed class IdentityHeader
{
    private IdentityHeader(string value, int headerEnd, int payloadEnd, int signatureEnd) =>
        (Header, Payload, Signature) = (value[..headerEnd], value[(headerEnd + 1)..payloadEnd], value[(payloadEnd + 1)..signatureEnd]);

    public string Header { get; }

    public string Payload { get; }

    public string Signature { get; }

    /// <summary>URL of the certificate; null when none is named.</summary>
    public string? Info { get; private set; }

    public string? Algorithm { get; private set; }

    /// <summary>Kind of the PASSporT; null when the parameter is absent.</summary>
    public string? Type { get; private set; }

    /// <summary>Whether the signed parts are to be made again from the signalling (RFC 8224 4.1.1).</summary>
    public bool IsCompact => Header.Length == 0 && Payload.Length == 0;

    /// <summary>Reads a value; null when it is none of the grammar or exceeds a bound.</summary>
    public static IdentityHeader? Read(string value)
    {
        if (value.Length > StirLimits.HeaderLength) return null;
        var end = value.IndexOf(';', StringComparison.Ordinal);
        if (end < 0) end = value.Length;
        var rest = value.AsSpan(end);
        while (end > 0 && IsSpace(value[end - 1])) end--;
        var first = value.IndexOf('.', StringComparison.Ordinal);
        var second = first < 0 ? -1 : value.IndexOf('.', first + 1);
        if (second < 0 || second >= end || second == end - 1 || value.AsSpan(0, end).IndexOfAnyExcept(s_token) >= 0 || value.AsSpan(second + 1, end - second - 1).Contains('.')) return null;
        var header = new IdentityHeader(value, first, second, end);
        return (header.Header.Length == 0) == (header.Payload.Length == 0) && header.TakeParameters(rest) ? header : null;
    }

    private static readonly System.Buffers.SearchValues<char> s_token =
        System.Buffers.SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.");

    private static readonly System.Buffers.SearchValues<char> s_word =
        System.Buffers.SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.!%*_+`'~");

    private bool TakeParameters(ReadOnlySpan<char> rest)
    {
        for (var count = 0; !(rest = rest.TrimStart(" \t")).IsEmpty; count++)
        {
            if (rest[0] != ';' || count == StirLimits.Parameters) return false;
            rest = rest[1..].TrimStart(" \t");
            var name = TakeWord(ref rest);
            if (name.IsEmpty) return false;
            var value = default(ReadOnlySpan<char>);
            rest = rest.TrimStart(" \t");
            if (rest.StartsWith('='))
            {
                rest = rest[1..].TrimStart(" \t");
                value = TakeValue(ref rest);
                if (value.IsEmpty) return false;
            }
            if (!Set(name, value)) return false;
        }
        return true;
    }

    /// <summary>False for one that came before: what an earlier reader took must be what this one takes.</summary>
    private bool Set(ReadOnlySpan<char> name, ReadOnlySpan<char> value)
    {
        if (name.Equals("info", StringComparison.OrdinalIgnoreCase))
        {
            if (Info is not null || value.IsEmpty) return false;
            Info = value.ToString();
        }
        else if (name.Equals("alg", StringComparison.OrdinalIgnoreCase))
        {
            if (Algorithm is not null || value.IsEmpty) return false;
            Algorithm = value.ToString();
        }
        else if (name.Equals("ppt", StringComparison.OrdinalIgnoreCase))
        {
            if (Type is not null || value.IsEmpty) return false;
            Type = value.ToString();
        }
        return true;
    }

    /// <summary>A word, <c>&lt;…&gt;</c> or <c>"…"</c>, without its brackets or quotes; empty when it is none. Escapes have no use in what is read here.</summary>
    private static ReadOnlySpan<char> TakeValue(scoped ref ReadOnlySpan<char> rest)
    {
        if (rest.IsEmpty) return default;
        if (rest[0] is not ('<' or '"')) return TakeWord(ref rest);
        var length = rest[1..].IndexOf(rest[0] == '<' ? '>' : '"');
        if (length < 0) return default;
        var value = rest.Slice(1, length);
        rest = rest[(length + 2)..];
        return value.ContainsAnyExceptInRange('!', '~') || value.Contains('\\') ? default : value;
    }

    private static ReadOnlySpan<char> TakeWord(scoped ref ReadOnlySpan<char> rest)
    {
        var length = rest.IndexOfAnyExcept(s_word);
        var word = length < 0 ? rest : rest[..length];
        rest = rest[word.Length..];
        return word;
    }

    private static bool IsSpace(char c) => c is ' ' or '\t';
}
