using System.Net;
using System.Net.Sockets;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;

namespace IvrActors.Edge.Sip.Dialogs;

/// <summary>Our address as the outside sees it, with the port of each listener (0: not listening).</summary>
public sealed class SipAddress(IPAddress address)
{
    public string Host { get; } = address.AddressFamily == AddressFamily.InterNetworkV6 ? $"[{address}]" : address.ToString();

    public int UdpPort { get; set; }

    public int TcpPort { get; set; }

    public int TlsPort { get; set; }

    public int PortOf(SipTransport transport) => transport switch { SipTransport.Udp => UdpPort, SipTransport.Tcp => TcpPort, _ => TlsPort };
}

/// <summary>
/// The SIP user agent: transactions, dialogs and calls of one edge as one machine. Input is a message or the passing of time; what is to be sent
/// and what happened to calls is in <see cref="Outputs"/>, which the owner empties. One thread at a time.
/// </summary>
/// <param name="newToken">Gives an unguessable token for tags and branches.</param>
/// <param name="mostTransactions">Above it new requests get 503 without a transaction.</param>
public sealed class UserAgent(SipAddress address, Func<string> newToken, int mostTransactions)
{
    public const string Allowed = "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, NOTIFY";

    private const string Sdp = "application/sdp";

    private static readonly ScreeningRules s_rules = new()
    {
        Methods = Allowed.Split(", "),
        Extensions = [],
        ContentTypes = new Dictionary<string, IReadOnlyList<string>>
        {
            [SipMethods.Invite] = [Sdp],
            [SipMethods.Info] = [DtmfInfo.RelayType, DtmfInfo.PlainType],
        },
    };

    private readonly TransactionTable _transactions = new(mostTransactions);
    private readonly Dictionary<DialogId, SipCall> _calls = [];
    private readonly TimerQueue<ITimed> _timers = new();

    public SipOutputs Outputs { get; } = new();

    public int Transactions => _transactions.Count;

    public int Calls => _calls.Count;

    public long NextDeadline => _timers.NextDeadline;

    /// <summary>A message that the parser accepted.</summary>
    public void Receive(long now, SipMessage message, SipPeer peer)
    {
        if (message is SipRequest request) Request(now, request, peer);
        else Response(now, (SipResponse)message);
    }

    /// <summary>Answers a request that the parser refused, without state (RFC 3261 8.2.7).</summary>
    public void Refuse(SipRequest answerable, int status, SipPeer peer)
    {
        if (answerable.Method == SipMethods.Ack) return;
        answerable.StampSource(peer.EndPoint.Address, peer.EndPoint.Port);
        var response = SipResponses.For(answerable, status, newToken());
        if (status is 405 or 501) response.Headers.Add(SipHeaderNames.Allow, Allowed);
        Send(NextHop.OfResponses(answerable, peer), SipWriter.ToBytes(response), answerable.Method);
    }

    /// <summary>A stream connection is gone, and with it what waits for an answer on it (RFC 3261 17.1.4, 17.2.4). Dialogs live on: their peer may connect again.</summary>
    public void ConnectionLost(long now, long connection)
    {
        foreach (var transaction in _transactions.OnConnection(connection)) Feed(now, transaction, TransactionInput.TransportFailed);
    }

    /// <summary>Fires the timers that are due.</summary>
    public void Tick(long now)
    {
        while (_timers.TakeDue(now) is { } due)
        {
            if (due is Transaction transaction) Feed(now, transaction, TransactionInput.Timer);
            else ((SipCall)due).Tick(now);
            _timers.Schedule(due);
        }
    }

    internal void Schedule(ITimed timed) => _timers.Schedule(timed);

    internal void Signal(in CallSignal signal) => Outputs.Signals.Add(signal);

    internal void Send(SipPeer peer, byte[] bytes, string method) => Outputs.Sends.Add(new SipSend(peer, bytes, method));

    internal void Forget(SipCall call) => _calls.Remove(call.Dialog.Id);

    internal string ContactFor(SipPeer peer, bool secure)
    {
        var host = $"{address.Host}:{address.PortOf(peer.Transport)}";
        return peer.Transport switch
        {
            SipTransport.Udp => $"<sip:ivr@{host}>",
            SipTransport.Tcp => $"<sip:ivr@{host};transport=tcp>",
            _ => secure ? $"<sips:ivr@{host};transport=tcp>" : $"<sip:ivr@{host};transport=tls>",
        };
    }

    internal SipRequest NewRequest(SipCall call, string method)
    {
        var transport = call.Peer.Transport;
        var name = transport switch { SipTransport.Udp => "UDP", SipTransport.Tcp => "TCP", _ => "TLS" };
        var via = $"SIP/2.0/{name} {address.Host}:{address.PortOf(transport)};branch=z9hG4bK{newToken()};rport";
        return call.Dialog.NextRequest(method, via, ContactFor(call.Peer, call.Dialog.IsSecure));
    }

    internal void SendRequest(long now, SipCall call, SipRequest request)
    {
        var key = TransactionKey.OfClient(request.TopVia.Branch!, request.Method);
        var transaction = new NonInviteClientTransaction(key, NextHop.OfRequest(call.Dialog.NextHop, call.Peer), request.Method) { User = call };
        _transactions.AddClient(transaction);
        Feed(now, transaction, TransactionInput.FromUser(request, SipWriter.ToBytes(request)));
    }

    internal void Respond(long now, ServerTransaction transaction, SipRequest request, int status) =>
        Respond(now, transaction, SipResponses.For(request, status, request.To.Tag is null ? newToken() : null));

    /// <summary>Sends a response through its transaction and returns its bytes.</summary>
    internal byte[] Respond(long now, ServerTransaction transaction, SipResponse response)
    {
        var bytes = SipWriter.ToBytes(response);
        Feed(now, transaction, TransactionInput.FromUser(response, bytes));
        return bytes;
    }

    /// <summary>Requests that mean the same inside and outside of a dialog.</summary>
    internal void RespondToOther(long now, SipRequest request, ServerTransaction transaction)
    {
        if (request.Method != SipMethods.Options)
        {
            Respond(now, transaction, request, 481);
            return;
        }
        var response = SipResponses.For(request, 200, request.To.Tag is null ? newToken() : null);
        response.Headers.Add(SipHeaderNames.Allow, Allowed);
        response.Headers.Add(SipHeaderNames.Accept, Sdp);
        response.Headers.Add(SipHeaderNames.AcceptEncoding, "identity");
        response.Headers.Add(SipHeaderNames.Supported, "");
        Respond(now, transaction, response);
    }

    private void Request(long now, SipRequest request, SipPeer peer)
    {
        request.StampSource(peer.EndPoint.Address, peer.EndPoint.Port);
        if (_transactions.FindServer(request) is { } known)
        {
            if (!MaySpeakFor(known.Peer, peer)) return;
            if (Feed(now, known, TransactionInput.FromPeer(request)) == TransactionReport.Deliver) Acknowledge(now, request, peer);
            return;
        }
        if (request.Method == SipMethods.Ack)
        {
            Acknowledge(now, request, peer);
            return;
        }
        if (_transactions.AddServer(request, NextHop.OfResponses(request, peer)) is not { } transaction)
        {
            Overloaded(request, peer);
            return;
        }
        Serve(now, request, transaction, peer);
        _timers.Schedule(transaction);
    }

    private void Serve(long now, SipRequest request, ServerTransaction transaction, SipPeer peer)
    {
        // The table holds this request's own transaction by now; another one under the same merge key came before it.
        if (_transactions.IsMerged(transaction)) Respond(now, transaction, request, 482);
        else if (RequestScreening.Screen(request, s_rules) is { } refusal) Respond(now, transaction, refusal.ToResponse(request, newToken()));
        else if (request.RequestUri.Scheme == "sips" && !peer.IsSecure) Insecure(now, request, transaction);
        else if (request.Method == SipMethods.Cancel) Cancel(now, request, transaction, peer);
        else if (request.To.Tag is not null) InDialog(now, request, transaction, peer);
        else if (request.Method == SipMethods.Invite) Offer(now, request, (InviteServerTransaction)transaction, peer);
        else RespondToOther(now, request, transaction);
    }

    /// <summary>A sips URI asks for TLS on every hop, and this one came without (RFC 5630: 480 with warning 380).</summary>
    private void Insecure(long now, SipRequest request, ServerTransaction transaction)
    {
        var response = SipResponses.For(request, 480, request.To.Tag is null ? newToken() : null);
        response.Headers.Add("Warning", $"380 {address.Host} \"SIPS Not Allowed\"");
        Respond(now, transaction, response);
    }

    private void Offer(long now, SipRequest invite, InviteServerTransaction transaction, SipPeer peer)
    {
        var call = new SipCall(this, invite, transaction, peer, newToken());
        transaction.User = call;
        _calls[call.Dialog.Id] = call;
        Respond(now, transaction, SipResponses.For(invite, 100));
        Signal(new CallSignal(call, CallSignalKind.Offered) { Body = invite.Body });
    }

    private void InDialog(long now, SipRequest request, ServerTransaction transaction, SipPeer peer)
    {
        if (FindCall(request, peer) is { } call)
        {
            transaction.User = call;
            call.Receive(now, request, transaction, peer);
        }
        else if (request.Method == SipMethods.Options) RespondToOther(now, request, transaction);
        else Respond(now, transaction, request, 481);
    }

    private void Cancel(long now, SipRequest cancel, ServerTransaction transaction, SipPeer peer)
    {
        var invite = _transactions.FindCancelled(cancel);
        if (invite is null || !MaySpeakFor(invite.Peer, peer))
        {
            Respond(now, transaction, cancel, 481);
            return;
        }
        // RFC 3261 9.2: the To tag of this 200 is that of the answer to the INVITE.
        var call = invite.User as SipCall;
        Respond(now, transaction, SipResponses.For(cancel, 200, call?.Dialog.Id.LocalTag ?? newToken()));
        if (!invite.IsAnswered) call?.Cancelled(now);
    }

    private void Acknowledge(long now, SipRequest ack, SipPeer peer)
    {
        if (FindCall(ack, peer) is not { } call) return;
        call.Acknowledged(now, ack);
        _timers.Schedule(call);
    }

    /// <summary>The call of a request, if its sender may speak in it.</summary>
    private SipCall? FindCall(SipRequest request, SipPeer peer) =>
        DialogId.Of(request) is { } id && _calls.TryGetValue(id, out var call) && MaySpeakFor(call.Peer, peer) ? call : null;

    /// <summary>Only the same trunk, and what began over TLS stays there: our SRTP key in an answer must not leave in clear.</summary>
    private static bool MaySpeakFor(SipPeer known, SipPeer peer) =>
        known.Entry == peer.Entry && (!known.IsSecure || peer.IsSecure);

    private void Response(long now, SipResponse response)
    {
        if (_transactions.FindClient(response) is not { } transaction) return;
        var transport = transaction.Peer.Transport;
        if (!ResponseScreening.IsOurs(response, address.Host, address.PortOf(transport))) return;
        if (Feed(now, transaction, TransactionInput.FromPeer(response)) != TransactionReport.Deliver || response.Status < 200) return;
        if (transaction.User is SipCall call) call.Answered(now, transaction.Method, response.Status);
    }

    private void Overloaded(SipRequest request, SipPeer peer)
    {
        var response = SipResponses.For(request, 503, newToken());
        response.Headers.Add("Retry-After", "5");
        Send(NextHop.OfResponses(request, peer), SipWriter.ToBytes(response), request.Method);
    }

    /// <summary>Gives a transaction its input, sends what it wants sent, and tells its call of failures.</summary>
    private TransactionReport Feed(long now, Transaction transaction, in TransactionInput input)
    {
        var outcome = transaction.Handle(now, input);
        if (outcome.Transmit is { } bytes) Send(transaction.Peer, bytes, transaction.Method);
        if (transaction.IsTerminated) _transactions.Remove(transaction);
        else _timers.Schedule(transaction);
        if (transaction is InviteServerTransaction)
        {
            if (outcome.Report == TransactionReport.TransportFailed) (transaction.User as SipCall)?.InviteLost(transaction);
        }
        else if (transaction is not ServerTransaction && transaction.User is SipCall call)
        {
            if (outcome.Report == TransactionReport.TimedOut) call.Answered(now, transaction.Method, 408);
            if (outcome.Report == TransactionReport.TransportFailed) call.Answered(now, transaction.Method, 503);
        }
        return outcome.Report;
    }
}
