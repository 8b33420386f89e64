using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Privacy;
using IvrActors.Grains.Policies;

namespace IvrActors.Grains.Flows;

/// <summary>Where a call stands in its flow. Persisted (encrypted) with the call; secrets in it are still sealed.</summary>
[GenerateSerializer, Alias("ivr.FlowState")]
public sealed class FlowState
{
    [Id(0)] public string Step { get; set; } = "";
    [Id(1)] public FlowWait Waiting { get; set; }

    /// <summary>Digits of plain collects.</summary>
    [Id(2)] public Dictionary<string, PersonalText> Variables { get; set; } = [];

    /// <summary>Digits of secret collects, until a verify step uses them up.</summary>
    [Id(3)] public Dictionary<string, CollectedSecret> Secrets { get; set; } = [];

    /// <summary>How often the prompt of the asking step was said in this visit.</summary>
    [Id(4)] public int Asked { get; set; }

    /// <summary>Wrong answers in this call, by verify step.</summary>
    [Id(5)] public Dictionary<string, int> Refusals { get; set; } = [];
    [Id(6)] public VerifiedCaller? Proof { get; set; }
    [Id(7)] public CallerFacts? Facts { get; set; }

    /// <summary>The verdict on the calling number.</summary>
    [Id(8)] public Attestation Attestation { get; set; }

    /// <summary>The factor that an authenticate step asks for; null while none is.</summary>
    [Id(9)] public FactorKind? Asking { get; set; }

    /// <summary>The factors that would do in its place, best first.</summary>
    [Id(10)] public List<FactorKind> Ways { get; set; } = [];

    /// <summary>Whether the last answer to it was wrong.</summary>
    [Id(11)] public bool Wrong { get; set; }

    /// <summary>A copy that can be changed without changing this one. Values inside are immutable.</summary>
    public FlowState Copy() => new()
    {
        Step = Step,
        Waiting = Waiting,
        Variables = new(Variables),
        Secrets = new(Secrets),
        Asked = Asked,
        Refusals = new(Refusals),
        Proof = Proof,
        Facts = Facts,
        Attestation = Attestation,
        Asking = Asking,
        Ways = [.. Ways],
        Wrong = Wrong,
    };
}

/// <summary>Sealed digits and the number of the event that brought them: with the call id it names the attempt.</summary>
[GenerateSerializer, Immutable, Alias("ivr.CollectedSecret")]
public sealed class CollectedSecret
{
    [Id(0)] public required SealedSecret Sealed { get; init; }
    [Id(1)] public required int Seq { get; init; }
}

/// <summary>What the flow waits for.</summary>
[GenerateSerializer, Alias("ivr.FlowWait")]
public enum FlowWait
{
    Start = 0,
    Digits = 1,
    Factor = 2,
    Facts = 3,
    Transfer = 4,

    /// <summary>Nothing: the call was told to end.</summary>
    End = 5,

    /// <summary>Whether a call out may be made.</summary>
    Permit = 6,

    /// <summary>Whether the call may be recorded.</summary>
    RecordingPermit = 7,

    /// <summary>Whether it is being recorded.</summary>
    Recording = 8,

    /// <summary>Whether the caller will be called back.</summary>
    CallBack = 9,

    /// <summary>Whether what a factor needs was sent.</summary>
    Begin = 10,

    /// <summary>Whether a new PIN is taken.</summary>
    PinChange = 11,
}

/// <summary>What the interpreter is told.</summary>
public abstract class FlowInput;

public sealed class FlowStarted : FlowInput
{
    public Attestation Attestation { get; init; }
}

/// <summary>A call of ours was answered: the flow goes on at a step of a call back, with what was carried over and nothing else.</summary>
public sealed class CalledBack : FlowInput
{
    public required string Step { get; init; }
    public required IReadOnlyDictionary<string, PersonalText> Variables { get; init; }
}

/// <summary>The answer to a <see cref="Collect"/>.</summary>
public sealed class DigitsEntered : FlowInput
{
    public required CollectOutcome Outcome { get; init; }
    public PersonalText? Digits { get; init; }
    public SealedSecret? Sealed { get; init; }

    /// <summary>Number of the event that brought them.</summary>
    public required int Seq { get; init; }
}

/// <summary>The answer to a <see cref="VerifyFactor"/> or an <see cref="AssessProof"/>.</summary>
public sealed class FactorChecked : FlowInput
{
    public required FactorResult Result { get; init; }
}

/// <summary>The answer to a <see cref="BeginFactor"/>.</summary>
public sealed class FactorSent : FlowInput
{
    public required BeginOutcome Outcome { get; init; }
}

/// <summary>The answer to a <see cref="ChangePin"/>.</summary>
public sealed class PinChanged : FlowInput
{
    public required PinChangeResult Result { get; init; }
}

/// <summary>The answer to a <see cref="FetchFacts"/>; null when they could not be read.</summary>
public sealed class FactsFetched : FlowInput
{
    public required CallerFacts? Facts { get; init; }
}

/// <summary>The answer to a <see cref="Transfer"/>, or to a <see cref="Bridge"/> that came to nothing.</summary>
public sealed class TransferFinished : FlowInput
{
    public required int Status { get; init; }

    /// <summary>Of a bridged transfer.</summary>
    public BridgeOutcome Outcome { get; init; } = BridgeOutcome.Failed;
}

/// <summary>The answer to a <see cref="PermitCall"/>: a <see cref="Bridge"/> or a <see cref="Transfer"/>, or null when nobody must be called.</summary>
public sealed class CallPermitted : FlowInput
{
    public required CallCommand? Command { get; init; }

    /// <summary>What is to be settled when it is over.</summary>
    public OutboundCall? Call { get; init; }
}

/// <summary>The answer to a <see cref="PermitRecording"/>: null when there can be none.</summary>
public sealed class RecordingPermitted : FlowInput
{
    public required Record? Command { get; init; }
}

/// <summary>The answer to a <see cref="Record"/>.</summary>
public sealed class RecordingAnswered : FlowInput
{
    public required bool Begun { get; init; }
}

/// <summary>The answer to an <see cref="OrderCallBack"/>.</summary>
public sealed class CallBackOrdered : FlowInput
{
    public required CallBackOutcome Outcome { get; init; }

    /// <summary>The call that will be made when this one is over; null when none will.</summary>
    public CallId? Call { get; init; }
}

/// <summary>What the shell is to do before it can go on: its result is the next <see cref="FlowInput"/>.</summary>
public abstract class FlowEffect;

/// <summary>Have a factor checked; answered by <see cref="FactorChecked"/>.</summary>
public sealed class VerifyFactor : FlowEffect
{
    public required FactorKind Factor { get; init; }
    public required PersonalText Account { get; init; }
    public required CollectedSecret Secret { get; init; }

    /// <summary>The purpose to which the edge sealed the digits.</summary>
    public required string Purpose { get; init; }
    public required VerifiedCaller? Before { get; init; }

    /// <summary>What the flow is to reach; none: it says itself what it asks for.</summary>
    public Assurance Wanted { get; init; }
}

/// <summary>Ask what a proof comes to and what to ask for next; answered by <see cref="FactorChecked"/>.</summary>
public sealed class AssessProof : FlowEffect
{
    public required VerifiedCaller Proof { get; init; }
    public required Assurance Wanted { get; init; }
}

/// <summary>Have sent what a factor needs, a code or a question to a device; answered by <see cref="FactorSent"/>.</summary>
public sealed class BeginFactor : FlowEffect
{
    public required FactorKind Factor { get; init; }
    public required VerifiedCaller Proof { get; init; }
}

/// <summary>Have the PIN replaced by one that was keyed twice; answered by <see cref="PinChanged"/>.</summary>
public sealed class ChangePin : FlowEffect
{
    public required CollectedSecret First { get; init; }
    public required string FirstPurpose { get; init; }
    public required CollectedSecret Second { get; init; }
    public required string SecondPurpose { get; init; }
    public required VerifiedCaller Proof { get; init; }
}

/// <summary>Read the facts of the verified caller; answered by <see cref="FactsFetched"/>.</summary>
public sealed class FetchFacts : FlowEffect
{
    public required VerifiedCaller Proof { get; init; }

    /// <summary>What the proof must come to; the caller's grain decides whether it does.</summary>
    public required Assurance Wanted { get; init; }
}

/// <summary>Ask whether a call out may be made, and set aside what it may cost; answered by <see cref="CallPermitted"/>.</summary>
public sealed class PermitCall : FlowEffect
{
    /// <summary>A name of the configuration, or null: then <see cref="Digits"/> are what the caller keyed.</summary>
    public required string? Target { get; init; }
    public required PersonalText? Digits { get; init; }

    /// <summary>Null: the caller's side is asked by REFER.</summary>
    public required string? Trunk { get; init; }
    public required TimeSpan RingTime { get; init; }
}

/// <summary>Have a recording permitted; answered by <see cref="RecordingPermitted"/>.</summary>
public sealed class PermitRecording : FlowEffect
{
    /// <summary>Whether the caller agreed; false where nothing was asked.</summary>
    public required bool Asked { get; init; }
}

/// <summary>Order that the verified caller is called back when this call is over; answered by <see cref="CallBackOrdered"/>.</summary>
public sealed class OrderCallBack : FlowEffect
{
    public required VerifiedCaller Proof { get; init; }
    public required string Trunk { get; init; }
    public required TimeSpan RingTime { get; init; }

    /// <summary>Where the flow goes on when it is answered, and with what.</summary>
    public required string Then { get; init; }
    public required Dictionary<string, PersonalText> Variables { get; init; }
}

/// <summary>The result of one interpreter step.</summary>
public sealed class FlowTransition
{
    public required FlowState State { get; init; }

    /// <summary>In this order; they hold whatever <see cref="Effect"/> brings. A <see cref="Transfer"/> still carries the target's name.</summary>
    public required IReadOnlyList<CallCommand> Commands { get; init; }

    /// <summary>Null when the flow waits for the edge or has ended.</summary>
    public FlowEffect? Effect { get; init; }

    /// <summary>Kinds of the steps entered, for counting.</summary>
    public required IReadOnlyList<string> Entered { get; init; }
}
