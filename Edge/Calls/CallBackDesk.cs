using IvrActors.Edge.Admission;
using IvrActors.Edge.Media;
using IvrActors.Edge.Sip.Dialogs;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;
using IvrActors.Edge.Trunks;
using IvrActors.Grains.Interfaces.Calls;

namespace IvrActors.Edge.Calls;

/// <summary>
/// Makes calls of our own on the order of the cluster, which has permitted each: callers are called back, and nobody else. Here the trunk's own list is held against the
/// number once more. The signalling thread's.
/// </summary>
internal sealed class CallBackDesk(
    EdgeOptions options, TimeProvider time, UserAgent agent, IMediaEngine media, EdgeReadiness readiness, TrunkDesk trunks, CallGate gate, LiveCalls live, MediaLane lane, EdgeIncarnation life) : IOriginator
{
    /// <summary>Orders that wait or ring; a caller is called back a few times in an hour, so that more is an error of somebody.</summary>
    public const int MostWaiting = 1000;

    private readonly Dictionary<CallId, OriginatedCall> _calls = [];
    private readonly Dictionary<CallId, EdgeTrunk> _places = [];
    private readonly TimerQueue<OriginatedCall> _timers = new();
    private int _untold;

    /// <summary>Told by media threads what a call's media heard.</summary>
    public required Action<CallLeg, MediaSignal> Heard { get; init; }

    /// <summary>Told of the dialog of each, by its Call-ID, before its INVITE leaves.</summary>
    public required Action<CallId, string> Joined { get; init; }

    /// <summary>Called when one was answered and has its first event.</summary>
    public required Action<long, CallLeg> Began { get; init; }

    /// <summary>Tells the cluster of one that came to nothing; afterwards <see cref="Told"/> is called on the signalling thread.</summary>
    public required Action<CallId, CallEnded> Tell { get; init; }

    /// <summary>Calls that wait or ring, and those of which the cluster does not know the end yet.</summary>
    public int Count => _calls.Count + _untold;

    public long NextDeadline => _timers.NextDeadline;

    public void Begin(long now, CallId id, Originate order)
    {
        // The same order again, or one for a call that is there: it is not dialled twice.
        if (_calls.ContainsKey(id) || live.TryFind(id, out _)) return;
        var call = new OriginatedCall(id, order, this);
        if (_calls.Count >= MostWaiting)
        {
            call.Cancel(now, BridgeOutcome.Failed, 503);
            return;
        }
        _calls[id] = call;
        call.Begin(now);
        _timers.Schedule(call);
    }

    public void Tick(long now)
    {
        while (_timers.TakeDue(now) is { } call)
        {
            try
            {
                call.Tick(now);
            }
            catch
            {
                Fail(now, call);
                throw;
            }
            _timers.Schedule(call);
        }
    }

    public void Signalled(long now, OriginatedCall call, in CallSignal signal)
    {
        try
        {
            call.Signalled(now, signal);
        }
        catch
        {
            Fail(now, call);
            throw;
        }
        _timers.Schedule(call);
    }

    /// <summary>An internal error: neither the cluster must wait for ever, nor the trunk's place be lost.</summary>
    private static void Fail(long now, OriginatedCall call) => call.Cancel(now, BridgeOutcome.Failed, 500);

    /// <summary>An operator ends it.</summary>
    public bool Cancel(long now, CallId id)
    {
        if (!_calls.TryGetValue(id, out var call)) return false;
        call.Cancel(now, BridgeOutcome.Cancelled, 487);
        _timers.Schedule(call);
        return true;
    }

    /// <summary>The edge stops: nobody is called any more.</summary>
    public void End(long now)
    {
        foreach (var call in _calls.Values.ToList())
        {
            call.Cancel(now, BridgeOutcome.Failed, 503, SipReason.NoLongerHere);
            _timers.Schedule(call);
        }
    }

    /// <summary>The cluster knows, or cannot be told.</summary>
    public void Told() => _untold--;

    void IOriginator.Dial(long now, OriginatedCall call)
    {
        var order = call.Order;
        // By name and tenant: nobody is called by the trunk of another tenant.
        var trunk = options.Trunks.FirstOrDefault(t => t.Name == order.Trunk && t.Tenant == order.Tenant);
        if (trunk?.Outbound is not { } route || !readiness.TakesCalls) call.NotDialled(now, 503);
        else if (BridgeDesk.TargetOf(order.Number, trunk, route) is not { } target) call.NotDialled(now, 403);
        else if (!gate.HasRoomForCallee) call.NotDialled(now, 503);
        else if (trunks.CallsOf(trunk).TryBegin(now, static () => true) is { Status: not 0 } refusal)
        {
            if (refusal.IsSoon) call.NotYet(now, options.LimitPatience, refusal.Status);
            else call.NotDialled(now, refusal.Status);
        }
        else Seek(call, trunk, target);
    }

    void IOriginator.DialInClear(long now, OriginatedCall call)
    {
        if (_hops.Remove(call.Id, out var way)) Dial(now, call, way, SrtpPolicy.Off);
        else call.NotDialled(now, 503);
    }

    void IOriginator.Release(OriginatedCall call)
    {
        _hops.Remove(call.Id);
        if (!_places.Remove(call.Id, out var trunk)) return;
        trunks.CallsOf(trunk).Ended();
        gate.CalleeEnded();
    }

    void IOriginator.Answered(long now, OriginatedCall call, SipCall sip, IMediaSession session)
    {
        _calls.Remove(call.Id);
        _hops.Remove(call.Id, out var way);
        _places.Remove(call.Id, out var trunk);
        // The trunk counts it until the leg ends.
        gate.CalleeEnded();
        CallLeg leg;
        try
        {
            leg = new CallLeg(now, call.Id, sip, new MediaAnswer { Session = session }, live.ObserverOf(trunk!)) { Since = time.GetUtcNow(), EndBy = now + call.Order.MostTalk.Ticks, EndByTime = time.GetUtcNow() + call.Order.MostTalk };
            way!.Events.Leg = leg;
            sip.User = leg;
            live.Add(leg);
        }
        catch
        {
            // No leg that would end: neither is media left open, nor a place taken, nor the cluster left waiting.
            session.Dispose();
            trunks.CallsOf(trunk!).Ended();
            ComeToNothing(call, new BridgeResult { Outcome = BridgeOutcome.Failed, Status = 500 });
            sip.HangUp(now);
            throw;
        }
        session.Start();
        leg.Offer(sequence => new CallOffered
        {
            Seq = sequence,
            Edge = options.Name,
            Tenant = trunk!.Tenant,
            Trunk = trunk.Name,
            Called = "",
            Origin = CallingParty.Origin(trunk.TrustsCallerIdentity, Attestation.None, null),
            Encrypted = sip.Peer.IsSecure && session.Srtp,
            SourceAddress = sip.Peer.EndPoint.Address.ToString(),
            Originated = true,
            Incarnation = life.Value,
        });
        Began(now, leg);
    }

    void IOriginator.Over(OriginatedCall call, BridgeResult result) => ComeToNothing(call, result);

    private void ComeToNothing(OriginatedCall call, BridgeResult result)
    {
        _calls.Remove(call.Id);
        _untold++;
        Tell(call.Id, new CallEnded { Seq = 1, Reason = result.Outcome == BridgeOutcome.Cancelled ? CallEndReason.OperatorHungUp : CallEndReason.Failed, Originated = result });
    }

    /// <summary>How a call is dialled: kept until it is answered, for a second try in clear.</summary>
    private sealed record Way(EdgeTrunk Trunk, string Target, IReadOnlyList<SipPeer> Hops, LegMedia Events);

    private readonly Dictionary<CallId, Way> _hops = [];

    private void Seek(OriginatedCall call, EdgeTrunk trunk, string target)
    {
        gate.CalleeBegan();
        _places[call.Id] = trunk;
        trunks.Locate(trunk, (now, hops) =>
        {
            // Meanwhile it may have been cancelled.
            if (call.IsOver) return;
            try
            {
                if (hops.Count == 0) call.NotDialled(now, 503);
                else Dial(now, call, new Way(trunk, target, hops, new LegMedia(Heard, lane, time)), trunk.Srtp);
            }
            catch
            {
                Fail(now, call);
                throw;
            }
            _timers.Schedule(call);
        });
    }

    private void Dial(long now, OriginatedCall call, Way way, SrtpPolicy srtp)
    {
        var trunk = way.Trunk;
        var route = trunk.Outbound!;
        // Keys in SDP are safe only where every hop that may be tried is encrypted.
        var policy = new MediaPolicy(route.IsSecure, srtp, trunk.SdesWithoutTls)
        {
            Family = way.Hops[0].EndPoint.AddressFamily,
            Codecs = trunk.Codecs,
            Suites = trunk.SrtpSuites,
            Offers = trunk.SrtpOffers,
            Tones = trunk.Tones,
        };
        var offer = media.Offer(null, policy, way.Events);
        if (offer.Session is not { } session)
        {
            call.NotDialled(now, 503);
            return;
        }
        _hops[call.Id] = way;
        SipCall sip;
        try
        {
            var (from, headers) = BridgeDesk.IdentityOf(Privacy.None, trunk, route);
            sip = agent.Dial(now, new OutboundInvite
            {
                Target = way.Target,
                From = from,
                To = $"<{way.Target}>",
                Hops = way.Hops,
                Headers = [.. headers, .. BridgeDesk.SignatureOf(time.GetUtcNow(), Privacy.None, trunk, route, way.Target)],
                Sdp = offer.Sdp,
                Secure = way.Target.StartsWith("sips:", StringComparison.Ordinal),
                Timeout = call.Order.RingTime.Ticks,
                Credentials = trunks.CredentialsOf(trunk),
            });
        }
        catch
        {
            // The call does not have it yet.
            session.Dispose();
            throw;
        }
        // Whoever prefers encryption and meets somebody who has none goes on without; a trunk that requires it does not.
        call.Dialled(sip, session, mayFallBack: srtp == SrtpPolicy.Preferred && session.OffersSrtp);
        Joined(call.Id, sip.Dialog.Id.CallId);
    }
}
