using System.Text;

namespace IvrActors.Edge.Sip.Message;

/// <summary>What became of received bytes.</summary>
public readonly struct SipParseResult
{
    internal SipParseResult(SipMessage? message, SipRejection rejection, SipRequest? answerable)
    {
        Message = message;
        Rejection = rejection;
        Answerable = answerable;
    }

    /// <summary>The message, null when it was rejected.</summary>
    public SipMessage? Message { get; }

    public SipRejection Rejection { get; }

    /// <summary>
    /// The parts of a rejected request that <see cref="SipResponses.For"/> needs; null when no answer is owed (responses, ACK, no Via).
    /// Only its Method, Headers and Vias may be used, and the answer goes to where the request came from.
    /// </summary>
    public SipRequest? Answerable { get; }

    /// <summary>Status of the response owed to the sender of a rejected request, null when it is dropped silently.</summary>
    public int? AnswerStatus => Answerable is null ? null : SipRejections.StatusOf(Rejection);
}

/// <summary>Reads SIP messages (RFC 3261 section 25). Never throws on input. Copies what it keeps, so buffers can be reused at once.</summary>
public static class SipParser
{
    private static ReadOnlySpan<byte> HeadEnd => "\r\n\r\n"u8;

    /// <summary>Reads a datagram: one message; bytes beyond Content-Length are ignored, and without one the body is the rest (RFC 3261 18.3).</summary>
    public static SipParseResult Parse(ReadOnlyMemory<byte> datagram)
    {
        var bytes = datagram.Span;
        if (bytes.Length > SipLimits.DatagramBytes)
            return Rejected(SipRejection.TooLarge);
        return Read(bytes, framed: false);
    }

    /// <summary>Reads exactly one message of a stream, as <see cref="SipFramer"/> cut it.</summary>
    public static SipParseResult ParseFramed(ReadOnlyMemory<byte> message)
    {
        var bytes = message.Span;
        if (bytes.Length > SipLimits.StreamMessageBytes)
            return Rejected(SipRejection.TooLarge);
        return Read(bytes, framed: true);
    }

    private static SipParseResult Read(ReadOnlySpan<byte> bytes, bool framed)
    {
        while (bytes.StartsWith("\r\n"u8))
            bytes = bytes[2..];
        if (!bytes.ContainsAnyExcept("\0\r\n"u8))
            return Rejected(SipRejection.KeepAlive);
        var headLength = bytes[..Math.Min(bytes.Length, SipLimits.HeadBytes)].IndexOf(HeadEnd);
        var unfinished = headLength < 0;
        if (unfinished)
        {
            if (!LooksLikeSip(bytes) || bytes.Length > SipLimits.HeadBytes)
                return Rejected(LooksLikeSip(bytes) ? SipRejection.TooLarge : SipRejection.NotSip);
            // Read it all the same: a sender that forgot the empty line is still owed its 400.
            headLength = bytes.Length;
        }
        var head = Encoding.Latin1.GetString(bytes[..headLength]);
        if (bytes[..headLength].IndexOf("\n "u8) >= 0 || bytes[..headLength].IndexOf("\n\t"u8) >= 0)
            head = Unfolded(head);
        var lineEnd = head.IndexOf("\r\n", StringComparison.Ordinal);
        var startLine = head.AsSpan(0, lineEnd < 0 ? head.Length : lineEnd);
        var headers = new SipHeaders(head);
        SipMessage? message = startLine.StartsWith("SIP/", StringComparison.OrdinalIgnoreCase)
            ? ReadStatusLine(startLine, headers, out var fault)
            : ReadRequestLine(head, startLine.Length, headers, out fault);
        if (message is null)
            return Rejected(fault);

        var seen = ReadHeaders(head, startLine.Length, headers, out var headerFault);
        var rejection = First(fault, headerFault);
        if (rejection == SipRejection.None)
            rejection = Validate(message, seen);
        if (rejection == SipRejection.None)
            rejection = unfinished ? SipRejection.HeadUnfinished : ReadBody(message, seen, bytes[(headLength + HeadEnd.Length)..], framed);
        return rejection == SipRejection.None ? new SipParseResult(message, rejection, null) : Rejected(message, rejection);
    }

    /// <summary>Folded lines become one, with a space for each fold (RFC 3261 7.3.1). The start line must not be folded: it is left malformed.</summary>
    private static string Unfolded(string head)
    {
        var result = new StringBuilder(head.Length);
        for (var i = 0; i < head.Length; i++)
        {
            if (head[i] == '\r' && i + 2 < head.Length && head[i + 1] == '\n' && SipGrammar.IsSpace(head[i + 2]))
            {
                while (i + 1 < head.Length && (SipGrammar.IsSpace(head[i + 1]) || (head[i + 1] == '\n' && head[i] == '\r')))
                    i++;
                result.Append(' ');
            }
            else
                result.Append(head[i]);
        }
        return result.ToString();
    }

    /// <summary>Method SP Request-URI SP SIP-Version, with single spaces (RFC 3261 7.1).</summary>
    private static SipRequest? ReadRequestLine(string head, int length, SipHeaders headers, out SipRejection fault)
    {
        var line = head.AsSpan(0, length);
        var space = line.IndexOf(' ');
        if (space <= 0 || space > SipLimits.MethodLength || !SipGrammar.IsToken(line[..space]))
        {
            fault = SipRejection.NotSip;
            return null;
        }
        var method = SipMethods.Intern(line[..space]);
        var uriEnd = line.LastIndexOf(' ');
        SipUri? uri = null;
        fault = line.Length > SipLimits.LineLength ? SipRejection.LineTooLong
            : uriEnd <= space ? SipRejection.MalformedRequestLine
            : ReadVersion(line[(uriEnd + 1)..]);
        if (fault == SipRejection.None && (!SipUri.TryParse(head, space + 1, uriEnd, out uri) || uri.HasHeaders))
            fault = SipRejection.MalformedRequestUri;
        return new SipRequest(method, uri, headers);
    }

    private static SipRejection ReadVersion(ReadOnlySpan<char> version)
    {
        if (version.Equals("SIP/2.0", StringComparison.OrdinalIgnoreCase))
            return SipRejection.None;
        var number = version.StartsWith("SIP/", StringComparison.OrdinalIgnoreCase) ? version[4..] : default;
        var dot = number.IndexOf('.');
        return dot > 0 && SipGrammar.Number(number[..dot]) is not null && SipGrammar.Number(number[(dot + 1)..]) is not null
            ? SipRejection.UnsupportedVersion
            : SipRejection.MalformedRequestLine;
    }

    /// <summary>SIP-Version SP 3DIGIT SP Reason-Phrase; the phrase may be empty, its space may not be missing (RFC 4475 3.1.1.13).</summary>
    private static SipResponse? ReadStatusLine(ReadOnlySpan<char> line, SipHeaders headers, out SipRejection fault)
    {
        const int VersionLength = 7;
        fault = SipRejection.MalformedStatusLine;
        if (line.Length < VersionLength + 5 || line.Length > SipLimits.LineLength || !line[..VersionLength].Equals("SIP/2.0", StringComparison.OrdinalIgnoreCase)
            || line[VersionLength] != ' ' || line[VersionLength + 4] != ' '
            || SipGrammar.Number(line.Slice(VersionLength + 1, 3)) is not (>= 100 and <= 699 and var status))
            return null;
        var reason = line[(VersionLength + 5)..];
        if (reason.ContainsAny(SipGrammar.Control))
            return null;
        fault = SipRejection.None;
        return new SipResponse((int)status, reason is "OK" ? "OK" : reason.ToString(), headers);
    }

    /// <summary>Splits header lines. Goes on after a fault, so that an answer can be made of the rest.</summary>
    private static Seen ReadHeaders(string head, int startLineLength, SipHeaders headers, out SipRejection fault)
    {
        fault = SipRejection.None;
        var seen = Seen.None;
        var mayHoldControls = head.AsSpan().ContainsAny(SipGrammar.ControlWithinLine);
        for (var start = startLineLength + 2; start < head.Length;)
        {
            var length = LineLength(head.AsSpan(start), out var whole);
            fault = First(fault, whole ? ReadHeader(head, start, length, mayHoldControls, headers, ref seen) : SipRejection.ControlCharacter);
            if (headers.Count >= SipLimits.Headers && start + length < head.Length)
            {
                fault = First(fault, SipRejection.TooManyHeaders);
                break;
            }
            start += length + 2;
        }
        return seen;
    }

    /// <summary>Characters up to the next line end. Not whole when a lone CR or LF stands among them: some would take it for a line end.</summary>
    private static int LineLength(ReadOnlySpan<char> text, out bool whole)
    {
        var end = text.IndexOfAny('\r', '\n');
        whole = end < 0 || (text[end] == '\r' && end + 1 < text.Length && text[end + 1] == '\n');
        if (!whole)
            end = text.IndexOf("\r\n");
        return end < 0 ? text.Length : end;
    }

    private static SipRejection ReadHeader(string head, int start, int length, bool mayHoldControls, SipHeaders headers, ref Seen seen)
    {
        if (length > SipLimits.LineLength)
            return SipRejection.LineTooLong;
        var line = head.AsSpan(start, length);
        var colon = line.IndexOf(':');
        var nameEnd = colon;
        while (nameEnd > 0 && SipGrammar.IsSpace(line[nameEnd - 1]))
            nameEnd--;
        if (nameEnd <= 0 || SipHeaderNames.Canonical(line[..nameEnd]) is not { } name)
            return SipRejection.MalformedHeader;
        var valueStart = colon + 1;
        while (valueStart < length && SipGrammar.IsSpace(line[valueStart]))
            valueStart++;
        var valueEnd = length;
        while (valueEnd > valueStart && SipGrammar.IsSpace(line[valueEnd - 1]))
            valueEnd--;
        if (mayHoldControls && !SipGrammar.ControlsAreEscaped(line[valueStart..valueEnd]))
            return SipRejection.ControlCharacter;
        headers.AddReceived(name, start + valueStart, valueEnd - valueStart);
        return Note(name, ref seen);
    }

    /// <summary>Remembers which of the mandatory and single-valued headers stand in the message; a second one makes it ambiguous.</summary>
    private static SipRejection Note(string name, ref Seen seen)
    {
        var header = name switch
        {
            SipHeaderNames.Via => Seen.Via,
            SipHeaderNames.From => Seen.From,
            SipHeaderNames.To => Seen.To,
            SipHeaderNames.CallId => Seen.CallId,
            SipHeaderNames.CSeq => Seen.CSeq,
            SipHeaderNames.MaxForwards => Seen.MaxForwards,
            SipHeaderNames.ContentLength => Seen.ContentLength,
            SipHeaderNames.ContentType => Seen.ContentType,
            SipHeaderNames.Expires => Seen.Expires,
            SipHeaderNames.Date => Seen.Date,
            SipHeaderNames.Timestamp => Seen.Timestamp,
            _ => Seen.None,
        };
        var repeated = (seen & header & ~Seen.Via) != 0;
        seen |= header;
        return !repeated ? SipRejection.None : header == Seen.ContentLength ? SipRejection.RepeatedContentLength : SipRejection.RepeatedHeader;
    }

    /// <summary>Mandatory headers (RFC 3261 8.1.1; Max-Forwards may be absent as RFC 2543 allowed), typed headers, scalars.</summary>
    private static SipRejection Validate(SipMessage message, Seen seen)
    {
        if ((seen & Seen.Mandatory) != Seen.Mandatory)
            return SipRejection.MissingHeader;
        var headers = message.Headers;
        var callId = headers.SpanAt(headers.IndexOfKnown(SipHeaderNames.CallId));
        if (!IsCallId(callId))
            return SipRejection.MalformedCallId;
        var typed = message.ReadTyped();
        if (typed != SipRejection.None)
            return typed;
        if ((seen & Seen.MaxForwards) != 0 && SipGrammar.Number(headers.SpanAt(headers.IndexOfKnown(SipHeaderNames.MaxForwards))) is not <= SipLimits.MaxForwards)
            return SipRejection.MalformedScalar;
        if ((seen & Seen.Expires) != 0 && SipGrammar.Number(headers.SpanAt(headers.IndexOfKnown(SipHeaderNames.Expires))) is null)
            return SipRejection.MalformedScalar;
        if ((seen & Seen.Date) != 0 && !SipDate.IsValid(headers.SpanAt(headers.IndexOfKnown(SipHeaderNames.Date))))
            return SipRejection.MalformedDate;
        if (message is SipRequest request && request.Method != request.CSeq.Method)
            return SipMethods.IsKnown(request.Method) ? SipRejection.CSeqMethodMismatch : SipRejection.CSeqMethodMismatchOfUnknownMethod;
        return SipRejection.None;
    }

    /// <summary>word [ "@" word ].</summary>
    private static bool IsCallId(ReadOnlySpan<char> value)
    {
        if (value.Length > SipLimits.CallIdLength)
            return false;
        var at = value.IndexOf('@');
        return at < 0 ? IsWord(value) : IsWord(value[..at]) && IsWord(value[(at + 1)..]);

        static bool IsWord(ReadOnlySpan<char> text) => text.Length > 0 && !text.ContainsAnyExcept(SipGrammar.Word);
    }

    private static SipRejection ReadBody(SipMessage message, Seen seen, ReadOnlySpan<byte> rest, bool framed)
    {
        if ((seen & Seen.ContentLength) == 0)
        {
            if (framed)
                return SipRejection.ContentLengthMissing;
            message.Body = rest.ToArray();
            return SipRejection.None;
        }
        if (SipGrammar.Number(message.Headers.SpanAt(message.Headers.IndexOfKnown(SipHeaderNames.ContentLength))) is not { } length)
            return SipRejection.MalformedContentLength;
        if (length > (uint)rest.Length)
            return SipRejection.ContentLengthTooLarge;
        if (framed && length != (uint)rest.Length)
            return SipRejection.ContentLengthMismatch;
        message.Body = rest[..(int)length].ToArray();
        return SipRejection.None;
    }

    private static SipParseResult Rejected(SipRejection rejection) => new(null, rejection, null);

    /// <summary>A request can be answered when it says by which way it came; an ACK never is (RFC 3261 17.1.1.3).</summary>
    private static SipParseResult Rejected(SipMessage message, SipRejection rejection) => new(
        null, rejection, message is SipRequest { Method: not SipMethods.Ack } request && request.Headers.Contains(SipHeaderNames.Via) ? request : null);

    private static SipRejection First(SipRejection first, SipRejection second) => first != SipRejection.None ? first : second;

    private static bool LooksLikeSip(ReadOnlySpan<byte> bytes)
    {
        var end = bytes.IndexOf("\r\n"u8);
        return end > 0 && bytes[..end].IndexOf("SIP/"u8) >= 0;
    }

    [Flags]
    private enum Seen
    {
        None = 0,
        Via = 1,
        From = 2,
        To = 4,
        CallId = 8,
        CSeq = 16,
        Mandatory = Via | From | To | CallId | CSeq,
        MaxForwards = 32,
        ContentLength = 64,
        ContentType = 128,
        Expires = 256,
        Date = 512,
        Timestamp = 1024,
    }
}
