using IvrActors.Edge.Admission;
using IvrActors.Edge.Limits;
using IvrActors.Edge.Media;
using IvrActors.Edge.Net.Stir;
using IvrActors.Edge.Sip.Dialogs;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Stir;
using IvrActors.Edge.Trunks;
using IvrActors.Grains.Interfaces.Calls;

namespace IvrActors.Edge.Calls;

/// <summary>A call that there is room for, and that is not begun yet.</summary>
/// <param name="Identity">What is to be verified before it begins; null: nothing.</param>
/// <param name="Verdict">Where nothing is.</param>
internal sealed record Arrival(SipCall Call, EdgeTrunk Trunk, ReadOnlyMemory<byte> Offer, bool IsKnown, StirRequest? Identity, StirVerdict Verdict);

/// <summary>A call that seeks a place.</summary>
/// <param name="IsCounted">Whether it counts in the rates already.</param>
/// <param name="Since">When it was tried first.</param>
internal sealed record Incoming(SipCall Call, ReadOnlyMemory<byte> Offer, bool IsKnown, bool IsCounted, long Since);

/// <summary>Takes calls that come in: whether there is room for them, who calls, their media, and the event that tells the cluster. The signalling thread's.</summary>
internal sealed class CallIntake(EdgeOptions options, TimeProvider time, IMediaEngine media, EdgeReadiness readiness, TrunkDesk trunks, CallGate gate, LiveCalls live, MediaLane lane, WaitingCalls waiting, EdgeIncarnation life)
{
    /// <summary>Goes on with a call on the signalling thread.</summary>
    public required Action<SipCall, Action<long>> Post { get; init; }

    /// <summary>Told of each call that there is room for: <see cref="Begin"/> is to follow, which uses its place or gives it back.</summary>
    public required Action<long, Arrival> Admitted { get; init; }

    /// <summary>Told by media threads what a call's media heard.</summary>
    public required Action<CallLeg, MediaSignal> Heard { get; init; }

    /// <summary>Seeks a place for the call of an <see cref="CallSignalKind.Offered"/>: says <see cref="Admitted"/>, now or in some milliseconds, or refuses it.</summary>
    public void Admit(long now, in CallSignal signal, bool draining)
    {
        var (call, peer, invite) = (signal.Call, signal.Call.Peer, signal.Call.Invite!);
        if (!readiness.TakesCalls || draining) Refuse<Arrival>(now, call, 503, "not_ready");
        else if (!gate.HasRoom(invite, peer)) Refuse<Arrival>(now, call, 503, "busy");
        else
        {
            var again = gate.BeginsAgain(now, invite);
            if (again && gate.JudgeLoad(now, invite, peer, Random.Shared.NextDouble(), Random.Shared.NextDouble()) is { IsAdmitted: false } verdict) Refuse<Arrival>(now, call, verdict.Status, verdict.Reason, verdict.RetryAfter);
            else Place(now, new Incoming(call, signal.Body, gate.IsPreferred(now, invite, peer), TrunkDesk.IsCounted(peer) && !again, time.GetTimestamp()));
        }
    }

    private void Place(long now, Incoming incoming)
    {
        var call = incoming.Call;
        if (trunks.CallsOf(call.Peer.Trunk).TryBegin(now, () => incoming.IsKnown, incoming.IsCounted) is { Status: not 0 } refusal)
        {
            if (!refusal.IsSoon || !waiting.TryAgain(incoming.Since, step => Post(call, step), Again)) Refuse<Arrival>(now, call, refusal.Status, refusal.Reason, refusal.RetryAfter);
            return;
        }
        gate.CallBegan();
        Admitted(now, Arrived(call, incoming));

        void Again(long at)
        {
            if (call.State == SipCallState.Offered) Place(at, incoming);
            else EdgeMetrics.Rejections.WithLabels("cancelled").Inc();
        }
    }

    private static Arrival Arrived(SipCall call, Incoming incoming)
    {
        var (invite, trunk, offer, isKnown) = (call.Invite!, call.Peer.Trunk, incoming.Offer, incoming.IsKnown);
        if (trunk.Stir.Policy == StirPolicy.Off) return new Arrival(call, trunk, offer, isKnown, null, StirVerdict.Unasked);
        if (invite.Headers.Contains("Identity")) return new Arrival(call, trunk, offer, isKnown, StirRequest.Of(invite, trunk, call.Peer.EndPoint.Address, CallingParty.Calling(invite, trunk)?.Reveal()), StirVerdict.Unasked);
        var missing = StirVerdict.Failed(StirFailure.Missing);
        StirMetrics.Verified(trunk.Name, missing);
        return new Arrival(call, trunk, offer, isKnown, null, missing);
    }

    /// <summary>The call, or null when it was refused or is gone.</summary>
    public CallLeg? Begin(long now, Arrival arrival, StirVerdict verdict, bool draining)
    {
        var call = arrival.Call;
        var begun = false;
        gate.CallEnded();
        try
        {
            if (call.State != SipCallState.Offered)
            {
                EdgeMetrics.Rejections.WithLabels("cancelled").Inc();
                return null;
            }
            if (draining) return Refuse<CallLeg>(now, call, 503, "not_ready");
            if (StatusFor(arrival.Trunk.Stir, verdict) is var status && status != 0) return Refuse<CallLeg>(now, call, status, "identity", phrase: StirFailures.PhraseOf(verdict.Failure));
            var leg = Begin(now, arrival, verdict);
            begun = leg is not null;
            return leg;
        }
        catch
        {
            // An internal error: the caller must not wait for ever. A leg that there is gives its place back itself.
            if (call.User is CallLeg) begun = true;
            else call.Reject(now, 500, null);
            throw;
        }
        finally
        {
            if (!begun) trunks.CallsOf(arrival.Trunk).Ended();
        }
    }

    private CallLeg? Begin(long now, Arrival arrival, StirVerdict verdict)
    {
        var (call, trunk) = (arrival.Call, arrival.Trunk);
        var events = new LegMedia(Heard, lane, time);
        var secure = call.Peer.IsSecure;
        var policy = new MediaPolicy(secure, trunk.Srtp, trunk.SdesWithoutTls) { Family = call.Peer.EndPoint.AddressFamily, Codecs = trunk.Codecs, Suites = trunk.SrtpSuites, Offers = trunk.SrtpOffers, Tones = trunk.Tones };
        var answer = media.Answer(arrival.Offer.Span, policy, events);
        if (answer.Session is null) return Refuse<CallLeg>(now, call, answer.Status >= 400 ? answer.Status : 488, "media");
        var invite = call.Invite!;
        // An Identity header that did not verify is anybody's: its caller is nobody who is known, nor becomes known.
        var isProven = arrival.Identity is null || verdict.IsVerified;
        var leg = new CallLeg(now, CallId.New(), call, answer, live.ObserverOf(trunk))
        {
            Since = time.GetUtcNow(),
            Caller = isProven ? gate.CallerOf(invite, call.Peer) : 0,
            MaxForwards = invite.MaxForwards ?? 70,
            Privacy = CallerIdentity.PrivacyOf(invite),
        };
        events.Leg = leg;
        call.User = leg;
        live.Add(leg);
        var isTrusted = trunk.TrustsCallerIdentity && (trunk.Stir.Policy != StirPolicy.Downgrade || verdict.IsVerified);
        var calling = CallingParty.Calling(invite, trunk, isTrusted);
        leg.Offer(sequence => new CallOffered
        {
            Seq = sequence,
            Edge = options.Name,
            Tenant = trunk.Tenant,
            Trunk = trunk.Name,
            Called = CallingParty.Called(invite, trunk),
            Calling = calling,
            Origin = CallingParty.Origin(isTrusted, verdict.Attestation, calling),
            Encrypted = secure && answer.Session.Srtp,
            Known = arrival.IsKnown && isProven,
            SourceAddress = call.Peer.EndPoint.Address.ToString(),
            Attestation = verdict.Attestation,
            Incarnation = life.Value,
        });
        return leg;
    }

    /// <summary>With what a call is refused for its identity (RFC 8224 6.2.2); 0: it is not.</summary>
    internal static int StatusFor(TrunkStir stir, StirVerdict verdict) => verdict.Failure switch
    {
        StirFailure.None => 0,
        StirFailure.Missing => stir.MustHaveIdentity ? StirFailures.StatusOf(StirFailure.Missing) : 0,
        var failure => stir.Policy == StirPolicy.Reject ? StirFailures.StatusOf(failure) : 0,
    };

    private static T? Refuse<T>(long now, SipCall call, int status, string reason, int? retryAfter = null, string? phrase = null)
        where T : class
    {
        EdgeMetrics.Rejections.WithLabels(reason).Inc();
        call.Reject(now, status, status == 503 ? retryAfter ?? 5 : null, phrase);
        return null;
    }
}
