using System.Buffers;
using System.Text;
using IvrActors.Edge.Sip.Message;
using static IvrActors.Fuzz.OracleException;

namespace IvrActors.Fuzz;

/// <summary>
/// SIP message as a datagram, screening and responses. Oracle: what was accepted is written as something that reads and writes the same; every
/// answer to what was read is itself readable.
/// </summary>
public sealed class MessageTarget : IFuzzTarget
{
    private static readonly ScreeningRules Rules = new()
    {
        Methods = ["INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "INFO"],
        Extensions = [],
        ContentTypes = new Dictionary<string, IReadOnlyList<string>> { ["INVITE"] = ["application/sdp"], ["INFO"] = ["application/dtmf-relay"] },
    };

    private readonly ArrayBufferWriter<byte> _first = new(4096);
    private readonly ArrayBufferWriter<byte> _second = new(4096);

    public string Name => "message";

    public IReadOnlyList<byte[]> Dictionary => Words;

    /// <summary>What SIP is made of, for the targets that read parts of it too.</summary>
    internal static IReadOnlyList<byte[]> Words { get; } =
    [
        .. new[]
        {
            "\r\n", "\r\n\r\n", "\r\n ", "\n", "\r", "\0", "\\", "\"", "<", ">", ";", ",", "?", "&", "=", "%00", "%", "@", ":", "/", "[::1]", ".1", "..",
            "SIP/2.0", "SIP/2.0 200 OK\r\n", "sip:", "sips:", "tel:+1", "z9hG4bK", ";branch=", ";tag=", ";rport", ";received=", ";lr", ";maddr=", "\\\"",
            "Via: ", "v: ", "f: ", "t: ", "i: ", "m: ", "l: ", "c: ", "Content-Length: ", "CSeq: ", "Contact: *", "Route: ", "Record-Route: ",
            "Max-Forwards: ", "Expires: ", "Date: Sat, 13 Nov 2010 23:29:00 GMT", "Require: ", "Accept: ", "Timestamp: ",
            "4294967295", "4294967296", "2147483647", "2147483648", "-1", "00000000000000000000", "65536", "99999999999999999999999999",
            "\u00ff", "\u00c3\u00a9", "\t", "  ",
        }.Select(Encoding.Latin1.GetBytes),
    ];

    public bool Run(ReadOnlyMemory<byte> input)
    {
        var result = SipParser.Parse(input);
        Require((result.Message is null) == (result.Rejection != SipRejection.None), "a message and a rejection");
        if (result.Answerable is not null)
            SipResponses.For(result.Answerable, result.AnswerStatus ?? 400, "t");
        if (result.Message is not { } message)
            return false;
        CheckTypedMembers(message);
        CheckFixedPoint(message, input.Length);
        if (message is SipRequest request)
            CheckAnswers(request);
        return true;
    }

    /// <summary>They are read when they are asked for: on an accepted message each must be there, and hold all of its header.</summary>
    private static void CheckTypedMembers(SipMessage message)
    {
        var from = message.From.ToString().Length + message.From.Uri.ToString().Length + message.To.Uri.Host.Length + (message.To.Tag?.Length ?? 0);
        Require(from > 0 && message.CallId.Length > 0 && message.CSeq.Method.Length > 0, "a mandatory header that reads as nothing");
        Require(message.Vias.Count >= message.Headers.All("Via").Count(), "a hop is missing");
        var contacts = message.Headers.All("Contact").Count(value => value != "*");
        Require(message.Contacts.Count >= contacts && message.Routes.Count >= message.Headers.All("Route").Count()
            && message.RecordRoutes.Count >= message.Headers.All("Record-Route").Count(), "an address is missing");
        if (message is SipRequest request)
            Require(request.RequestUri.Scheme.Length > 0 && request.RequestUri.Parameters.ToString().Length >= 0, "no request URI");
    }

    private void CheckFixedPoint(SipMessage message, int inputLength)
    {
        var written = Write(message, _first);
        var again = SipParser.Parse(written);
        if (IsLimit(again.Rejection) && written.Length > inputLength)
            return;
        Require(again.Rejection == SipRejection.None, $"what was written is refused: {again.Rejection}");
        Require(again.Message!.Body.Span.SequenceEqual(message.Body.Span), "the body changed");
        Require(Write(again.Message, _second).Span.SequenceEqual(written.Span), "writing is no fixed point");
        var framed = SipParser.ParseFramed(written);
        Require(framed.Rejection == SipRejection.None, $"what was written is refused on a stream: {framed.Rejection}");
    }

    private void CheckAnswers(SipRequest request)
    {
        Require(SipUri.TryParse(request.RequestUri.ToString(), out var uri) && uri.Equals(request.RequestUri), "a URI does not equal itself");
        var refusal = RequestScreening.Screen(request, Rules);
        request.StampSource(System.Net.IPAddress.Loopback, 5060);
        Require(request.TopVia.Received is not null || request.TopVia.Host == "127.0.0.1", "the source was not stamped");
        var response = refusal is { } refused ? refused.ToResponse(request, "t") : SipResponses.For(request, 200, "t");
        var read = SipParser.Parse(Write(response, _first));
        Require(read.Rejection == SipRejection.None || IsLimit(read.Rejection), $"our answer is refused: {read.Rejection}");
    }

    private static ReadOnlyMemory<byte> Write(SipMessage message, ArrayBufferWriter<byte> output)
    {
        output.ResetWrittenCount();
        SipWriter.Write(message, output);
        return output.WrittenMemory;
    }

    /// <summary>Long names for compact ones, or an added Content-Length, may carry a message over a limit that it just met.</summary>
    private static bool IsLimit(SipRejection rejection) =>
        rejection is SipRejection.TooLarge or SipRejection.LineTooLong or SipRejection.TooManyHeaders or SipRejection.TooManyValues;
}
