using IvrActors.Grains.Edges;
using IvrActors.Grains.Interfaces;
using IvrActors.Grains.Interfaces.Audit;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Edges;

namespace IvrActors.Grains.Calls;

/// <summary>
/// A call whose edge is gone. It is given to one edge after the other until one takes it, each time with the next epoch and written first: only who has the last one owns the call, so two edges never go on
/// with it. What cannot be taken over ends, and is recorded.
/// </summary>
internal sealed partial class CallGrain
{
    /// <summary>Edges of the cluster, as the last loss named them: the directory may have been lost as well.</summary>
    private IReadOnlyList<string> _others = [];

    public async Task Keep(int epoch, CallDialog dialog, CallDialog? other)
    {
        try
        {
            _state ??= await Read();
            if (_state.LastSeq == 0 || epoch != _state.Epoch) return;
            EdgeName.Demand(_state.Edge);
            var next = CallMachine.Kept(_state, dialog, other);
            await _store.Write(next);
            _state = next;
        }
        catch (Exception e) when (e is not UnauthorizedAccessException)
        {
            Forget(nameof(Keep), e);
        }
    }

    public async Task<bool> EdgeGone(EdgeLoss loss)
    {
        try
        {
            _state ??= await Read();
            if (_state is { LastSeq: 0, Expected: null })
            {
                DeactivateOnIdle();
                return true;
            }
            _others = loss.Others;
            var isIts = _state.Edge == loss.Edge;
            if (isIts && _state.Incarnation == loss.Alive) return true;
            // An order that is written may not have been sent, when a silo went in between. Its edge does nothing about one that it has.
            if (!isIts && (_state.Asked.Count == 0 || await Send(_state))) return true;
            return await MoveOrEnd(_state, loss.IsLast);
        }
        catch (Exception e)
        {
            // Whoever tells of the loss tells it again.
            Forget(nameof(EdgeGone), e);
            throw;
        }
    }

    private async Task<bool> MoveOrEnd(CallState state, bool isLast)
    {
        if (state.Expected is not null)
        {
            TakeOverMetrics.Over(TakeOverMetrics.NotAnswered);
            return await GiveUpCallBack(null, CallEndReason.EdgeLost);
        }
        if (Obstacle(state) is { } obstacle) await EndLost(obstacle);
        else if (!await Move(state))
        {
            if (!isLast) return false;
            await EndLost(TakeOverMetrics.NoEdge);
        }
        return true;
    }

    /// <summary>Why nobody can go on with it, or null.</summary>
    private static string? Obstacle(CallState state) => state switch
    {
        { Dialog: null } => TakeOverMetrics.NoDialog,
        { Dialog.Transport: CallTransport.Ws or CallTransport.Wss } => TakeOverMetrics.Transport,
        { Out: not null } => TakeOverMetrics.Bridged,
        _ when state.LastReply?.Commands.Exists(command => command is Transfer or Bridge) == true => TakeOverMetrics.Bridged,
        _ => null,
    };

    /// <summary>Gives the call to an edge that was not asked yet. False when there is none.</summary>
    private async Task<bool> Move(CallState state)
    {
        foreach (var edge in await Candidates(state))
        {
            if (await Able(edge, state.Tenant, state.Trunk) is not { Incarnation: { Length: > 0 } incarnation } || incarnation == state.Incarnation) continue;
            var next = CallMachine.Moved(state, edge, incarnation);
            await _store.Write(next);
            _state = state = next;
            if (await Send(state)) return true;
        }
        return false;
    }

    private Task<bool> Send(CallState state) => GrainFactory.Grain<IEdgeGrain>(IEdgeGrain.Key(state.Edge)).Send(Call, OrderOf(state));

    /// <summary>In an order of this call's own, so that the calls of one edge spread over all others.</summary>
    private async Task<IEnumerable<string>> Candidates(CallState state)
    {
        var known = await GrainFactory.Grain<IEdgeDirectoryGrain>(IEdgeDirectoryGrain.Key).List();
        return known.Union(_others).Except(state.Asked).OrderBy(edge => string.GetHashCode(Call.Value + edge, StringComparison.Ordinal)).ToList();
    }

    private static TakeOver OrderOf(CallState state) => new()
    {
        Seq = state.LastSeq + 1,
        Epoch = state.Epoch,
        Incarnation = state.Incarnation,
        Dialog = state.Dialog!,
        Flow = state.Flow,
        Step = state.Position.Step,
        Verified = state.Position.Proof is not null,
    };

    private async Task<CallReply> Resume(CallEvent callEvent)
    {
        var next = CallMachine.Resumed(_state!, callEvent.Seq, callEvent.Dialog);
        await _store.Write(next);
        _state = next;
        StayWhileQuiet(next);
        TakeOverMetrics.Over(TakeOverMetrics.Resumed);
        await RecordMoved(next);
        return next.LastReply!;
    }

    private async Task<CallReply> TakeOverFailed(CallEvent callEvent, TakeOverFailure why)
    {
        if (why == TakeOverFailure.Unreachable) await EndLost(TakeOverMetrics.Transport);
        else if (!await Move(_state!)) await EndLost(TakeOverMetrics.NoEdge);
        return CallMachine.Gone(callEvent);
    }

    /// <summary>Ends it; its peers are told by another edge, where one can.</summary>
    private async Task EndLost(string outcome)
    {
        var state = _state!;
        TakeOverMetrics.Over(outcome);
        DeactivateOnIdle();
        List<CallDialog> dialogs = [.. new[] { state.Dialog, state.Other }.OfType<CallDialog>().Where(dialog => dialog.Transport is not (CallTransport.Ws or CallTransport.Wss))];
        await Abandon(CallEndReason.EdgeLost);
        if (dialogs.Count == 0) return;
        foreach (var edge in await Candidates(state))
        {
            if (await Able(edge, state.Tenant, state.Trunk) is not null && await GrainFactory.Grain<IEdgeGrain>(IEdgeGrain.Key(edge)).Send(Call, new EndDialogs { Dialogs = dialogs })) return;
        }
    }

    /// <summary>A caller who is served is not turned away because this cannot be recorded: that the call began is, and its end will be.</summary>
    private async Task RecordMoved(CallState state)
    {
        try
        {
            await GrainFactory.Grain<IAuditGrain>(IAuditGrain.Key(state.Tenant)).Append(new AuditEntry
            {
                Actor = state.Actor,
                Action = "call.taken-over",
                Result = AuditResult.Success,
                Origin = state.OriginText,
                Object = Call.Value,
                Detail = state.Edge,
            });
        }
        catch (Exception e) when (!SiloLoss.Is(e))
        {
            LogFailed("audit of a call that was taken over", e.GetType().Name);
        }
    }
}
