namespace IvrActors.Edge.Sip.Message;

/// <summary>The methods of RFC 3261 and its extensions. Method names are case-sensitive.</summary>
public static class SipMethods
{
    public const string Invite = "INVITE";
    public const string Ack = "ACK";
    public const string Bye = "BYE";
    public const string Cancel = "CANCEL";
    public const string Options = "OPTIONS";
    public const string Register = "REGISTER";
    public const string Info = "INFO";
    public const string Update = "UPDATE";
    public const string Prack = "PRACK";
    public const string Refer = "REFER";
    public const string Notify = "NOTIFY";
    public const string Subscribe = "SUBSCRIBE";
    public const string Message = "MESSAGE";
    public const string Publish = "PUBLISH";

    private static readonly string[] All =
    [
        Invite, Ack, Bye, Cancel, Options, Register, Info, Update, Prack, Refer, Notify, Subscribe, Message, Publish,
    ];

    /// <summary>Whether some RFC defines this method.</summary>
    public static bool IsKnown(string method) => Array.IndexOf(All, method) >= 0;

    /// <summary>The shared string of a known method, or a new one.</summary>
    internal static string Intern(ReadOnlySpan<char> name)
    {
        foreach (var known in All)
        {
            if (name.SequenceEqual(known))
                return known;
        }
        return name.ToString();
    }
}

/// <summary>Header names in the spelling in which <see cref="SipHeaders"/> keeps them.</summary>
public static class SipHeaderNames
{
    public const string Via = "Via";
    public const string From = "From";
    public const string To = "To";
    public const string CallId = "Call-ID";
    public const string CSeq = "CSeq";
    public const string MaxForwards = "Max-Forwards";
    public const string Contact = "Contact";
    public const string Route = "Route";
    public const string RecordRoute = "Record-Route";
    public const string ContentLength = "Content-Length";
    public const string ContentType = "Content-Type";
    public const string ContentEncoding = "Content-Encoding";
    public const string ContentDisposition = "Content-Disposition";
    public const string Expires = "Expires";
    public const string Date = "Date";
    public const string Timestamp = "Timestamp";
    public const string Require = "Require";
    public const string ProxyRequire = "Proxy-Require";
    public const string Supported = "Supported";
    public const string Unsupported = "Unsupported";
    public const string Allow = "Allow";
    public const string Accept = "Accept";
    public const string AcceptEncoding = "Accept-Encoding";

    private static readonly string[] Known =
    [
        Via, From, To, CallId, CSeq, MaxForwards, Contact, Route, RecordRoute, ContentLength, ContentType, ContentEncoding,
        ContentDisposition, Expires, Date, Timestamp, Require, ProxyRequire, Supported, Unsupported, Allow, Accept, AcceptEncoding,
        "Accept-Contact", "Accept-Language", "Alert-Info", "Allow-Events", "Authentication-Info", "Authorization", "Call-Info",
        "Content-Language", "Diversion", "Error-Info", "Event", "History-Info", "Identity", "Identity-Info", "In-Reply-To", "Min-Expires",
        "Min-SE", "MIME-Version", "Organization", "P-Asserted-Identity", "P-Preferred-Identity", "Path", "Priority", "Privacy",
        "Proxy-Authenticate", "Proxy-Authorization", "RAck", "Reason", "Refer-To", "Referred-By", "Reject-Contact", "Replaces", "Reply-To",
        "Request-Disposition", "Retry-After", "RSeq", "Server", "Service-Route", "Session-Expires", "Session-ID", "Subject",
        "Subscription-State", "Target-Dialog", "User-Agent", "User-to-User", "Warning", "WWW-Authenticate",
    ];

    /// <summary>Indices of known names by length, first and last letter, so that one or two candidates are compared.</summary>
    private static readonly int[][] Buckets = [.. Enumerable.Range(0, BucketCount).Select(b => Enumerable.Range(0, Known.Length).Where(i => BucketOf(Known[i]) == b).ToArray())];

    private const int BucketCount = 256;

    /// <summary>The canonical spelling: compact forms are expanded, known names are shared strings, other tokens stay as they are. Null when it is no token.</summary>
    internal static string? Canonical(ReadOnlySpan<char> name) =>
        IndexOfKnown(name) is >= 0 and var index ? Known[index] : SipGrammar.IsToken(name) ? name.ToString() : null;

    /// <summary>Index of a known name in any spelling, or -1.</summary>
    internal static int IndexOfKnown(ReadOnlySpan<char> name)
    {
        if (name.Length == 1)
            return char.IsAsciiLetter(name[0]) && Expanded((char)(name[0] | 0x20)) is { } expanded ? Array.IndexOf(Known, expanded) : -1;
        if (name.IsEmpty)
            return -1;
        foreach (var index in Buckets[BucketOf(name)])
        {
            if (name.SequenceEqual(Known[index]) || name.Equals(Known[index], StringComparison.OrdinalIgnoreCase))
                return index;
        }
        return -1;
    }

    /// <summary>For each known name, by index.</summary>
    internal static T[] ForEachKnown<T>(Func<string, T> map) => [.. Known.Select(map)];

    internal static string KnownAt(int index) => Known[index];

    private static int BucketOf(ReadOnlySpan<char> name) => (name.Length * 37 + (name[0] & 31) * 11 + (name[^1] & 31)) & (BucketCount - 1);

    /// <summary>Compact forms of RFC 3261 7.3.3 and of the extensions in IANA's registry.</summary>
    private static string? Expanded(char letter) => letter switch
    {
        'a' => "Accept-Contact",
        'b' => "Referred-By",
        'c' => ContentType,
        'd' => "Request-Disposition",
        'e' => ContentEncoding,
        'f' => From,
        'i' => CallId,
        'j' => "Reject-Contact",
        'k' => Supported,
        'l' => ContentLength,
        'm' => Contact,
        'n' => "Identity-Info",
        'o' => "Event",
        'r' => "Refer-To",
        's' => "Subject",
        't' => To,
        'u' => "Allow-Events",
        'v' => Via,
        'x' => "Session-Expires",
        'y' => "Identity",
        _ => null,
    };
}
