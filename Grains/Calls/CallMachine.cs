using IvrActors.Grains.Flows;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Flows;

namespace IvrActors.Grains.Calls;

/// <summary>What is to be done with an event.</summary>
public abstract class CallTurn;

/// <summary>Nothing is to be done: this is the answer (again).</summary>
public sealed class AnswerTurn(CallReply reply) : CallTurn
{
    public CallReply Reply { get; } = reply;
}

/// <summary>Decide whether the call is taken.</summary>
public sealed class AdmitTurn(CallOffered offered) : CallTurn
{
    public CallOffered Offered { get; } = offered;
}

/// <summary>Give this to the flow.</summary>
public sealed class FlowTurn(FlowInput input) : CallTurn
{
    public FlowInput Input { get; } = input;
}

/// <summary>The call is back at an edge, which is to do again what its former one was doing.</summary>
public sealed class ResumeTurn : CallTurn;

/// <summary>The edge that was to take the call over cannot.</summary>
public sealed class FailedTurn(TakeOverFailure why) : CallTurn
{
    public TakeOverFailure Why { get; } = why;
}

/// <summary>The call is over.</summary>
public sealed class EndTurn(CallEnded ended) : CallTurn
{
    public CallEnded Ended { get; } = ended;
}

/// <summary>The event does not fit what this grain knows of the call (its state was lost, or an event was): end the call politely.</summary>
public sealed class LostTurn : CallTurn;

/// <summary>A call on its way through one event.</summary>
public sealed class CallProgress
{
    public required CallState State { get; init; }
    public required IReadOnlyList<CallCommand> Commands { get; init; }

    /// <summary>To be run; its result goes to <see cref="CallMachine.Continue"/>. Null: <see cref="CallMachine.Close"/> can follow.</summary>
    public FlowEffect? Effect { get; init; }
    public required IReadOnlyList<string> Entered { get; init; }

    internal int Effects { get; init; }
}

/// <summary>The life of a call as a pure machine: offered, served, ended; each event answered once and the same way every time.</summary>
public static class CallMachine
{
    /// <summary>Effects of one event. A flow has a few; the bound keeps a document that was never validated from running on.</summary>
    public const int MostEffectsPerEvent = 16;

    /// <summary>What an event asks for in this state. The first event has number 1; each next one the number after the last answered.</summary>
    public static CallTurn Receive(CallState state, CallEvent callEvent)
    {
        // Before the numbers: those of a former owner go on beside those of the one that has the call.
        if (state.LastSeq > 0 && callEvent.Epoch != state.Epoch) return callEvent.Epoch < state.Epoch ? new AnswerTurn(Gone(callEvent)) : new LostTurn();
        if (state.LastReply is { } last && callEvent.Seq == state.LastSeq) return new AnswerTurn(last);
        if (callEvent.Seq <= state.LastSeq) return new AnswerTurn(Nothing(state, callEvent.Seq));
        // The edge may leave numbers out when it gives up: the end of a call is believed whatever came before it.
        // Of a call of ours that nobody answered it is the only event.
        if (callEvent is CallEnded ended) return state is { LastSeq: 0, Expected: null } ? new AnswerTurn(Nothing(state, callEvent.Seq)) : new EndTurn(ended);
        if (callEvent.Seq != state.LastSeq + 1) return new LostTurn();
        return (callEvent, state.LastSeq) switch
        {
            (CallOffered offered, 0) => new AdmitTurn(offered),
            (_, 0) or (CallOffered, _) => new LostTurn(),
            (DigitsCollected digits, _) => new FlowTurn(new DigitsEntered { Outcome = digits.Outcome, Digits = digits.Digits, Sealed = digits.Sealed, Seq = digits.Seq }),
            (TransferEnded transfer, _) => new FlowTurn(new TransferFinished { Status = transfer.Status }),
            (BridgeEnded bridge, _) => new FlowTurn(new TransferFinished { Status = bridge.Result.Status, Outcome = bridge.Result.Outcome }),
            (RecordingBegun begun, _) => new FlowTurn(new RecordingAnswered { Begun = begun.Begun }),
            (CallResumed, _) when state.Asked.Count > 0 => new ResumeTurn(),
            (TakeOverFailed failed, _) when state.Asked.Count > 0 => new FailedTurn(failed.Why),
            _ => new LostTurn(),
        };
    }

    /// <summary>Takes an admitted call into its flow.</summary>
    public static CallProgress Start(CallOffered offered, CallOrigin from, string actor, FlowDocument document, IReadOnlyList<string>? places = null)
    {
        var state = new CallState
        {
            Tenant = offered.Tenant,
            Trunk = offered.Trunk,
            Edge = offered.Edge,
            Incarnation = offered.Incarnation,
            Origin = offered.Origin,
            From = from,
            Actor = actor,
            Flow = document.Flow.Value,
            FlowVersion = document.Version,
            Places = [.. places ?? []],
        };
        return Advance(document, state, ToBegin(document.Answer), [], 0, new FlowStarted { Attestation = from.Attestation });
    }

    /// <summary>Takes a call of ours that was answered on in the flow of the call that ordered it.</summary>
    /// <param name="expected">As it was stored, with its ticket.</param>
    public static CallProgress StartCalledBack(CallState expected, CallBackTicket ticket, CallOffered offered, CallOrigin from, FlowDocument document)
    {
        var state = Copy(expected);
        (state.Expected, state.Edge, state.Incarnation, state.Origin, state.From, state.Risk) = (null, offered.Edge, offered.Incarnation, from.Class, from, ticket.Risk);
        return Advance(document, state, [new Answer()], [], 0, new CalledBack { Step = ticket.Step, Variables = ticket.Variables });
    }

    /// <summary>A call of ours that this edge is told to make.</summary>
    public static CallState Ordered(CallState expected, string edge, string incarnation = "")
    {
        var state = Copy(expected);
        (state.Edge, state.Incarnation) = (edge, incarnation);
        return state;
    }

    private static List<CallCommand> ToBegin(AnswerPolicy answer) => answer.Kind switch
    {
        AnswerKind.Ringing => [new Ring { Time = answer.Time }, new Answer()],
        AnswerKind.Early => [new EarlyMedia { Most = answer.Time }],
        _ => [new Answer()],
    };

    /// <summary>Gives the flow an event's input.</summary>
    public static CallProgress Resume(FlowDocument document, CallState state, FlowInput input) => Advance(document, state, [], [], 0, input);

    /// <summary>Gives the flow the result of the effect that it waited for.</summary>
    public static CallProgress Continue(FlowDocument document, CallProgress progress, FlowInput result) =>
        progress.Effects > MostEffectsPerEvent
            ? new CallProgress { State = progress.State, Commands = Apology(), Entered = progress.Entered }
            : Advance(document, progress.State, progress.Commands, progress.Entered, progress.Effects, result);

    /// <summary>The state with the event answered.</summary>
    /// <param name="dialog">Of the event; null: as it was.</param>
    public static CallState Close(CallProgress progress, int seq, CallDialog? dialog = null)
    {
        var state = Copy(progress.State);
        state.LastSeq = seq;
        // What comes after a bridge has no other half.
        (state.Dialog, state.Other) = (dialog ?? state.Dialog, null);
        state.LastReply = new CallReply { Seq = seq, Commands = [.. progress.Commands], Flow = state.Flow, Step = state.Position.Step, Verified = state.Position.Proof is not null };
        return state;
    }

    /// <summary>The call given to another edge: what its former one says of it counts no more.</summary>
    public static CallState Moved(CallState state, string edge, string incarnation)
    {
        var next = Copy(state);
        (next.Edge, next.Incarnation, next.Epoch, next.Asked) = (edge, incarnation, state.Epoch + 1, [.. state.Asked, edge]);
        return next;
    }

    /// <summary>The call at its new edge, which is told again what the former one was told last.</summary>
    public static CallState Resumed(CallState state, int seq, CallDialog? dialog)
    {
        var next = Copy(state);
        (next.LastSeq, next.Dialog, next.Asked) = (seq, dialog ?? state.Dialog, []);
        next.LastReply = new CallReply { Seq = seq, Commands = ToResume(state.LastReply), Flow = state.Flow, Step = state.Position.Step, Verified = state.Position.Proof is not null };
        return next;
    }

    /// <summary>The dialogs of the call as they are now.</summary>
    public static CallState Kept(CallState state, CallDialog dialog, CallDialog? other)
    {
        var next = Copy(state);
        (next.Dialog, next.Other) = (dialog, other);
        return next;
    }

    /// <summary>What is said and asked, and not what was done once: the call is answered already. What was keyed of an input that was not complete is lost with the edge, so it is asked for again.</summary>
    private static List<CallCommand> ToResume(CallReply? last)
    {
        var commands = last?.Commands.Where(command => command is not (Reject or Ring or EarlyMedia or Answer)).ToList() ?? [];
        return commands.Exists(command => command is Collect or Record or HangUp) ? commands : Apology();
    }

    /// <summary>The answer when the call cannot go on: refused before it was answered, else a polite word and the end.</summary>
    public static CallReply GiveUp(CallEvent callEvent) => new()
    {
        Seq = callEvent.Seq,
        Commands = callEvent switch
        {
            CallOffered => [new Reject { Status = 503, RetryAfter = 5 }],
            CallEnded => [],
            _ => Apology(),
        },
    };

    /// <summary>An answer without a command.</summary>
    public static CallReply Nothing(CallState state, int seq) => new() { Seq = seq, Commands = [], Flow = state.Flow, Step = state.Position.Step };

    /// <summary>The answer to whoever had the call before: it is nothing of theirs any more.</summary>
    public static CallReply Gone(CallEvent callEvent) => new() { Seq = callEvent.Seq, Commands = [], Gone = true };

    internal static List<CallCommand> Apology() => [new Play { Prompts = [new PromptPart { Prompt = Interpreter.PoliteError }] }, new HangUp()];

    private static CallProgress Advance(
        FlowDocument document, CallState state, IReadOnlyList<CallCommand> commands, IReadOnlyList<string> entered, int effects, FlowInput input)
    {
        var transition = Interpreter.Step(document, state.Position, input);
        var next = Copy(state);
        next.Position = transition.State;
        if (input is CallPermitted { Call: { } call }) next.Out = call;
        if (input is TransferFinished) next.Out = null;
        if (input is CallBackOrdered { Call: { } ordered }) next.CallBack = ordered;
        if (input is RecordingPermitted { Command: { } record }) next.Recordings = [.. next.Recordings, record.Recording];
        return new CallProgress
        {
            State = next,
            Commands = [.. commands, .. transition.Commands],
            Effect = transition.Effect,
            Entered = [.. entered, .. transition.Entered],
            Effects = transition.Effect is null ? effects : effects + 1,
        };
    }

    internal static CallState Copy(CallState state) => new()
    {
        Dialog = state.Dialog,
        Other = state.Other,
        Epoch = state.Epoch,
        Incarnation = state.Incarnation,
        Asked = state.Asked,
        LastSeq = state.LastSeq,
        LastReply = state.LastReply,
        Tenant = state.Tenant,
        Trunk = state.Trunk,
        Edge = state.Edge,
        Origin = state.Origin,
        From = state.From,
        Actor = state.Actor,
        Flow = state.Flow,
        FlowVersion = state.FlowVersion,
        Position = state.Position,
        Out = state.Out,
        Expected = state.Expected,
        Own = state.Own,
        CallBack = state.CallBack,
        Places = state.Places,
        Risk = state.Risk,
        Recordings = state.Recording is { } old && !state.Recordings.Contains(old) ? [old, .. state.Recordings] : state.Recordings,
    };
}
