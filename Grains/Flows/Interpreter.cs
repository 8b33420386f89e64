using IvrActors.Grains.Callers;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Flows;
using IvrActors.Grains.Interfaces.Privacy;

namespace IvrActors.Grains.Flows;

/// <summary>Runs a flow: state and input in, state and commands out. Reads no clock and touches nothing outside.</summary>
public static partial class Interpreter
{
    /// <summary>Steps that one input may run through. The validator refuses endless loops; this holds for a document that it never saw.</summary>
    public const int MostStepsPerInput = 64;

    /// <summary>Said before the call ends when the flow cannot go on.</summary>
    public const string PoliteError = "error-polite";

    /// <summary>Name of the collect that a menu makes; no variable can have it.</summary>
    public const string MenuCollect = "menu:key";

    /// <summary>Name of the collect that asks whether the call may be recorded, and the key that agrees.</summary>
    public const string ConsentCollect = "record:consent";
    public const string ConsentKey = "1";

    /// <summary>An input for which the flow does not wait changes nothing and gives no command.</summary>
    public static FlowTransition Step(FlowDocument document, FlowState state, FlowInput input) => new Run(document, state.Copy()).Take(input);

    private sealed partial class Run(FlowDocument document, FlowState state)
    {
        private readonly List<CallCommand> _commands = [];
        private readonly List<string> _entered = [];
        private FlowEffect? _effect;

        public FlowTransition Take(FlowInput input)
        {
            if (Answer(input) is { } next) GoTo(next);
            return new FlowTransition { State = state, Commands = _commands, Effect = _effect, Entered = _entered };
        }

        /// <summary>The step to go to, or null when the flow waits again.</summary>
        private string? Answer(FlowInput input)
        {
            if (state.Waiting == FlowWait.Start) return input switch { FlowStarted started => Begin(started), CalledBack back => GoOn(back), _ => null };
            return (state.Waiting, document.Find(state.Step), input) switch
            {
                (FlowWait.Digits, CollectStep step, DigitsEntered digits) => Collected(step, digits),
                (FlowWait.Digits, MenuStep step, DigitsEntered digits) => Chosen(step, digits),
                (FlowWait.Digits, RecordStep step, DigitsEntered digits) => Consented(step, digits),
                (FlowWait.Digits, AuthenticateStep step, DigitsEntered digits) => FactorKeyed(step, digits),
                (FlowWait.Digits, SetPinStep step, DigitsEntered digits) => PinKeyed(step, digits),
                (FlowWait.Factor, AuthenticateStep step, FactorChecked { Result: var result }) => Proven(step, result),
                (FlowWait.Begin, AuthenticateStep step, FactorSent { Outcome: var outcome }) => Begun(step, outcome),
                (FlowWait.PinChange, SetPinStep step, PinChanged { Result: var result }) => PinSet(step, result),
                (FlowWait.RecordingPermit, RecordStep step, RecordingPermitted { Command: var command }) => RecordingPermitted(step, command),
                (FlowWait.Recording, RecordStep step, RecordingAnswered { Begun: var begun }) => begun ? step.Next.Value : step.Start!.Unavailable.Value,
                (FlowWait.Factor, VerifyStep step, FactorChecked { Result: var result }) => Checked(step, result),
                (FlowWait.Facts, FetchStep step, FactsFetched { Facts: var facts }) => Fetched(step, facts),
                (FlowWait.Permit, TransferStep step, CallPermitted { Command: var command }) => Permitted(step, command),
                (FlowWait.Transfer, TransferStep { Bridge: not null } step, TransferFinished { Outcome: var outcome }) => ExitOf(step, outcome),
                (FlowWait.Transfer, TransferStep step, TransferFinished { Status: var status }) => Transferred(step, status),
                (FlowWait.CallBack, CallBackStep step, CallBackOrdered { Outcome: var outcome }) => Ordered(step, outcome),
                _ => null,
            };
        }

        private string Begin(FlowStarted started)
        {
            state.Attestation = started.Attestation;
            return document.Start.Value;
        }

        private void GoTo(string step)
        {
            var next = step;
            for (var count = 0; next is not null; count++)
            {
                if (count == MostStepsPerInput || document.Find(next) is not { } found)
                {
                    Fail();
                    return;
                }
                state.Step = next;
                _entered.Add(found.Kind);
                next = Enter(found);
            }
        }

        private string? Enter(FlowStep step) => step switch
        {
            PlayStep play => Play(play),
            AnswerStep answer => Answer(answer),
            CollectStep collect => Visit(collect),
            MenuStep menu => Visit(menu),
            AuthenticateStep authenticate => Authenticate(authenticate),
            SetPinStep setPin => SetPin(setPin),
            BranchStep branch => Branch(branch),
            VerifyStep verify => Verify(verify),
            FetchStep fetch => Fetch(fetch),
            TransferStep transfer => Send(transfer),
            RecordStep record => Record(record),
            CallBackStep back => CallBack(back),
            HangUpStep hangUp => HangUp(hangUp),
            _ => throw new InvalidOperationException("internal error: unknown kind of step"),
        };

        private string? Play(PlayStep step)
        {
            if (Speak(step.Parts, step.Volume) is not { } once) return null;
            var prompts = new List<PromptPart>(once);
            for (var i = 1; i < step.Repeat.Times; i++)
            {
                if (step.Repeat.Pause > TimeSpan.Zero) prompts.Add(new PromptPart { Pause = step.Repeat.Pause });
                prompts.AddRange(once);
            }
            if (prompts.Count > 0) _commands.Add(new Play { Prompts = prompts, BargeIn = step.BargeIn, Controls = step.Controls });
            return step.Next.Value;
        }

        private string Answer(AnswerStep step)
        {
            _commands.Add(new Answer());
            return step.Next.Value;
        }

        private string? Visit(AskingStep step)
        {
            if (step is CollectStep { Variable.Value: var variable }) Forget(variable);
            state.Asked = 0;
            return Ask(step, []);
        }

        private string? Ask(AskingStep step, IReadOnlyList<SpeechPart> lead)
        {
            if (Speak([.. lead, .. step.Prompt]) is not { } prompts) return null;
            state.Asked++;
            state.Waiting = FlowWait.Digits;
            var collect = step as CollectStep;
            _commands.Add(new Collect
            {
                Name = collect?.Variable.Value ?? MenuCollect,
                Prompts = prompts,
                MinDigits = collect?.MinDigits ?? 1,
                MaxDigits = collect?.MaxDigits ?? 1,
                Terminator = collect?.Terminator,
                FirstDigitTimeout = step.FirstDigitTimeout,
                InterDigitTimeout = step.InterDigitTimeout,
                BargeIn = step.BargeIn,
                Secret = collect?.Secret ?? false,
            });
            return null;
        }

        private string? AskAgain(AskingStep step, CollectOutcome outcome) =>
            state.Asked >= step.Attempts ? step.Failed.Value : Ask(step, outcome == CollectOutcome.NoInput ? step.NoInput : step.NoMatch);

        private string? Collected(CollectStep step, DigitsEntered digits)
        {
            if (digits.Outcome != CollectOutcome.Digits) return AskAgain(step, digits.Outcome);
            if (step.Secret)
            {
                // Digits that should have come sealed are not taken in clear.
                if (digits.Sealed is null) return AskAgain(step, CollectOutcome.TooFew);
                state.Secrets[step.Variable.Value] = new CollectedSecret { Sealed = digits.Sealed, Seq = digits.Seq };
                return step.Next.Value;
            }
            if (digits.Digits is not { } text || text.Length < step.MinDigits || text.Length > step.MaxDigits || text.Reveal().Any(d => !char.IsAsciiDigit(d)))
                return AskAgain(step, CollectOutcome.TooFew);
            state.Variables[step.Variable.Value] = text;
            return step.Next.Value;
        }

        private string? Chosen(MenuStep step, DigitsEntered digits)
        {
            if (digits is { Outcome: CollectOutcome.Digits, Digits: { Length: 1 } key })
                foreach (var choice in step.Choices)
                    if (choice.Label == key.Reveal()) return choice.To.Value;
            return AskAgain(step, digits.Outcome == CollectOutcome.NoInput ? CollectOutcome.NoInput : CollectOutcome.TooFew);
        }

        private string? Verify(VerifyStep step)
        {
            if (!state.Variables.TryGetValue(step.Account.Value, out var account) || !state.Secrets.Remove(step.With.Value, out var secret)) return Fail();
            state.Waiting = FlowWait.Factor;
            _effect = new VerifyFactor { Factor = step.Factor, Account = account, Secret = secret, Purpose = step.With.Value, Before = state.Proof };
            return null;
        }

        private string Checked(VerifyStep step, FactorResult result)
        {
            switch (result.Outcome)
            {
                case FactorOutcome.Accepted when result.Proof is { } proof:
                    state.Proof = proof;
                    return step.Accepted.Value;
                case FactorOutcome.Locked when step.Locked is { } locked:
                    return locked.Value;
                case FactorOutcome.Locked or FactorOutcome.Refused:
                    var refusals = state.Refusals.GetValueOrDefault(step.Name) + 1;
                    state.Refusals[step.Name] = refusals;
                    return refusals >= step.Attempts ? step.Exhausted.Value : step.Refused.Value;
                default:
                    return step.Unavailable.Value;
            }
        }

        private string? Fetch(FetchStep step)
        {
            if (state.Proof is not { PinExpired: false } proof || AssuranceRules.Of(proof.Factors, proof.Risk) < step.Wanted) return Fail();
            state.Waiting = FlowWait.Facts;
            _effect = new FetchFacts { Proof = proof, Wanted = step.Wanted };
            return null;
        }

        private string Fetched(FetchStep step, CallerFacts? facts)
        {
            // Checked here once, so that no later step stops in the middle of a sentence.
            if (facts is null || !document.SpokenAmounts.All(facts.Amounts.ContainsKey)) return step.Unavailable.Value;
            if (!facts.Amounts.Values.Concat(facts.Transactions.Select(t => t.Amount)).All(Speech.CanSpeak)) return step.Unavailable.Value;
            state.Facts = facts;
            return step.Next.Value;
        }

        private string? Send(TransferStep step)
        {
            PersonalText? digits = null;
            if (step.Digits is { } variable && !state.Variables.TryGetValue(variable.Value, out digits)) return Fail();
            state.Waiting = FlowWait.Permit;
            _effect = new PermitCall { Target = step.Target?.Value, Digits = digits, Trunk = step.Bridge?.Trunk.Value, RingTime = step.Bridge?.RingTime ?? TimeSpan.Zero };
            return null;
        }

        /// <summary>Nothing is said before it is known that the call will be made.</summary>
        private string? Permitted(TransferStep step, CallCommand? command)
        {
            if (command is null) return ExitOf(step, BridgeOutcome.Refused);
            if (step.Parts.Count > 0 && !Say(step.Parts, bargeIn: false)) return null;
            state.Waiting = FlowWait.Transfer;
            _commands.Add(command is Bridge bridge ? OnHold(bridge, (step.Bridge?.Hold ?? document.Hold)?.Value) : command);
            return null;
        }

        private Bridge OnHold(Bridge bridge, string? hold) => hold is null or BridgeWay.Ringback
            ? bridge
            : new Bridge
            {
                Trunk = bridge.Trunk,
                Number = bridge.Number,
                Address = bridge.Address,
                RingTime = bridge.RingTime,
                MostTalk = bridge.MostTalk,
                Hold = new PromptPart { Prompt = hold, Gain = document.Volume },
            };

        private static string ExitOf(TransferStep step, BridgeOutcome outcome) => (outcome switch
        {
            BridgeOutcome.Busy => step.Busy,
            BridgeOutcome.NoAnswer => step.NoAnswer,
            BridgeOutcome.Refused => step.Refused,
            _ => null,
        } ?? step.Failed).Value;

        private string? Transferred(TransferStep step, int status)
        {
            if (status is < 200 or > 299) return step.Failed.Value;
            End();
            return null;
        }

        private string? Record(RecordStep step)
        {
            if (step.Start is not { } start)
            {
                _commands.Add(new StopRecording());
                return step.Next.Value;
            }
            if (start.Consent is not { } question) return AskToRecord(asked: false);
            if (Speak(question) is not { } prompts) return null;
            state.Waiting = FlowWait.Digits;
            _commands.Add(new Collect
            {
                Name = ConsentCollect,
                Prompts = prompts,
                MinDigits = 1,
                MaxDigits = 1,
                FirstDigitTimeout = start.Wait,
                InterDigitTimeout = start.Wait,
                // Who has not heard the question has not agreed: keys count from its end on, and none that was typed ahead.
                BargeIn = false,
                Secret = false,
            });
            return null;
        }

        /// <summary>Silence is no consent, and no key but one is.</summary>
        private string? Consented(RecordStep step, DigitsEntered digits) =>
            digits is { Outcome: CollectOutcome.Digits, Digits: { } key } && key.Reveal() == ConsentKey ? AskToRecord(asked: true) : step.Start!.Declined!.Value.Value;

        private string? AskToRecord(bool asked)
        {
            state.Waiting = FlowWait.RecordingPermit;
            _effect = new PermitRecording { Asked = asked };
            return null;
        }

        private string? RecordingPermitted(RecordStep step, Record? command)
        {
            if (command is null) return step.Start!.Unavailable.Value;
            state.Waiting = FlowWait.Recording;
            _commands.Add(command);
            return null;
        }

        private string? CallBack(CallBackStep step)
        {
            if (state.Proof is not { } proof) return Fail();
            var carried = step.Carry.Where(name => state.Variables.ContainsKey(name.Value)).ToDictionary(name => name.Value, name => state.Variables[name.Value], StringComparer.Ordinal);
            state.Waiting = FlowWait.CallBack;
            _effect = new OrderCallBack { Proof = proof, Trunk = step.Trunk.Value, RingTime = step.RingTime, Then = step.Then.Value, Variables = carried };
            return null;
        }

        /// <summary>Nothing is promised before it is known that the call will be made.</summary>
        private string? Ordered(CallBackStep step, CallBackOutcome outcome)
        {
            switch (outcome)
            {
                case CallBackOutcome.Ordered:
                    if (step.Parts.Count == 0 || Say(step.Parts, bargeIn: false)) End();
                    return null;
                case CallBackOutcome.Refused:
                    return step.Refused.Value;
                case CallBackOutcome.Limited:
                    return step.Limited.Value;
                default:
                    return step.Unavailable.Value;
            }
        }

        /// <summary>The first step of a call of ours.</summary>
        private string GoOn(CalledBack back)
        {
            foreach (var (name, value) in back.Variables) state.Variables[name] = value;
            return back.Step;
        }

        private string? HangUp(HangUpStep step)
        {
            if (step.Parts.Count > 0 && !Say(step.Parts, bargeIn: false)) return null;
            End();
            return null;
        }

        private bool Say(IReadOnlyList<SpeechPart> parts, bool bargeIn)
        {
            if (Speak(parts) is not { } prompts) return false;
            if (prompts.Count > 0) _commands.Add(new Play { Prompts = prompts, BargeIn = bargeIn });
            return true;
        }

        /// <summary>What the parts come to, or null after failing: a value that the flow has not got is never skipped in silence.</summary>
        private List<PromptPart>? Speak(IReadOnlyList<SpeechPart> parts, int? volume = null)
        {
            var gain = volume ?? document.Volume;
            var prompts = new List<PromptPart>();
            foreach (var part in parts)
            {
                switch (part)
                {
                    case RecordedPart recorded:
                        prompts.Add(new PromptPart { Prompt = recorded.Prompt, Gain = gain });
                        break;
                    case SayPart say:
                        prompts.Add(new PromptPart { Text = say.Text, Gain = gain });
                        break;
                    case PausePart pause:
                        prompts.Add(new PromptPart { Pause = pause.Length });
                        break;
                    case AmountPart amount when state.Facts is { } facts && facts.Amounts.TryGetValue(amount.Fact, out var money):
                        AddRecorded(prompts, Speech.Amount(money), gain);
                        break;
                    case TransactionsPart transactions when state.Facts is { } facts:
                        AddRecorded(prompts, Transactions(transactions, facts), gain);
                        break;
                    case DigitsPart digits when state.Variables.TryGetValue(digits.Variable, out var text):
                        AddRecorded(prompts, Speech.Digits(text.Reveal()), gain);
                        break;
                    default:
                        Fail();
                        return null;
                }
            }
            return prompts;
        }

        private static IEnumerable<string> Transactions(TransactionsPart part, CallerFacts facts)
        {
            if (facts.Transactions.Count == 0) return [part.None];
            var newest = facts.Transactions.OrderByDescending(t => t.On).Take(part.Last).SelectMany(Speech.Transaction);
            return part.Intro is { } intro ? newest.Prepend(intro) : newest;
        }

        private static void AddRecorded(List<PromptPart> prompts, IEnumerable<string> ids, int gain)
        {
            foreach (var id in ids) prompts.Add(new PromptPart { Prompt = id, Gain = gain });
        }

        /// <summary>A new value is asked for: the old one is gone, and with an account everything that was proved for the old one.</summary>
        private void Forget(string variable)
        {
            state.Variables.Remove(variable);
            state.Secrets.Remove(variable);
            if (!document.IsAccountVariable(variable)) return;
            state.Proof = null;
            state.Facts = null;
        }

        private string? Fail()
        {
            _effect = null;
            _commands.Add(new Play { Prompts = [new PromptPart { Prompt = PoliteError }] });
            End();
            return null;
        }

        private void End()
        {
            _commands.Add(new HangUp());
            state.Waiting = FlowWait.End;
            state.Variables.Clear();
            state.Secrets.Clear();
            state.Asking = null;
            state.Ways = [];
            state.Proof = null;
            state.Facts = null;
        }
    }
}
