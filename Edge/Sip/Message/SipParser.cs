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
    [ThreadStatic]
    private static SipReader? t_reader;

    /// <summary>Reads a datagram: one message; bytes beyond Content-Length are ignored, and without one the body is the rest (RFC 3261 18.3).</summary>
    public static SipParseResult Parse(ReadOnlyMemory<byte> datagram)
    {
        var reader = t_reader ??= new SipReader();
        reader.Read(datagram.Span);
        return reader.ToResult(datagram.Span);
    }

    /// <summary>Reads exactly one message of a stream, as <see cref="SipFramer"/> cut it.</summary>
    public static SipParseResult ParseFramed(ReadOnlyMemory<byte> message)
    {
        var reader = t_reader ??= new SipReader();
        reader.ReadFramed(message.Span);
        return reader.ToResult(message.Span);
    }
}
