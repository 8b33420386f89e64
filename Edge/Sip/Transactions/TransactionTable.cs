using IvrActors.Edge.Sip.Message;

namespace IvrActors.Edge.Sip.Transactions;

/// <summary>All transactions of an edge. Bounded: above <paramref name="most"/> no server transaction is added.</summary>
public sealed class TransactionTable(int most)
{
    private readonly Dictionary<TransactionKey, ServerTransaction> _servers = [];
    private readonly Dictionary<TransactionKey, Transaction> _clients = [];
    private readonly Dictionary<MergeKey, ServerTransaction> _merges = [];
    private readonly Dictionary<long, HashSet<Transaction>> _byConnection = [];

    public int Count => _servers.Count + _clients.Count;

    public ServerTransaction? FindServer(SipRequest request) => _servers.GetValueOrDefault(TransactionKey.OfRequest(request));

    /// <summary>The INVITE that this CANCEL is about.</summary>
    public InviteServerTransaction? FindCancelled(SipRequest cancel) => _servers.GetValueOrDefault(TransactionKey.OfCancelled(cancel)) as InviteServerTransaction;

    public Transaction? FindClient(SipResponse response) => _clients.GetValueOrDefault(TransactionKey.OfResponse(response));

    /// <summary>Whether this transaction's request is a copy of one that came another way before (RFC 3261 8.2.2.2).</summary>
    public bool IsMerged(ServerTransaction transaction) => transaction.Merge is { } merge && _merges.GetValueOrDefault(merge) != transaction;

    /// <summary>A server transaction for a new request, or null when the table is full.</summary>
    public ServerTransaction? AddServer(SipRequest request, SipPeer peer)
    {
        if (Count >= most) return null;
        var key = TransactionKey.OfRequest(request);
        var merge = MergeKey.Of(request);
        var wayBack = WayBack.Of(request, peer);
        ServerTransaction transaction = request.Method == SipMethods.Invite
            ? new InviteServerTransaction(key, peer) { Merge = merge, WayBack = wayBack }
            : new NonInviteServerTransaction(key, peer, request.Method) { Merge = merge, WayBack = wayBack };
        _servers[key] = transaction;
        Join(transaction);
        if (merge is { } mergeKey) _merges.TryAdd(mergeKey, transaction);
        return transaction;
    }

    /// <summary>Whether a call of ours may still begin. Requests inside calls always may: a call has few of them at once.</summary>
    public bool HasRoom => Count < most;

    public void AddClient(Transaction transaction)
    {
        _clients[transaction.Key] = transaction;
        Join(transaction);
    }

    /// <summary>The transactions that live on a stream connection.</summary>
    public Transaction[] OnConnection(long connection) => _byConnection.TryGetValue(connection, out var transactions) ? [.. transactions] : [];

    /// <summary>A server transaction goes on over another connection.</summary>
    public void Move(ServerTransaction transaction, SipPeer peer)
    {
        Leave(transaction);
        transaction.Peer = peer;
        Join(transaction);
    }

    public void Remove(Transaction transaction)
    {
        Leave(transaction);
        if (transaction is not ServerTransaction server)
        {
            _clients.Remove(transaction.Key);
            return;
        }
        _servers.Remove(server.Key);
        if (server.Merge is { } merge && _merges.GetValueOrDefault(merge) == server) _merges.Remove(merge);
    }

    private void Leave(Transaction transaction)
    {
        if (transaction.Peer.Reliable && _byConnection.TryGetValue(transaction.Peer.Connection, out var others) && others.Remove(transaction) && others.Count == 0)
            _byConnection.Remove(transaction.Peer.Connection);
    }

    private void Join(Transaction transaction)
    {
        if (!transaction.Peer.Reliable) return;
        if (!_byConnection.TryGetValue(transaction.Peer.Connection, out var others)) _byConnection[transaction.Peer.Connection] = others = [];
        others.Add(transaction);
    }
}

/// <summary>Where to connect when the stream is gone that a request came on (RFC 3261 18.2.2): its source address at the port of sent-by.</summary>
public static class WayBack
{
    /// <summary>Null over UDP, and over WebSocket, whose clients cannot be connected to (RFC 7118 5).</summary>
    public static SipUri? Of(SipRequest request, SipPeer peer)
    {
        if (peer.Transport is not (SipTransport.Tcp or SipTransport.Tls) || request.Vias.Count == 0) return null;
        var address = peer.EndPoint.Address;
        var host = address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6 ? $"[{address}]" : address.ToString();
        var secure = peer.Transport == SipTransport.Tls;
        var port = request.TopVia.Port ?? (secure ? 5061 : 5060);
        return SipUri.TryParse(FormattableString.Invariant($"sip:{host}:{port};transport={(secure ? "tls" : "tcp")}"), out var way) ? way : null;
    }
}
