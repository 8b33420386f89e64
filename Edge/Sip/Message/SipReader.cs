using System.Text;

namespace IvrActors.Edge.Sip.Message;

/// <summary>
/// Reads messages one after the other into memory of its own and checks them whole; a message of usual form allocates nothing. What goes on is made a
/// <see cref="SipMessage"/> by <see cref="ToResult"/>; what is dropped or refused at sight never is. One thread at a time.
/// </summary>
public sealed class SipReader
{
    // Each char is one byte of the head (Latin-1).
    private readonly char[] _head = new char[SipLimits.HeadBytes];
    private readonly SipHeaders.Entry[] _entries = new SipHeaders.Entry[SipLimits.Headers];
    private int _headLength, _count, _uriStart, _uriEnd, _reasonStart, _reasonEnd, _bodyStart, _bodyLength;
    private Seen _seen;

    private static readonly Seen[] s_headers = SipHeaderNames.ForEachKnown(name => name switch
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
    });

    private static ReadOnlySpan<byte> HeadEnd => "\r\n\r\n"u8;

    /// <summary>Why the last message is refused.</summary>
    public SipRejection Rejection { get; private set; }

    /// <summary>Method of the last message; null when it is a response, or nothing that could be read as a request.</summary>
    public string? Method { get; private set; }

    /// <summary>Status of the last message; 0 when it is no response.</summary>
    public int Status { get; private set; }

    /// <summary>Reads a datagram: one message; bytes beyond Content-Length are ignored, and without one the body is the rest (RFC 3261 18.3).</summary>
    public SipRejection Read(ReadOnlySpan<byte> datagram) => Rejection = Read(datagram, SipLimits.DatagramBytes, framed: false);

    /// <summary>Reads exactly one message of a stream, as <see cref="SipFramer"/> cut it.</summary>
    public SipRejection ReadFramed(ReadOnlySpan<byte> message) => Rejection = Read(message, SipLimits.StreamMessageBytes, framed: true);

    /// <summary>The last message with memory of its own, or what an answer to a refused one needs.</summary>
    /// <param name="bytes">The same bytes that were read.</param>
    public SipParseResult ToResult(ReadOnlySpan<byte> bytes)
    {
        if (Rejection != SipRejection.None)
            return new SipParseResult(null, Rejection, IsAnswerable ? ToRequest() : null);
        SipMessage message = Method is null ? new SipResponse(Status, Reason, ToHeaders()) : ToRequest();
        message.Body = bytes.Slice(_bodyStart, _bodyLength).ToArray();
        return new SipParseResult(message, Rejection, null);
    }

    /// <summary>A request can be answered when it says by which way it came; an ACK never is (RFC 3261 17.1.1.3).</summary>
    private bool IsAnswerable => Method is not null and not SipMethods.Ack && (_seen & Seen.Via) != 0;

    private ReadOnlySpan<SipHeaders.Entry> Entries => _entries.AsSpan(0, _count);

    private string Reason => _head.AsSpan(_reasonStart, _reasonEnd - _reasonStart) is "OK" ? "OK" : new string(_head, _reasonStart, _reasonEnd - _reasonStart);

    private SipRequest ToRequest() => new(Method!, ToHeaders(), _uriStart, _uriEnd);

    private SipHeaders ToHeaders() => new(new string(_head, 0, _headLength), Entries);

    private SipRejection Read(ReadOnlySpan<byte> whole, int mostBytes, bool framed)
    {
        (Method, Status, _seen, _count, _uriStart, _uriEnd) = (null, 0, Seen.None, 0, 0, 0);
        if (whole.Length > mostBytes)
            return SipRejection.TooLarge;
        var bytes = whole;
        while (bytes.StartsWith("\r\n"u8))
            bytes = bytes[2..];
        if (!bytes.ContainsAnyExcept("\0\r\n"u8))
            return SipRejection.KeepAlive;
        var length = bytes[..Math.Min(bytes.Length, SipLimits.HeadBytes)].IndexOf(HeadEnd);
        var unfinished = length < 0;
        if (unfinished)
        {
            if (!LooksLikeSip(bytes) || bytes.Length > SipLimits.HeadBytes)
                return LooksLikeSip(bytes) ? SipRejection.TooLarge : SipRejection.NotSip;
            // Read it all the same: a sender that forgot the empty line is still owed its 400.
            length = bytes.Length;
        }
        _headLength = Encoding.Latin1.GetChars(bytes[..length], _head);
        var rejection = ReadHead();
        if (rejection != SipRejection.None)
            return rejection;
        if (unfinished)
            return SipRejection.HeadUnfinished;
        _bodyStart = whole.Length - bytes.Length + length + HeadEnd.Length;
        return ReadBody(_head, whole.Length - _bodyStart, framed);
    }

    private SipRejection ReadHead()
    {
        var head = _head.AsSpan(0, _headLength);
        var lineEnd = head.IndexOf("\r\n");
        var lineLength = lineEnd < 0 ? head.Length : lineEnd;
        var isResponse = head[..lineLength].StartsWith("SIP/", StringComparison.OrdinalIgnoreCase);
        var fault = isResponse ? ReadStatusLine(head[..lineLength]) : ReadRequestLine(head[..lineLength]);
        if (isResponse ? fault != SipRejection.None : Method is null)
            return fault;
        fault = First(fault, ReadHeaders(head, lineLength, out var folded));
        if (!folded)
            return fault == SipRejection.None ? Validate(head) : fault;
        _headLength = Unfold(head);
        (Method, Status, _seen, _count, _uriStart, _uriEnd) = (null, 0, Seen.None, 0, 0, 0);
        return ReadHead();
    }

    /// <summary>Folded lines become one, with a space for each fold (RFC 3261 7.3.1). The start line must not be folded: it is left malformed.</summary>
    private static int Unfold(Span<char> head)
    {
        var length = 0;
        for (var i = 0; i < head.Length; i++)
        {
            if (head[i] == '\r' && i + 2 < head.Length && head[i + 1] == '\n' && SipGrammar.IsSpace(head[i + 2]))
            {
                while (i + 1 < head.Length && (SipGrammar.IsSpace(head[i + 1]) || (head[i + 1] == '\n' && head[i] == '\r')))
                    i++;
                head[length++] = ' ';
            }
            else
                head[length++] = head[i];
        }
        return length;
    }

    /// <summary>Method SP Request-URI SP SIP-Version, with single spaces (RFC 3261 7.1).</summary>
    private SipRejection ReadRequestLine(ReadOnlySpan<char> line)
    {
        var space = line.IndexOf(' ');
        if (space <= 0 || space > SipLimits.MethodLength || !SipGrammar.IsToken(line[..space]))
            return SipRejection.NotSip;
        Method = SipMethods.Intern(line[..space]);
        if (line.Length > SipLimits.LineLength)
            return SipRejection.LineTooLong;
        var uriEnd = line.LastIndexOf(' ');
        if (uriEnd <= space)
            return SipRejection.MalformedRequestLine;
        var fault = ReadVersion(line[(uriEnd + 1)..]);
        if (fault != SipRejection.None)
            return fault;
        if (!SipUri.TryRead(line, space + 1, uriEnd, out var uri) || uri.HasHeaders)
            return SipRejection.MalformedRequestUri;
        (_uriStart, _uriEnd) = (space + 1, uriEnd);
        return SipRejection.None;
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
    private SipRejection ReadStatusLine(ReadOnlySpan<char> line)
    {
        const int VersionLength = 7;
        if (line.Length < VersionLength + 5 || line.Length > SipLimits.LineLength || !line[..VersionLength].Equals("SIP/2.0", StringComparison.OrdinalIgnoreCase)
            || line[VersionLength] != ' ' || line[VersionLength + 4] != ' '
            || SipGrammar.Number(line.Slice(VersionLength + 1, 3)) is not (>= 100 and <= 699 and var status))
            return SipRejection.MalformedStatusLine;
        (_reasonStart, _reasonEnd) = (VersionLength + 5, line.Length);
        if (line[_reasonStart..].ContainsAny(SipGrammar.Control))
            return SipRejection.MalformedStatusLine;
        Status = (int)status;
        return SipRejection.None;
    }

    /// <summary>Splits header lines. Goes on after a fault, so that an answer can be made of the rest.</summary>
    /// <param name="head">Start line and headers.</param>
    /// <param name="startLineLength">Without its line end.</param>
    /// <param name="folded">A line continues the one before (and nothing was read to the end).</param>
    private SipRejection ReadHeaders(ReadOnlySpan<char> head, int startLineLength, out bool folded)
    {
        folded = false;
        var fault = SipRejection.None;
        var mayHoldControls = head.ContainsAny(SipGrammar.ControlWithinLine);
        for (var start = startLineLength + 2; start < head.Length;)
        {
            folded = SipGrammar.IsSpace(head[start]);
            if (folded)
                return fault;
            var length = LineLength(head[start..], out var whole);
            fault = First(fault, whole ? ReadHeader(head.Slice(start, length), start, mayHoldControls) : SipRejection.ControlCharacter);
            if (_count >= SipLimits.Headers && start + length < head.Length)
                return First(fault, SipRejection.TooManyHeaders);
            start += length + 2;
        }
        return fault;
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

    private SipRejection ReadHeader(ReadOnlySpan<char> line, int start, bool mayHoldControls)
    {
        if (line.Length > SipLimits.LineLength)
            return SipRejection.LineTooLong;
        var colon = line.IndexOf(':');
        var nameEnd = colon;
        while (nameEnd > 0 && SipGrammar.IsSpace(line[nameEnd - 1]))
            nameEnd--;
        if (nameEnd <= 0)
            return SipRejection.MalformedHeader;
        var known = SipHeaderNames.IndexOfKnown(line[..nameEnd]);
        if (known < 0 && !SipGrammar.IsToken(line[..nameEnd]))
            return SipRejection.MalformedHeader;
        var valueStart = colon + 1;
        while (valueStart < line.Length && SipGrammar.IsSpace(line[valueStart]))
            valueStart++;
        var valueEnd = line.Length;
        while (valueEnd > valueStart && SipGrammar.IsSpace(line[valueEnd - 1]))
            valueEnd--;
        if (mayHoldControls && !SipGrammar.ControlsAreEscaped(line[valueStart..valueEnd]))
            return SipRejection.ControlCharacter;
        var name = known < 0 ? new string(line[..nameEnd]) : SipHeaderNames.KnownAt(known);
        _entries[_count++] = new SipHeaders.Entry(name, null, start + valueStart, valueEnd - valueStart);
        return known < 0 ? SipRejection.None : Note(s_headers[known]);
    }

    /// <summary>Remembers which of the mandatory and single-valued headers stand in the message; a second one makes it ambiguous.</summary>
    private SipRejection Note(Seen header)
    {
        var repeated = (_seen & header & ~Seen.Via) != 0;
        _seen |= header;
        return !repeated ? SipRejection.None : header == Seen.ContentLength ? SipRejection.RepeatedContentLength : SipRejection.RepeatedHeader;
    }

    /// <summary>Mandatory headers (RFC 3261 8.1.1; Max-Forwards may be absent as RFC 2543 allowed), typed headers, scalars.</summary>
    private SipRejection Validate(ReadOnlySpan<char> head)
    {
        if ((_seen & Seen.Mandatory) != Seen.Mandatory)
            return SipRejection.MissingHeader;
        if (!IsCallId(Value(head, SipHeaderNames.CallId)))
            return SipRejection.MalformedCallId;
        var typed = CheckVias(head);
        if (typed == SipRejection.None && !(IsAddress(head, SipHeaderNames.From) && IsAddress(head, SipHeaderNames.To)))
            typed = SipRejection.MalformedAddress;
        if (typed != SipRejection.None)
            return typed;
        if (!CSeq.TryParse(Value(head, SipHeaderNames.CSeq), out var cseq))
            return SipRejection.MalformedCSeq;
        typed = First(CheckAddresses(head, SipHeaderNames.Contact), First(CheckAddresses(head, SipHeaderNames.Route), CheckAddresses(head, SipHeaderNames.RecordRoute)));
        if (typed != SipRejection.None)
            return typed;
        if ((_seen & Seen.MaxForwards) != 0 && SipGrammar.Number(Value(head, SipHeaderNames.MaxForwards)) is not <= SipLimits.MaxForwards)
            return SipRejection.MalformedScalar;
        if ((_seen & Seen.Expires) != 0 && SipGrammar.Number(Value(head, SipHeaderNames.Expires)) is null)
            return SipRejection.MalformedScalar;
        if ((_seen & Seen.Date) != 0 && !SipDate.IsValid(Value(head, SipHeaderNames.Date)))
            return SipRejection.MalformedDate;
        if (Method is not null && Method != cseq.Method)
            return SipMethods.IsKnown(Method) ? SipRejection.CSeqMethodMismatch : SipRejection.CSeqMethodMismatchOfUnknownMethod;
        return SipRejection.None;
    }

    private SipRejection CheckVias(ReadOnlySpan<char> head)
    {
        var count = 0;
        foreach (ref readonly var entry in Entries)
        {
            if (!ReferenceEquals(entry.Name, SipHeaderNames.Via))
                continue;
            var cursor = new SipCursor(head, entry.Start, entry.Start + entry.Length);
            do
            {
                if (++count > SipLimits.ListValues)
                    return SipRejection.TooManyValues;
                if (!Via.TrySkip(ref cursor, out _))
                    return SipRejection.MalformedVia;
            }
            while (cursor.TakeSeparator(','));
            if (!cursor.AtEnd)
                return SipRejection.MalformedVia;
        }
        return SipRejection.None;
    }

    private SipRejection CheckAddresses(ReadOnlySpan<char> head, string name)
    {
        var count = 0;
        foreach (ref readonly var entry in Entries)
        {
            if (!ReferenceEquals(entry.Name, name) || (ReferenceEquals(name, SipHeaderNames.Contact) && head.Slice(entry.Start, entry.Length) is "*"))
                continue;
            var cursor = new SipCursor(head, entry.Start, entry.Start + entry.Length);
            do
            {
                if (++count > SipLimits.ListValues)
                    return SipRejection.TooManyValues;
                if (!NameAddress.TrySkip(ref cursor, out _))
                    return SipRejection.MalformedAddress;
            }
            while (cursor.TakeSeparator(','));
            if (!cursor.AtEnd)
                return SipRejection.MalformedAddress;
        }
        return SipRejection.None;
    }

    private bool IsAddress(ReadOnlySpan<char> head, string name)
    {
        var value = Value(head, name);
        var cursor = new SipCursor(value, 0, value.Length);
        return NameAddress.TrySkip(ref cursor, out _) && cursor.AtEnd;
    }

    /// <summary>Value of the first header of a name of <see cref="SipHeaderNames"/>, which are shared strings.</summary>
    private ReadOnlySpan<char> Value(ReadOnlySpan<char> head, string name)
    {
        foreach (ref readonly var entry in Entries)
        {
            if (ReferenceEquals(entry.Name, name))
                return head.Slice(entry.Start, entry.Length);
        }
        return default;
    }

    /// <summary>word [ "@" word ].</summary>
    internal static bool IsCallId(ReadOnlySpan<char> value)
    {
        if (value.Length > SipLimits.CallIdLength)
            return false;
        var at = value.IndexOf('@');
        return at < 0 ? IsWord(value) : IsWord(value[..at]) && IsWord(value[(at + 1)..]);

        static bool IsWord(ReadOnlySpan<char> text) => text.Length > 0 && !text.ContainsAnyExcept(SipGrammar.Word);
    }

    private SipRejection ReadBody(ReadOnlySpan<char> head, int rest, bool framed)
    {
        _bodyLength = rest;
        if ((_seen & Seen.ContentLength) == 0)
            return framed ? SipRejection.ContentLengthMissing : SipRejection.None;
        if (SipGrammar.Number(Value(head, SipHeaderNames.ContentLength)) is not { } length)
            return SipRejection.MalformedContentLength;
        if (length > (uint)rest)
            return SipRejection.ContentLengthTooLarge;
        if (framed && length != (uint)rest)
            return SipRejection.ContentLengthMismatch;
        _bodyLength = (int)length;
        return SipRejection.None;
    }

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
