namespace IvrActors.Edge.Sip.Message;

/// <summary>Why a message was not accepted: the closed set of all reasons.</summary>
public enum SipRejection
{
    None = 0,

    /// <summary>Only line ends or zero bytes: a keep-alive of a NAT binding, no error.</summary>
    KeepAlive,

    /// <summary>The bytes do not begin like a SIP message.</summary>
    NotSip,
    TooLarge,
    HeadUnfinished,
    LineTooLong,
    TooManyHeaders,
    TooManyValues,
    MalformedRequestLine,
    MalformedRequestUri,
    MalformedStatusLine,
    UnsupportedVersion,
    MalformedHeader,
    ControlCharacter,
    MalformedVia,
    MalformedAddress,
    MalformedCallId,
    MalformedCSeq,
    MalformedScalar,
    MalformedDate,
    MalformedContentLength,
    ContentLengthMissing,
    ContentLengthTooLarge,
    ContentLengthMismatch,
    CSeqMethodMismatch,

    /// <summary>As <see cref="CSeqMethodMismatch"/>, with a method that nobody knows: 501 tells the sender more (RFC 4475 3.1.2.18).</summary>
    CSeqMethodMismatchOfUnknownMethod,
    MissingHeader,
    RepeatedHeader,
    RepeatedContentLength,
}

/// <summary>What follows from a rejection.</summary>
public static class SipRejections
{
    /// <summary>Status of the response owed to a request that was rejected so; null: drop it silently.</summary>
    public static int? StatusOf(SipRejection rejection) => rejection switch
    {
        SipRejection.None or SipRejection.KeepAlive or SipRejection.NotSip or SipRejection.MalformedStatusLine => null,
        SipRejection.TooLarge => 513,
        SipRejection.UnsupportedVersion => 505,
        SipRejection.CSeqMethodMismatchOfUnknownMethod => 501,
        _ => 400,
    };

    /// <summary>Whether the message follows the grammar of RFC 3261 section 25 and broke a rule of use only: RFC 4475 counts those as parsed.</summary>
    public static bool IsWellFormed(SipRejection rejection) => rejection
        is SipRejection.None or SipRejection.MissingHeader or SipRejection.RepeatedHeader or SipRejection.RepeatedContentLength;

    /// <summary>Metric label.</summary>
    public static string NameOf(SipRejection rejection) => rejection switch
    {
        SipRejection.None => "none",
        SipRejection.KeepAlive => "keep_alive",
        SipRejection.NotSip => "not_sip",
        SipRejection.TooLarge => "too_large",
        SipRejection.HeadUnfinished => "head_unfinished",
        SipRejection.LineTooLong => "line_too_long",
        SipRejection.TooManyHeaders => "too_many_headers",
        SipRejection.TooManyValues => "too_many_values",
        SipRejection.MalformedRequestLine => "request_line",
        SipRejection.MalformedRequestUri => "request_uri",
        SipRejection.MalformedStatusLine => "status_line",
        SipRejection.UnsupportedVersion => "version",
        SipRejection.MalformedHeader => "header",
        SipRejection.ControlCharacter => "control_character",
        SipRejection.MalformedVia => "via",
        SipRejection.MalformedAddress => "address",
        SipRejection.MalformedCallId => "call_id",
        SipRejection.MalformedCSeq => "cseq",
        SipRejection.MalformedScalar => "scalar",
        SipRejection.MalformedDate => "date",
        SipRejection.MalformedContentLength => "content_length",
        SipRejection.ContentLengthMissing => "content_length_missing",
        SipRejection.ContentLengthTooLarge => "content_length_too_large",
        SipRejection.ContentLengthMismatch => "content_length_mismatch",
        SipRejection.CSeqMethodMismatch => "cseq_method",
        SipRejection.CSeqMethodMismatchOfUnknownMethod => "cseq_unknown_method",
        SipRejection.MissingHeader => "missing_header",
        SipRejection.RepeatedHeader => "repeated_header",
        SipRejection.RepeatedContentLength => "repeated_content_length",
        _ => "other",
    };
}
