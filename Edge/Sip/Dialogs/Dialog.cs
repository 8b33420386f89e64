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

/// <summary>Dialog state of a callee (RFC 3261 12.1.1): tags, route set, remote target and both sequence numbers.</summary>
public sealed class Dialog
{
    private readonly string _local;
    private readonly string _remote;
    private readonly string[] _routes;
    private string _remoteTarget;
    private uint _localSequence;
    private uint _remoteSequence;

    private Dialog(SipRequest invite, string localTag)
    {
        Id = new DialogId(invite.CallId, localTag, invite.From.Tag ?? "");
        // Texts of their own: a dialog lives as long as the call and must not hold the whole INVITE.
        _local = Copy(invite.Headers.First(SipHeaderNames.To)!) + ";tag=" + localTag;
        _remote = Copy(invite.Headers.First(SipHeaderNames.From)!);
        _routes = [.. invite.RecordRoutes.Select(route => route.ToString())];
        _remoteTarget = (invite.Contact?.Uri ?? invite.From.Uri).ToString();
        _remoteSequence = invite.CSeq.Number;
        IsSecure = invite.RequestUri.Scheme == "sips";
    }

    public DialogId Id { get; }

    /// <summary>Whether all hops are to be TLS: the INVITE was for a sips URI.</summary>
    public bool IsSecure { get; }

    /// <summary>Where the next request goes first: the first route, or the peer itself.</summary>
    public SipUri NextHop => _routes.Length > 0 && NameAddress.TryParse(_routes[0], out var route) ? route.Uri : Parse(_remoteTarget);

    public static Dialog OfInvite(SipRequest invite, string localTag) => new(invite, localTag);

    /// <summary>Checks and takes the sequence number of a request of the peer other than ACK and CANCEL.</summary>
    public SequenceCheck Take(CSeq sequence)
    {
        if (sequence.Number <= _remoteSequence) return SequenceCheck.TooLow;
        _remoteSequence = sequence.Number;
        return SequenceCheck.Next;
    }

    /// <summary>A target refresh: re-INVITE (RFC 3261 12.2.2).</summary>
    public void Refresh(SipRequest request)
    {
        if (request.Contact is { } contact) _remoteTarget = contact.Uri.ToString();
    }

    /// <summary>Our next request inside the dialog (RFC 3261 12.2.1.1), with loose routing or, for a first hop without <c>lr</c>, strict.</summary>
    public SipRequest NextRequest(string method, string via, string contact)
    {
        var (target, routes) = Route();
        var request = new SipRequest(method, target);
        request.Headers.Add(SipHeaderNames.Via, via);
        foreach (var route in routes) request.Headers.Add(SipHeaderNames.Route, route);
        request.Headers.Add(SipHeaderNames.MaxForwards, "70");
        request.Headers.Add(SipHeaderNames.From, _local);
        request.Headers.Add(SipHeaderNames.To, _remote);
        request.Headers.Add(SipHeaderNames.CallId, Id.CallId);
        request.Headers.Add(SipHeaderNames.CSeq, new CSeq(++_localSequence, method).ToString());
        request.Headers.Add(SipHeaderNames.Contact, contact);
        return request;
    }

    private (SipUri Target, string[] Routes) Route()
    {
        var target = Parse(_remoteTarget);
        if (_routes.Length == 0 || !NameAddress.TryParse(_routes[0], out var first) || first.Uri.Parameters.Contains("lr")) return (target, _routes);
        return (first.Uri, [.. _routes[1..], $"<{_remoteTarget}>"]);
    }

    private static SipUri Parse(string uri) =>
        SipUri.TryParse(uri, out var parsed) ? parsed : throw new InvalidOperationException("internal error: a target that was parsed before cannot be parsed");

    private static string Copy(string text) => new(text.AsSpan());
}
