using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;

namespace IvrActors.Edge.Sip.Dialogs;

/// <summary>A request of ours outside of dialogs: it goes to the next hop when one fails and is sent again with credentials when challenged.</summary>
/// <param name="request">Without Via.</param>
/// <param name="done">Gets the request as it was sent last and the final response, null for none.</param>
internal sealed class ClientRequest(UserAgent agent, SipRequest request, HopPlan hops, Challenges challenges, Action<long, SipRequest, SipResponse?> done) : IResponseUser
{
    private SipRequest _request = request;

    public void Begin(long now)
    {
        if (hops.Next(now) is { } hop) Send(now, hop);
        else done(now, _request, null);
    }

    public void Responded(long now, Transaction transaction, SipResponse response)
    {
        if (response.Status < 200) return;
        agent.Rests.Note(transaction.Peer, response, now);
        if (challenges.TryAnswer(_request, response, transaction.Peer)) SendAgain(now, transaction.Peer);
        else if (response.Status == 503 && hops.Next(now) is { } next) SendAgain(now, next);
        else done(now, _request, response);
    }

    public void Failed(long now, Transaction transaction, int status)
    {
        if ((transaction.Datagram ?? hops.Next(now)) is { } hop) SendAgain(now, hop);
        else done(now, _request, null);
    }

    /// <summary>With the next number: a registrar takes no second REGISTER with the same one (RFC 3261 10.2), whatever became of the first.</summary>
    private void SendAgain(long now, SipPeer hop)
    {
        _request = _request.With(_request.CSeq.Number + 1, challenges.Answers);
        Send(now, hop);
    }

    private void Send(long now, SipPeer hop)
    {
        _request = _request.Via(agent.ViaFor(hop));
        agent.SendRequest(now, ref _request, hop, this);
    }
}

/// <summary>Copies of a request that is sent again: a message that was sent is never changed.</summary>
internal static class RequestCopies
{
    /// <summary>With a higher sequence number and these credentials in place of what it had.</summary>
    public static SipRequest With(this SipRequest request, uint sequence, IReadOnlyList<KeyValuePair<string, string>> credentials)
    {
        var copy = Copy(request, except: null);
        copy.Headers.Set(SipHeaderNames.CSeq, new CSeq(sequence, request.Method).ToString());
        foreach (var header in credentials) copy.Headers.Set(header.Key, header.Value);
        return copy;
    }

    /// <summary>With this as its only Via.</summary>
    public static SipRequest Via(this SipRequest request, string via)
    {
        var copy = Copy(request, except: SipHeaderNames.Via);
        copy.Headers.AddFirst(SipHeaderNames.Via, via);
        return copy;
    }

    /// <summary>With this Via, and with the other Contact where it has that one.</summary>
    public static SipRequest Over(this SipRequest request, string via, string contact, string other)
    {
        var copy = request.Via(via);
        if (copy.Headers.First(SipHeaderNames.Contact) == contact) copy.Headers.Set(SipHeaderNames.Contact, other);
        return copy;
    }

    /// <summary>RFC 3261 9.1: Request-URI, Via, Route, From, To, Call-ID and the number of CSeq are those of the INVITE.</summary>
    public static SipRequest Cancelling(this SipRequest invite)
    {
        var cancel = new SipRequest(SipMethods.Cancel, invite.RequestUri);
        cancel.Headers.Add(SipHeaderNames.Via, invite.TopVia.ToString());
        foreach (var route in invite.Headers.All(SipHeaderNames.Route)) cancel.Headers.Add(SipHeaderNames.Route, route);
        cancel.Headers.Add(SipHeaderNames.MaxForwards, "70");
        cancel.Headers.Add(SipHeaderNames.From, invite.Headers.First(SipHeaderNames.From)!);
        cancel.Headers.Add(SipHeaderNames.To, invite.Headers.First(SipHeaderNames.To)!);
        cancel.Headers.Add(SipHeaderNames.CallId, invite.CallId);
        cancel.Headers.Add(SipHeaderNames.CSeq, new CSeq(invite.CSeq.Number, SipMethods.Cancel).ToString());
        return cancel;
    }

    private static SipRequest Copy(SipRequest request, string? except)
    {
        var copy = new SipRequest(request.Method, request.RequestUri) { Body = request.Body };
        foreach (var header in request.Headers)
        {
            if (header.Key != except) copy.Headers.Add(header.Key, header.Value);
        }
        return copy;
    }
}
