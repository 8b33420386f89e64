using IvrActors.Grains.Callers.Factors;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Calls;

namespace IvrActors.Grains.Flows;

public static partial class Interpreter
{
    /// <summary>The key that says "I have not got it here".</summary>
    public const char SkipKey = '*';

    // No variable can have such a name.
    private const string NewPin = "pin:new";
    private const string RepeatedPin = "pin:repeated";

    private sealed partial class Run
    {
        private string? Authenticate(AuthenticateStep step)
        {
            if (!state.Variables.ContainsKey(step.Account.Value)) return Fail();
            state.Ways = [];
            if (state.Proof is not { } proof) return AskFor(step, FactorKind.Pin);
            // What was proven before counts, and is not asked for again.
            state.Asking = null;
            state.Waiting = FlowWait.Factor;
            _effect = new AssessProof { Proof = proof, Wanted = step.Wanted };
            return null;
        }

        private string? AskFor(AuthenticateStep step, FactorKind factor)
        {
            (state.Asking, state.Asked, state.Wrong) = (factor, 0, false);
            if (factor is not (FactorKind.SentCode or FactorKind.Device)) return AskFactor(step, []);
            state.Waiting = FlowWait.Begin;
            _effect = new BeginFactor { Factor = factor, Proof = state.Proof! };
            return null;
        }

        private string? Begun(AuthenticateStep step, BeginOutcome outcome) => outcome is BeginOutcome.Sent ? AskFactor(step, []) : AnotherWay(step, step.Unavailable.Value);

        private string? AskFactor(AuthenticateStep step, IReadOnlyList<SpeechPart> lead)
        {
            if (state.Asking is not { } factor || !step.Asking.TryGetValue(factor, out var ask)) return Fail();
            var prompt = state.Wrong ? ask.Again : ask.Prompt;
            if (Speak([.. lead, .. prompt, .. state.Ways.Count > 0 ? step.Other : []]) is not { } prompts) return null;
            state.Asked++;
            state.Waiting = FlowWait.Digits;
            _commands.Add(new Collect
            {
                Name = PurposeOf(factor),
                Prompts = prompts,
                MinDigits = ask.MinDigits,
                MaxDigits = ask.MaxDigits,
                Terminator = '#',
                FirstDigitTimeout = state.Wrong ? ask.FirstDigitTimeoutAgain : ask.FirstDigitTimeout,
                InterDigitTimeout = ask.InterDigitTimeout,
                BargeIn = true,
                Secret = true,
                // What a caller has may be elsewhere; what they know is not.
                Skip = factor is FactorKind.Pin ? null : SkipKey,
            });
            return null;
        }

        private string? FactorKeyed(AuthenticateStep step, DigitsEntered digits)
        {
            if (state.Asking is not { } factor || !state.Variables.TryGetValue(step.Account.Value, out var account)) return Fail();
            if (digits.Outcome == CollectOutcome.Skipped && factor is not FactorKind.Pin) return AnotherWay(step, step.Unreachable.Value);
            // Digits that should have come sealed are not taken in clear.
            if (digits.Outcome != CollectOutcome.Digits || digits.Sealed is null)
                return state.Asked >= step.Attempts ? (step.Failed ?? step.Exhausted).Value : AskFactor(step, digits.Outcome == CollectOutcome.NoInput ? step.NoInput : step.NoMatch);
            state.Waiting = FlowWait.Factor;
            _effect = new VerifyFactor
            {
                Factor = factor,
                Account = account,
                Secret = new CollectedSecret { Sealed = digits.Sealed, Seq = digits.Seq },
                Purpose = PurposeOf(factor),
                Before = state.Proof,
                Wanted = step.Wanted,
            };
            return null;
        }

        private string? Proven(AuthenticateStep step, FactorResult result)
        {
            switch (result.Outcome)
            {
                case FactorOutcome.Accepted when result.Proof is { } proof:
                    state.Proof = proof;
                    if (result.MustChange) return (step.MustChange ?? step.Unreachable).Value;
                    if (result.Reached >= step.Wanted) return step.Reached.Value;
                    state.Ways = [.. (result.Next is { } next ? result.Others.Prepend(next) : result.Others).Where(step.Asking.ContainsKey)];
                    return AnotherWay(step, step.Unreachable.Value);
                case FactorOutcome.Locked or FactorOutcome.Refused when state.Asking is not { } factor:
                    // A proof that does not hold any more: from the beginning.
                    state.Proof = null;
                    return AskFor(step, FactorKind.Pin);
                case FactorOutcome.Locked when step.Locked is { } locked:
                    return locked.Value;
                case FactorOutcome.Locked or FactorOutcome.Refused:
                    var counter = $"{step.Name}:{state.Asking}";
                    var refusals = state.Refusals.GetValueOrDefault(counter) + 1;
                    state.Refusals[counter] = refusals;
                    if (refusals >= step.Attempts) return step.Exhausted.Value;
                    (state.Wrong, state.Asked) = (true, 0);
                    return AskFactor(step, []);
                default:
                    return step.Unavailable.Value;
            }
        }

        /// <summary>The next of the factors that would do.</summary>
        private string? AnotherWay(AuthenticateStep step, string otherwise)
        {
            if (state.Ways is not [var next, .. var rest]) return otherwise;
            state.Ways = rest;
            return AskFor(step, next);
        }

        /// <summary>What is keyed for one factor opens as no other.</summary>
        private static string PurposeOf(FactorKind factor) => "factor:" + FactorTraits.NameOf(factor);

        private string? SetPin(SetPinStep step)
        {
            if (state.Proof is null) return Fail();
            state.Refusals.Remove(step.Name);
            return AskNewPin(step, []);
        }

        private string? AskNewPin(SetPinStep step, IReadOnlyList<SpeechPart> lead)
        {
            state.Asked = 0;
            state.Secrets.Remove(NewPin);
            return AskPin(step, lead);
        }

        private string? AskPin(SetPinStep step, IReadOnlyList<SpeechPart> lead)
        {
            var repeats = state.Secrets.ContainsKey(NewPin);
            if (Speak([.. lead, .. repeats ? step.Repeat : step.Prompt]) is not { } prompts) return null;
            state.Asked++;
            state.Waiting = FlowWait.Digits;
            _commands.Add(new Collect
            {
                Name = repeats ? RepeatedPin : NewPin,
                Prompts = prompts,
                MinDigits = Callers.WeakPins.LeastDigits,
                MaxDigits = Callers.WeakPins.MostDigits,
                Terminator = '#',
                FirstDigitTimeout = step.FirstDigitTimeout,
                InterDigitTimeout = step.InterDigitTimeout,
                BargeIn = true,
                Secret = true,
            });
            return null;
        }

        private string? PinKeyed(SetPinStep step, DigitsEntered digits)
        {
            if (digits.Outcome != CollectOutcome.Digits || digits.Sealed is null)
            {
                if (state.Asked < step.Attempts) return AskPin(step, digits.Outcome == CollectOutcome.NoInput ? step.NoInput : step.NoMatch);
                state.Secrets.Remove(NewPin);
                return step.Failed.Value;
            }
            var keyed = new CollectedSecret { Sealed = digits.Sealed, Seq = digits.Seq };
            if (!state.Secrets.Remove(NewPin, out var first))
            {
                state.Secrets[NewPin] = keyed;
                state.Asked = 0;
                return AskPin(step, []);
            }
            state.Waiting = FlowWait.PinChange;
            _effect = new ChangePin { First = first, FirstPurpose = NewPin, Second = keyed, SecondPurpose = RepeatedPin, Proof = state.Proof! };
            return null;
        }

        private string? PinSet(SetPinStep step, PinChangeResult result)
        {
            switch (result.Outcome)
            {
                case PinChangeOutcome.Changed:
                    state.Proof = result.Proof ?? state.Proof;
                    return step.Changed.Value;
                case PinChangeOutcome.Different or PinChangeOutcome.Weak:
                    var refusals = state.Refusals.GetValueOrDefault(step.Name) + 1;
                    state.Refusals[step.Name] = refusals;
                    return refusals >= step.Attempts ? step.Failed.Value : AskNewPin(step, result.Outcome == PinChangeOutcome.Weak ? step.Weak : step.Different);
                case PinChangeOutcome.Refused:
                    return step.Refused.Value;
                default:
                    return step.Unavailable.Value;
            }
        }

        private string Branch(BranchStep step)
        {
            var label = LabelOf(state.Attestation);
            foreach (var choice in step.Choices)
                if (choice.Label == label) return choice.To.Value;
            return step.Otherwise.Value;
        }
    }

    internal static string LabelOf(Attestation attestation) => attestation switch
    {
        Attestation.A => "A",
        Attestation.B => "B",
        Attestation.C => "C",
        Attestation.Failed => "failed",
        _ => "none",
    };
}
