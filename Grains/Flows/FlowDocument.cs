using System.Collections.Frozen;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Calls;

namespace IvrActors.Grains.Flows;

/// <summary>A parsed call flow (language version 1). Every name in it keeps the place where it stands in the file.</summary>
public sealed class FlowDocument
{
    public required string FileName { get; init; }

    /// <summary>SHA-256 of the text in lower-case hex: the version's name.</summary>
    public required string Version { get; init; }
    public required Named Flow { get; init; }
    public required string Language { get; init; }
    public required Named Start { get; init; }

    /// <summary>When calls of this flow are answered.</summary>
    public AnswerPolicy Answer { get; init; }

    /// <summary>How much louder than it is kept everything is said, in dB; a play step may say otherwise.</summary>
    public int Volume { get; init; }

    /// <summary>What callers hear while a bridged transfer is under way; a step may say otherwise. Null: ringback.</summary>
    public Named? Hold { get; init; }

    /// <summary>Steps in the order of the file.</summary>
    public required IReadOnlyList<FlowStep> Steps { get; init; }

    public FlowStep? Find(string step) => _byName.TryGetValue(step, out var found) ? found : null;

    /// <summary>The steps that ask who is calling, with the variable of the account.</summary>
    internal IEnumerable<(FlowStep Step, Named Account)> Accounts =>
        Steps.OfType<AuthenticateStep>().Select(a => ((FlowStep)a, a.Account)).Concat(Steps.OfType<VerifyStep>().Select(v => ((FlowStep)v, v.Account)));

    /// <summary>Whether an authenticate or verify step takes its account from this variable: collecting it anew ends what was verified before.</summary>
    public bool IsAccountVariable(string variable) => _accountVariables.Contains(variable);

    /// <summary>Names of the amounts that some step speaks.</summary>
    public IReadOnlySet<string> SpokenAmounts => _spokenAmounts;

    /// <summary>The fixed texts that some step says, each once.</summary>
    public IEnumerable<string> Texts => Steps.SelectMany(s => s.Speech).OfType<SayPart>().Select(s => s.Text).Distinct(StringComparer.Ordinal);

    private FrozenDictionary<string, FlowStep> _byName = FrozenDictionary<string, FlowStep>.Empty;
    private FrozenSet<string> _accountVariables = [];
    private FrozenSet<string> _spokenAmounts = [];

    internal FlowDocument Indexed()
    {
        _byName = Steps.ToFrozenDictionary(s => s.Name, StringComparer.Ordinal);
        _accountVariables = Accounts.Select(a => a.Account.Value).ToFrozenSet(StringComparer.Ordinal);
        _spokenAmounts = Steps.SelectMany(s => s.Speech).OfType<AmountPart>().Select(a => a.Fact).ToFrozenSet(StringComparer.Ordinal);
        return this;
    }
}

/// <summary>When a call is answered, and what its caller hears until then.</summary>
/// <param name="Time">Of <see cref="AnswerKind.Ringing"/> how long, of <see cref="AnswerKind.Early"/> how long at most.</param>
public readonly record struct AnswerPolicy(AnswerKind Kind, TimeSpan Time);

public enum AnswerKind
{
    /// <summary>Before anything else.</summary>
    AtOnce = 0,

    /// <summary>When it has rung for a while.</summary>
    Ringing,

    /// <summary>Where the flow says so: what it says before is heard as early media.</summary>
    Early,
}

/// <summary>A place in a file; both numbers count from 1.</summary>
public readonly record struct Position(int Line, int Column);

/// <summary>A name and where it was written.</summary>
public readonly record struct Named(string Value, Position At);

/// <summary>A way out of a step. The label is what a graph shows beside it.</summary>
public readonly record struct Exit(string Label, Named To);

public abstract class FlowStep
{
    public required string Name { get; init; }
    public required Position At { get; init; }

    /// <summary>The step's kind, from a closed set: it is a metric label.</summary>
    public abstract string Kind { get; }

    public abstract IEnumerable<Exit> Exits { get; }

    /// <summary>Everything that the step may say.</summary>
    public virtual IEnumerable<SpeechPart> Speech => [];
}

/// <summary>Says something and goes on.</summary>
public sealed class PlayStep : FlowStep
{
    public required IReadOnlyList<SpeechPart> Parts { get; init; }
    public required bool BargeIn { get; init; }

    /// <summary>Null: that of the flow.</summary>
    public int? Volume { get; init; }

    /// <summary>How often it is said, and the silence between.</summary>
    public (int Times, TimeSpan Pause) Repeat { get; init; } = (1, TimeSpan.Zero);

    /// <summary>Null: no keys move within it.</summary>
    public PlayControls? Controls { get; init; }
    public required Named Next { get; init; }

    public override string Kind => "play";
    public override IEnumerable<Exit> Exits => [new("next", Next)];
    public override IEnumerable<SpeechPart> Speech => Parts;
}

/// <summary>Answers a call whose flow began before the answer.</summary>
public sealed class AnswerStep : FlowStep
{
    public required Named Next { get; init; }

    public override string Kind => "answer";
    public override IEnumerable<Exit> Exits => [new("next", Next)];
}

/// <summary>What collect and menu steps share: they ask, and ask again.</summary>
public abstract class AskingStep : FlowStep
{
    public required IReadOnlyList<SpeechPart> Prompt { get; init; }
    public required TimeSpan FirstDigitTimeout { get; init; }
    public required TimeSpan InterDigitTimeout { get; init; }
    public required bool BargeIn { get; init; }

    /// <summary>How often the prompt is said in one visit of the step, before <see cref="Failed"/>.</summary>
    public required int Attempts { get; init; }
    public required IReadOnlyList<SpeechPart> NoInput { get; init; }
    public required IReadOnlyList<SpeechPart> NoMatch { get; init; }
    public required Named Failed { get; init; }

    public override IEnumerable<SpeechPart> Speech => [.. Prompt, .. NoInput, .. NoMatch];
}

/// <summary>Gathers digits into a variable.</summary>
public sealed class CollectStep : AskingStep
{
    public required Named Variable { get; init; }
    public required int MinDigits { get; init; }
    public required int MaxDigits { get; init; }
    public required char? Terminator { get; init; }
    public required bool Secret { get; init; }
    public required Named Next { get; init; }

    public override string Kind => "collect";
    public override IEnumerable<Exit> Exits => [new("next", Next), new("failed", Failed)];
}

/// <summary>Branches by one key.</summary>
public sealed class MenuStep : AskingStep
{
    public required IReadOnlyList<Exit> Choices { get; init; }

    public override string Kind => "menu";
    public override IEnumerable<Exit> Exits => [.. Choices, new("failed", Failed)];
}

/// <summary>Has one factor checked. Uses the secret up.</summary>
public sealed class VerifyStep : FlowStep
{
    public required FactorKind Factor { get; init; }
    public required Named Account { get; init; }
    public required Named With { get; init; }

    /// <summary>Wrong answers of a whole call at this step, before <see cref="Exhausted"/>.</summary>
    public required int Attempts { get; init; }
    public required Named Accepted { get; init; }
    public required Named Refused { get; init; }

    /// <summary>Null: a locked caller takes the way of a refused one, so that the lock is not told.</summary>
    public required Named? Locked { get; init; }
    public required Named Exhausted { get; init; }
    public required Named Unavailable { get; init; }

    public override string Kind => "verify";

    public override IEnumerable<Exit> Exits =>
    [
        new("accepted", Accepted), new("refused", Refused), .. Locked is { } locked ? [new Exit("locked", locked)] : Array.Empty<Exit>(),
        new("exhausted", Exhausted), new("unavailable", Unavailable),
    ];
}

/// <summary>Reads what may be told to a verified caller.</summary>
public sealed class FetchStep : FlowStep
{
    /// <summary>What must have been proven.</summary>
    public required Assurance Wanted { get; init; }
    public required Named Next { get; init; }
    public required Named Unavailable { get; init; }

    public override string Kind => "fetch";
    public override IEnumerable<Exit> Exits => [new("next", Next), new("unavailable", Unavailable)];
}

/// <summary>Sends the caller to another party, or calls it and connects the two.</summary>
public sealed class TransferStep : FlowStep
{
    public required IReadOnlyList<SpeechPart> Parts { get; init; }

    /// <summary>A name of the cluster's configuration; null when the caller says whom to call.</summary>
    public required Named? Target { get; init; }

    /// <summary>The variable with the number that the caller keyed: only where the step says <c>from_input: allowed</c>, and only to be bridged.</summary>
    public required Named? Digits { get; init; }

    /// <summary>Of a bridged transfer: the trunk to call by, and how long it may ring. Null: the caller is sent by REFER.</summary>
    public required BridgeWay? Bridge { get; init; }
    public required Named Failed { get; init; }

    /// <summary>Null: as <see cref="Failed"/>.</summary>
    public required Named? Busy { get; init; }
    public required Named? NoAnswer { get; init; }
    public required Named? Refused { get; init; }

    public override string Kind => "transfer";
    public override IEnumerable<SpeechPart> Speech => Parts;

    public override IEnumerable<Exit> Exits =>
    [
        new("failed", Failed), .. Other("busy", Busy), .. Other("no_answer", NoAnswer), .. Other("refused", Refused),
    ];

    private static Exit[] Other(string label, Named? to) => to is { } other ? [new Exit(label, other)] : [];
}

/// <summary>How a bridged transfer calls.</summary>
/// <param name="Hold">What the caller hears meanwhile: a prompt, or <c>ringback</c>; null: as the flow says.</param>
public sealed record BridgeWay(Named Trunk, TimeSpan RingTime, Named? Hold)
{
    /// <summary>The word for ringback, which is no prompt.</summary>
    public const string Ringback = "ringback";
}

/// <summary>Ends the call and calls the verified caller back at the registered number. What was verified does not go along: whoever answers proves it anew.</summary>
public sealed class CallBackStep : FlowStep
{
    /// <summary>The label of the exit that the new call takes.</summary>
    public const string ThenExit = "then";

    /// <summary>Said when the order is taken, before the call ends.</summary>
    public required IReadOnlyList<SpeechPart> Parts { get; init; }
    public required Named Trunk { get; init; }
    public required TimeSpan RingTime { get; init; }

    /// <summary>Plain variables that the new call begins with.</summary>
    public required IReadOnlyList<Named> Carry { get; init; }

    /// <summary>Where the new call goes on.</summary>
    public required Named Then { get; init; }
    public required Named Unavailable { get; init; }
    public required Named Refused { get; init; }
    public required Named Limited { get; init; }

    public override string Kind => "call_back";
    public override IEnumerable<SpeechPart> Speech => Parts;
    public override IEnumerable<Exit> Exits => [new(ThenExit, Then), new("unavailable", Unavailable), new("refused", Refused), new("limited", Limited)];
}

/// <summary>Begins or ends a recording of the call.</summary>
public sealed class RecordStep : FlowStep
{
    /// <summary>Null: it ends one, and goes on to <see cref="Next"/>.</summary>
    public required RecordWay? Start { get; init; }

    /// <summary>After the beginning as after the end.</summary>
    public required Named Next { get; init; }

    public override string Kind => "record";
    public override IEnumerable<SpeechPart> Speech => Start?.Consent ?? [];

    public override IEnumerable<Exit> Exits =>
    [
        new("next", Next), .. Start?.Declined is { } declined ? [new Exit("declined", declined)] : Array.Empty<Exit>(),
        .. Start is { } start ? [new Exit("unavailable", start.Unavailable)] : Array.Empty<Exit>(),
    ];
}

/// <summary>How a recording begins.</summary>
/// <param name="Consent">The question, to which the key 1 agrees; null: none is asked.</param>
/// <param name="Wait">For the key, from the end of the question.</param>
/// <param name="Declined">Anything but the key 1. Null where nothing is asked.</param>
/// <param name="Unavailable">It cannot be recorded: no key, no folder, no disk.</param>
public sealed record RecordWay(IReadOnlyList<SpeechPart>? Consent, TimeSpan Wait, Named? Declined, Named Unavailable);

/// <summary>Ends the call.</summary>
public sealed class HangUpStep : FlowStep
{
    public required IReadOnlyList<SpeechPart> Parts { get; init; }

    public override string Kind => "hang_up";
    public override IEnumerable<Exit> Exits => [];
    public override IEnumerable<SpeechPart> Speech => Parts;
}

/// <summary>One piece of what a step says.</summary>
public abstract class SpeechPart
{
    public required Position At { get; init; }
}

/// <summary>A recorded prompt, by id.</summary>
public sealed class RecordedPart : SpeechPart
{
    public required string Prompt { get; init; }
}

/// <summary>Fixed text, covered by the recorded vocabulary or rendered.</summary>
public sealed class SayPart : SpeechPart
{
    public required string Text { get; init; }
}

/// <summary>An amount of money among the facts.</summary>
public sealed class AmountPart : SpeechPart
{
    public required string Fact { get; init; }
}

/// <summary>The newest transactions among the facts.</summary>
public sealed class TransactionsPart : SpeechPart
{
    public required int Last { get; init; }

    /// <summary>Prompt that is said before them when there are any.</summary>
    public required string? Intro { get; init; }

    /// <summary>Prompt that is said when there are none.</summary>
    public required string None { get; init; }
}

/// <summary>Silence.</summary>
public sealed class PausePart : SpeechPart
{
    public required TimeSpan Length { get; init; }
}

/// <summary>The digits of a plain variable, one by one.</summary>
public sealed class DigitsPart : SpeechPart
{
    public required string Variable { get; init; }
}
