using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;

namespace IvrActors.Edge.Sip.Dialogs;

/// <summary>
/// The SIP user agent: transactions, dialogs and calls of one edge as one machine. Input is a message or the passing of time; what is to be sent
/// and what happened to calls is in <see cref="Outputs"/>, which the owner empties. One thread at a time.
/// </summary>
/// <param name="newToken">Gives an unguessable token for tags and branches.</param>
/// <param name="chance">Gives a random number, 0 to below 1: for pauses and first numbers, not for secrets.</param>
/// <param name="mostTransactions">Above it new requests get 503 without a transaction.</param>
public sealed class UserAgent(SipAddress address, Func<string> newToken, Func<double> chance, int mostTransactions)
{
    internal const string Sdp = "application/sdp";

    private readonly TransactionTable _transactions = new(mostTransactions);
    private readonly TimerQueue<ITimed> _timers = new();
    private readonly ServedMethods _served = new();
    private readonly LargeRequests _large = new();
    private StatelessTags Tags => field ??= new StatelessTags(System.Text.Encoding.ASCII.GetBytes(newToken()));
    private CallTable Table => field ??= new CallTable(Policy.MostCallsPerTrunk);

    public SipOutputs Outputs { get; } = new();

    public UserAgentPolicy Policy { get; init; } = new();

    /// <summary>Asked for each new request outside of dialogs but ACK, before anything else is done for it.</summary>
    public IRequestGuard? Guard { get; set; }

    /// <summary>Asked whether no new call is taken at all: OPTIONS get what an INVITE would get (RFC 3261 11.2).</summary>
    public Func<bool>? IsShut { get; init; }

    /// <summary>Who answers other methods outside of dialogs.</summary>
    public IDictionary<string, IRequestServer> Servers => _served.Servers;

    /// <summary>
    /// Asked for another way to a peer whose stream is gone: the peer that was, and where its Via, route or contact says that it listens. Null
    /// when there is none.
    /// </summary>
    public Func<SipPeer, SipUri, SipPeer?>? Reconnect { get; set; }

    /// <summary>Asked for a stream to the place of a UDP hop, for a request that is too large for a datagram. Null when there can be none.</summary>
    public Func<SipPeer, SipPeer?>? OverStream { get; set; }

    public int Transactions => _transactions.Count;

    public int Calls => Table.Count;

    /// <summary>INVITEs of ours that were given up and have no final response yet: their CANCEL may still wait for a provisional one (RFC 3261 9.1).</summary>
    public int Cancelling { get; internal set; }

    /// <summary>What is served, as Allow lists it.</summary>
    public string Allow => _served.Allow;

    public long NextDeadline => _timers.NextDeadline;

    /// <summary>A message that the parser accepted.</summary>
    public void Receive(long now, SipMessage message, SipPeer peer)
    {
        if (message is SipRequest request) Request(now, request, peer);
        else Response(now, (SipResponse)message, peer);
    }

    /// <summary>Answers a request that the parser refused, without state (RFC 3261 8.2.7).</summary>
    public void Refuse(SipRequest answerable, int status, SipPeer peer)
    {
        answerable.StampSource(peer.EndPoint.Address, peer.EndPoint.Port);
        var response = SipResponses.For(answerable, status, Tags.Of(answerable));
        if (status is 405 or 501) response.Headers.Add(SipHeaderNames.Allow, Allow);
        RespondStateless(answerable, response, peer);
    }

    /// <summary>Makes a call. What becomes of it comes as signals.</summary>
    public SipCall Dial(long now, OutboundInvite invite)
    {
        ArgumentNullException.ThrowIfNull(invite);
        if (!SipUri.TryParse(invite.Target, out var target) || invite.Hops.Count == 0)
            throw new ArgumentException("internal error: a call of ours has no target or no hop", nameof(invite));
        // RFC 3261 8.1.1.8: a sips URI in the request line or in the first route.
        var secure = invite.Secure || target.Scheme == "sips" || (invite.Routes.Count > 0 && NameAddress.TryParse(invite.Routes[0], out var route) && route.Uri.Scheme == "sips");
        var dialog = Dialog.OfDial(newToken(), newToken(), invite.From, invite.To, invite.Target, secure);
        var call = new SipCall(this, dialog, invite, target, now);
        if (_transactions.HasRoom && Table.HasRoom(call.Peer.Trunk))
        {
            Table.Add(call);
            call.Dial(now);
        }
        else
        {
            call.Refused(503, null);
        }
        return call;
    }

    /// <summary>Goes on with a call of another edge. A re-INVITE is to follow, by which its peer learns where we are; or BYE.</summary>
    /// <param name="left">How long it may last yet, in ticks.</param>
    /// <returns>Null when there is no room, or the call is here already.</returns>
    internal SipCall? Adopt(long now, Dialog dialog, SipPeer peer, IChallengeResponder? credentials, long left)
    {
        if (!_transactions.HasRoom || !Table.HasRoom(peer.Trunk) || Table.TryFind(dialog.Id, out _)) return null;
        var call = new SipCall(this, dialog, peer, credentials, now + Math.Clamp(left, 0, Policy.MostCallLength));
        Table.Add(call);
        Schedule(call);
        return call;
    }

    /// <summary>Sends a request outside of dialogs other than INVITE: it has From, To, Call-ID, CSeq and Max-Forwards; Via is set here.</summary>
    /// <param name="hops">Best first; the next is tried on 503, on time-out and when the transport fails.</param>
    /// <param name="done">Gets the request as it was sent last and the final response, null for none; perhaps at once.</param>
    public void Request(long now, SipRequest request, IReadOnlyList<SipPeer> hops, IChallengeResponder? credentials, Action<long, SipRequest, SipResponse?> done)
    {
        var plan = new HopPlan(hops, Rests, request.RequestUri.Scheme == "sips");
        if (_transactions.HasRoom) new ClientRequest(this, request, plan, new Challenges(credentials), done).Begin(now);
        else done(now, request, null);
    }

    /// <summary>
    /// A stream connection is gone, and with it what waits for an answer on it (RFC 3261 17.1.4, 17.2.4), but for answers of ours that find
    /// another way back (18.2.2). Dialogs live on: their peer may connect again.
    /// </summary>
    public void ConnectionLost(long now, long connection)
    {
        Table.ConnectionLost(connection);
        foreach (var transaction in _transactions.OnConnection(connection))
        {
            if (transaction is ServerTransaction { WayBack: { } way } server && (!server.IsAnswered || server.User is SipCall call && call.AwaitsAckOf(server))
                && Reconnect?.Invoke(server.Peer, way) is { } other)
            {
                server.WayBack = null;
                _transactions.Move(server, other);
            }
            else
            {
                Feed(now, transaction, TransactionInput.TransportFailed);
            }
        }
    }

    /// <summary>Fires the timers that are due.</summary>
    public void Tick(long now)
    {
        while (_timers.TakeDue(now) is { } due)
        {
            switch (due)
            {
                case Transaction transaction:
                    Feed(now, transaction, TransactionInput.Timer);
                    break;
                case ClientInvite invite:
                    invite.Tick(now);
                    break;
                case SipCall call:
                    call.Tick(now);
                    break;
            }
            _timers.Schedule(due);
        }
    }

    /// <summary>Our Contact towards a peer.</summary>
    public string ContactFor(SipPeer peer, bool secure) => address.ContactFor(peer, secure);

    internal double Chance() => chance();

    internal HopRests Rests { get; } = new();

    /// <summary>The SDP in a message, alone or in a multipart body; empty when there is none.</summary>
    internal static ReadOnlyMemory<byte> SdpOf(SipMessage message)
    {
        if (message.Body.IsEmpty || message.Headers.First(SipHeaderNames.ContentType) is not { } type) return message.Body;
        return Multipart.TryFind(type, message.Body, Sdp, out var sdp) ? sdp : default;
    }

    internal void Schedule(ITimed timed) => _timers.Schedule(timed);

    internal void Signal(in CallSignal signal) => Outputs.Signals.Add(signal);

    internal void Send(SipPeer peer, byte[] bytes, string method) => Outputs.Sends.Add(new SipSend(peer, bytes, method));

    internal void Forget(SipCall call) => Table.Remove(call);

    internal void Bind(DialogId id, SipCall call) => Table.Bind(id, call);

    /// <summary>Of the forks of a call its dialog is left.</summary>
    internal void Keep(SipCall call) => Table.Keep(call.Dialog.Id, call);

    internal void Moved(SipCall call, SipPeer from, SipPeer to) => Table.Moved(call, from, to);

    internal string HostFor(SipPeer peer) => address.HostFor(peer);

    internal string ViaFor(SipPeer hop) => address.ViaFor(hop, "z9hG4bK" + newToken());

    /// <summary>Where a request in a dialog goes; over a new connection when that of the peer is gone.</summary>
    internal SipPeer HopOf(Dialog dialog, SipPeer peer)
    {
        var hop = NextHop.OfRequest(dialog.NextHop, peer);
        return hop.Reliable && Table.IsGone(hop.Connection) ? OtherWay(dialog, hop) ?? hop : hop;
    }

    /// <summary>A new connection to where requests in a dialog go, if there can be one.</summary>
    internal SipPeer? OtherWay(Dialog dialog, SipPeer gone) => gone.Reliable ? Reconnect?.Invoke(gone, dialog.NextHop) : null;

    /// <summary>Begins a transaction with a request whose Via and Contact are for this hop.</summary>
    /// <param name="request">What goes out in the end: its Via and Contact change where it is too large for a datagram.</param>
    internal Transaction SendRequest(long now, ref SipRequest request, SipPeer hop, IResponseUser user)
    {
        var (bytes, peer) = Fit(now, ref request, hop);
        var key = TransactionKey.OfClient(request.TopVia.Branch!, request.Method);
        Transaction transaction = request.Method == SipMethods.Invite ? new InviteClientTransaction(key, peer) : new NonInviteClientTransaction(key, peer, request.Method);
        transaction.User = user;
        if (peer != hop) transaction.Datagram = hop;
        _transactions.AddClient(transaction);
        Feed(now, transaction, TransactionInput.FromUser(request, bytes));
        return transaction;
    }

    /// <summary>Sends the ACK of a 2xx, which is a request without transaction. Returns it as it is repeated: in a datagram, whether a stream took the first or not.</summary>
    internal byte[] SendAck(long now, SipRequest ack, SipPeer hop)
    {
        var repeat = SipWriter.ToBytes(ack);
        var (bytes, peer) = Fit(now, ref ack, hop);
        Send(peer, bytes, SipMethods.Ack);
        return repeat;
    }

    internal void SendCancel(long now, SipRequest invite, SipPeer hop, SipReason? reason = null)
    {
        var cancel = invite.Cancelling();
        reason?.AddTo(cancel);
        SendRequest(now, ref cancel, hop, Unheard.Instance);
    }

    /// <summary>What we serve and know (RFC 3261 13.2.1).</summary>
    internal void DescribeUs(SipMessage message)
    {
        message.Headers.Add(SipHeaderNames.Allow, Allow);
        message.Headers.Add(SipHeaderNames.Supported, OptionTags.All);
    }

    internal void RespondTooShort(long now, SipRequest request, ServerTransaction transaction)
    {
        var response = SipResponses.For(request, 422, request.To.Tag is null ? newToken() : null);
        response.Headers.Add(SessionExpires.MinimumName, Policy.LeastSessionSeconds.ToString(System.Globalization.CultureInfo.InvariantCulture));
        Respond(now, transaction, response);
    }

    internal void Abandon(long now, Transaction transaction) => Feed(now, transaction, TransactionInput.Abandoned);

    /// <summary>Ends a dialog that is no call of ours: a fork that came too late.</summary>
    internal void SendBye(long now, Dialog dialog, SipPeer peer, IChallengeResponder? credentials) =>
        new DialogRequest(this, dialog, peer, SipMethods.Bye, credentials, null, static (_, _, _) => { }).Send(now);

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
            Respond(now, transaction, request, request.Method == SipMethods.Refer ? 403 : 481);
            return;
        }
        var isShut = request.To.Tag is null && IsShut?.Invoke() == true;
        var response = SipResponses.For(request, isShut ? 503 : 200, request.To.Tag is null ? newToken() : null);
        if (isShut) response.Headers.Add("Retry-After", "5");
        response.Headers.Add(SipHeaderNames.Allow, Allow);
        response.Headers.Add(SipHeaderNames.Accept, Sdp);
        response.Headers.Add(SipHeaderNames.AcceptEncoding, "identity");
        response.Headers.Add(SipHeaderNames.Supported, OptionTags.All);
        Respond(now, transaction, response);
    }

    private void Request(long now, SipRequest request, SipPeer peer)
    {
        request.StampSource(peer.EndPoint.Address, peer.EndPoint.Port);
        if (_transactions.FindServer(request) is { } known)
        {
            if (!Speakers.MaySpeakFor(known.Peer, peer)) return;
            if (Feed(now, known, TransactionInput.FromPeer(request)) == TransactionReport.Deliver) Acknowledge(now, request, peer);
            return;
        }
        if (request.Method == SipMethods.Ack)
        {
            Acknowledge(now, request, peer);
            return;
        }
        if (Guard is not null && !Passes(now, request, ref peer)) return;
        if (_transactions.AddServer(request, NextHop.OfResponses(request, peer)) is not { } transaction)
        {
            RespondStateless(request, Busy(request, Tags.Of(request)), peer);
            return;
        }
        Serve(now, request, transaction, peer);
        _timers.Schedule(transaction);
    }

    /// <summary>Asks the guard about a request that is in no dialog and cancels nothing of ours. A refusal leaves no state (RFC 3261 8.2.7, 26.3.2.4).</summary>
    private bool Passes(long now, SipRequest request, ref SipPeer peer)
    {
        var isNew = request.To.Tag is null && request.Method != SipMethods.Cancel;
        if (request.Method == SipMethods.Cancel ? _transactions.FindCancelled(request) is not null : !isNew && FindCall(request, peer) is not null) return true;
        var decision = Guard!.Decide(now, request, peer);
        switch (decision.Verdict)
        {
            case GuardVerdict.Allow:
                peer = peer.As(decision.Trunk!);
                return true;
            case GuardVerdict.Refuse when isNew:
                RespondStateless(request, decision.Response!, peer);
                return false;
            case GuardVerdict.Refuse:
                // A dialog or INVITE that is not: 481 says all that there is, and a challenge would not help.
                return true;
            default:
                return false;
        }
    }

    private void Serve(long now, SipRequest request, ServerTransaction transaction, SipPeer peer)
    {
        // The table holds this request's own transaction by now; another one under the same merge key came before it.
        if (_transactions.IsMerged(transaction)) Respond(now, transaction, request, 482);
        else if (RequestScreening.Screen(request, _served.Rules) is { } refusal) Respond(now, transaction, refusal.ToResponse(request, newToken()));
        else if (request.RequestUri.Scheme == "sips" && !peer.IsSecure) Insecure(now, request, transaction);
        else if (request.Method == SipMethods.Cancel) Cancel(now, request, transaction, peer);
        else if (request.To.Tag is not null) InDialog(now, request, transaction, peer);
        // OPTIONS is answered as an INVITE would be (RFC 3261 11.2).
        else if (request.Method is SipMethods.Invite or SipMethods.Options && !Table.HasRoom(peer.Trunk)) Respond(now, transaction, Busy(request, newToken()));
        else if (request.Method == SipMethods.Invite) Offer(now, request, (InviteServerTransaction)transaction, peer);
        else if (Servers.TryGetValue(request.Method, out var server)) Respond(now, transaction, server.Answer(now, request, peer));
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
        // Call-ID and tag are those of a call that we are making: it came back to us (RFC 3261 16.3). Calls that others change on the way are ended by Max-Forwards.
        if (Table.TryFind(new DialogId(invite.CallId, invite.From.Tag ?? "", ""), out var own) && own.State == SipCallState.Dialing)
        {
            Respond(now, transaction, invite, 482);
            return;
        }
        if (SessionTimer.IsTooSmall(invite, Policy))
        {
            RespondTooShort(now, invite, transaction);
            return;
        }
        var replaces = Replacement.Find(invite, peer, Table, out var refusal);
        if (refusal != 0)
        {
            Respond(now, transaction, invite, refusal);
            return;
        }
        var call = new SipCall(this, invite, transaction, peer, newToken(), replaces, now);
        transaction.User = call;
        Table.Add(call);
        Schedule(call);
        Respond(now, transaction, SipResponses.For(invite, 100));
        Signal(replaces is null
            ? new CallSignal(call, CallSignalKind.Offered) { Body = SdpOf(invite) }
            : new CallSignal(replaces, CallSignalKind.ReplacedBy) { Body = SdpOf(invite), Other = call });
    }

    private void InDialog(long now, SipRequest request, ServerTransaction transaction, SipPeer peer)
    {
        if (FindCall(request, peer) is { } call)
        {
            transaction.User = call;
            call.Receive(now, request, transaction, peer.For(call.Peer));
        }
        else if (request.Method == SipMethods.Options) RespondToOther(now, request, transaction);
        else Respond(now, transaction, request, 481);
    }

    private void Cancel(long now, SipRequest cancel, ServerTransaction transaction, SipPeer peer)
    {
        var invite = _transactions.FindCancelled(cancel);
        if (invite is null || !Speakers.MaySpeakFor(invite.Peer, peer))
        {
            Respond(now, transaction, cancel, 481);
            return;
        }
        // RFC 3261 9.2: the To tag of this 200 is that of the answer to the INVITE.
        var call = invite.User as SipCall;
        Respond(now, transaction, SipResponses.For(cancel, 200, call?.Dialog.Id.LocalTag ?? newToken()));
        if (!invite.IsAnswered) call?.Cancelled(now, invite, SipReason.Read(cancel));
    }

    private void Acknowledge(long now, SipRequest ack, SipPeer peer)
    {
        if (FindCall(ack, peer) is not { } call) return;
        call.Acknowledged(now, ack);
        _timers.Schedule(call);
    }

    /// <summary>The call of a request, if its sender may speak in it.</summary>
    private SipCall? FindCall(SipRequest request, SipPeer peer) =>
        DialogId.Of(request) is { } id && Table.TryFind(id, out var call) && (Speakers.MaySpeakFor(call.Peer, peer) || (call.Dialog.IsCaller && Speakers.MayAnswerFor(call.Peer, peer))) ? call : null;

    private void Response(long now, SipResponse response, SipPeer peer)
    {
        if (_transactions.FindClient(response) is not { } transaction || !Speakers.MayAnswerFor(transaction.Peer, peer)) return;
        if (!address.IsAnswerTo(response, transaction.Peer)) return;
        transaction.Datagram = null;
        if (Feed(now, transaction, TransactionInput.FromPeer(response)) == TransactionReport.Deliver) ((IResponseUser)transaction.User!).Responded(now, transaction, response);
    }

    /// <summary>What goes on the wire and where: over a stream when it is too large for a datagram, with Via and our Contact changed to that.</summary>
    private (byte[] Bytes, SipPeer Peer) Fit(long now, ref SipRequest request, SipPeer hop)
    {
        var bytes = SipWriter.ToBytes(request);
        if (!_large.Concern(now, hop, bytes.Length) || OverStream?.Invoke(hop) is not { } stream) return (bytes, hop);
        request = request.Over(ViaFor(stream), ContactFor(hop, secure: false), ContactFor(stream, secure: false));
        return (SipWriter.ToBytes(request), stream);
    }

    private static SipResponse Busy(SipRequest request, string toTag)
    {
        var response = SipResponses.For(request, 503, toTag);
        response.Headers.Add("Retry-After", "5");
        return response;
    }

    /// <summary>An answer of which nothing is remembered. ACK and CANCEL get none (RFC 3261 8.2.7): what they are about had such an answer too.</summary>
    private void RespondStateless(SipRequest request, SipResponse response, SipPeer peer)
    {
        if (request.Method is SipMethods.Ack or SipMethods.Cancel) return;
        Send(NextHop.OfResponses(request, peer), SipWriter.ToBytes(response), request.Method);
    }

    /// <summary>Gives a transaction its input, sends what it wants sent, and tells its user of failures.</summary>
    private TransactionReport Feed(long now, Transaction transaction, in TransactionInput input)
    {
        var outcome = transaction.Handle(now, input);
        if (outcome.Transmit is { } bytes) Send(transaction.Peer, bytes, transaction.Method);
        if (transaction.IsTerminated) _transactions.Remove(transaction);
        else _timers.Schedule(transaction);
        if (outcome.Report is TransactionReport.TimedOut or TransactionReport.TransportFailed)
        {
            if (outcome.Report == TransactionReport.TimedOut) transaction.Datagram = null;
            else if (transaction.Datagram is { } datagram) _large.Failed(now, datagram);
            if (transaction.User is IResponseUser user) user.Failed(now, transaction, outcome.Report == TransactionReport.TimedOut ? 408 : 503);
            else if (outcome.Report == TransactionReport.TransportFailed && transaction is InviteServerTransaction) (transaction.User as SipCall)?.InviteLost(transaction);
        }
        return outcome.Report;
    }
}
