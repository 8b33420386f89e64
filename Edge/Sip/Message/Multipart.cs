namespace IvrActors.Edge.Sip.Message;

/// <summary>
/// Multipart bodies (RFC 2046 5.1, RFC 5621). Reads in one pass, copies no content, never throws on input; everything is bounded by
/// <see cref="SipLimits"/>, and what some readers would cut differently than others is refused.
/// </summary>
/// <remarks><code>
/// preamble CRLF
/// --boundary CRLF   headers CRLF CRLF content CRLF
/// --boundary CRLF   headers CRLF CRLF content CRLF
/// --boundary--      epilogue
/// </code></remarks>
public static class Multipart
{
    /// <summary>Finds the content of one media type in a body; a body that is no multipart is its own only part.</summary>
    public static bool TryFind(string contentType, ReadOnlyMemory<byte> body, string wantedType, out ReadOnlyMemory<byte> part) =>
        Find(contentType, body, wantedType, out part) == MultipartRejection.None;

    /// <summary>
    /// As <see cref="TryFind"/>, with the reason. Of the parts of a mixed body (and of any kind not known, RFC 2046 5.1.3) the first of the
    /// wanted type is taken; of alternatives the last that is understood (RFC 2046 5.1.4).
    /// </summary>
    public static MultipartRejection Find(string contentType, ReadOnlyMemory<byte> body, string wantedType, out ReadOnlyMemory<byte> part)
    {
        part = default;
        if (!MediaType.TryParse(contentType, out var type))
            return MultipartRejection.MalformedContentType;
        if (!type.IsMultipart)
        {
            if (!type.Name.Equals(wantedType, StringComparison.OrdinalIgnoreCase))
                return MultipartRejection.NoWantedPart;
            part = body;
            return MultipartRejection.None;
        }
        var left = SipLimits.MultipartParts;
        var rejection = FindIn(type, body, wantedType, SipLimits.MultipartDepth, ref left, out var found);
        // A later part may condemn the whole after an earlier one was found.
        if (rejection == MultipartRejection.None)
            part = found;
        return rejection;
    }

    /// <summary>Reads the parts of a multipart body in order; a nested multipart is one part, unread.</summary>
    public static MultipartRejection TryRead(string contentType, ReadOnlyMemory<byte> body, out IReadOnlyList<MultipartPart> parts)
    {
        parts = [];
        if (!MediaType.TryParse(contentType, out var type) || !type.IsMultipart)
            return MultipartRejection.MalformedContentType;
        var left = SipLimits.MultipartParts;
        var rejection = Split(type, body, ref left, out var list);
        parts = list;
        return rejection;
    }

    private static MultipartRejection FindIn(
        MediaType type, ReadOnlyMemory<byte> body, string wanted, int depth, ref int left, out ReadOnlyMemory<byte> found)
    {
        found = default;
        if (depth == 0)
            return MultipartRejection.NestedTooDeep;
        var rejection = Split(type, body, ref left, out var parts);
        if (rejection != MultipartRejection.None)
            return rejection;
        var isAlternative = type.Name == "multipart/alternative";
        var result = MultipartRejection.NoWantedPart;
        foreach (var part in parts)
        {
            var outcome = Look(part, wanted, depth, ref left, out var content);
            if (MultipartRejections.StatusOf(outcome) == 400)
                return outcome;
            // Of alternatives one is enough, whatever the others ask for. In all other kinds each part counts.
            if (!isAlternative && outcome == MultipartRejection.RequiredPartNotUnderstood)
                return outcome;
            if (outcome == MultipartRejection.None && (isAlternative || result != MultipartRejection.None))
                (result, found) = (outcome, content);
            else if (result == MultipartRejection.NoWantedPart)
                result = outcome;
        }
        return result;
    }

    /// <summary>What one part has of the wanted type.</summary>
    private static MultipartRejection Look(MultipartPart part, string wanted, int depth, ref int left, out ReadOnlyMemory<byte> content)
    {
        content = default;
        var outcome = MultipartRejection.NoWantedPart;
        if (part.Type.IsMultipart)
            outcome = part.IsIdentity ? FindIn(part.Type, part.Body, wanted, depth - 1, ref left, out content) : MultipartRejection.UnsupportedEncoding;
        else if (part.IsForUse && part.Type.Name.Equals(wanted, StringComparison.OrdinalIgnoreCase))
        {
            outcome = part.IsIdentity ? MultipartRejection.None : MultipartRejection.UnsupportedEncoding;
            content = part.Body;
        }
        return outcome == MultipartRejection.NoWantedPart && part.IsRequired ? MultipartRejection.RequiredPartNotUnderstood : outcome;
    }

    private static MultipartRejection Split(MediaType type, ReadOnlyMemory<byte> body, ref int left, out List<MultipartPart> parts)
    {
        parts = [];
        if (MediaType.Unquoted(type.Parameters, "boundary") is not { } boundary || !IsBoundary(boundary))
            return MultipartRejection.MalformedBoundary;
        var delimiters = new Delimiters(System.Text.Encoding.Latin1.GetBytes("--" + boundary));
        var kind = delimiters.Next(body.Span, 0, out _, out var start);
        while (kind == DelimiterKind.Separator)
        {
            kind = delimiters.Next(body.Span, start, out var end, out var next);
            if (kind is DelimiterKind.None or DelimiterKind.Ambiguous)
                break;
            if (--left < 0)
                return MultipartRejection.TooManyParts;
            var rejection = MultipartPart.TryRead(body[start..end], out var part);
            if (rejection != MultipartRejection.None)
                return rejection;
            parts.Add(part!);
            start = next;
        }
        return kind switch
        {
            DelimiterKind.Ambiguous => MultipartRejection.AmbiguousDelimiter,
            DelimiterKind.Close => parts.Count > 0 ? MultipartRejection.None : MultipartRejection.NoParts,
            _ => start == 0 ? MultipartRejection.NoParts : MultipartRejection.Unfinished,
        };
    }

    /// <summary>1 to 70 of bchars, the last of them no space (RFC 2046 5.1.1).</summary>
    private static bool IsBoundary(string boundary) =>
        boundary.Length is > 0 and <= SipLimits.MultipartBoundary && boundary[^1] != ' ' && !boundary.AsSpan().ContainsAnyExcept(SipGrammar.Boundary);

    private enum DelimiterKind
    {
        None,
        Separator,
        Close,
        Ambiguous,
    }

    /// <summary>Finds delimiter lines: the delimiter at the start of a line, and after it nothing but padding, or "--" on the last.</summary>
    private readonly ref struct Delimiters(byte[] delimiter)
    {
        /// <param name="body">The whole multipart.</param>
        /// <param name="from">Where a line begins.</param>
        /// <param name="end">Where the content before the delimiter ends: the line end before it belongs to the delimiter.</param>
        /// <param name="next">Where the line after the delimiter begins.</param>
        internal DelimiterKind Next(ReadOnlySpan<byte> body, int from, out int end, out int next)
        {
            for (var at = from; ; at += delimiter.Length)
            {
                (end, next) = (0, 0);
                var offset = body[at..].IndexOf(delimiter);
                if (offset < 0)
                    return DelimiterKind.None;
                at += offset;
                if (at != from && (at < from + 2 || body[at - 2] != '\r' || body[at - 1] != '\n'))
                    continue;
                end = Math.Max(from, at - 2);
                next = at + delimiter.Length;
                return KindOf(body, ref next);
            }
        }

        private static DelimiterKind KindOf(ReadOnlySpan<byte> body, ref int next)
        {
            var isClose = body[next..].StartsWith("--"u8);
            if (isClose)
                next += 2;
            while (next < body.Length && body[next] is (byte)' ' or (byte)'\t')
                next++;
            if (next == body.Length && isClose)
                return DelimiterKind.Close;
            if (!body[next..].StartsWith("\r\n"u8))
                return DelimiterKind.Ambiguous;
            next += 2;
            return isClose ? DelimiterKind.Close : DelimiterKind.Separator;
        }
    }
}
