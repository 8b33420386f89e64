namespace IvrActors.Edge.Sip.Message;

/// <summary>One part of a multipart body.</summary>
public sealed class MultipartPart
{
    private const string Handling = "handling";

    private MultipartPart(MediaType type, string contentType, string? disposition, bool isRequired, bool isIdentity, ReadOnlyMemory<byte> body)
    {
        (Type, ContentType, Disposition) = (type, contentType, disposition);
        (IsRequired, IsIdentity, Body) = (isRequired, isIdentity, body);
    }

    public MediaType Type { get; }

    /// <summary>The exact text of its Content-Type; "text/plain" when it has none (RFC 2045 5.2).</summary>
    public string ContentType { get; }

    /// <summary>Lower case: "session", "render", …; null when the sender says nothing.</summary>
    public string? Disposition { get; }

    /// <summary>
    /// Whether the sender says handling=required. RFC 3261 20.11 lets a receiver assume it where nothing is said. We do not: trunks add ISUP,
    /// locations and recording metadata without a word on handling, and no caller is served by a refusal of such a call.
    /// </summary>
    public bool IsRequired { get; }

    /// <summary>Whether the body is there as it is: transfer encoding 7bit, 8bit or binary, content encoding identity.</summary>
    public bool IsIdentity { get; }

    /// <summary>A view of the whole body, no copy.</summary>
    public ReadOnlyMemory<byte> Body { get; }

    /// <summary>Whether this part describes the session or carries what a request is about, and is not kept for another use (RFC 5621 5.2).</summary>
    public bool IsForUse => Disposition is null or "session" or "render" or "signal" or "info-package";

    /// <summary>Reads head and body of a part: header lines, an empty line, content. A part may have no headers, and no content (RFC 2046 5.1.1).</summary>
    internal static MultipartRejection TryRead(ReadOnlyMemory<byte> bytes, out MultipartPart? part)
    {
        part = null;
        var span = bytes.Span;
        if (span.StartsWith("\r\n"u8))
            return Create("", bytes[2..], out part);
        var end = span[..Math.Min(span.Length, SipLimits.MultipartHead)].IndexOf("\r\n\r\n"u8);
        if (end < 0 && span.Length > SipLimits.MultipartHead)
            return MultipartRejection.PartHeadTooLarge;
        var head = System.Text.Encoding.Latin1.GetString(end < 0 ? span : span[..end]);
        return Create(head, end < 0 ? default : bytes[(end + 4)..], out part);
    }

    private static MultipartRejection Create(string head, ReadOnlyMemory<byte> body, out MultipartPart? part)
    {
        part = null;
        var fields = new Fields();
        if (head.Length > 0 && !fields.TryRead(head))
            return MultipartRejection.MalformedPartHeader;
        var contentType = fields.ContentType ?? "text/plain";
        if (!MediaType.TryParse(contentType, out var type))
            return MultipartRejection.MalformedPartHeader;
        string? disposition = null;
        SipParameters parameters = default;
        if (fields.Disposition is not null && !MediaType.TryParseToken(fields.Disposition, out disposition, out parameters))
            return MultipartRejection.MalformedPartHeader;
        var isRequired = "required".Equals(MediaType.Unquoted(parameters, Handling), StringComparison.OrdinalIgnoreCase);
        part = new MultipartPart(type, contentType, disposition, isRequired, IsIdentityOf(fields), body);
        return MultipartRejection.None;
    }

    private static bool IsIdentityOf(Fields fields) =>
        fields.TransferEncoding?.ToLowerInvariant() is null or "7bit" or "8bit" or "binary" && fields.Encoding?.ToLowerInvariant() is null or "identity";

    /// <summary>The headers of a part that matter here. A second one of a kind makes the part ambiguous, so it is refused.</summary>
    private struct Fields
    {
        internal string? ContentType;
        internal string? Disposition;
        internal string? TransferEncoding;
        internal string? Encoding;

        internal bool TryRead(string head)
        {
            var unfolded = head.Replace("\r\n ", "  ", StringComparison.Ordinal).Replace("\r\n\t", "  ", StringComparison.Ordinal);
            foreach (var line in unfolded.Split("\r\n"))
            {
                var colon = line.IndexOf(':', StringComparison.Ordinal);
                if (colon <= 0 || line.AsSpan().ContainsAny(SipGrammar.Control) || !SipGrammar.IsToken(line.AsSpan(0, colon).TrimEnd(" \t")))
                    return false;
                var value = line.AsSpan(colon + 1).Trim(" \t").ToString();
                var known = line.AsSpan(0, colon).TrimEnd(" \t").ToString().ToLowerInvariant() switch
                {
                    "content-type" => Set(ref ContentType, value),
                    "content-disposition" => Set(ref Disposition, value),
                    "content-transfer-encoding" => Set(ref TransferEncoding, value),
                    "content-encoding" => Set(ref Encoding, value),
                    _ => true,
                };
                if (!known)
                    return false;
            }
            return true;
        }

        private static bool Set(ref string? field, string value)
        {
            if (field is not null)
                return false;
            field = value;
            return true;
        }
    }
}
