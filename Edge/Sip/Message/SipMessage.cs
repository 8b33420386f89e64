using System.Globalization;
using System.Net;

namespace IvrActors.Edge.Sip.Message;

/// <summary>
/// A request or response. On a message that the parser accepted, the typed members are read and valid. On one that is built, they read the
/// headers that were added, and throw "internal error" where such a header is missing or malformed.
/// </summary>
public abstract class SipMessage
{
    private int _version;
    private Via[]? _vias;
    private NameAddress? _from;
    private NameAddress? _to;
    private CSeq? _cseq;
    private NameAddress[]? _contacts;
    private NameAddress[]? _routes;
    private NameAddress[]? _recordRoutes;

    private protected SipMessage(SipHeaders headers)
    {
        Headers = headers;
        _version = headers.Version;
    }

    public SipHeaders Headers { get; }

    /// <summary>Content; Content-Length is written from it.</summary>
    public ReadOnlyMemory<byte> Body { get; set; }

    /// <summary>All hops, the last sender first. On an answerable request only those before the first malformed one.</summary>
    public IReadOnlyList<Via> Vias
    {
        get
        {
            Refresh();
            return _vias ??= ReadVias();
        }
    }

    public Via TopVia => Vias.Count > 0 ? Vias[0] : throw Unreadable(SipHeaderNames.Via);

    public NameAddress From
    {
        get
        {
            Refresh();
            return _from ??= ReadOne(SipHeaderNames.From) ?? throw Unreadable(SipHeaderNames.From);
        }
    }

    public NameAddress To
    {
        get
        {
            Refresh();
            return _to ??= ReadOne(SipHeaderNames.To) ?? throw Unreadable(SipHeaderNames.To);
        }
    }

    public string CallId => Headers.First(SipHeaderNames.CallId) ?? throw Unreadable(SipHeaderNames.CallId);

    public CSeq CSeq
    {
        get
        {
            Refresh();
            return _cseq ??= CSeq.TryParse(Headers.First(SipHeaderNames.CSeq), out var cseq) ? cseq : throw Unreadable(SipHeaderNames.CSeq);
        }
    }

    /// <summary>The first contact, null when there is none or it is "*".</summary>
    public NameAddress? Contact => Contacts.Count > 0 ? Contacts[0] : null;

    public IReadOnlyList<NameAddress> Contacts
    {
        get
        {
            Refresh();
            return _contacts ??= ReadList(SipHeaderNames.Contact);
        }
    }

    public IReadOnlyList<NameAddress> Routes
    {
        get
        {
            Refresh();
            return _routes ??= ReadList(SipHeaderNames.Route);
        }
    }

    public IReadOnlyList<NameAddress> RecordRoutes
    {
        get
        {
            Refresh();
            return _recordRoutes ??= ReadList(SipHeaderNames.RecordRoute);
        }
    }

    private protected void Refresh()
    {
        if (_version == Headers.Version)
            return;
        _version = Headers.Version;
        (_vias, _from, _to, _cseq, _contacts, _routes, _recordRoutes) = (null, null, null, null, null, null, null);
    }

    /// <summary>Those before the first malformed one, of which an accepted message has none.</summary>
    private Via[] ReadVias()
    {
        Via[] vias = [];
        for (var i = Headers.IndexOfKnown(SipHeaderNames.Via); i >= 0; i = Headers.IndexOfKnown(SipHeaderNames.Via, i + 1))
        {
            var cursor = Headers.CursorAt(i);
            do
            {
                if (vias.Length >= SipLimits.ListValues || !Via.TryTake(ref cursor, out var via))
                    return vias;
                Append(ref vias, via);
            }
            while (cursor.TakeSeparator(','));
        }
        return vias;
    }

    private NameAddress[] ReadList(string name)
    {
        NameAddress[] addresses = [];
        for (var i = Headers.IndexOfKnown(name); i >= 0; i = Headers.IndexOfKnown(name, i + 1))
        {
            if (ReferenceEquals(name, SipHeaderNames.Contact) && Headers.SpanAt(i) is "*")
                continue;
            var cursor = Headers.CursorAt(i);
            do
            {
                if (addresses.Length >= SipLimits.ListValues || !NameAddress.TryTake(ref cursor, out var address))
                    return addresses;
                Append(ref addresses, address);
            }
            while (cursor.TakeSeparator(','));
        }
        return addresses;
    }

    private NameAddress? ReadOne(string name)
    {
        var index = Headers.IndexOfKnown(name);
        if (index < 0)
            return null;
        var cursor = Headers.CursorAt(index);
        return NameAddress.TryTake(ref cursor, out var address) && cursor.AtEnd ? address : null;
    }

    private static void Append<T>(ref T[] values, T value)
    {
        Array.Resize(ref values, values.Length + 1);
        values[^1] = value;
    }

    private static InvalidOperationException Unreadable(string header) => new($"internal error: the message has no readable {header} header");
}

/// <summary>A request.</summary>
public sealed class SipRequest : SipMessage
{
    private readonly int _uriStart;
    private readonly int _uriEnd;

    public SipRequest(string method, SipUri requestUri)
        : base(new SipHeaders())
    {
        Method = method;
        RequestUri = requestUri;
    }

    /// <summary>A received request, whose URI stands in the head of the headers; an end of 0: it is malformed.</summary>
    internal SipRequest(string method, SipHeaders headers, int uriStart, int uriEnd)
        : base(headers)
    {
        Method = method;
        (_uriStart, _uriEnd) = (uriStart, uriEnd);
    }

    public string Method { get; }

    /// <summary>Never null on an accepted or built request; null on an answerable one whose request line is malformed.</summary>
    public SipUri RequestUri => field ??= _uriEnd > 0 && SipUri.TryParse(Headers.Head, _uriStart, _uriEnd, out var uri) ? uri : null!;

    /// <summary>Hops left (0 to 255), null when the header is absent, as RFC 2543 allowed.</summary>
    public int? MaxForwards => Headers.First(SipHeaderNames.MaxForwards) is { } value && SipGrammar.Number(value) is <= SipLimits.MaxForwards and var hops ? (int)hops : null;

    /// <summary>Marks the top Via with where the request really came from, so that answers find the way back (RFC 3261 18.2.1, RFC 3581 4).</summary>
    public void StampSource(IPAddress address, int port)
    {
        if (Vias.Count == 0 || Headers.First(SipHeaderNames.Via) is not { } value)
            return;
        Headers.ReplaceFirst(SipHeaderNames.Via, TopVia.WithSource(address, port) + value[TopVia.Length..]);
    }

    public override string ToString() => Method;
}

/// <summary>A response.</summary>
public sealed class SipResponse : SipMessage
{
    /// <param name="status">100 to 699.</param>
    /// <param name="reason">Reason phrase, may be empty.</param>
    public SipResponse(int status, string reason)
        : this(status, reason, new SipHeaders())
    {
    }

    internal SipResponse(int status, string reason, SipHeaders headers)
        : base(headers)
    {
        Status = status;
        Reason = reason;
    }

    public int Status { get; }

    public string Reason { get; }

    public override string ToString() => Status.ToString(CultureInfo.InvariantCulture);
}
