using System.Runtime.InteropServices;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;

namespace IvrActors.Edge.Sip.Dialogs;

/// <summary>What the peer asks of a call.</summary>
public sealed partial class SipCall
{
    /// <summary>An UPDATE or PRACK with an offer that the user has not answered yet.</summary>
    private OpenOffer? _open;

    internal void Cancelled(long now, InviteServerTransaction transaction, SipReason? reason)
    {
        if (transaction != _transaction) return;
        if (State != SipCallState.Offered)
        {
            // A re-INVITE: the session stays as it was.
            RefuseOffer(now, 487);
            return;
        }
        Reject(now, 487, null);
        _agent.Signal(new CallSignal(this, CallSignalKind.Cancelled) { Reason = reason });
    }

    /// <summary>The connection of an INVITE is gone before its answer: nobody is there to be answered.</summary>
    internal void InviteLost(Transaction transaction)
    {
        if (State != SipCallState.Offered || transaction != _transaction) return;
        Close();
        _agent.Signal(new CallSignal(this, CallSignalKind.Lost));
    }

    /// <summary>Whether a 2xx that was sent in this transaction is still repeated.</summary>
    internal bool AwaitsAckOf(ServerTransaction transaction) => _ackWait is not null && _ackWait.Transaction == transaction;

    /// <summary>A request inside the dialog, other than ACK and CANCEL.</summary>
    internal void Receive(long now, SipRequest request, ServerTransaction transaction, SipPeer peer)
    {
        var dialog = State == SipCallState.Dialing ? _dialing!.Find(DialogId.Of(request)!.Value) ?? Dialog : Dialog;
        if (dialog.Take(request.CSeq) == SequenceCheck.TooLow)
        {
            _agent.Respond(now, transaction, request, 500);
            return;
        }
        if (State == SipCallState.Dialing)
        {
            ReceiveEarly(now, request, transaction, dialog);
            return;
        }
        Peer = peer;
        switch (request.Method)
        {
            case SipMethods.Bye:
                Bye(now, request, transaction);
                break;
            case SipMethods.Invite:
                Reinvited(now, request, (InviteServerTransaction)transaction);
                break;
            case SipMethods.Update:
                Updated(now, request, transaction);
                break;
            case SipMethods.Prack:
                Pracked(now, request, transaction);
                break;
            case SipMethods.Info:
                Info(now, request, transaction);
                break;
            case SipMethods.Notify:
                Notify(now, request, transaction);
                break;
            case SipMethods.Refer:
                ReferredByPeer(now, request, transaction);
                break;
            default:
                _agent.RespondToOther(now, request, transaction);
                break;
        }
        _agent.Schedule(this);
    }

    internal void Acknowledged(long now, SipRequest ack)
    {
        if (_ackWait is null || ack.CSeq.Number != _ackWait.Sequence) return;
        _ackWait = null;
        WasConfirmed = true;
        if (State == SipCallState.Ending)
        {
            SendBye(now);
            return;
        }
        var answer = _ackCarriesAnswer ? UserAgent.SdpOf(ack) : default;
        if (_ackCarriesAnswer && answer.IsEmpty)
        {
            // RFC 3261 13.2.2.4 owes us the answer to our offer: without one there is no media, and nothing would ever end the call.
            Lose(now, null);
            return;
        }
        if (_ackCarriesAnswer) _offers.Answered();
        _ackCarriesAnswer = false;
        _agent.Signal(new CallSignal(this, CallSignalKind.Confirmed) { Body = answer });
    }

    /// <summary>A fork of a call of ours that is not answered yet: it may refresh its target. A callee ends it by a final response, not by BYE (RFC 3261 15).</summary>
    private void ReceiveEarly(long now, SipRequest request, ServerTransaction transaction, Dialog dialog)
    {
        if (request.Method == SipMethods.Update && UserAgent.SdpOf(request).IsEmpty)
        {
            dialog.Refresh(request);
            Grant(now, request, transaction, []);
        }
        else if (request.Method == SipMethods.Update)
        {
            // Which fork wins is open, and with it whose offer would count.
            Later(now, request, transaction, 491);
        }
        else if (request.Method is SipMethods.Options or SipMethods.Notify)
        {
            _agent.RespondToOther(now, request, transaction);
        }
        else
        {
            _agent.Respond(now, transaction, request, 403);
        }
    }

    private void Bye(long now, SipRequest request, ServerTransaction transaction)
    {
        AnswerPending(now);
        _agent.Respond(now, transaction, request, 200);
        var tell = State < SipCallState.Ending;
        Close();
        if (tell) _agent.Signal(new CallSignal(this, CallSignalKind.HungUp) { Reason = SipReason.Read(request) });
    }

    private void Reinvited(long now, SipRequest request, InviteServerTransaction transaction)
    {
        if (State == SipCallState.Offered || _transaction is not null)
        {
            // RFC 3261 14.2: a second INVITE before the first was answered.
            Later(now, request, transaction, 500);
            return;
        }
        // An offer of ours, or an answer whose ACK is on its way, is still open.
        if (State == SipCallState.Ending || _ackWait is not null || _offer is { IsUnderWay: true } or { OwesAck: true })
        {
            _agent.Respond(now, transaction, request, State == SipCallState.Ending ? 481 : 491);
            return;
        }
        if (IsTooShort(now, request, transaction)) return;
        var offer = UserAgent.SdpOf(request);
        if (!offer.IsEmpty && !TakeOffer(now, request, transaction)) return;
        (_invite, _transaction) = (request, transaction);
        _agent.Respond(now, transaction, SipResponses.For(request, 100));
        _agent.Signal(new CallSignal(this, CallSignalKind.Reoffered) { Body = offer });
    }

    /// <summary>RFC 3311 5.2.</summary>
    private void Updated(long now, SipRequest request, ServerTransaction transaction)
    {
        if (IsTooShort(now, request, transaction)) return;
        var offer = UserAgent.SdpOf(request);
        if (offer.IsEmpty)
        {
            Learn(request);
            Dialog.Refresh(request);
            Grant(now, request, transaction, []);
        }
        else if (TakeOffer(now, request, transaction))
        {
            _open = new OpenOffer(request, transaction);
            _agent.Signal(new CallSignal(this, CallSignalKind.Reoffered) { Body = offer });
        }
    }

    /// <summary>RFC 3262 3: a PRACK of nothing that is under way gets 481. It may bring the answer to our offer, or an offer after an answer of ours.</summary>
    private void Pracked(long now, SipRequest prack, ServerTransaction transaction)
    {
        if (_reliable is not { } reliable || !reliable.Acknowledge(RAck.Read(prack)))
        {
            _agent.Respond(now, transaction, prack, 481);
            return;
        }
        var sdp = UserAgent.SdpOf(prack);
        if (_offers.State == OfferState.Ours)
        {
            _agent.Respond(now, transaction, prack, 200);
            if (sdp.IsEmpty)
            {
                Reject(now, 488, null);
                _agent.Signal(new CallSignal(this, CallSignalKind.Lost));
                return;
            }
            _offers.Answered();
            _agent.Signal(new CallSignal(this, CallSignalKind.Confirmed) { Body = sdp });
        }
        else if (!sdp.IsEmpty && _offers.Established && TakeOffer(now, prack, transaction))
        {
            _open = new OpenOffer(prack, transaction);
            _agent.Signal(new CallSignal(this, CallSignalKind.Reoffered) { Body = sdp });
        }
        else
        {
            _agent.Respond(now, transaction, prack, 200);
        }
        if (reliable.TryTakeWaiting(out var next)) SendProgress(now, next.Status, next.Sdp, reliable);
        else if (_answerDue)
        {
            _answerDue = false;
            Answer(now, []);
        }
    }

    /// <summary>No PRACK for 64 T1: the INVITE fails (RFC 3262 3).</summary>
    private void UnheardOf(long now)
    {
        Reject(now, 504, null);
        _agent.Signal(new CallSignal(this, CallSignalKind.Lost));
    }

    private void Info(long now, SipRequest request, ServerTransaction transaction)
    {
        var (type, body) = DtmfInfo.Find(request);
        var isKey = DtmfInfo.TryRead(type, body.Span, out var key, out var duration);
        _agent.Respond(now, transaction, request, request.Body.IsEmpty || isKey ? 200 : 400);
        // The key may be one of a PIN: the message must not keep it until it is collected.
        if (isKey && MemoryMarshal.TryGetArray(request.Body, out var bytes)) bytes.AsSpan().Clear();
        if (isKey && State == SipCallState.Answered) _agent.Signal(new CallSignal(this, CallSignalKind.Key) { Key = key, Number = duration });
    }

    /// <summary>Whether an offer of the peer may be taken now; if not, it is answered.</summary>
    private bool TakeOffer(long now, SipRequest request, ServerTransaction transaction)
    {
        switch (_offers.Receive())
        {
            case OfferVerdict.Take:
                return true;
            case OfferVerdict.Glare:
                _agent.Respond(now, transaction, request, 491);
                return false;
            default:
                Later(now, request, transaction, 500);
                return false;
        }
    }

    /// <summary>RFC 4028 9: 422 names the least interval that we take.</summary>
    private bool IsTooShort(long now, SipRequest request, ServerTransaction transaction)
    {
        if (!SessionTimer.IsTooSmall(request, _agent.Policy)) return false;
        _agent.RespondTooShort(now, request, transaction);
        return true;
    }

    /// <summary>RFC 3261 14.2, RFC 3311 5.2: try again after 0 to 10 s.</summary>
    private void Later(long now, SipRequest request, ServerTransaction transaction, int status)
    {
        var response = SipResponses.For(request, status, Dialog.Id.LocalTag);
        response.Headers.Add("Retry-After", ((int)(_agent.Chance() * 11)).ToString(System.Globalization.CultureInfo.InvariantCulture));
        _agent.Respond(now, transaction, response);
    }

    private OpenOffer? TakeOpen()
    {
        var open = _open;
        _open = null;
        return open;
    }

    private sealed record OpenOffer(SipRequest Request, ServerTransaction Transaction);
}
