using IvrActors.Grains.Interfaces.Callers;

namespace IvrActors.Grains.Flows;

/// <summary>
/// Has the caller prove who they are, to an assurance. Which factors that takes the caller's grain says, one after the other: the PIN first, whatever the account has; what
/// else there is shows only after a right one.
/// </summary>
public sealed class AuthenticateStep : FlowStep
{
    public required Named Account { get; init; }
    public required Assurance Wanted { get; init; }

    /// <summary>Wrong answers to one factor in the whole call; and how often one is asked for without an answer that fits.</summary>
    public required int Attempts { get; init; }

    /// <summary>How each factor is asked for: all that a telephone can ask for.</summary>
    public required IReadOnlyDictionary<FactorKind, FactorAsk> Asking { get; init; }

    /// <summary>Said after the prompt where another factor would do as well.</summary>
    public required IReadOnlyList<SpeechPart> Other { get; init; }
    public required IReadOnlyList<SpeechPart> NoInput { get; init; }
    public required IReadOnlyList<SpeechPart> NoMatch { get; init; }
    public required Named Reached { get; init; }
    public required Named Exhausted { get; init; }

    /// <summary>The caller has nothing, or nothing at hand, that would reach it.</summary>
    public required Named Unreachable { get; init; }
    public required Named Unavailable { get; init; }

    /// <summary>No answer that fits. Null: as <see cref="Exhausted"/>.</summary>
    public required Named? Failed { get; init; }

    /// <summary>Null: a locked caller is asked again like one who was wrong, so that the lock is not told.</summary>
    public required Named? Locked { get; init; }

    /// <summary>The PIN was right and has expired. Null: as <see cref="Unreachable"/>.</summary>
    public required Named? MustChange { get; init; }

    public override string Kind => "authenticate";

    public override IEnumerable<Exit> Exits =>
    [
        new("reached", Reached), new("exhausted", Exhausted), new("unreachable", Unreachable), new("unavailable", Unavailable),
        .. Optional("failed", Failed), .. Optional("locked", Locked), .. Optional("must_change", MustChange),
    ];

    public override IEnumerable<SpeechPart> Speech => [.. Asking.Values.SelectMany(a => a.Prompt.Concat(a.Again)), .. Other, .. NoInput, .. NoMatch];

    private static Exit[] Optional(string label, Named? to) => to is { } other ? [new Exit(label, other)] : [];
}

/// <summary>How one factor is asked for.</summary>
/// <param name="Again">Said in place of the prompt after a wrong answer.</param>
/// <param name="FirstDigitTimeout">From the end of the prompt: the time to find the token or to wait for the message.</param>
/// <param name="FirstDigitTimeoutAgain">The same after a wrong answer.</param>
public sealed record FactorAsk(
    IReadOnlyList<SpeechPart> Prompt, IReadOnlyList<SpeechPart> Again, int MinDigits, int MaxDigits, TimeSpan FirstDigitTimeout, TimeSpan FirstDigitTimeoutAgain, TimeSpan InterDigitTimeout);

/// <summary>Has the verified caller choose another PIN, keyed twice.</summary>
public sealed class SetPinStep : FlowStep
{
    public required IReadOnlyList<SpeechPart> Prompt { get; init; }
    public required IReadOnlyList<SpeechPart> Repeat { get; init; }

    /// <summary>Said before the prompt when the two were not the same.</summary>
    public required IReadOnlyList<SpeechPart> Different { get; init; }

    /// <summary>Said before the prompt when the PIN is too easy to guess.</summary>
    public required IReadOnlyList<SpeechPart> Weak { get; init; }
    public required IReadOnlyList<SpeechPart> NoInput { get; init; }
    public required IReadOnlyList<SpeechPart> NoMatch { get; init; }
    public required TimeSpan FirstDigitTimeout { get; init; }
    public required TimeSpan InterDigitTimeout { get; init; }

    /// <summary>PINs that were not taken in one visit; and how often one is asked for without an answer that fits.</summary>
    public required int Attempts { get; init; }
    public required Named Changed { get; init; }
    public required Named Failed { get; init; }

    /// <summary>What was proven is not enough to change a PIN.</summary>
    public required Named Refused { get; init; }
    public required Named Unavailable { get; init; }

    public override string Kind => "set_pin";

    public override IEnumerable<Exit> Exits => [new("changed", Changed), new("failed", Failed), new("refused", Refused), new("unavailable", Unavailable)];

    public override IEnumerable<SpeechPart> Speech => [.. Prompt, .. Repeat, .. Different, .. Weak, .. NoInput, .. NoMatch];
}

/// <summary>Goes on by what is known of the call, without a word to the caller.</summary>
public sealed class BranchStep : FlowStep
{
    /// <summary>Labels are verdicts on the calling number: <c>A</c>, <c>B</c>, <c>C</c>, <c>failed</c>, <c>none</c>.</summary>
    public required IReadOnlyList<Exit> Choices { get; init; }

    /// <summary>Where no choice says otherwise.</summary>
    public required Named Otherwise { get; init; }

    public override string Kind => "branch";

    public override IEnumerable<Exit> Exits => [.. Choices, new("otherwise", Otherwise)];
}
