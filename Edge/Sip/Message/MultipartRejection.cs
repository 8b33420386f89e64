namespace IvrActors.Edge.Sip.Message;

/// <summary>Why a body gave no part that can be used: the closed set of all reasons.</summary>
public enum MultipartRejection
{
    None = 0,

    /// <summary>Content-Type is no media type with parameters.</summary>
    MalformedContentType,

    /// <summary>A multipart without boundary, or with one outside of the grammar of RFC 2046 5.1.1.</summary>
    MalformedBoundary,

    /// <summary>A line begins with the delimiter and goes on: some would end the part there and others would not.</summary>
    AmbiguousDelimiter,

    /// <summary>No opening delimiter.</summary>
    NoParts,

    /// <summary>No closing delimiter: the body may have been cut.</summary>
    Unfinished,
    MalformedPartHeader,
    PartHeadTooLarge,
    TooManyParts,
    NestedTooDeep,

    /// <summary>The part that is wanted is encoded, or no variant of it comes without an encoding.</summary>
    UnsupportedEncoding,

    /// <summary>A part that nobody here understands says that it must be understood (handling=required).</summary>
    RequiredPartNotUnderstood,

    /// <summary>Well-formed, and nothing in it has the wanted type.</summary>
    NoWantedPart,
}

/// <summary>What follows from a rejection.</summary>
public static class MultipartRejections
{
    /// <summary>
    /// Status of the response owed, null for none: 400 for what can't be read, 415 for what could be and is not served
    /// (RFC 5621 4.3, RFC 3261 8.2.3).
    /// </summary>
    public static int? StatusOf(MultipartRejection rejection) => rejection switch
    {
        MultipartRejection.None => null,
        MultipartRejection.UnsupportedEncoding or MultipartRejection.RequiredPartNotUnderstood or MultipartRejection.NoWantedPart
            or MultipartRejection.NestedTooDeep => 415,
        _ => 400,
    };
}
