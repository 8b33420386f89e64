using IvrActors.Edge.Sip.Message;

namespace IvrActors.Edge.Sip.Transactions;

/// <summary>What matches a message to its transaction (RFC 3261 17.1.3, 17.2.3). Tokens compare without case.</summary>
public readonly struct TransactionKey : IEquatable<TransactionKey>
{
    private const string MagicCookie = "z9hG4bK";
    private readonly string _branch;
    private readonly string _host;
    private readonly int _port;
    private readonly string _method;

    private TransactionKey(string branch, string host, int port, string method)
    {
        (_branch, _host, _port, _method) = (branch, host, port, method);
    }

    /// <summary>The server transaction that a request belongs to. ACK belongs to that of its INVITE.</summary>
    public static TransactionKey OfRequest(SipRequest request) => OfRequest(request, request.Method == SipMethods.Ack ? SipMethods.Invite : request.Method);

    /// <summary>The INVITE that a CANCEL is about (RFC 3261 9.2).</summary>
    public static TransactionKey OfCancelled(SipRequest cancel) => OfRequest(cancel, SipMethods.Invite);

    /// <summary>The client transaction of a response.</summary>
    public static TransactionKey OfResponse(SipResponse response) => OfClient(response.TopVia.Branch ?? "", response.CSeq.Method);

    public static TransactionKey OfClient(string branch, string method) => new(branch, "", 0, method);

    public bool Equals(TransactionKey other) => _port == other._port
        && string.Equals(_branch, other._branch, StringComparison.OrdinalIgnoreCase)
        && string.Equals(_host, other._host, StringComparison.OrdinalIgnoreCase)
        && _method == other._method;

    public override bool Equals(object? obj) => obj is TransactionKey other && Equals(other);

    public override int GetHashCode() => HashCode.Combine(StringComparer.OrdinalIgnoreCase.GetHashCode(_branch), _port, _method);

    private static TransactionKey OfRequest(SipRequest request, string method)
    {
        var via = request.TopVia;
        // A branch that is the bare cookie says nothing either: RFC 4475 3.2.1 asks for the old rule.
        var branch = via.Branch is { } given && given.Length > MagicCookie.Length && given.StartsWith(MagicCookie, StringComparison.OrdinalIgnoreCase)
            ? given
            : OldRule(request, via);
        return new TransactionKey(branch, via.Host, via.Port ?? 0, method);
    }

    /// <summary>RFC 2543: Request-URI, From tag, Call-ID, CSeq number and the top Via. The To tag is left out: an ACK carries ours.</summary>
    private static string OldRule(SipRequest request, Via via) =>
        $"2543 {request.RequestUri} {request.From.Tag} {request.CallId} {request.CSeq.Number} {via.Transport} {via.Branch}";
}

/// <summary>What a request and a copy of it that came another way have in common (RFC 3261 8.2.2.2).</summary>
public readonly record struct MergeKey(string FromTag, string CallId, CSeq CSeq)
{
    /// <summary>Null for requests inside dialogs: those have a To tag and are ordered by CSeq.</summary>
    public static MergeKey? Of(SipRequest request) =>
        request.To.Tag is null && request.From.Tag is { } tag && request.Method is not (SipMethods.Ack or SipMethods.Cancel) ? new(tag, request.CallId, request.CSeq) : null;
}
