using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;

namespace IvrActors.Edge.Sip.Dialogs;

/// <summary>What a call asks of the peer, and what becomes of it.</summary>
public sealed partial class SipCall
{
    internal void Dial(long now)
    {
        _dialing!.SendToNext(now);
        _agent.Schedule(_dialing);
    }

    internal void DialsThrough(SipPeer hop)
    {
        if (State == SipCallState.Dialing) Peer = hop;
    }

    internal void Progressed(int status, ReadOnlyMemory<byte> sdp) =>
        _agent.Signal(new CallSignal(this, CallSignalKind.Progress) { Number = status, Body = sdp });

    internal void Accepted(long now, Dialog dialog, SipResponse response, ReadOnlyMemory<byte> answer)
    {
        Dialog = dialog;
        _agent.Keep(this);
        State = SipCallState.Answered;
        _endsAt = now + _agent.Policy.MostCallLength;
        _offers.Answered();
        Learn(response);
        _session.Agreed(now, SessionExpires.Read(response), weAsked: true);
        _agent.Schedule(this);
        _agent.Signal(new CallSignal(this, CallSignalKind.Accepted) { Body = answer });
    }

    internal void Refused(int status, SipReason? reason)
    {
        if (State != SipCallState.Dialing) return;
        Close();
        _agent.Signal(new CallSignal(this, CallSignalKind.Refused) { Number = status, Reason = reason });
    }

    /// <summary>The time of an offer that was postponed has come.</summary>
    internal void TryAgain(long now, OutgoingOffer offer)
    {
        if (State is not (SipCallState.Answered or SipCallState.Offered)) return;
        if (CanOffer(offer)) offer.Send(now);
        else if (!offer.Postpone(now)) OfferFinished(now, offer, 491, null);
    }

    /// <summary>An offer met one of the peer, which must be served meanwhile.</summary>
    internal void Postponed(OutgoingOffer offer)
    {
        if (offer.HasOffer) _offers.Dropped();
        _agent.Schedule(this);
    }

    internal void OfferFinished(long now, OutgoingOffer offer, int status, SipResponse? response)
    {
        // An UPDATE goes before the answer to an INVITE too.
        if (_offer != offer || State is not (SipCallState.Answered or SipCallState.Offered)) return;
        if (!offer.OwesAck) _offer = null;
        if (status is >= 200 and < 300)
        {
            Learn(response!);
            if (State == SipCallState.Answered) _session.Agreed(now, SessionExpires.Read(response!), weAsked: true);
            _agent.Schedule(this);
            Agreed(offer, response!);
            return;
        }
        if (offer.HasOffer) _offers.Dropped();
        if (offer.Purpose == OfferPurpose.Change) _agent.Signal(new CallSignal(this, CallSignalKind.ReofferRefused) { Number = status });
        // RFC 3261 12.2.1.2, 14.1: the other side has no such dialog any more. A callee may not end an early one by BYE (15).
        if (status is not (481 or 408)) return;
        if (State == SipCallState.Answered) Lose(now, null);
        else UnheardOf(now);
    }

    private void Agreed(OutgoingOffer offer, SipResponse response)
    {
        var sdp = UserAgent.SdpOf(response);
        if (offer.OwesAck)
        {
            _agent.Signal(new CallSignal(this, CallSignalKind.Reoffered) { Body = sdp });
        }
        else if (offer.HasOffer)
        {
            _offers.Answered();
            _agent.Signal(new CallSignal(this, CallSignalKind.ReofferAnswered) { Body = sdp });
        }
        else if (offer.Purpose == OfferPurpose.Change)
        {
            _agent.Signal(new CallSignal(this, CallSignalKind.ReofferAnswered));
        }
    }

    private void Reoffer(long now, OutgoingOffer offer)
    {
        var early = State == SipCallState.Offered && offer.Method == SipMethods.Update && _offers.Established && _reliable is { IsPending: false };
        if (_offer is not null || !(State == SipCallState.Answered || early))
        {
            _agent.Signal(new CallSignal(this, CallSignalKind.ReofferRefused) { Number = 491 });
            return;
        }
        _offer = offer;
        if (CanOffer(offer)) offer.Send(now);
        else offer.Postpone(now);
        _agent.Schedule(this);
    }

    /// <summary>No INVITE of ours while another one of either side is open (RFC 3261 14.1), no offer while another one is (RFC 3264 4).</summary>
    private bool CanOffer(OutgoingOffer offer) =>
        (offer.Method != SipMethods.Invite || (_transaction is null && _ackWait is null)) && (offer.HasOffer ? _offers.TrySend() : _offers.State == OfferState.None);

    /// <summary>Half of the session's time is over: an UPDATE without SDP, or where the peer takes none a re-INVITE that asks it for its offer (RFC 4028 7.4).</summary>
    private void RefreshSession(long now)
    {
        // A change that is under way refreshes as well.
        if (_offer is not null || State != SipCallState.Answered) return;
        Reoffer(now, new OutgoingOffer(_agent, this, _peerTakesUpdate ? SipMethods.Update : SipMethods.Invite, [], OfferPurpose.Refresh, _credentials));
    }
}
