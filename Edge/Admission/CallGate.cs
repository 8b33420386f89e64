using IvrActors.Edge.Calls;
using IvrActors.Edge.Limits;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;
using IvrActors.Grains.Interfaces.Policies;

namespace IvrActors.Edge.Admission;

/// <summary>Why a new call is turned away before it has a transaction.</summary>
/// <param name="Status">0: it is not.</param>
/// <param name="RetryAfter">Seconds; 0: none is said.</param>
/// <param name="Reason">Metric label; "" also of a refusal that is only said again.</param>
/// <param name="IsSoon">Whether it is to be judged again in some milliseconds, before it is turned away: nothing is decided on it yet.</param>
public readonly record struct GateVerdict(int Status, int RetryAfter, string Reason, CallClass Class, bool IsSoon = false)
{
    public static readonly GateVerdict Admitted = new(0, 0, "", CallClass.Ordinary);

    public bool IsAdmitted => Status == 0;
}

/// <summary>
/// Decides on new calls where they come in, before anything is kept for them: drain, room, the rate of their trunk, and load. What was decided on an INVITE stays so
/// when it is repeated. Any thread.
/// </summary>
public sealed class CallGate
{
    /// <summary>Emergency calls that get ahead of others; more of them count as ordinary, because everybody can dial 112 in a loop.</summary>
    public static readonly RateLimit EmergencyRate = new(10, TimeSpan.FromSeconds(1), 50);

    /// <summary>65,536 INVITEs within the time in which they may be repeated (RFC 3261 timer B): 2,000 calls/s.</summary>
    private const int InviteBuckets = 16_384;
    private const long RepeatedFor = SipTimes.TransactionTimeout;

    private readonly AdmissionRules _rules;
    private readonly InviteMarks _marks;
    private readonly KnownCallers _known;
    private readonly RecentKeys _admitted = new(InviteBuckets, RepeatedFor);
    private readonly RecentKeys _refused = new(InviteBuckets, RepeatedFor);
    private readonly RecentKeys _begun = new(InviteBuckets, RepeatedFor);
    private readonly Lock _lock = new();
    private readonly int[] _arrived = new int[Enum.GetValues<CallClass>().Length];
    private volatile AdmissionState _state = AdmissionState.Open;
    private volatile bool _draining;
    private long _emergencyArrival;
    private int _calls;
    private int _callees;

    public CallGate(AdmissionRules rules, InviteMarks marks, KnownCallers known) => (_rules, _marks, _known) = (rules, marks, known);

    public AdmissionState State => _state;

    /// <summary>Calls that are not over.</summary>
    public int Calls => Volatile.Read(ref _calls);

    /// <summary>Whether no call at all is let in, so that who asks by OPTIONS is told to go elsewhere.</summary>
    public bool IsShut => _draining || Held >= _rules.MostCalls;

    /// <summary>Whether a caller may be bridged. The signalling thread asks when it is about to dial.</summary>
    public bool HasRoomForCallee => Held < _rules.MostCalls;

    /// <summary>What takes room: calls, and the callee's half of those that are bridged, which has a dialog and media of its own.</summary>
    private int Held => Calls + Volatile.Read(ref _callees);

    public bool IsDraining => _draining;

    /// <summary>No new calls from now on, or again.</summary>
    public void Drain(bool on) => _draining = on;

    public void CallBegan() => Interlocked.Increment(ref _calls);

    public void CallEnded() => Interlocked.Decrement(ref _calls);

    public void CalleeBegan() => Interlocked.Increment(ref _callees);

    public void CalleeEnded() => Interlocked.Decrement(ref _callees);

    /// <summary>Takes a reading, every <see cref="LoadSampler.Period"/>.</summary>
    public void Observe(in LoadReading reading) =>
        _state = AdmissionControl.Observe(_rules, _state, reading, Interlocked.Exchange(ref _arrived[(int)CallClass.Ordinary], 0), Interlocked.Exchange(ref _arrived[(int)CallClass.Known], 0));

    /// <summary>Decides on an INVITE outside of a dialog.</summary>
    /// <param name="calls">What its trunk may have; null where only a password will tell its trunk.</param>
    /// <param name="chance">A random number, 0 to below 1; likewise <paramref name="pause"/>, which spreads Retry-After.</param>
    /// <param name="isLast">Whether it is decided now, even if there may be room in some milliseconds.</param>
    public GateVerdict Judge(long now, SipRequest invite, SipPeer peer, TrunkCalls? calls, double chance, double pause, bool isLast = true)
    {
        ArgumentNullException.ThrowIfNull(invite);
        ArgumentNullException.ThrowIfNull(peer);
        var number = _marks.NumberOf(invite);
        if (_admitted.Contains(now, number)) return GateVerdict.Admitted;
        // The refusal was lost: the same answer again (RFC 3261 8.2.7), which is no other arrival and no other chance.
        if (_refused.Contains(now, number)) return new GateVerdict(503, AdmissionControl.RetryAfter(pause), "", CallClass.Ordinary);
        var verdict = Decide(now, invite, peer, calls, chance, pause);
        if (verdict.IsSoon && !isLast) return verdict;
        (verdict.IsAdmitted ? _admitted : _refused).Add(now, number);
        return verdict;
    }

    /// <summary>
    /// Marks that a call of this INVITE begins, and tells whether one has before. Over a stream the transaction ends with the ACK of its refusal (RFC 3261 17.2.1, timer I), so that what comes then
    /// is no repetition but a new call, which was let in with the first: its load and its rate are to be judged yet.
    /// </summary>
    public bool BeginsAgain(long now, SipRequest invite)
    {
        ArgumentNullException.ThrowIfNull(invite);
        var number = _marks.NumberOf(invite);
        var again = _begun.Contains(now, number);
        _begun.Add(now, number);
        return again;
    }

    /// <summary>Decides by drain, room and load alone.</summary>
    public GateVerdict JudgeLoad(long now, SipRequest invite, SipPeer peer, double chance, double pause) => Decide(now, invite, peer, null, chance, pause);

    private GateVerdict Decide(long now, SipRequest invite, SipPeer peer, TrunkCalls? calls, double chance, double pause)
    {
        var state = _state;
        var told = (CallClass?)null;
        var kind = state.IsShedding || IsShut ? Class() : CallClass.Ordinary;
        if (state.IsShedding) Interlocked.Increment(ref _arrived[(int)kind]);
        if (_draining) return new GateVerdict(503, AdmissionControl.RetryAfter(pause), "draining", kind);
        if (Held >= _rules.MostCallsOf(kind)) return new GateVerdict(503, AdmissionControl.RetryAfter(pause), "busy", kind);
        if (!AdmissionControl.Admits(state, kind, chance)) return new GateVerdict(503, AdmissionControl.RetryAfter(pause), "overload", kind);
        if (calls?.TryTake(now, () => Class() != CallClass.Ordinary) is { Status: not 0 } refusal) return new GateVerdict(refusal.Status, refusal.RetryAfter ?? 0, refusal.Reason, told ?? kind, refusal.IsSoon);
        return GateVerdict.Admitted;

        // Once: an emergency counts as one each time that it is told.
        CallClass Class() => told ??= ClassOf(now, invite, peer);
    }

    /// <summary>Whether one more call of this kind may be held. The signalling thread asks when it begins the call, because the gate may be behind it.</summary>
    public bool HasRoom(SipRequest invite, SipPeer peer)
    {
        ArgumentNullException.ThrowIfNull(peer);
        if (Held < _rules.MostCalls) return true;
        return EmergencyCalls.Is(invite, peer.Trunk, _rules.EmergencyNumbers) && Held < _rules.MostCallsOf(CallClass.Emergency);
    }

    /// <summary>What the caller is remembered by; 0: nothing yet.</summary>
    public ulong CallerOf(SipRequest invite, SipPeer peer) => _known.Of(invite, peer);

    /// <summary>A caller proved who they are: the next call is turned away after those of others, and may have what limits keep.</summary>
    public void Verified(long now, ulong caller) => _known.Verified(now, caller);

    /// <summary>Whether a call that begins may have what limits keep for known callers and emergencies.</summary>
    public bool IsPreferred(long now, SipRequest invite, SipPeer peer) => ClassOf(now, invite, peer) != CallClass.Ordinary;

    private CallClass ClassOf(long now, SipRequest invite, SipPeer peer)
    {
        if (EmergencyCalls.Is(invite, peer.Trunk, _rules.EmergencyNumbers) && TakeEmergency(now)) return CallClass.Emergency;
        return _known.Contains(now, _known.Of(invite, peer)) ? CallClass.Known : CallClass.Ordinary;
    }

    private bool TakeEmergency(long now)
    {
        lock (_lock)
        {
            var decision = Gcra.Decide(now, EmergencyRate, _emergencyArrival);
            if (decision.Allowed) _emergencyArrival = decision.TheoreticalArrival;
            return decision.Allowed;
        }
    }
}
