using IvrActors.Edge.Admission;
using IvrActors.Edge.Media;
using IvrActors.Edge.Sip.Dialogs;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Trunks;
using IvrActors.Grains.Interfaces.Calls;

namespace IvrActors.Edge.Calls;

/// <summary>Takes calls that come in: whether there is room for them, their media, and the event that tells the cluster. The signalling thread's.</summary>
internal sealed class CallIntake(EdgeOptions options, TimeProvider time, IMediaEngine media, EdgeReadiness readiness, TrunkDesk trunks, CallGate gate, LiveCalls live, MediaLane lane)
{
    /// <summary>Told by media threads what a call's media heard.</summary>
    public required Action<CallLeg, MediaSignal> Heard { get; init; }

    /// <summary>The call of an <see cref="CallSignalKind.Offered"/>, or null when it was refused.</summary>
    public CallLeg? Take(long now, in CallSignal signal, bool draining)
    {
        var call = signal.Call;
        var trunk = call.Peer.Trunk;
        if (!readiness.TakesCalls || draining) return Refuse(now, call, 503, "not_ready");
        if (!gate.HasRoom(call.Invite!, call.Peer)) return Refuse(now, call, 503, "busy");
        var calls = trunks.CallsOf(trunk);
        var isCounted = TrunkDesk.IsCounted(call.Peer);
        var verdict = gate.JudgeAtBegin(now, call.Invite!, call.Peer, isCounted ? calls : null, Random.Shared.NextDouble(), Random.Shared.NextDouble());
        if (!verdict.IsAdmitted) return Refuse(now, call, verdict.Status, verdict.Reason, verdict.RetryAfter);
        var isPreferred = gate.IsPreferred(now, call.Invite!, call.Peer);
        if (calls.TryBegin(now, () => isPreferred, isCounted) is { Status: not 0 } refusal) return Refuse(now, call, refusal.Status, refusal.Reason, refusal.RetryAfter);
        var events = new LegMedia(Heard, lane, time);
        var secure = call.Peer.IsSecure;
        var policy = new MediaPolicy(secure, trunk.Srtp, trunk.SdesWithoutTls) { Family = call.Peer.EndPoint.AddressFamily, Codecs = trunk.Codecs, Suites = trunk.SrtpSuites, Offers = trunk.SrtpOffers, Tones = trunk.Tones };
        var answer = media.Answer(signal.Body.Span, policy, events);
        if (answer.Session is null)
        {
            calls.Ended();
            return Refuse(now, call, answer.Status >= 400 ? answer.Status : 488, "media");
        }
        var invite = call.Invite!;
        var leg = new CallLeg(now, CallId.New(), call, answer, live.ObserverOf(trunk))
        {
            Since = time.GetUtcNow(),
            Caller = gate.CallerOf(invite, call.Peer),
            MaxForwards = invite.MaxForwards ?? 70,
            Privacy = CallerIdentity.PrivacyOf(invite),
        };
        events.Leg = leg;
        call.User = leg;
        live.Add(leg);
        leg.Offer(sequence => new CallOffered
        {
            Seq = sequence,
            Edge = options.Name,
            Tenant = trunk.Tenant,
            Trunk = trunk.Name,
            Called = CallingParty.Called(invite, trunk),
            Calling = CallingParty.Calling(invite, trunk),
            Origin = CallingParty.Origin(trunk),
            Encrypted = secure && answer.Session.Srtp,
            Known = isPreferred,
            SourceAddress = call.Peer.EndPoint.Address.ToString(),
        });
        return leg;
    }

    private static CallLeg? Refuse(long now, SipCall call, int status, string reason, int? retryAfter = null)
    {
        EdgeMetrics.Rejections.WithLabels(reason).Inc();
        call.Reject(now, status, status == 503 ? retryAfter ?? 5 : null);
        return null;
    }
}
