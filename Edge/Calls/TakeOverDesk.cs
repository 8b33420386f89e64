using IvrActors.Edge.Admission;
using IvrActors.Edge.Media;
using IvrActors.Edge.Sip.Dialogs;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;
using IvrActors.Edge.Trunks;
using IvrActors.Grains.Interfaces.Calls;

namespace IvrActors.Edge.Calls;

/// <summary>
/// Goes on with calls of an edge that is gone, when the cluster gives them to this one: their dialogs are made again from what the cluster kept, and media anew. It takes none by itself. The
/// signalling thread's.
/// </summary>
internal sealed class TakeOverDesk(
    EdgeOptions options, TimeProvider time, UserAgent agent, Func<SipPeer, SipUri, SipPeer?> reconnect, IMediaEngine media, EdgeReadiness readiness, EdgeIncarnation life, TrunkDesk trunks, CallGate gate,
    LiveCalls live, MediaLane lane)
{
    /// <summary>Told by media threads what a call's media heard.</summary>
    public required Action<CallLeg, MediaSignal> Heard { get; init; }

    /// <summary>Called when one is on its way.</summary>
    public required Action<long, CallLeg> Began { get; init; }

    /// <summary>Tells the cluster of one that is not taken.</summary>
    public required Action<CallId, CallEvent> Tell { get; init; }

    public void Begin(long now, CallId id, TakeOver order)
    {
        // The same order again.
        if (live.TryFind(id, out _)) return;
        TakeOverFailure? failure = TakeOverFailure.NoRoom;
        try
        {
            failure = order.Incarnation == life.Value && readiness.TakesCalls && !gate.IsShut ? TryBegin(now, id, order) : TakeOverFailure.NoRoom;
        }
        catch
        {
            // An internal error: neither media nor a place is left behind, nor the caller.
            if (live.TryFind(id, out var leg)) leg.HangUp(now, CallEndReason.EdgeLost);
            throw;
        }
        finally
        {
            // After one, too: another edge may do better, and the cluster must not wait.
            if (live.TryFind(id, out var leg)) Began(now, leg);
            else if (failure is { } why) Tell(id, new TakeOverFailed { Seq = order.Seq, Why = why }.From(order.Epoch, null));
        }
    }

    /// <summary>BYE in dialogs with which nobody goes on. What becomes of it is all the same.</summary>
    public void End(long now, EndDialogs order)
    {
        foreach (var kept in order.Dialogs)
        {
            if (Way(kept, DialogRecord.LastJump, out var dialog) is { } peer) agent.Adopt(now, dialog, peer, trunks.CredentialsIn(peer.Trunk), left: 0)?.HangUp(now, SipReason.NoLongerHere);
        }
    }

    private TakeOverFailure? TryBegin(long now, CallId id, TakeOver order)
    {
        var kept = order.Dialog;
        // Each edge that is asked has an epoch of its own, and so numbers above those of whoever was asked before and may have sent something.
        if (Way(kept, order.Epoch, out var dialog) is not { } peer) return TakeOverFailure.Unreachable;
        var events = new LegMedia(Heard, lane, time);
        var offer = media.Offer(null, CallDialogs.PolicyOf(kept, peer), events);
        if (offer.Session is not { } session) return offer.Status == 503 ? TakeOverFailure.NoRoom : TakeOverFailure.Unreachable;
        var (lasted, trunk) = (Math.Max(0, (time.GetUtcNow() - kept.Since).Ticks), peer.Trunk);
        CallLeg leg;
        try
        {
            if (agent.Adopt(now, dialog, peer, trunks.CredentialsIn(trunk), options.LongestCall.Ticks - lasted) is not { } call)
            {
                session.Dispose();
                return TakeOverFailure.NoRoom;
            }
            leg = new CallLeg(now - lasted, id, call, offer, live.ObserverOf(trunk))
            {
                Since = kept.Since,
                Epoch = order.Epoch,
                EndByTime = kept.EndBy,
                EndBy = kept.EndBy is { } end ? now + Math.Max(0, (end - time.GetUtcNow()).Ticks) : SipTimes.Never,
            };
            call.User = leg;
        }
        catch
        {
            session.Dispose();
            throw;
        }
        events.Leg = leg;
        // It counts where it is, and was permitted where it was: no limit turns it away now.
        trunks.CallsOf(trunk).Adopt();
        live.Add(leg);
        leg.TakeOver(now, order);
        return null;
    }

    /// <summary>Where the peer is found from here, and the dialog with it; null when it cannot be.</summary>
    private SipPeer? Way(CallDialog kept, int jump, out Dialog dialog)
    {
        dialog = null!;
        if (CallDialogs.DialogOf(kept, jump) is not { } known || CallDialogs.PeerOf(kept, options.Trunks) is not { } peer) return null;
        dialog = known;
        // A datagram needs no connection; the connection of a stream is gone with its edge.
        if (peer.Reliable) return reconnect(peer, known.NextHop);
        return options.UdpPort is not null && options.AddressOf(peer.EndPoint.AddressFamily) is not null ? peer : null;
    }
}
