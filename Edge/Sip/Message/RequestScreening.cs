namespace IvrActors.Edge.Sip.Message;

/// <summary>What a user agent server serves, as <see cref="RequestScreening"/> needs to know it.</summary>
public sealed class ScreeningRules
{
    /// <summary>Methods in the order in which Allow names them.</summary>
    public required IReadOnlyList<string> Methods { get; init; }

    /// <summary>Option tags that may stand in Require.</summary>
    public required IReadOnlyList<string> Extensions { get; init; }

    /// <summary>Media types of bodies by method. The body of a method that is not named here is never looked at, so any type is accepted.</summary>
    public required IReadOnlyDictionary<string, IReadOnlyList<string>> ContentTypes { get; init; }

    /// <summary>Lower-case schemes of request URIs that are served, beside emergency services.</summary>
    public IReadOnlyList<string> Schemes { get; init; } = ["sip", "sips"];
}

/// <summary>A refusal before any transaction user is asked: status and the header that tells the sender what would be accepted.</summary>
public readonly record struct Refusal(int Status, string? HeaderName = null, string? HeaderValue = null)
{
    public SipResponse ToResponse(SipRequest request, string? toTag)
    {
        var response = SipResponses.For(request, Status, toTag);
        if (HeaderName is not null)
            response.Headers.Add(HeaderName, HeaderValue ?? "");
        return response;
    }
}

/// <summary>The checks of RFC 3261 8.2.1 to 8.2.3, in their order, on a request that the parser accepted.</summary>
public static class RequestScreening
{
    private const string Sdp = "application/sdp";

    /// <summary>Why this request is refused, or null when it may go on. An ACK is never refused: nothing answers it.</summary>
    public static Refusal? Screen(SipRequest request, ScreeningRules rules)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(rules);
        if (request.Method == SipMethods.Ack)
            return null;
        return ScreenMethod(request, rules) ?? ScreenScheme(request, rules) ?? ScreenExtensions(request, rules)
            ?? ScreenContent(request, rules) ?? ScreenAnswer(request);
    }

    private static Refusal? ScreenMethod(SipRequest request, ScreeningRules rules)
    {
        if (rules.Methods.Contains(request.Method))
            return null;
        return new Refusal(SipMethods.IsKnown(request.Method) ? 405 : 501, SipHeaderNames.Allow, string.Join(", ", rules.Methods));
    }

    private static Refusal? ScreenScheme(SipRequest request, ScreeningRules rules) =>
        rules.Schemes.Contains(request.RequestUri.Scheme) || request.RequestUri.IsEmergencyService ? null : new Refusal(416);

    /// <summary>Require; in a CANCEL it means nothing (RFC 3261 8.2.2.3), and Proxy-Require is for proxies.</summary>
    private static Refusal? ScreenExtensions(SipRequest request, ScreeningRules rules)
    {
        if (request.Method == SipMethods.Cancel)
            return null;
        var unknown = ListValues(request, SipHeaderNames.Require)
            .Where(tag => !rules.Extensions.Contains(tag, StringComparer.OrdinalIgnoreCase)).ToArray();
        if (unknown.Length == 0)
            return null;
        return unknown.All(tag => SipGrammar.IsToken(tag)) ? new Refusal(420, SipHeaderNames.Unsupported, string.Join(", ", unknown)) : new Refusal(400);
    }

    /// <summary>A body that must be understood: its type, and no encoding but identity. A body marked optional is left unread (RFC 3261 20.11).</summary>
    private static Refusal? ScreenContent(SipRequest request, ScreeningRules rules)
    {
        if (request.Body.IsEmpty || !rules.ContentTypes.TryGetValue(request.Method, out var types))
            return null;
        if (request.Headers.First(SipHeaderNames.ContentDisposition) is { } disposition && disposition.Contains("handling=optional", StringComparison.OrdinalIgnoreCase))
            return null;
        if (ListValues(request, SipHeaderNames.ContentEncoding).Any(e => !e.Equals("identity", StringComparison.OrdinalIgnoreCase)))
            return new Refusal(415, SipHeaderNames.AcceptEncoding, "identity");
        if (request.Headers.First(SipHeaderNames.ContentType) is not { } type)
            return new Refusal(400);
        var unsupported = new Refusal(415, SipHeaderNames.Accept, string.Join(", ", types));
        if (!types.Contains(MediaType(type), StringComparer.OrdinalIgnoreCase))
            return unsupported;
        return BodyFault(type, request.Body, types) switch
        {
            null => null,
            415 => unsupported,
            { } status => new Refusal(status),
        };
    }

    /// <summary>
    /// Status of a body whose type or parts can't be read, or that asks for what nobody here understands; null when nothing is wrong. A multipart that
    /// merely holds nothing that we want is as good as none: an offer may be missing (RFC 3264 4).
    /// </summary>
    private static int? BodyFault(string contentType, ReadOnlyMemory<byte> body, IReadOnlyList<string> types)
    {
        if (!Message.MediaType.TryParse(contentType, out var type))
            return 400;
        if (!type.IsMultipart)
            return null;
        var rejection = MultipartRejection.NoWantedPart;
        foreach (var wanted in types)
        {
            rejection = Multipart.Find(contentType, body, wanted, out _);
            if (rejection is not (MultipartRejection.NoWantedPart or MultipartRejection.RequiredPartNotUnderstood))
                break;
        }
        return rejection == MultipartRejection.NoWantedPart ? null : MultipartRejections.StatusOf(rejection);
    }

    /// <summary>An INVITE whose sender takes no SDP can't be answered (RFC 4475 3.3.15).</summary>
    private static Refusal? ScreenAnswer(SipRequest request)
    {
        if (request.Method != SipMethods.Invite || !request.Headers.Contains(SipHeaderNames.Accept))
            return null;
        var takesSdp = ListValues(request, SipHeaderNames.Accept).Select(MediaType).Any(type =>
            type.Equals(Sdp, StringComparison.OrdinalIgnoreCase) || type.Equals("application/*", StringComparison.OrdinalIgnoreCase) || type == "*/*");
        return takesSdp ? null : new Refusal(406);
    }

    /// <summary>Values of a comma-separated header. Commas in quoted strings are not told apart: no value that is looked for holds one.</summary>
    private static IEnumerable<string> ListValues(SipRequest request, string name) =>
        request.Headers.All(name).SelectMany(value => value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries));

    /// <summary>type/subtype without parameters and white space.</summary>
    private static string MediaType(string value)
    {
        var end = value.IndexOf(';', StringComparison.Ordinal);
        return (end < 0 ? value : value[..end]).Replace(" ", "", StringComparison.Ordinal).Replace("\t", "", StringComparison.Ordinal);
    }
}

/// <summary>The check of RFC 3261 18.1.2 and 8.1.3.3 on a response.</summary>
public static class ResponseScreening
{
    /// <summary>Whether its only Via is the one that we wrote: our sent-by host and port (0: none). Any other response is dropped silently.</summary>
    public static bool IsOurs(SipResponse response, string sentByHost, int sentByPort)
    {
        ArgumentNullException.ThrowIfNull(response);
        if (response.Vias.Count != 1)
            return false;
        var via = response.TopVia;
        return via.Host.Equals(sentByHost, StringComparison.OrdinalIgnoreCase) && (via.Port ?? DefaultPort(via.Transport)) == (sentByPort > 0 ? sentByPort : DefaultPort(via.Transport));
    }

    private static int DefaultPort(string transport) => transport switch { "TLS" => 5061, "WS" => 80, "WSS" => 443, _ => 5060 };
}
