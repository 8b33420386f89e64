using System.Globalization;
using System.Text;
using IvrActors.Grains.Callers;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Flows;
using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Grains.Interfaces.Privacy;
using IvrActors.Grains.Interfaces.Recordings;

namespace IvrActors.Grains.Flows;

/// <summary>A caller who exists only in the simulator. Nothing of it is secret.</summary>
public sealed class SimulatedCaller
{
    public string Account { get; init; } = "10000001";
    public string Pin { get; internal set; } = "4711";
    public string Code { get; init; } = "123456";

    /// <summary>What a code that is sent comes to.</summary>
    public string SentCode { get; init; } = "654321";

    /// <summary>What a device shows after an approval. Null: the caller has none, and is asked for what most have.</summary>
    public string? DeviceNumber { get; init; }

    public CallerFacts Facts { get; init; } = new()
    {
        Amounts = { ["balance"] = new Money { Minor = 123456, Currency = "EUR" } },
        Transactions =
        {
            new AccountTransaction { On = new DateOnly(2026, 1, 2), Amount = new Money { Minor = 250000, Currency = "EUR" } },
            new AccountTransaction { On = new DateOnly(2026, 1, 5), Amount = new Money { Minor = -1999, Currency = "EUR" } },
        },
    };
}

/// <summary>Plays a flow in a terminal on the interpreter that calls run on. Touches no grain, no network, no storage.</summary>
public static class FlowSimulator
{
    private const string Help = "Type keys and Enter; 'timeout' or nothing for no input; 'hangup' to end.";
    private static readonly CallId s_call = new("call-simulated");

    /// <summary>Runs until the flow or the one who types ends the call, or the input does.</summary>
    /// <param name="promptTexts">What recorded prompts say, by id; an unknown one is shown by its id.</param>
    /// <returns>The name of the last step.</returns>
    public static async Task<string> Run(
        FlowDocument document, IReadOnlyList<SimulatedCaller> callers, TextReader input, TextWriter output, IReadOnlyDictionary<string, string>? promptTexts = null,
        Attestation attestation = Attestation.None)
    {
        await output.WriteLineAsync($"Flow {document.Flow.Value}, version {document.Version[..12]}. {Help}");
        foreach (var caller in callers) await output.WriteLineAsync($"Simulated caller: account {caller.Account}, PIN {caller.Pin}, code {caller.Code}, sent code {caller.SentCode}{(caller.DeviceNumber is { } number ? ", device number " + number : "")}");

        if (document.Answer.Kind == AnswerKind.Ringing) await output.WriteLineAsync($"It rings for {document.Answer.Time.TotalSeconds} s.");
        if (document.Answer.Kind == AnswerKind.Early) await output.WriteLineAsync("What follows is heard before the call is answered.");
        OrderCallBack? callBack = null;
        var transition = Advance(document, callers, new FlowState(), new FlowStarted { Attestation = attestation }, ref callBack);
        for (var seq = 2; ; seq++)
        {
            await Show(output, transition, promptTexts);
            if (callBack is { } order)
            {
                await output.WriteLineAsync("The caller is called back, and answers.");
                callBack = null;
                transition = Advance(document, callers, new FlowState(), new CalledBack { Step = order.Then, Variables = order.Variables }, ref callBack);
                continue;
            }
            if (transition.State.Waiting is not (FlowWait.Digits or FlowWait.Transfer)) break;
            await output.WriteAsync(transition.State.Waiting == FlowWait.Digits ? $"({transition.State.Step}) keys> " : $"({transition.State.Step}) SIP status of the transfer> ");
            if (await input.ReadLineAsync() is not { } line || line.Trim() is "hangup")
            {
                await output.WriteLineAsync("The caller hung up.");
                break;
            }
            var typed = Typed(document, transition.State, line.Trim(), seq);
            if (typed is TransferFinished { Status: >= 200 and < 300 } && document.Find(transition.State.Step) is TransferStep { Bridge: not null })
            {
                await output.WriteLineAsync("They talked, and one of them hung up.");
                break;
            }
            transition = Advance(document, callers, transition.State, typed, ref callBack);
        }
        return transition.State.Step;
    }

    private static FlowInput Typed(FlowDocument document, FlowState state, string line, int seq)
    {
        if (state.Waiting == FlowWait.Transfer)
        {
            var status = int.TryParse(line, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 408;
            return new TransferFinished { Status = status, Outcome = BridgeOutcomes.Of(status) };
        }
        if (line is "" or "timeout") return new DigitsEntered { Outcome = CollectOutcome.NoInput, Seq = seq };
        if (AskOf(document, state) is { } factor) return Sealed(line, factor, seq);
        if (document.Find(state.Step) is not CollectStep step) return new DigitsEntered { Outcome = CollectOutcome.Digits, Digits = new PersonalText(line), Seq = seq };

        // As at the edge: the terminator ends the input, and so does the last digit that fits.
        var end = step.Terminator is { } terminator ? line.IndexOf(terminator, StringComparison.Ordinal) : -1;
        var digits = end < 0 ? line : line[..end];
        if (digits.Length > step.MaxDigits) digits = digits[..step.MaxDigits];
        if (digits.Length < step.MinDigits) return new DigitsEntered { Outcome = CollectOutcome.TooFew, Seq = seq };
        return step.Secret
            ? new DigitsEntered { Outcome = CollectOutcome.Digits, Sealed = Unsealed(digits), Seq = seq }
            : new DigitsEntered { Outcome = CollectOutcome.Digits, Digits = new PersonalText(digits), Seq = seq };
    }

    /// <summary>Least and most digits, and the key for "I have not got it here", where a factor or a PIN is asked for.</summary>
    private static (int Least, int Most, char? Skip)? AskOf(FlowDocument document, FlowState state) => document.Find(state.Step) switch
    {
        AuthenticateStep step when state.Asking is { } factor && step.Asking.TryGetValue(factor, out var ask) =>
            (ask.MinDigits, ask.MaxDigits, factor is FactorKind.Pin ? null : Interpreter.SkipKey),
        SetPinStep => (WeakPins.LeastDigits, WeakPins.MostDigits, null),
        _ => null,
    };

    private static DigitsEntered Sealed(string line, (int Least, int Most, char? Skip) ask, int seq)
    {
        if (ask.Skip is { } skip && line.StartsWith(skip)) return new DigitsEntered { Outcome = CollectOutcome.Skipped, Seq = seq };
        var digits = line.Split('#')[0];
        if (digits.Length > ask.Most) digits = digits[..ask.Most];
        return digits.Length < ask.Least
            ? new DigitsEntered { Outcome = CollectOutcome.TooFew, Seq = seq }
            : new DigitsEntered { Outcome = CollectOutcome.Digits, Sealed = Unsealed(digits), Seq = seq };
    }

    /// <summary>The simulator has no sealing key: its callers are made up.</summary>
    private static SealedSecret Unsealed(string digits) => new() { KeyId = "simulator", EphemeralPublicKey = [], Ciphertext = Encoding.ASCII.GetBytes(digits) };

    /// <summary>Steps through effects, whose results the simulated callers give, and joins what was to be heard.</summary>
    private static FlowTransition Advance(FlowDocument document, IReadOnlyList<SimulatedCaller> callers, FlowState state, FlowInput input, ref OrderCallBack? callBack)
    {
        var transition = Interpreter.Step(document, state, input);
        var commands = transition.Commands.ToList();
        while (transition.Effect is { } effect)
        {
            if (effect is OrderCallBack order) callBack = order;
            transition = Interpreter.Step(document, transition.State, Perform(callers, effect));
            commands.AddRange(transition.Commands);
            if (transition.State.Waiting != FlowWait.Recording) continue;
            transition = Interpreter.Step(document, transition.State, new RecordingAnswered { Begun = true });
            commands.AddRange(transition.Commands);
        }
        return new FlowTransition { State = transition.State, Commands = commands, Entered = transition.Entered };
    }

    private static FlowInput Perform(IReadOnlyList<SimulatedCaller> callers, FlowEffect effect)
    {
        switch (effect)
        {
            case VerifyFactor verify:
                var account = verify.Account.Reveal();
                return callers.FirstOrDefault(c => c.Account == account) is { } caller && Text(verify.Secret) == AnswerOf(caller, verify.Factor)
                    ? Assessed(callers, Proof(account, verify), verify.Wanted)
                    : new FactorChecked { Result = new FactorResult { Outcome = FactorOutcome.Refused } };
            case AssessProof assess:
                return Assessed(callers, assess.Proof, assess.Wanted);
            case BeginFactor:
                return new FactorSent { Outcome = BeginOutcome.Sent };
            case ChangePin change:
                return new PinChanged { Result = Changed(callers, change) };
            case FetchFacts fetch:
                return new FactsFetched { Facts = CallerOf(callers, fetch.Proof)?.Facts };
            case PermitCall permit:
                // Whom it is allowed to call is the cluster's business: here nobody is called.
                return permit.Trunk is not { } trunk
                    ? new CallPermitted { Command = new Transfer { Target = permit.Target! } }
                    : new CallPermitted { Command = new Bridge { Trunk = trunk, Address = permit.Target, RingTime = permit.RingTime, MostTalk = TimeSpan.FromHours(1) } };
            case OrderCallBack:
                return new CallBackOrdered { Outcome = CallBackOutcome.Ordered };
            case PermitRecording:
                // Nothing is recorded here.
                return new RecordingPermitted { Command = new Record { Recording = RecordingId.Of(s_call, 1) } };
            default:
                throw new InvalidOperationException("internal error: unknown effect");
        }
    }

    private static string? AnswerOf(SimulatedCaller caller, FactorKind factor) => factor switch
    {
        FactorKind.Pin => caller.Pin,
        FactorKind.Totp => caller.Code,
        FactorKind.SentCode => caller.SentCode,
        FactorKind.Device => caller.DeviceNumber,
        _ => null,
    };

    /// <summary>As the grain of a caller with an app, a number for codes and perhaps a device answers.</summary>
    private static FactorChecked Assessed(IReadOnlyList<SimulatedCaller> callers, VerifiedCaller proof, Assurance wanted)
    {
        FactorKind[] device = CallerOf(callers, proof)?.DeviceNumber is null ? [] : [FactorKind.Device];
        var next = AssuranceRules.Next([FactorKind.Pin, .. device, FactorKind.Totp, FactorKind.SentCode], proof.Factors, wanted, RiskLevel.None);
        return new FactorChecked
        {
            Result = new FactorResult
            {
                Outcome = FactorOutcome.Accepted,
                Proof = proof,
                Reached = AssuranceRules.Of(proof.Factors, RiskLevel.None),
                Next = next.Count > 0 ? next[0] : null,
                Others = [.. next.Skip(1)],
            },
        };
    }

    private static PinChangeResult Changed(IReadOnlyList<SimulatedCaller> callers, ChangePin change)
    {
        var pin = Text(change.First);
        if (pin != Text(change.Second)) return new PinChangeResult { Outcome = PinChangeOutcome.Different };
        if (AssuranceRules.Of(change.Proof.Factors, RiskLevel.None) < Assurance.High) return new PinChangeResult { Outcome = PinChangeOutcome.Refused };
        if (CallerOf(callers, change.Proof) is not { } caller || caller.Pin == pin || WeakPins.Contains(Encoding.ASCII.GetBytes(pin))) return new PinChangeResult { Outcome = PinChangeOutcome.Weak };
        caller.Pin = pin;
        return new PinChangeResult { Outcome = PinChangeOutcome.Changed, Proof = change.Proof, Reached = Assurance.High };
    }

    private static SimulatedCaller? CallerOf(IReadOnlyList<SimulatedCaller> callers, VerifiedCaller proof) => callers.FirstOrDefault(c => "simulated:" + c.Account == proof.Caller.Value);

    private static string Text(CollectedSecret secret) => Encoding.ASCII.GetString(secret.Sealed.Ciphertext);

    private static VerifiedCaller Proof(string account, VerifyFactor verify) =>
        new() { Caller = new CallerKey("simulated:" + account), Call = s_call, Factors = [.. verify.Before?.Factors ?? [], verify.Factor], Mac = [] };

    private static async Task Show(TextWriter output, FlowTransition transition, IReadOnlyDictionary<string, string>? promptTexts)
    {
        foreach (var command in transition.Commands)
        {
            switch (command)
            {
                case Play play:
                    await output.WriteLineAsync(Said(play.Prompts, promptTexts));
                    break;
                case Collect collect:
                    await output.WriteLineAsync(Said(collect.Prompts, promptTexts));
                    break;
                case Answer:
                    await output.WriteLineAsync("-> the call is answered");
                    break;
                case Transfer transfer:
                    await output.WriteLineAsync($"-> transfer to '{transfer.Target}'");
                    break;
                case Bridge bridge:
                    await output.WriteLineAsync($"-> call {(bridge.Address is { } target ? $"'{target}'" : "the number that was keyed")} by trunk '{bridge.Trunk}'");
                    break;
                case Record:
                    await output.WriteLineAsync("-> from here on the call is recorded");
                    break;
                case StopRecording:
                    await output.WriteLineAsync("-> from here on the call is not recorded");
                    break;
                case HangUp:
                    await output.WriteLineAsync("The flow hung up.");
                    break;
            }
        }
    }

    private static string Said(List<PromptPart> prompts, IReadOnlyDictionary<string, string>? promptTexts) =>
        "  " + string.Join(' ', prompts.Select(p => p.Pause > TimeSpan.Zero ? "…" : p.Prompt is not { } id ? p.Text : promptTexts?.GetValueOrDefault(id) ?? PromptWords.Of(id)));
}
