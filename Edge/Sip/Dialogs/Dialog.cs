using IvrActors.Edge.Sip.Message;

namespace IvrActors.Edge.Sip.Dialogs;

/// <summary>What names a dialog (RFC 3261 12): Call-ID, our tag, the peer's tag.</summary>
public readonly record struct DialogId(string CallId, string LocalTag, string RemoteTag)
{
    /// <summary>The dialog that a request of the peer belongs to, or null when it is in none. A peer of RFC 2543 may have no tag.</summary>
    public static DialogId? Of(SipRequest request) => request.To.Tag is { } tag ? new(request.CallId, tag, request.From.Tag ?? "") : null;
}

/// <summary>What became of a request's CSeq (RFC 3261 12.2.2).</summary>
public enum SequenceCheck
{
    Next,

    /// <summary>Lower than one seen before: 500.</summary>
    TooLow,
}

/// <summary>Dialog state of either side (RFC 3261 12.1): tags, route set, remote target and both sequence numbers.</summary>
public sealed class Dialog
{
    private readonly string _local;
    private readonly string _remote;
    private string[] _routes;
    private string _remoteTarget;
    private uint _localSequence;
    private uint? _remoteSequence;

    // Texts of their own: a dialog lives as long as the call and must not hold the whole INVITE.
    private Dialog(DialogId id, string local, string remote, string[] routes, string remoteTarget)
    {
        Id = id;
        _local = Copy(local);
        _remote = Copy(remote);
        _routes = routes;
        _remoteTarget = remoteTarget;
    }

    public DialogId Id { get; }

    /// <summary>Whether our Contact in this dialog is a sips URI (RFC 3261 12.1).</summary>
    public bool IsSecure { get; private init; }

    /// <summary>Whether we made the call, and with it the Call-ID (RFC 3261 14.1).</summary>
    public bool IsCaller { get; private init; }

    /// <summary>The peer's Contact (RFC 3261 12.1: remote target).</summary>
    internal string Target => _remoteTarget;

    /// <summary>Where the next request goes first: the first route, or the peer itself.</summary>
    public SipUri NextHop => _routes.Length > 0 && NameAddress.TryParse(_routes[0], out var route) ? route.Uri : Parse(_remoteTarget);

    /// <summary>The dialog of a callee (RFC 3261 12.1.1).</summary>
    public static Dialog OfInvite(SipRequest invite, string localTag) => new(
        new DialogId(invite.CallId, localTag, invite.From.Tag ?? ""),
        invite.Headers.First(SipHeaderNames.To)! + ";tag=" + localTag,
        invite.Headers.First(SipHeaderNames.From)!,
        [.. invite.RecordRoutes.Select(route => route.ToString())],
        (invite.Contact?.Uri ?? invite.From.Uri).ToString())
    {
        _remoteSequence = invite.CSeq.Number,
        IsSecure = WantsSips(invite),
    };

    /// <summary>The dialog of a caller, begun by any response above 100 to its INVITE (RFC 3261 12.1.2). A callee of RFC 2543 may have no tag.</summary>
    /// <param name="secure">Whether it was for a sips URI.</param>
    public static Dialog OfResponse(SipRequest invite, SipResponse response, bool secure) => new(
        new DialogId(invite.CallId, invite.From.Tag!, response.To.Tag ?? ""),
        invite.Headers.First(SipHeaderNames.From)!,
        response.Headers.First(SipHeaderNames.To)!,
        RoutesOf(response),
        (response.Contact?.Uri ?? invite.RequestUri).ToString())
    {
        _localSequence = invite.CSeq.Number,
        IsSecure = secure,
        IsCaller = true,
    };

    /// <summary>What a caller has before any response: the halves that it chose.</summary>
    public static Dialog OfDial(string callId, string localTag, string from, string to, string target, bool secure) =>
        new(new DialogId(callId, localTag, ""), from, to, [], target) { IsSecure = secure, IsCaller = true };

    /// <summary>A dialog that another edge began and we go on with. What it sent last is not known for certain, so our numbers begin well above.</summary>
    /// <param name="jump">How many times <see cref="DialogRecord.Gap"/>.</param>
    /// <returns>Null when what was kept cannot be read.</returns>
    internal static Dialog? OfRecord(DialogRecord record, int jump)
    {
        if (!SipUri.TryParse(record.Target, out _) || !NameAddress.TryParse(record.Local, out _) || !NameAddress.TryParse(record.Remote, out _)) return null;
        foreach (var route in record.Routes)
        {
            if (!NameAddress.TryParse(route, out _)) return null;
        }
        return new Dialog(record.Id, record.Local, record.Remote, [.. record.Routes], record.Target)
        {
            _localSequence = record.LocalSequence + DialogRecord.Gap * (uint)jump,
            _remoteSequence = record.RemoteSequence,
            IsSecure = record.IsSecure,
            IsCaller = record.IsCaller,
        };
    }

    /// <summary>What another edge would need to go on with it.</summary>
    internal DialogRecord ToRecord() => new()
    {
        Id = Id,
        Local = _local,
        Remote = _remote,
        Routes = _routes,
        Target = _remoteTarget,
        LocalSequence = _localSequence,
        RemoteSequence = _remoteSequence,
        IsSecure = IsSecure,
        IsCaller = IsCaller,
    };

    /// <summary>The 2xx to our INVITE decides on the route set anew (RFC 3261 13.2.2.4) and is a target refresh.</summary>
    public void Confirm(SipResponse response)
    {
        _routes = RoutesOf(response);
        Refresh(response);
    }

    /// <summary>Checks and takes the sequence number of a request of the peer other than ACK and CANCEL. Gaps are no error.</summary>
    public SequenceCheck Take(CSeq sequence)
    {
        if (sequence.Number <= _remoteSequence) return SequenceCheck.TooLow;
        _remoteSequence = sequence.Number;
        return SequenceCheck.Next;
    }

    /// <summary>A target refresh: re-INVITE, UPDATE or a 2xx to one (RFC 3261 12.2, RFC 3311 5).</summary>
    public void Refresh(SipMessage message)
    {
        if (message.Contact is { } contact) _remoteTarget = contact.Uri.ToString();
    }

    /// <summary>Our next request inside the dialog (RFC 3261 12.2.1.1).</summary>
    public SipRequest NextRequest(string method, string via, string contact) => Request(method, ++_localSequence, via, contact);

    /// <summary>The ACK of a 2xx: it has the sequence number of its INVITE (RFC 3261 13.2.2.4).</summary>
    public SipRequest Acknowledge(uint sequence, string via, string contact) => Request(SipMethods.Ack, sequence, via, contact);

    private SipRequest Request(string method, uint sequence, string via, string contact)
    {
        var (target, routes) = RouteSet.Apply(Parse(_remoteTarget), _routes);
        var request = new SipRequest(method, target);
        request.Headers.Add(SipHeaderNames.Via, via);
        foreach (var route in routes) request.Headers.Add(SipHeaderNames.Route, route);
        request.Headers.Add(SipHeaderNames.MaxForwards, "70");
        request.Headers.Add(SipHeaderNames.From, _local);
        request.Headers.Add(SipHeaderNames.To, _remote);
        request.Headers.Add(SipHeaderNames.CallId, Id.CallId);
        request.Headers.Add(SipHeaderNames.CSeq, new CSeq(sequence, method).ToString());
        // Not applicable in these two (RFC 3261 table 2, RFC 3262 7.2).
        if (method is not (SipMethods.Bye or SipMethods.Prack)) request.Headers.Add(SipHeaderNames.Contact, contact);
        return request;
    }

    /// <summary>RFC 3261 12.1.1: a sips URI in the request line, or where our requests would go first.</summary>
    private static bool WantsSips(SipRequest invite) =>
        invite.RequestUri.Scheme == "sips" || (invite.RecordRoutes.Count > 0 ? invite.RecordRoutes[0].Uri : invite.Contact?.Uri)?.Scheme == "sips";

    private static string[] RoutesOf(SipResponse response) => [.. response.RecordRoutes.Select(route => route.ToString()).Reverse()];

    private static SipUri Parse(string uri) =>
        SipUri.TryParse(uri, out var parsed) ? parsed : throw new InvalidOperationException("internal error: a target that was parsed before cannot be parsed");

    private static string Copy(string text) => new(text.AsSpan());
}

/// <summary>How a route set goes into a request (RFC 3261 12.2.1.1).</summary>
public static class RouteSet
{
    /// <summary>Loose routing; strict when the first route has no <c>lr</c>: it becomes the Request-URI and the target the last route.</summary>
    public static (SipUri Target, IReadOnlyList<string> Routes) Apply(SipUri target, IReadOnlyList<string> routes)
    {
        if (routes.Count == 0 || !NameAddress.TryParse(routes[0], out var first) || first.Uri.Parameters.Contains("lr")) return (target.AsRequestUri(), routes);
        return (first.Uri.AsRequestUri(), [.. routes.Skip(1), $"<{target}>"]);
    }
}
