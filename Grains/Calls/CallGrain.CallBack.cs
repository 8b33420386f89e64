using IvrActors.Grains.Flows;
using IvrActors.Grains.Interfaces;
using IvrActors.Grains.Interfaces.Audit;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Edges;
using IvrActors.Grains.Interfaces.Flows;
using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Grains.Policies;

namespace IvrActors.Grains.Calls;

/// <summary>
/// Call-backs, of either call. The first one has the order permitted and leaves a ticket with the call to be; when it is over, that call has itself dialled, once, and begins with
/// what its ticket says. No edge can begin one that was not ordered.
/// </summary>
internal sealed partial class CallGrain
{
    private async Task<CallBackOrdered> OrderOf(CallState state, int seq, OrderCallBack order)
    {
        var ordered = await TryOrder(state, CallBackRule.IdOf(Call, seq), order);
        CallBackMetrics.Ordered(ordered.Outcome);
        return ordered;
    }

    private async Task<CallBackOrdered> TryOrder(CallState state, CallId id, OrderCallBack order)
    {
        try
        {
            if (order.Proof.Call != Call) return NotOrdered(CallBackOutcome.Unavailable);
            var answer = await GrainFactory.Grain<ICallerGrain>(order.Proof.Caller.Value).OrderCallBack(order.Proof, id);
            if (answer is not { Outcome: CallBackOutcome.Ordered, Number: { } registered }) return NotOrdered(answer.Outcome is CallBackOutcome.Ordered ? CallBackOutcome.Unavailable : answer.Outcome);
            var longest = CallBackRule.Longest(order.RingTime);
            var (refusal, number, open, talk) = await Outbound.PermitCallBack(state, id, registered, order.Trunk, longest);
            if (open is null || number is null) return NotOrdered(refusal is OutboundRefusal.Unavailable ? CallBackOutcome.Unavailable : CallBackOutcome.Refused);
            var ticket = new CallBackTicket
            {
                Tenant = state.Tenant,
                Trunk = order.Trunk,
                Edge = state.Edge,
                Number = new(number),
                Called = new(open.To),
                RingTime = order.RingTime,
                MostTalk = talk,
                Reservation = open.Id,
                Flow = state.Flow,
                FlowVersion = state.FlowVersion,
                Step = order.Then,
                Variables = order.Variables,
                Risk = order.Proof.Risk,
                Expires = _time.GetUtcNow() + longest,
            };
            if (await GrainFactory.Grain<ICallGrain>(id.Value).Expect(ticket)) return new CallBackOrdered { Outcome = CallBackOutcome.Ordered, Call = id };
            await Outbound.Over(state, id, open, new BridgeResult { Outcome = BridgeOutcome.Cancelled });
        }
        catch (Exception e) when (!SiloLoss.Is(e))
        {
            // What was set aside for a ticket that was perhaps not written counts in full.
            LogFailed(nameof(OrderCallBack), e.GetType().Name);
        }
        return NotOrdered(CallBackOutcome.Unavailable);
    }

    private static CallBackOrdered NotOrdered(CallBackOutcome outcome) => new() { Outcome = outcome };

    public async Task<bool> Expect(CallBackTicket ticket)
    {
        try
        {
            _state ??= await Read();
            if (_state.Expected is { } known) return string.Equals(known.Reservation, ticket.Reservation, StringComparison.Ordinal);
            if (_state.LastSeq > 0) return false;
            var next = new CallState
            {
                Tenant = ticket.Tenant,
                Trunk = ticket.Trunk,
                Origin = OriginClass.Attested,
                Actor = ticket.Called.Value,
                Flow = ticket.Flow,
                FlowVersion = ticket.FlowVersion,
                Expected = ticket,
                Own = new OutboundCall { Id = ticket.Reservation, Trunk = ticket.Trunk, To = ticket.Called.Value },
            };
            await _store.Write(next);
            _state = next;
            return true;
        }
        catch (Exception e)
        {
            Forget(nameof(Expect), e);
            return false;
        }
    }

    public async Task CallBack()
    {
        try
        {
            _state ??= await Read();
            if (_state is not { Expected: { } ticket, Edge: "" }) return;
            if (_time.GetUtcNow() > ticket.Expires || await EdgeFor(ticket) is not { Report: { } report, Edge: var edge })
            {
                await GiveUpCallBack(new BridgeResult { Outcome = BridgeOutcome.Failed });
                return;
            }
            // Written first: after a crash nobody is rather called than called twice.
            var next = CallMachine.Ordered(_state, edge, report.Incarnation);
            await _store.Write(next);
            _state = next;
            // An edge that did not answer may have taken it: no other is asked, and what was set aside is left to count in full.
            if (!await GrainFactory.Grain<IEdgeGrain>(IEdgeGrain.Key(edge)).Send(Call, CallBackRule.OrderOf(ticket))) await GiveUpCallBack(null);
        }
        catch (Exception e)
        {
            Forget(nameof(CallBack), e);
        }
    }

    /// <summary>The edge of the first call where it can make this one, else any that has the trunk and takes calls.</summary>
    private async Task<(string Edge, EdgeReport? Report)> EdgeFor(CallBackTicket ticket)
    {
        if (await Able(ticket.Edge, ticket.Tenant, ticket.Trunk) is { } first) return (ticket.Edge, first);
        foreach (var edge in await GrainFactory.Grain<IEdgeDirectoryGrain>(IEdgeDirectoryGrain.Key).List())
        {
            if (edge != ticket.Edge && await Able(edge, ticket.Tenant, ticket.Trunk) is { } other) return (edge, other);
        }
        return ("", null);
    }

    /// <summary>What an edge says of itself that takes calls and has this trunk; else null.</summary>
    private async Task<EdgeReport?> Able(string edge, string tenant, string trunk) =>
        await GrainFactory.Grain<IEdgeGrain>(IEdgeGrain.Key(edge)).GetReport() is { Drain: EdgeDrain.None } report && report.Trunks.Exists(known => known.Tenant == tenant && known.Trunk == trunk) ? report : null;

    /// <summary>A call of ours was answered. Only one that was ordered, of this edge, in its time; and no call that came in takes its place.</summary>
    private async Task<CallReply> AdmitOwn(CallOffered offered)
    {
        var state = _state!;
        var isOurs = offered.Originated && state.Expected is { } ordered && offered.Tenant == ordered.Tenant && offered.Trunk == ordered.Trunk && offered.Edge == state.Edge && _time.GetUtcNow() <= ordered.Expires;
        var flow = isOurs ? await _flows.Version(state.FlowVersion, GrainFactory.Grain<IFlowGrain>(IFlowGrain.Key(state.Tenant, state.Flow))) : null;
        var audited = _policy.Tenants.ContainsKey(offered.Tenant)
            ? GrainFactory.Grain<IAuditGrain>(IAuditGrain.Key(offered.Tenant)).Append(new AuditEntry
            {
                Actor = isOurs ? state.Actor : "unknown",
                Action = flow is null ? "callback.rejected" : "callback.answered",
                Result = flow is null ? AuditResult.Denied : AuditResult.Success,
                Origin = CallState.OriginOf(offered.Trunk, isOurs ? OriginClass.Attested : offered.Origin),
                Object = Call.Value,
                Detail = flow is null ? isOurs ? "no-flow" : "not-expected" : $"{flow.Flow.Value}@{flow.Version}",
            })
            : Task.CompletedTask;
        if (flow is null)
        {
            await audited;
            DeactivateOnIdle();
            return new CallReply { Seq = offered.Seq, Commands = [new Reject { Status = 403 }] };
        }
        var ticket = state.Expected!;
        CallBackMetrics.Answered();
        return await FinishAfter(audited, flow, offered, CallMachine.StartCalledBack(state, ticket, offered, CallOrigins.OfCalledBack(offered, ticket.Called, _keys.PseudonymKey(ticket.Tenant)), flow));
    }

    /// <summary>It will not be made, or it is not known whether it was: settled, recorded and forgotten.</summary>
    private async Task<bool> GiveUpCallBack(BridgeResult? result, CallEndReason reason = CallEndReason.Failed)
    {
        await OwnIsOver(_state!, result);
        await Close(reason, null, mayBeRecorded: true);
        DeactivateOnIdle();
        return true;
    }

    /// <param name="result">Null when it is not known; then it counts in full, unless nobody was asked to dial.</param>
    private async Task OwnIsOver(CallState state, BridgeResult? result)
    {
        if (state.Own is not { } own) return;
        if (state.Edge.Length == 0) result ??= new BridgeResult { Outcome = BridgeOutcome.Cancelled };
        if (state.Expected is not null) CallBackMetrics.NotAnswered(result);
        await Outbound.Over(state, Call, own, result);
    }

    private void Forget(string what, Exception e)
    {
        LogFailed(what, e.GetType().Name);
        DeactivateOnIdle();
        _state = null;
    }
}
