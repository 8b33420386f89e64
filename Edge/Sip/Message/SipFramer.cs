using System.Buffers;

namespace IvrActors.Edge.Sip.Message;

/// <summary>What stands at the beginning of a stream's buffer.</summary>
public enum SipFrameKind
{
    NeedMore = 0,

    /// <summary>A double line end: consume and answer with a single one (RFC 5626 4.4.1).</summary>
    KeepAlivePing,

    /// <summary>A single line end before a message: consume it.</summary>
    KeepAlivePong,

    /// <summary>One whole message.</summary>
    Message,

    /// <summary>
    /// The end of this message can't be known: close the connection. When <see cref="SipFrame.Length"/> is not 0, that many bytes are a whole head;
    /// <see cref="SipParser.ParseFramed"/> of them rejects it and says what can be answered before closing.
    /// </summary>
    Fault,
}

/// <summary>A step of <see cref="SipFramer"/>; <paramref name="Length"/> in bytes from the beginning of the buffer.</summary>
public readonly record struct SipFrame(SipFrameKind Kind, int Length = 0, SipRejection Rejection = SipRejection.None);

/// <summary>
/// Finds where the next message of a stream ends (RFC 3261 18.3). Give it the whole unconsumed buffer each time and consume what it says;
/// it remembers how far it has looked, so bytes that trickle in are not searched again.
/// </summary>
public struct SipFramer
{
    private long _searched;
    private int _messageLength;

    public SipFrame Next(ReadOnlySequence<byte> buffer)
    {
        if (_messageLength == 0)
        {
            if (LineEnds(buffer) is { } early)
                return early;
            var headLength = FindHeadEnd(buffer);
            if (headLength < 0)
                return buffer.Length < SipLimits.HeadBytes ? default : new SipFrame(SipFrameKind.Fault, 0, SipRejection.TooLarge);
            var fault = ReadContentLength(buffer.Slice(0, headLength), out var bodyLength);
            if (fault == SipRejection.None && headLength + (long)bodyLength > SipLimits.StreamMessageBytes)
                fault = SipRejection.TooLarge;
            if (fault != SipRejection.None)
                return new SipFrame(SipFrameKind.Fault, headLength, fault);
            _messageLength = headLength + (int)bodyLength;
        }
        if (buffer.Length < _messageLength)
            return default;
        var message = new SipFrame(SipFrameKind.Message, _messageLength);
        this = default;
        return message;
    }

    /// <summary>Keep-alives, and a first byte that begins no SIP message; null when neither.</summary>
    private static SipFrame? LineEnds(ReadOnlySequence<byte> buffer)
    {
        if (buffer.IsEmpty)
            return default(SipFrame);
        if (!buffer.FirstSpan.IsEmpty && SipGrammar.Token.Contains((char)buffer.FirstSpan[0]))
            return null;
        Span<byte> first = stackalloc byte[(int)Math.Min(4, buffer.Length)];
        buffer.Slice(0, first.Length).CopyTo(first);
        if (first[0] != '\r')
            return SipGrammar.Token.Contains((char)first[0]) ? null : new SipFrame(SipFrameKind.Fault, 0, SipRejection.NotSip);
        var lineEnds = "\r\n\r\n"u8;
        if (lineEnds.StartsWith(first))
            return first.Length == 4 ? new SipFrame(SipFrameKind.KeepAlivePing, 4) : default;
        return first.Length > 2 && first.StartsWith("\r\n"u8)
            ? new SipFrame(SipFrameKind.KeepAlivePong, 2)
            : new SipFrame(SipFrameKind.Fault, 0, SipRejection.NotSip);
    }

    /// <summary>Length of the head with its empty line, or -1 when it has not ended within the limit.</summary>
    private int FindHeadEnd(ReadOnlySequence<byte> buffer)
    {
        var limited = buffer.Length > SipLimits.HeadBytes ? buffer.Slice(0, SipLimits.HeadBytes) : buffer;
        var from = Math.Max(0, _searched - 3);
        if (limited.IsSingleSegment)
        {
            var end = limited.FirstSpan[(int)from..].IndexOf("\r\n\r\n"u8);
            if (end >= 0)
                return (int)from + end + 4;
            _searched = limited.Length;
            return -1;
        }
        var reader = new SequenceReader<byte>(limited.Slice(from));
        if (reader.TryReadTo(out ReadOnlySequence<byte> _, "\r\n\r\n"u8))
            return (int)(from + reader.Consumed);
        _searched = limited.Length;
        return -1;
    }

    private static SipRejection ReadContentLength(ReadOnlySequence<byte> head, out uint length)
    {
        if (head.IsSingleSegment)
            return ReadContentLength(head.FirstSpan, out length);
        var rented = ArrayPool<byte>.Shared.Rent((int)head.Length);
        head.CopyTo(rented);
        var fault = ReadContentLength(rented.AsSpan(0, (int)head.Length), out length);
        ArrayPool<byte>.Shared.Return(rented);
        return fault;
    }

    /// <summary>The one Content-Length of a head, in its long or compact form, folded or not. Must agree with the parser, or messages could be smuggled.</summary>
    private static SipRejection ReadContentLength(ReadOnlySpan<byte> head, out uint length)
    {
        length = 0;
        var found = false;
        for (var next = head.IndexOf("\r\n"u8); next >= 0 && next + 2 < head.Length;)
        {
            head = head[(next + 2)..];
            next = EndOfHeader(head);
            if (next <= 0 || !IsContentLength(head[..next], out var value))
                continue;
            if (found)
                return SipRejection.RepeatedContentLength;
            if (!TryReadNumber(value, out length))
                return SipRejection.MalformedContentLength;
            found = true;
        }
        return found ? SipRejection.None : SipRejection.ContentLengthMissing;
    }

    /// <summary>Where the header line that begins here ends, with the lines folded into it.</summary>
    private static int EndOfHeader(ReadOnlySpan<byte> head)
    {
        var end = head.IndexOf("\r\n"u8);
        while (end >= 0 && end + 2 < head.Length && head[end + 2] is (byte)' ' or (byte)'\t')
        {
            var more = head[(end + 2)..].IndexOf("\r\n"u8);
            if (more < 0)
                return -1;
            end += 2 + more;
        }
        return end;
    }

    private static bool IsContentLength(ReadOnlySpan<byte> line, out ReadOnlySpan<byte> value)
    {
        value = default;
        if ((line[0] | 0x20) is not ('c' or 'l'))
            return false;
        var colon = line.IndexOf((byte)':');
        if (colon <= 0)
            return false;
        var name = line[..colon].TrimEnd(" \t\r\n"u8);
        value = line[(colon + 1)..];
        return System.Text.Ascii.EqualsIgnoreCase(name, "Content-Length"u8) || System.Text.Ascii.EqualsIgnoreCase(name, "l"u8);
    }

    private static bool TryReadNumber(ReadOnlySpan<byte> value, out uint number)
    {
        number = 0;
        value = value.Trim(" \t\r\n"u8);
        Span<char> digits = stackalloc char[SipGrammar.MostDigits];
        if (value.Length > digits.Length)
            return false;
        for (var i = 0; i < value.Length; i++)
            digits[i] = (char)value[i];
        if (SipGrammar.Number(digits[..value.Length]) is not { } read)
            return false;
        number = read;
        return true;
    }
}
