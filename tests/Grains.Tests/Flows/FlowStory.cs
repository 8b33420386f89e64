using IvrActors.Grains.Callers;
using IvrActors.Grains.Flows;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Flows;
using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Grains.Interfaces.Privacy;
using Xunit;

namespace IvrActors.Grains.Tests.Flows;

/// <summary>Plays a document step by step: what a caller does in, what a caller hears out.</summary>
internal sealed class FlowStory(FlowDocument document)
{
    public static readonly CallId Call = new("call-story");
    public static readonly CallerKey Caller = new("u:story");

    private int _seq = 1;

    public FlowState State { get; private set; } = new();
    public IReadOnlyList<CallCommand> Commands { get; private set; } = [];
    public FlowEffect? Effect { get; private set; }
    public IReadOnlyList<string> Entered { get; private set; } = [];

    /// <summary>Ids and texts of all prompts of the last answer, with a <c>?</c> where keys are asked for and <c>.</c> where the call ends.</summary>
    public string Heard => string.Join(' ', Commands.SelectMany(c => c switch
    {
        Play play => play.Prompts.Select(p => p.Prompt ?? $"\"{p.Text}\""),
        Collect collect => collect.Prompts.Select(p => p.Prompt ?? $"\"{p.Text}\"").Append("?"),
        Transfer transfer => [$"-> {transfer.Target}"],
        HangUp => ["."],
        _ => [c.GetType().Name],
    }));

    public FlowStory Start() => Give(new FlowStarted());

    public FlowStory Keys(string keys) => Give(new DigitsEntered { Outcome = CollectOutcome.Digits, Digits = new PersonalText(keys), Seq = ++_seq });

    public FlowStory Secret(byte mark = 1) => Give(new DigitsEntered { Outcome = CollectOutcome.Digits, Sealed = Sealed(mark), Seq = ++_seq });

    public FlowStory NoInput() => Give(new DigitsEntered { Outcome = CollectOutcome.NoInput, Seq = ++_seq });

    public FlowStory TooFew() => Give(new DigitsEntered { Outcome = CollectOutcome.TooFew, Seq = ++_seq });

    public FlowStory Skipped() => Give(new DigitsEntered { Outcome = CollectOutcome.Skipped, Seq = ++_seq });

    /// <summary>Answered by the grain of a caller who has an app.</summary>
    public FlowStory Checked(FactorOutcome outcome, params FactorKind[] factors) => Answered(outcome, factors, factors.Contains(FactorKind.Totp) ? [] : [FactorKind.Totp]);

    /// <summary>Answered with the factors that would do next.</summary>
    public FlowStory Answered(FactorOutcome outcome, FactorKind[] factors, params FactorKind[] next) => Give(new FactorChecked
    {
        Result = outcome == FactorOutcome.Accepted
            ? new FactorResult { Outcome = outcome, Proof = Proof(factors), Reached = AssuranceRules.Of(factors, RiskLevel.None), Next = next.Length > 0 ? next[0] : null, Others = [.. next.Skip(1)] }
            : new FactorResult { Outcome = outcome },
    });

    public FlowStory Sent(BeginOutcome outcome = BeginOutcome.Sent) => Give(new FactorSent { Outcome = outcome });

    public FlowStory PinIs(PinChangeOutcome outcome, params FactorKind[] factors) => Give(new PinChanged { Result = new PinChangeResult { Outcome = outcome, Proof = factors.Length > 0 ? Proof(factors) : null } });

    public FlowStory Facts(CallerFacts? facts) => Give(new FactsFetched { Facts = facts });

    public FlowStory Transferred(int status) => Give(new TransferFinished { Status = status });

    /// <summary>At the main menu of the demo flow, proven by both factors.</summary>
    public FlowStory ToMenu(CallerFacts? facts = null) => Start().Keys("10000001").Secret().Checked(FactorOutcome.Accepted, FactorKind.Pin)
        .Secret().Checked(FactorOutcome.Accepted, FactorKind.Pin, FactorKind.Totp).Facts(facts ?? SomeFacts);

    public FlowStory Give(FlowInput input)
    {
        var transition = Interpreter.Step(document, State, input);
        (State, Commands, Effect, Entered) = (transition.State, transition.Commands, transition.Effect, transition.Entered);
        // A transfer by REFER is permitted; what it is said before stays heard.
        if (Effect is PermitCall { Trunk: null, Target: { } target })
        {
            transition = Interpreter.Step(document, State, new CallPermitted { Command = new Transfer { Target = target } });
            (State, Commands, Effect) = (transition.State, [.. Commands, .. transition.Commands], transition.Effect);
        }
        return this;
    }

    public FlowStory Hears(string expected)
    {
        Assert.Equal(expected, Heard);
        return this;
    }

    public static CallerFacts SomeFacts => new()
    {
        Amounts = { ["balance"] = new Money { Minor = 123450, Currency = "EUR" } },
        Transactions =
        {
            new AccountTransaction { On = new DateOnly(2026, 11, 1), Amount = new Money { Minor = 100, Currency = "EUR" } },
            new AccountTransaction { On = new DateOnly(2026, 11, 20), Amount = new Money { Minor = -250, Currency = "EUR" } },
            new AccountTransaction { On = new DateOnly(2026, 10, 2), Amount = new Money { Minor = 300, Currency = "EUR" } },
        },
    };

    public static VerifiedCaller Proof(params FactorKind[] factors) => new() { Caller = Caller, Call = Call, Factors = [.. factors], Mac = [1] };

    public static SealedSecret Sealed(byte mark) => new() { KeyId = "k", EphemeralPublicKey = [4], Ciphertext = [mark] };
}
