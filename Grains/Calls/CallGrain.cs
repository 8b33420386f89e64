using IvrActors.Grains.Edges;
using IvrActors.Grains.Flows;
using IvrActors.Grains.Interfaces;
using IvrActors.Grains.Interfaces.Audit;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Edges;
using IvrActors.Grains.Interfaces.Flows;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Grains.Interfaces.Privacy;
using IvrActors.Grains.Policies;
using IvrActors.Grains.Policies.Risk;
using IvrActors.Grains.Privacy;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Orleans.Runtime;
using Orleans.Storage;

namespace IvrActors.Grains.Calls;

/// <summary>
/// The shell around <see cref="CallMachine"/>: storage, audit, and the grains that decide. Whatever fails, the caller hears a polite
/// word and the edge gets an answer, never an exception.
/// </summary>
internal sealed partial class CallGrain : Grain, ICallGrain
{
    private const string EndAction = "call.ended";

    /// <summary>Pieces of speech that certainly end before an idle grain is collected: recorded ones take seconds, and a minute at most.</summary>
    private const int FewPieces = 6;

    /// <summary>Longer than a caller may move within one play and is then bidden farewell.</summary>
    private static readonly TimeSpan s_longSpeech = TimeSpan.FromHours(1);

    private readonly ClusterPolicy _policy;
    private readonly IClusterKeys _keys;
    private readonly IPromptCatalogue _catalogue;
    private readonly FlowLibrary _flows;
    private readonly RiskDesk _risk;
    private readonly LocalCalls _local;
    private readonly TimeProvider _time;
    private readonly ILogger<CallGrain> _log;
    private readonly StoredRow<CallState> _store;
    private CallState? _state;

    public CallGrain(
        ClusterPolicy policy, IClusterKeys keys, IPromptCatalogue catalogue, FlowLibrary flows, RiskDesk risk, LocalCalls local, TimeProvider time, ILogger<CallGrain> log,
        [FromKeyedServices(StoredRow<CallState>.Storage)] IGrainStorage storage, IGrainContext context, IGrainRuntime runtime)
        : base(context, runtime)
    {
        (_policy, _keys, _catalogue, _flows, _risk, _local, _time, _log) = (policy, keys, catalogue, flows, risk, local, time, log);
        _store = new StoredRow<CallState>(storage, "call", context.GrainId);
    }

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        _local.Began();
        return Task.CompletedTask;
    }

    public async Task<CallReply> Handle(CallEvent callEvent)
    {
        if (callEvent is CallOffered { Edge: var edge }) EdgeName.Demand(edge);
        try
        {
            // The first event of a call finds no row: it is not looked for. A repeat on another silo fails at the write and is read then.
            var isRead = _state is null;
            _state ??= callEvent is CallOffered { Seq: 1, Originated: false } ? _store.StartNew() : await Read();
            DemandOwner(_state, callEvent);
            return CallMachine.Receive(_state, callEvent) switch
            {
                AnswerTurn turn => turn.Reply,
                AdmitTurn turn => await Admit(turn.Offered),
                FlowTurn turn => await Serve(callEvent, turn.Input),
                EndTurn turn => await End(callEvent, turn.Ended, mayBeRecorded: isRead),
                ResumeTurn => await Resume(callEvent),
                FailedTurn turn => await TakeOverFailed(callEvent, turn.Why),
                _ => Lost(callEvent),
            };
        }
        catch (UnauthorizedAccessException)
        {
            throw;
        }
        catch (Exception e) when (callEvent is CallOffered ? SiloLoss.Is(e) : SiloLoss.Passes(e))
        {
            // The edge asks again, and what is stored is where that begins.
            LogMoved(callEvent.GetType().Name, callEvent.Seq, e.GetType().Name);
            _state = null;
            throw;
        }
        catch (Exception e)
        {
            // Only the type: a provider's message may quote values.
            LogFailed(callEvent.GetType().Name, e.GetType().Name);
            return GiveUp(callEvent);
        }
    }

    /// <summary>Of a call speaks the edge that has it, and nobody else. A former owner is told that it is one, whoever asks; who begins a call of ours is looked at where it is admitted.</summary>
    private static void DemandOwner(CallState state, CallEvent callEvent)
    {
        if (state.Edge.Length > 0 && callEvent.Epoch >= state.Epoch && (callEvent is not CallOffered || state.LastSeq > 0)) EdgeName.Demand(state.Edge);
    }

    public async Task<bool> HangUp()
    {
        try
        {
            _state ??= await Read();
            if (_state is { LastSeq: 0, Expected: null }) return false;
            await GrainFactory.Grain<IAuditGrain>(IAuditGrain.Key(_state.Tenant)).Append(new AuditEntry
            {
                Actor = RequestActor.Current,
                Action = "operator.hangup",
                Result = AuditResult.Success,
                Object = Call.Value,
            });
            if (_state is { Expected: not null, Edge: "" }) return await GiveUpCallBack(new BridgeResult { Outcome = BridgeOutcome.Cancelled });
            return await GrainFactory.Grain<IEdgeGrain>(IEdgeGrain.Key(_state.Edge)).Send(Call, new HangUp { AtOnce = true });
        }
        catch (Exception e)
        {
            LogFailed(nameof(HangUp), e.GetType().Name);
            DeactivateOnIdle();
            return false;
        }
    }

    public async Task Visit()
    {
        try
        {
            // Reading is all: an activation that hears of nobody is collected, and ends the call.
            _state ??= await Read();
            if (_state is { LastSeq: 0, Expected: null }) DeactivateOnIdle();
        }
        catch (Exception e)
        {
            LogFailed(nameof(Visit), e.GetType().Name);
            DeactivateOnIdle();
        }
    }

    /// <summary>
    /// An edge says when a call ends; one that died says nothing. A call asks for an event every minute or two, or when the call out may be over at
    /// the latest; so one that was not heard of until the grain is collected has none, and what was keyed in it must not stay stored.
    /// </summary>
    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        _local.Ended();
        if (reason.ReasonCode is not DeactivationReasonCode.ActivationIdle || _state is not { LastSeq: > 0 } and not { Expected: not null }) return;
        try
        {
            await Abandon(_state.Asked.Count > 0 ? CallEndReason.EdgeLost : CallEndReason.Failed);
        }
        catch (Exception e)
        {
            LogFailed("the end of a call that was left", e.GetType().Name);
        }
    }

    /// <summary>Ends a call of which no edge will say what became of it.</summary>
    private async Task Abandon(CallEndReason reason)
    {
        var state = _state!;
        if (state.CallBack is { } back) await GrainFactory.Grain<ICallGrain>(back.Value).CallBack();
        await OwnIsOver(state, null);
        if (state.Out is { } open) await Outbound.Over(state, Call, open, null);
        await Close(reason, null, mayBeRecorded: true);
    }

    private RecordingPermits Recordings => new(GrainFactory, _log);

    private CallerDesk Callers => new(_keys, GrainFactory, Recordings, _policy.FactorCheckFloor, _time, _log);

    private OutboundDesk Outbound => new(_policy, _keys, GrainFactory, _log);

    private CallId Call => new(GrainContext.GrainId.Key.ToString()!);

    private async Task<CallReply> Admit(CallOffered offered)
    {
        if (offered.Originated || _state!.Expected is not null) return await AdmitOwn(offered);
        var decision = await new CallAdmission(_policy, _keys, GrainFactory, _flows, _risk, _log).Decide(Call, offered);
        try
        {
            var reply = await Admit(offered, decision);
            // No row, no end that would give the places back.
            if (_state is null) await CallLimits.Ended(GrainFactory, _log, decision.Places, Call);
            return reply;
        }
        catch
        {
            await CallLimits.Ended(GrainFactory, _log, decision.Places, Call);
            throw;
        }
    }

    private async Task<CallReply> Admit(CallOffered offered, AdmissionDecision decision)
    {
        var audit = new AuditEntry
        {
            Actor = decision.Actor,
            Action = decision.Flow is null ? "call.rejected" : "call.admitted",
            Result = decision.Flow is null ? AuditResult.Denied : AuditResult.Success,
            Origin = CallState.OriginOf(offered.Trunk, offered.Origin),
            Object = Call.Value,
            Detail = decision.Flow is null ? decision.Reason : $"{decision.Flow.Flow.Value}@{decision.Flow.Version}",
        };
        var audited = decision.Auditable ? GrainFactory.Grain<IAuditGrain>(IAuditGrain.Key(offered.Tenant)).Append(audit) : Task.CompletedTask;
        if (decision.Flow is not { } flow)
        {
            await audited;
            DeactivateOnIdle();
            return new CallReply { Seq = offered.Seq, Commands = [decision.Reject!] };
        }
        var progress = CallMachine.Start(offered, CallOrigins.Of(offered, _keys.PseudonymKey(offered.Tenant)), decision.Actor, flow, decision.Places);
        return progress.Effect is null ? await FinishWhile(audited, flow, offered, progress) : await FinishAfter(audited, flow, offered, progress);
    }

    /// <summary>What cannot be audited is not done: not even asked of another grain.</summary>
    private async Task<CallReply> FinishAfter(Task audited, FlowDocument flow, CallOffered offered, CallProgress progress)
    {
        await audited;
        return await Finish(flow, offered, progress);
    }

    /// <summary>Record and row go to the disk together. Before both are there nothing is answered; without the record the row goes again.</summary>
    private async Task<CallReply> FinishWhile(Task audited, FlowDocument flow, CallOffered offered, CallProgress progress)
    {
        var finishing = Finish(flow, offered, progress);
        try
        {
            await Task.WhenAll(audited, finishing);
            return await finishing;
        }
        catch (Exception e) when (finishing.IsCompletedSuccessfully && _state is not null && !SiloLoss.Is(e))
        {
            LogFailed("audit of an admitted call", e.GetType().Name);
            await _store.Clear();
            return GiveUp(offered);
        }
    }

    private async Task<CallReply> Serve(CallEvent callEvent, FlowInput input)
    {
        if (ResultOf(callEvent) is { } result && _state!.Out is { } open) await Outbound.Over(_state, Call, open, result);
        var flow = await _flows.Version(_state!.FlowVersion, GrainFactory.Grain<IFlowGrain>(IFlowGrain.Key(_state.Tenant, _state.Flow)));
        return flow is null ? Lost(callEvent) : await Finish(flow, callEvent, CallMachine.Resume(flow, _state, input));
    }

    /// <summary>What an event says of the call out that was under way.</summary>
    private static BridgeResult? ResultOf(CallEvent callEvent) => callEvent switch
    {
        BridgeEnded bridge => bridge.Result,
        TransferEnded { Status: var status } => new BridgeResult { Outcome = status is >= 200 and < 300 ? BridgeOutcome.Answered : BridgeOutcomes.Of(status), Status = status },
        _ => null,
    };

    /// <summary>Runs effects until the flow waits, persists, and only then answers.</summary>
    private async Task<CallReply> Finish(FlowDocument flow, CallEvent callEvent, CallProgress progress)
    {
        while (progress.Effect is { } effect) progress = CallMachine.Continue(flow, progress, await Perform(progress.State, callEvent.Seq, effect));
        foreach (var kind in progress.Entered) FlowMetrics.Steps.WithLabels(flow.Flow.Value, kind).Inc();

        var prepared = CommandPreparation.Prepare(progress, _policy.Tenants.GetValueOrDefault(progress.State.Tenant), _catalogue);
        if (prepared is null) return Lost(callEvent);
        var next = CallMachine.Close(prepared, callEvent.Seq, callEvent.Dialog);
        try
        {
            await _store.Write(next);
        }
        catch (Exception e) when (callEvent is CallOffered)
        {
            // Perhaps another activation answered this very event before: then its answer counts.
            LogFailed("first write", e.GetType().Name);
            _state = await Read();
            DemandOwner(_state, callEvent);
            return CallMachine.Receive(_state, callEvent) is AnswerTurn { Reply: var reply } && (reply.Gone || _state.LastSeq == callEvent.Seq) ? reply : GiveUp(callEvent);
        }
        _state = next;
        StayWhileQuiet(next);
        return next.LastReply!;
    }

    private async Task<CallState> Read()
    {
        var state = await _store.Read();
        StayWhileQuiet(state);
        return state;
    }

    /// <summary>While a caller is bridged or listens there are no events, for as long as they talk or are told something: that is no sign that the edge is gone.</summary>
    private void StayWhileQuiet(CallState state) => DelayDeactivation((state.Out?.Longest ?? TimeSpan.Zero) + (SpeaksLong(state.LastReply) ? s_longSpeech : TimeSpan.Zero));

    private static bool SpeaksLong(CallReply? reply) =>
        reply is not null && (reply.Commands.Any(command => command is Play { Controls: not null }) || reply.Commands.Sum(PiecesOf) > FewPieces);

    private static int PiecesOf(CallCommand command) => command switch { Play play => play.Prompts.Count, Collect collect => collect.Prompts.Count, _ => 0 };

    private async Task<FlowInput> Perform(CallState state, int seq, FlowEffect effect)
    {
        switch (effect)
        {
            case VerifyFactor verify:
                return new FactorChecked { Result = await _risk.Pace(state.Tenant, state.From, () => Callers.Verify(state, Call, verify)) };
            case AssessProof assess:
                return new FactorChecked { Result = await Callers.Assess(state, Call, assess) };
            case BeginFactor begin:
                return new FactorSent { Outcome = await Callers.Begin(state, Call, seq, begin) };
            case ChangePin change:
                return new PinChanged { Result = await Callers.ChangePin(state, Call, seq, change) };
            case FetchFacts fetch:
                return new FactsFetched { Facts = await Callers.Fetch(fetch) };
            case PermitCall permit:
                return await Outbound.Permit(state, Call, seq, permit);
            case OrderCallBack order:
                return await OrderOf(state, seq, order);
            case PermitRecording permit:
                return await Recordings.Permit(state, Call, seq, permit);
            default:
                throw new InvalidOperationException("internal error: unknown effect");
        }
    }

    /// <param name="mayBeRecorded">This event may have come before, to an activation that did not get to its end.</param>
    private async Task<CallReply> End(CallEvent callEvent, CallEnded ended, bool mayBeRecorded)
    {
        var state = _state!;
        DeactivateOnIdle();
        // Without a result nobody was dialled.
        if (state.Out is { } open) await Outbound.Over(state, Call, open, ended.Bridge ?? new BridgeResult { Outcome = BridgeOutcome.Cancelled });
        await OwnIsOver(state, ended.Originated);
        if (state.Asked.Count > 0) TakeOverMetrics.Over(TakeOverMetrics.Refused);
        if (state.CallBack is { } back) await GrainFactory.Grain<ICallGrain>(back.Value).CallBack();
        await Close(ended.Reason, ended.Media, mayBeRecorded);
        return CallMachine.Nothing(state, callEvent.Seq);
    }

    /// <summary>Records the end, and then removes the row: in the other order a silo that goes in between takes the record with it.</summary>
    private async Task Close(CallEndReason reason, MediaQuality? media, bool mayBeRecorded)
    {
        var state = _state!;
        await Ended(state, reason, media, mayBeRecorded);
        await _store.Clear();
        _state = new CallState();
        await CallLimits.Ended(GrainFactory, _log, state.Places, Call);
    }

    private async Task Ended(CallState state, CallEndReason reason, MediaQuality? media, bool mayBeRecorded)
    {
        try
        {
            var ledger = GrainFactory.Grain<IAuditGrain>(IAuditGrain.Key(state.Tenant));
            if (mayBeRecorded && (await ledger.Search(new AuditQuery { Action = EndAction, Object = Call.Value, Limit = 1 })).Records.Count > 0) return;
            var entry = new AuditEntry
            {
                Actor = state.Actor,
                Action = EndAction,
                Result = AuditResult.Success,
                Origin = state.OriginText,
                Object = Call.Value,
                Detail = media is null ? reason.ToString() : $"{reason} {media}",
            };
            await SiloLoss.Outlive(_time, () => ledger.Append(entry));
        }
        catch (Exception e) when (!SiloLoss.Passes(e))
        {
            // The call is over whether or not that can be recorded, and its row must not outlive it.
            LogFailed("audit of an ended call", e.GetType().Name);
        }
    }

    private CallReply Lost(CallEvent callEvent)
    {
        LogLost(callEvent.GetType().Name, callEvent.Seq);
        return GiveUp(callEvent);
    }

    /// <summary>What is in memory may differ from what is stored: the next event starts from the row.</summary>
    private CallReply GiveUp(CallEvent callEvent)
    {
        DeactivateOnIdle();
        _state = null;
        return CallMachine.GiveUp(callEvent);
    }

    [LoggerMessage(LogLevel.Error, "A call could not be served: {What} failed with {Error}")]
    private partial void LogFailed(string what, string error);

    [LoggerMessage(LogLevel.Warning, "A silo or the database is away that a call needed: event {Kind} number {Seq} ends with {Error}, for its edge to send it again")]
    private partial void LogMoved(string kind, int seq, string error);

    [LoggerMessage(LogLevel.Warning, "A call was ended: event {Kind} number {Seq} does not fit its state")]
    private partial void LogLost(string kind, int seq);
}
