using IvrActors.Grains.Flows;
using IvrActors.Grains.Interfaces.Flows;

namespace IvrActors.Grains.Tests.Flows;

/// <summary>The prompts of the demo flow and the standard vocabulary, as a set of ids.</summary>
internal sealed class TestCatalogue(IEnumerable<string> prompts) : IPromptCatalogue
{
    private readonly HashSet<string> _prompts = [.. prompts];

    public TestCatalogue() : this(
    [
        "welcome", "enter-account-number", "enter-pin", "enter-pin-again", "enter-code", "enter-code-again", "enter-token-code", "enter-token-code-again", "enter-sent-code", "enter-sent-code-again",
        "enter-device-number", "enter-device-number-again", "enter-recovery-code", "enter-recovery-code-again", "press-star-for-another", "cannot-confirm", "must-change-pin", "enter-new-pin", "repeat-new-pin", "pins-differ", "pin-too-easy", "pin-changed", "pin-not-changed", "main-menu", "your-balance-is", "last-transactions",
        "no-transactions", "transferring", "transfer-failed", "goodbye", "too-many-attempts", "sorry-no-input", "sorry-no-match", "error-polite",
        .. Speech.TransactionVocabulary, .. Speech.DigitVocabulary,
    ])
    {
    }

    public bool CanRender { get; init; }

    public TestCatalogue Without(params string[] missing)
    {
        _prompts.ExceptWith(missing);
        return this;
    }

    public bool Contains(string promptId) => _prompts.Contains(promptId);

    /// <summary>Knows the words one, two and three.</summary>
    public bool TryCover(string text, out IReadOnlyList<string> promptIds)
    {
        var words = text.Split(' ').Select(w => w switch { "one" => "number/1", "two" => "number/2", "three" => "number/3", _ => null }).ToList();
        promptIds = [.. words.OfType<string>()];
        return !words.Contains(null);
    }
}
