using IvrActors.Grains.Interfaces.Flows;

namespace IvrActors.Grains.Flows;

/// <summary>Checks a parsed flow as a whole: names, prompts, secrets, and every path that a call can take.</summary>
public static class FlowValidator
{
    /// <param name="catalogue">What can be spoken here.</param>
    /// <param name="transfers">What transfers may use, or null when it is not known (then it is not checked).</param>
    /// <returns>All findings in the order of the file; empty when the flow may run.</returns>
    public static IReadOnlyList<FlowError> Validate(FlowDocument document, IPromptCatalogue catalogue, TransferPlan? transfers = null)
    {
        var check = new Check(document, catalogue, transfers);
        check.Names();
        // Paths mean something only when every name leads somewhere.
        if (check.Errors.Count == 0)
        {
            check.Reach();
            check.WaysOut();
            check.Loops();
            check.Variables();
            check.Paths();
        }
        check.Answers();
        check.Prompts();
        check.Targets();
        return [.. check.Errors.OrderBy(e => e.Line).ThenBy(e => e.Column)];
    }

    private sealed class Check(FlowDocument document, IPromptCatalogue catalogue, TransferPlan? transfers)
    {
        private readonly HashSet<string> _secrets = [.. document.Steps.OfType<CollectStep>().Where(c => c.Secret).Select(c => c.Variable.Value)];

        public List<FlowError> Errors { get; } = [];

        private void Error(Position at, string message) => Errors.Add(YamlTree.Error(document.FileName, at, message));

        public void Names()
        {
            if (document.Find(document.Start.Value) is null) Unknown("start", document.Start);
            foreach (var step in document.Steps)
                foreach (var exit in step.Exits)
                    if (document.Find(exit.To.Value) is null) Unknown($"step '{step.Name}'", exit.To);

            void Unknown(string where, Named to) => Error(to.At, $"{where} leads to '{to.Value}', which is no step; expected one of the names under 'steps'");
        }

        public void Reach()
        {
            var reached = FlowPaths.ReachableFrom(document, document.Start.Value);
            foreach (var step in document.Steps)
                if (!reached.Contains(step.Name)) Error(step.At, $"step '{step.Name}' cannot be reached from '{document.Start.Value}'; expected some step to lead to it");
        }

        public void WaysOut()
        {
            var ending = FlowPaths.LeadingToAnEnd(document);
            foreach (var step in document.Steps)
                if (!ending.Contains(step.Name)) Error(step.At, $"step '{step.Name}' has no way out; expected some path from it to a hang_up, transfer or call_back step");
        }

        public void Loops()
        {
            foreach (var loop in FlowPaths.LoopsOfASilentCaller(document))
                Error(document.Find(loop[0])!.At, $"endless loop when the caller presses nothing: {string.Join(" → ", loop)} → {loop[0]}; expected a way that ends");
        }

        public void Variables()
        {
            var collected = document.Steps.OfType<CollectStep>().ToList();
            foreach (var step in collected.Where(c => !c.Secret && _secrets.Contains(c.Variable.Value)))
                Error(step.Variable.At, $"'{step.Variable.Value}' is collected here in clear and elsewhere as a secret; expected 'secret: true' in both");

            var names = collected.Select(c => c.Variable.Value).ToHashSet(StringComparer.Ordinal);
            foreach (var step in document.Steps)
            {
                if (step is AuthenticateStep authenticate) OfAccount(authenticate.Account, names);
                if (step is VerifyStep verify) OfVerify(verify, names);
                if (step is TransferStep { Digits: { } number }) OfTransfer(number, names);
                foreach (var carried in (step as CallBackStep)?.Carry ?? []) OfCarried(carried, names);
                foreach (var part in step.Speech)
                {
                    if (part is DigitsPart { Variable: var variable, At: var at }) Spoken(at, variable, names);
                    if (part is SayPart say)
                        foreach (var secret in _secrets.Where(s => say.Text.Contains($"{{{s}}}", StringComparison.Ordinal)).Order(StringComparer.Ordinal))
                            Error(say.At, $"'{secret}' is secret and must not be spoken; expected text without variables");
                }
            }
            var accounts = document.Accounts.OrderBy(a => a.Account.At.Line).ThenBy(a => a.Account.At.Column).ToList();
            foreach (var (_, other) in accounts.Where(a => a.Account.Value != accounts[0].Account.Value).Take(1))
                Error(other.At, $"account '{other.Value}' differs from '{accounts[0].Account.Value}' of step '{accounts[0].Step.Name}'; expected one account variable in a flow");
        }

        private void OfVerify(VerifyStep step, HashSet<string> names)
        {
            OfAccount(step.Account, names);
            if (!names.Contains(step.With.Value)) Error(step.With.At, $"no step collects '{step.With.Value}'");
            else if (!_secrets.Contains(step.With.Value)) Error(step.With.At, $"'{step.With.Value}' is collected in clear; expected 'secret: true' where it is collected, so that it is sealed at the edge");
        }

        private void OfAccount(Named account, HashSet<string> names)
        {
            if (!names.Contains(account.Value)) Error(account.At, $"no step collects '{account.Value}'");
            else if (_secrets.Contains(account.Value)) Error(account.At, $"'{account.Value}' is secret and must not be logged, and an account becomes a key that is; expected a variable collected with 'secret: false'");
        }

        private void OfTransfer(Named number, HashSet<string> names)
        {
            if (!names.Contains(number.Value)) Error(number.At, $"no step collects '{number.Value}'");
            else if (_secrets.Contains(number.Value)) Error(number.At, $"'{number.Value}' is secret and must not be sent; expected a variable collected with 'secret: false'");
        }

        private void OfCarried(Named variable, HashSet<string> names)
        {
            if (!names.Contains(variable.Value)) Error(variable.At, $"no step collects '{variable.Value}'");
            else if (_secrets.Contains(variable.Value)) Error(variable.At, $"'{variable.Value}' is secret and must not be carried over into another call; expected a variable collected with 'secret: false'");
        }

        private void Spoken(Position at, string variable, HashSet<string> names)
        {
            if (!names.Contains(variable)) Error(at, $"no step collects '{variable}'");
            else if (_secrets.Contains(variable)) Error(at, $"'{variable}' is secret and must not be spoken; expected a variable collected with 'secret: false'");
        }

        /// <summary>What must have happened on every path to a step.</summary>
        public void Paths()
        {
            if (Errors.Count > 0) return;
            foreach (var step in document.Steps)
            {
                foreach (var use in Uses(step).Concat(BeforeTheAnswer(step)))
                    if (FlowPaths.PathWithout(document, step, use.Event) is { } path)
                        Error(use.At, $"{use.Message} on the path {string.Join(" → ", path)}");
            }
        }

        /// <summary>Before the answer the caller is spoken to, and nothing else: keys may not reach us, and what is not charged must not do work.</summary>
        private IEnumerable<(Position At, PathEvent Event, string Message)> BeforeTheAnswer(FlowStep step)
        {
            if (document.Answer.Kind == AnswerKind.Early && step is not (PlayStep or AnswerStep or HangUpStep))
                yield return (step.At, PathEvent.Answered, $"{step.Kind} step '{step.Name}' comes before an answer step");
        }

        public void Answers()
        {
            if (document.Answer.Kind == AnswerKind.Early) return;
            foreach (var step in document.Steps.OfType<AnswerStep>()) Error(step.At, $"answer step '{step.Name}': the call is answered before the flow begins; expected 'answer: {{ early: 20s }}' of the flow, or no such step");
        }

        private static IEnumerable<(Position At, PathEvent Event, string Message)> Uses(FlowStep step)
        {
            foreach (var part in step.Speech)
            {
                switch (part)
                {
                    case AmountPart or TransactionsPart:
                        var fact = part is AmountPart amount ? "facts." + amount.Fact : "facts.transactions";
                        yield return (part.At, PathEvent.Facts, $"{fact} is spoken, but no fetch step of a verified caller comes before it");
                        break;
                    case DigitsPart digits:
                        yield return (part.At, PathEvent.Collected(digits.Variable), $"'{digits.Variable}' is spoken before it is collected");
                        break;
                }
            }
            if (step is VerifyStep verify)
            {
                yield return (verify.Account.At, PathEvent.Collected(verify.Account.Value), $"'{verify.Account.Value}' is used before it is collected");
                yield return (verify.With.At, PathEvent.Collected(verify.With.Value), $"'{verify.With.Value}' is used before it is collected (a verify step uses it up)");
            }
            if (step is TransferStep { Digits: { } number }) yield return (number.At, PathEvent.Collected(number.Value), $"'{number.Value}' is called before it is collected");
            if (step is CallBackStep back)
            {
                yield return (step.At, PathEvent.Pin, "the caller is called back, but pin is not verified: anybody could have strangers called");
                foreach (var carried in back.Carry) yield return (carried.At, PathEvent.Collected(carried.Value), $"'{carried.Value}' is carried over before it is collected");
            }
            if (step is AuthenticateStep authenticate) yield return (authenticate.Account.At, PathEvent.Collected(authenticate.Account.Value), $"'{authenticate.Account.Value}' is used before it is collected");
            if (step is SetPinStep) yield return (step.At, PathEvent.SomethingProven, "a PIN is changed, but nothing is proven");
            if (step is FetchStep { Wanted: var wanted })
            {
                foreach (var (happened, what) in PathEvent.Reaching(wanted))
                    yield return (step.At, happened, $"facts are fetched with assurance {wanted.ToString().ToLowerInvariant()}, but {what}");
            }
        }

        public void Prompts()
        {
            Recorded(document.Flow.At, Interpreter.PoliteError, "said when something fails");
            foreach (var hold in document.Steps.OfType<TransferStep>().Select(step => step.Bridge?.Hold).Prepend(document.Hold).OfType<Named>().Where(hold => hold.Value != BridgeWay.Ringback))
                Recorded(hold.At, hold.Value, "heard on hold");
            foreach (var step in document.Steps)
            {
                foreach (var part in step.Speech)
                {
                    switch (part)
                    {
                        case RecordedPart recorded:
                            Recorded(part.At, recorded.Prompt, $"of step '{step.Name}'");
                            break;
                        case SayPart say when !catalogue.TryCover(say.Text, out _) && !catalogue.CanRender:
                            Error(say.At, $"say: the recorded vocabulary does not cover \"{YamlTree.Shown(say.Text)}\" and no speech engine is there; install espeak-ng, name a service under speech of cluster.yaml, or record it as a prompt");
                            break;
                        case AmountPart:
                            Vocabulary(part.At, Speech.AmountVocabulary, "amounts");
                            break;
                        case DigitsPart:
                            Vocabulary(part.At, Speech.DigitVocabulary, "digits");
                            break;
                        case TransactionsPart transactions:
                            Vocabulary(part.At, Speech.TransactionVocabulary, "transactions");
                            Recorded(part.At, transactions.None, "said when there are no transactions");
                            if (transactions.Intro is { } intro) Recorded(part.At, intro, "said before transactions");
                            break;
                    }
                }
            }
        }

        private void Recorded(Position at, string prompt, string use)
        {
            if (!catalogue.Contains(prompt)) Error(at, $"prompt '{prompt}' ({use}) is not recorded; expected a file of this name in the prompt folder");
        }

        private void Vocabulary(Position at, IReadOnlyList<string> prompts, string what)
        {
            var missing = prompts.Where(p => !catalogue.Contains(p)).ToList();
            if (missing.Count > 0) Error(at, $"to speak {what}, the prompt folder lacks {string.Join(", ", missing.Take(5))}{(missing.Count > 5 ? $" and {missing.Count - 5} more" : "")}");
        }

        public void Targets()
        {
            foreach (var step in document.Steps.OfType<TransferStep>())
            {
                if (step.Target is { } target) Target(target, step.Bridge is not null);
                if (step.Bridge is { } bridge && transfers is not null) Way(bridge.Trunk, "mode: refer");
            }
            if (transfers is null) return;
            foreach (var back in document.Steps.OfType<CallBackStep>()) Way(back.Trunk, "no call_back step");
        }

        private void Target(Named target, bool bridges)
        {
            if (_secrets.Contains(target.Value)) Error(target.At, $"'{target.Value}' is secret and must not be sent; expected the name of a transfer target");
            else if (transfers is null) return;
            else if (!transfers.Targets.TryGetValue(target.Value, out var whom))
                Error(target.At, $"transfer target '{target.Value}' is not configured; expected {(transfers.Targets.Count == 0 ? "one under transfer targets of the tenant" : OneOf(transfers.Targets.Keys))}");
            else if (!bridges && TransferPlan.IsNumber(whom)) Error(target.At, $"transfer target '{target.Value}' is a number, which is called and not referred to; expected mode: bridge");
        }

        private void Way(Named trunk, string otherwise)
        {
            if (!transfers!.CallsOut) Error(trunk.At, $"the tenant makes no calls; expected 'outbound' of the tenant in cluster.yaml, or {otherwise}");
            else if (!transfers.Trunks.Contains(trunk.Value))
                Error(trunk.At, $"trunk '{trunk.Value}' has no way out; expected {(transfers.Trunks.Count == 0 ? "a trunk of the tenant with 'outbound'" : OneOf(transfers.Trunks))}");
        }

        private static string OneOf(IEnumerable<string> names) => "one of: " + string.Join(", ", names.Order(StringComparer.Ordinal));
    }
}
