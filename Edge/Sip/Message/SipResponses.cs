namespace IvrActors.Edge.Sip.Message;

/// <summary>Builds responses (RFC 3261 8.2.6).</summary>
public static class SipResponses
{
    /// <summary>
    /// A response with Via, From, To, Call-ID, CSeq and Timestamp of the request, and its Record-Route where the response forms a dialog.
    /// Also for answerable requests: headers are copied as they came, and what is missing stays missing.
    /// </summary>
    /// <param name="request">What is answered.</param>
    /// <param name="status">100 to 699.</param>
    /// <param name="toTag">Tag for To where the request has none; never put into a 100.</param>
    /// <param name="reason">Reason phrase; null takes the standard one.</param>
    public static SipResponse For(SipRequest request, int status, string? toTag = null, string? reason = null)
    {
        ArgumentNullException.ThrowIfNull(request);
        var from = request.Headers;
        var response = new SipResponse(status, reason ?? ReasonOf(status), from.NewOverSameText());
        var formsDialog = status is > 100 and < 300 && request.Method is SipMethods.Invite or SipMethods.Subscribe or SipMethods.Refer;
        for (var i = 0; i < from.Count; i++)
        {
            var name = from.NameAt(i);
            // A request that is refused for its second To, say, is answered with the first.
            if (name is not (SipHeaderNames.Via or SipHeaderNames.RecordRoute) && response.Headers.IndexOfKnown(name) >= 0)
                continue;
            switch (name)
            {
                case SipHeaderNames.To when toTag is not null && status != 100 && Untagged(from, i) is { } to:
                    response.Headers.Add(SipHeaderNames.To, $"{to};tag={toTag}");
                    break;
                case SipHeaderNames.Via or SipHeaderNames.From or SipHeaderNames.To or SipHeaderNames.CallId or SipHeaderNames.CSeq or SipHeaderNames.Timestamp:
                case SipHeaderNames.RecordRoute when formsDialog:
                    response.Headers.AddFrom(from, i);
                    break;
            }
        }
        return response;
    }

    /// <summary>Standard reason phrase of a status.</summary>
    public static string ReasonOf(int status) => status switch
    {
        100 => "Trying",
        180 => "Ringing",
        181 => "Call Is Being Forwarded",
        182 => "Queued",
        183 => "Session Progress",
        200 => "OK",
        202 => "Accepted",
        204 => "No Notification",
        300 => "Multiple Choices",
        301 => "Moved Permanently",
        302 => "Moved Temporarily",
        305 => "Use Proxy",
        380 => "Alternative Service",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        410 => "Gone",
        412 => "Conditional Request Failed",
        413 => "Request Entity Too Large",
        414 => "Request-URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Unsupported URI Scheme",
        420 => "Bad Extension",
        421 => "Extension Required",
        422 => "Session Interval Too Small",
        423 => "Interval Too Brief",
        428 => "Use Identity Header",
        429 => "Provide Referrer Identity",
        433 => "Anonymity Disallowed",
        436 => "Bad Identity Info",
        437 => "Unsupported Credential",
        438 => "Invalid Identity Header",
        480 => "Temporarily Unavailable",
        481 => "Call/Transaction Does Not Exist",
        482 => "Loop Detected",
        483 => "Too Many Hops",
        484 => "Address Incomplete",
        485 => "Ambiguous",
        486 => "Busy Here",
        487 => "Request Terminated",
        488 => "Not Acceptable Here",
        489 => "Bad Event",
        491 => "Request Pending",
        493 => "Undecipherable",
        494 => "Security Agreement Required",
        500 => "Server Internal Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Server Time-out",
        505 => "Version Not Supported",
        513 => "Message Too Large",
        600 => "Busy Everywhere",
        603 => "Decline",
        604 => "Does Not Exist Anywhere",
        606 => "Not Acceptable",
        _ => status switch { < 200 => "Progress", < 300 => "OK", < 400 => "Redirected", < 500 => "Request Failed", < 600 => "Server Failed", _ => "Failed" },
    };

    /// <summary>The value of a To without a tag, null when it has one.</summary>
    private static string? Untagged(SipHeaders headers, int index)
    {
        var cursor = headers.CursorAt(index);
        return NameAddress.TryTake(ref cursor, out var address) && address.Parameters.Contains("tag") ? null : headers.SpanAt(index).ToString();
    }
}
