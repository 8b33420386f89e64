namespace IvrActors.Edge.Sip.Message;

/// <summary>Every bound of the SIP parser in one table. What exceeds one is refused, never truncated.</summary>
public static class SipLimits
{
    /// <summary>Largest UDP payload there can be.</summary>
    public const int DatagramBytes = 65_535;

    /// <summary>Largest message on a stream: more than a datagram can carry helps no caller of an IVR and costs memory per connection.</summary>
    public const int StreamMessageBytes = 65_536;

    /// <summary>Start line and headers. The longest legal torture message (RFC 4475 3.1.1.7) has about 4 KiB.</summary>
    public const int HeadBytes = 32_768;

    /// <summary>One unfolded header line; certificates and PASSporTs in Identity need some KiB.</summary>
    public const int LineLength = 8_192;

    /// <summary>Headers of a message; a call through ten proxies has about 60.</summary>
    public const int Headers = 128;

    /// <summary>Via, Route, Record-Route and Contact values each: Max-Forwards starts at 70, so no honest path is longer.</summary>
    public const int ListValues = 70;

    /// <summary>Parameters of one value or URI: duplicates are looked for in pairs, so the number must stay small.</summary>
    public const int Parameters = 32;

    /// <summary>CSeq numbers are below 2^31 (RFC 3261 8.1.1.5).</summary>
    public const uint CSeqBound = 1u << 31;

    /// <summary>Largest Max-Forwards (RFC 3261 20.22).</summary>
    public const uint MaxForwards = 255;

    /// <summary>Longest method name: real ones have up to 9 characters, the torture message of RFC 4475 3.1.1.2 has 33.</summary>
    public const int MethodLength = 64;

    /// <summary>Longest Call-ID: it is a table key for the life of a call.</summary>
    public const int CallIdLength = 512;

    /// <summary>Parts of a multipart body, those of nested ones counted too: SDP, ISUP, location and a signature make four.</summary>
    public const int MultipartParts = 16;

    /// <summary>Multiparts within each other: an alternative within a mixed body is the deepest in use (RFC 5621 4.3).</summary>
    public const int MultipartDepth = 3;

    /// <summary>Boundary of a multipart (RFC 2046 5.1.1).</summary>
    public const int MultipartBoundary = 70;

    /// <summary>Header lines of one part together: five headers describe a part (RFC 2045 3).</summary>
    public const int MultipartHead = 2_048;
}
