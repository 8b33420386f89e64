using System.Diagnostics.CodeAnalysis;
using IvrActors.Edge.Admission;
using IvrActors.Edge.Tracing;
using IvrActors.Edge.Trunks;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Edges;

namespace IvrActors.Edge.Calls;

/// <summary>The calls of this edge that are not done: found by their id, counted by trunk, and summed up for operators. The signalling thread's.</summary>
internal sealed class LiveCalls
{
    private readonly EdgeOptions _options;
    private readonly TimeProvider _time;
    private readonly TrunkDesk _trunks;
    private readonly CallGate _gate;
    private readonly SipTap _tap;
    private readonly EdgeIncarnation _life;
    private readonly Dictionary<CallId, CallLeg> _legs = [];
    private readonly Dictionary<EdgeTrunk, TrunkObserver> _observers = [];

    public LiveCalls(EdgeOptions options, TimeProvider time, TrunkDesk trunks, CallGate gate, SipTap tap, EdgeIncarnation life)
    {
        (_options, _time, _trunks, _gate, _tap, _life) = (options, time, trunks, gate, tap, life);
        foreach (var trunk in options.Trunks) _observers[trunk] = new TrunkObserver(this, trunk.Name, trunks.CallsOf(trunk));
    }

    /// <summary>Calls that are not over. Read by other threads, too.</summary>
    public int Active => _gate.Calls;

    /// <summary>Calls that are not over, or whose end the cluster does not know yet.</summary>
    public int Count => _legs.Count;

    public ILegObserver ObserverOf(EdgeTrunk trunk) => _observers[trunk];

    public void Add(CallLeg leg)
    {
        _legs[leg.Id] = leg;
        _tap.Joined(leg.Id.Value, leg.SipCallId);
        _gate.CallBegan();
        EdgeMetrics.Active.WithLabels(leg.Peer.Trunk.Name).Inc();
    }

    public bool Remove(CallLeg leg) => _legs.Remove(leg.Id);

    public bool TryFind(CallId call, [NotNullWhen(true)] out CallLeg? leg) => _legs.TryGetValue(call, out leg);

    /// <summary>A copy, so that calls may go meanwhile.</summary>
    public CallLeg[] All() => [.. _legs.Values];

    /// <summary>The SIP dialogs of calls: those of these Call-IDs, or of these calls.</summary>
    public List<(string SipCallId, CallId Call)> Dialogs(IReadOnlySet<string>? sipCallIds, IReadOnlySet<CallId>? calls)
    {
        var found = new List<(string, CallId)>();
        foreach (var leg in _legs.Values)
        {
            foreach (var dialog in new[] { leg.SipCallId, leg.BridgedSipCallId }.OfType<string>())
            {
                if (sipCallIds?.Contains(dialog) == true || calls?.Contains(leg.Id) == true) found.Add((dialog, leg.Id));
            }
        }
        return found;
    }

    public EdgeReport Report(long now) => new()
    {
        Edge = _options.Name,
        At = _time.GetUtcNow(),
        ActiveCalls = Active,
        Calls = [.. _legs.Values.Where(leg => !leg.IsOver).OrderByDescending(leg => leg.Since).Take(EdgeReport.MostCalls).Select(Summary)],
        Trunks = _trunks.Summaries(now),
        Drain = !_gate.IsDraining ? EdgeDrain.None : Active == 0 ? EdgeDrain.Drained : EdgeDrain.Draining,
        Pressure = _gate.State.Pressure,
        Accepted = _gate.State.Accepted,
        Incarnation = _life.Value,
        Birth = _life.Birth,
    };

    private static CallSummary Summary(CallLeg leg)
    {
        var statistics = leg.Media.Statistics;
        return new CallSummary
        {
            Call = leg.Id,
            Tenant = leg.Peer.Trunk.Tenant,
            Trunk = leg.Peer.Trunk.Name,
            Flow = leg.Flow,
            Step = leg.Step,
            Since = leg.Since,
            Codec = leg.Media.Codec,
            Transport = leg.Peer.Transport.ToString(),
            Srtp = leg.Media.Srtp,
            Loss = statistics.Loss,
            JitterMs = statistics.JitterMs,
            Quality = LegQuality.Of(statistics),
        };
    }

    /// <summary>Counts for one trunk.</summary>
    private sealed class TrunkObserver(LiveCalls live, string trunk, TrunkCalls calls) : ILegObserver
    {
        public long Timestamp => live._time.GetTimestamp();

        public void Answered(long setupTicks)
        {
            EdgeMetrics.Admissions.WithLabels(trunk).Inc();
            EdgeMetrics.Setup.Observe(TimeSpan.FromTicks(setupTicks).TotalSeconds);
        }

        public void Rejected(string reason) => EdgeMetrics.Rejections.WithLabels(reason).Inc();

        public void Ended(CallEndReason reason)
        {
            live._gate.CallEnded();
            calls.Ended();
            EdgeMetrics.Active.WithLabels(trunk).Dec();
            EdgeMetrics.Ended.WithLabels(EdgeMetrics.NameOf(reason)).Inc();
        }

        public void PromptStarted(long keyTimestamp, long promptTimestamp) =>
            EdgeMetrics.KeyToPrompt.Observe(Math.Max(0, live._time.GetElapsedTime(keyTimestamp, promptTimestamp).TotalSeconds));
    }
}
