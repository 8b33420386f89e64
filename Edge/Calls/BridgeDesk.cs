using IvrActors.Edge.Admission;
using IvrActors.Edge.Limits;
using IvrActors.Edge.Media;
using IvrActors.Edge.Net.Stir;
using IvrActors.Edge.Sip.Dialogs;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;
using IvrActors.Edge.Stir;
using IvrActors.Edge.Trunks;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Privacy;

namespace IvrActors.Edge.Calls;

/// <summary>
/// Makes calls out for callers that are to be bridged. The cluster has permitted each; here the trunk's own list is held against it once more, because a call that costs
/// money must pass two doors. The signalling thread's.
/// </summary>
internal sealed class BridgeDesk(EdgeOptions options, UserAgent agent, IMediaEngine media, TrunkDesk trunks, CallGate gate, WaitingCalls waiting, TimeProvider time)
{
    private static readonly KeyValuePair<string, string>[] s_hidden = [new("Privacy", "id")];

    /// <summary>Has something done on the signalling thread.</summary>
    public required Action<Action<long>> Post { get; init; }

    /// <summary>Told of the dialog of each call out, by its Call-ID, before its INVITE leaves.</summary>
    public required Action<CallLeg, string> Joined { get; init; }

    /// <summary>Called after something happened to a caller's leg.</summary>
    public required Action<long, CallLeg> Pump { get; init; }

    public void Begin(long now, CallLeg caller, Bridge order) => Begin(now, caller, order, time.GetTimestamp());

    private void Begin(long now, CallLeg caller, Bridge order, long since)
    {
        // By name and tenant: no flow calls by the trunk of another tenant.
        var trunk = options.Trunks.FirstOrDefault(t => t.Name == order.Trunk && t.Tenant == caller.Peer.Trunk.Tenant);
        if (trunk?.Outbound is not { } route) Fail(caller, BridgeOutcome.Failed, 0);
        else if (TargetOf(order, trunk, route) is not { } target) Fail(caller, BridgeOutcome.Refused, 403);
        else if (caller.MaxForwards <= 1) Fail(caller, BridgeOutcome.Failed, 483);
        else if (!gate.HasRoomForCallee) Fail(caller, BridgeOutcome.Failed, 503);
        else if (trunks.CallsOf(trunk).TryBeginOut(now) is { Status: not 0 } refusal)
        {
            if (!refusal.IsSoon || !waiting.TryAgain(since, Post, Again)) Fail(caller, BridgeOutcome.Failed, refusal.Status);
        }
        else Begin(caller, order, trunk, target);

        void Again(long at)
        {
            if (!caller.IsOver) Begin(at, caller, order, since);
            Pump(at, caller);
        }
    }

    private void Begin(CallLeg caller, Bridge order, EdgeTrunk trunk, string target)
    {
        gate.CalleeBegan();
        trunks.Locate(trunk, new Attempt(this, caller, order, trunk, target).Located);
    }

    /// <summary>Request-URI of the call (RFC 3261 19.1.6 for numbers); null when the trunk's list does not name it.</summary>
    internal static string? TargetOf(Bridge order, EdgeTrunk trunk, OutboundRoute route)
    {
        if (order.Address is { } address) return SipUri.TryParse(address, out var uri) && trunk.Destinations.Any(rule => rule.AllowsAddress(uri)) ? address : null;
        return order.Number is { } number ? TargetOf(number, trunk, route) : null;
    }

    /// <summary>As above, of a number in E.164.</summary>
    internal static string? TargetOf(PhoneNumber called, EdgeTrunk trunk, OutboundRoute route)
    {
        var number = called.Reveal();
        if (!trunk.Destinations.Any(rule => rule.AllowsNumber(number))) return null;
        var port = route.Proxy.Port is { } named ? FormattableString.Invariant($":{named}") : "";
        return $"{route.Proxy.Scheme}:{number}@{route.Proxy.Host}{port};user=phone";
    }

    /// <summary>From and headers: who we are to the trunk, and nothing of the caller but that he wants to be hidden, where he does.</summary>
    internal static (string From, IReadOnlyList<KeyValuePair<string, string>> Headers) IdentityOf(Privacy privacy, EdgeTrunk trunk, OutboundRoute route) =>
        (route.CallerId ?? route.User) is { } number
            ? CallerIdentity.ForOutboundLeg(privacy, number, route.FromDomain, trunk.TrustsCallerIdentity)
            : (CallerIdentity.Anonymous, s_hidden);

    /// <summary>
    /// Identity and Date of a call that is signed; none where the trunk has no key, or the call shows no number that could be signed for. A hidden caller's number is shown to a trusted hop
    /// only, in P-Asserted-Identity.
    /// </summary>
    internal static IReadOnlyList<KeyValuePair<string, string>> SignatureOf(DateTimeOffset now, Privacy privacy, EdgeTrunk trunk, OutboundRoute route, string target)
    {
        if (route.Signer is not { } signer || (route.CallerId ?? route.User) is not { } number || !SipUri.TryParse(target, out var uri)) return [];
        if (!SipUri.TryParse("tel:" + number, out var own) || TelephoneNumber.DigitsOf(own) is not { } digits) return [];
        var isHidden = (privacy & (Privacy.Id | Privacy.User | Privacy.Header)) != 0;
        if (isHidden && !trunk.TrustsCallerIdentity) return [];
        StirMetrics.Signed.WithLabels(trunk.Name).Inc();
        return signer.Sign(now, digits, uri, trunk.Region, Guid.NewGuid().ToString());
    }

    private static void Fail(CallLeg caller, BridgeOutcome outcome, int status) => caller.BridgeFailed(new BridgeResult { Outcome = outcome, Status = status });

    /// <summary>One call out: its place in the counts of the trunk, its media and its INVITE.</summary>
    private sealed class Attempt(BridgeDesk desk, CallLeg caller, Bridge order, EdgeTrunk trunk, string target) : IBridgeObserver, IMediaEvents
    {
        private IReadOnlyList<SipPeer> _hops = [];
        private BridgedLeg? _leg;
        private bool _isReleased;

        /// <summary>The trunk's proxy was looked for; meanwhile the caller may have hung up.</summary>
        public void Located(long now, IReadOnlyList<SipPeer> hops)
        {
            _hops = hops;
            try
            {
                if (caller.IsOver)
                {
                    Release();
                }
                else if (hops.Count == 0 || !Dial(now, trunk.Srtp))
                {
                    Release();
                    Fail(caller, BridgeOutcome.Failed, 503);
                }
            }
            catch
            {
                // An internal error: the caller must not wait for ever, nor the trunk's place be lost.
                Release();
                caller.HangUp(now, CallEndReason.Failed);
                desk.Pump(now, caller);
                throw;
            }
            desk.Pump(now, caller);
        }

        public void Answered(long ringTicks) => BridgeMetrics.Answer.Observe(TimeSpan.FromTicks(ringTicks).TotalSeconds);

        public void Ended(BridgeResult result)
        {
            Release();
            BridgeMetrics.Active.WithLabels(trunk.Name).Dec();
            BridgeMetrics.Ended(trunk.Name, result);
        }

        void IMediaEvents.Key(char key, int durationMs)
        {
        }

        void IMediaEvents.Tone(char key)
        {
        }

        void IMediaEvents.PlayEnded(int playId)
        {
        }

        void IMediaEvents.PlayStarted(int playId, long timestamp)
        {
        }

        void IMediaEvents.TimedOut() => desk.Post(now =>
        {
            _leg?.Heard(now, new MediaSignal(MediaSignalKind.TimedOut, '\0', 0, 0));
            desk.Pump(now, caller);
        });

        private bool Dial(long now, SrtpPolicy srtp)
        {
            var route = trunk.Outbound!;
            // Keys in SDP are safe only where every hop that may be tried is encrypted.
            var policy = new MediaPolicy(route.IsSecure, srtp, trunk.SdesWithoutTls) { Family = _hops[0].EndPoint.AddressFamily, Codecs = trunk.Codecs, Suites = trunk.SrtpSuites, Offers = trunk.SrtpOffers };
            var offer = desk.Media.Offer(caller.Media, policy, this);
            if (offer.Session is not { } session) return false;
            if (_leg is null)
            {
                _leg = new BridgedLeg(caller, session, order.MostTalk, this, rings: order.Hold is null);
                BridgeMetrics.Active.WithLabels(trunk.Name).Inc();
                // Whoever prefers encryption and meets somebody who has none goes on without; a trunk that requires it does not.
                if (srtp == SrtpPolicy.Preferred && session.OffersSrtp) _leg.Fallback = at => Dial(at, SrtpPolicy.Off);
                caller.Bridged(_leg);
            }
            var (from, headers) = IdentityOf(caller.Privacy, trunk, route);
            var sip = desk.Agent.Dial(now, new OutboundInvite
            {
                Target = target,
                From = from,
                To = $"<{target}>",
                Hops = _hops,
                Headers = [.. headers, .. SignatureOf(desk.Time.GetUtcNow(), caller.Privacy, trunk, route, target)],
                Sdp = offer.Sdp,
                Secure = target.StartsWith("sips:", StringComparison.Ordinal),
                Timeout = order.RingTime.Ticks,
                MaxForwards = caller.MaxForwards - 1,
                Credentials = desk.Trunks.CredentialsOf(trunk),
            });
            _leg.Dialled(now, sip, session);
            desk.Joined(caller, sip.Dialog.Id.CallId);
            return true;
        }

        private void Release()
        {
            if (_isReleased) return;
            _isReleased = true;
            desk.Trunks.CallsOf(trunk).EndedOut();
            desk.Gate.CalleeEnded();
        }
    }

    private UserAgent Agent => agent;

    private IMediaEngine Media => media;

    private TrunkDesk Trunks => trunks;

    private CallGate Gate => gate;

    private TimeProvider Time => time;
}
