namespace IvrActors.Grains.Interfaces.Flows;

/// <summary>A piece of speech: a recorded prompt named by id, text to be rendered, or a pause.</summary>
[GenerateSerializer, Immutable, Alias("ivr.PromptPart")]
public sealed class PromptPart
{
    /// <summary>Id of a recorded prompt (<c>welcome</c>, <c>number/7</c>), or null when this is text.</summary>
    [Id(0)] public string? Prompt { get; init; }

    /// <summary>Text from the flow document, to be rendered by text-to-speech; never personal.</summary>
    [Id(1)] public string? Text { get; init; }

    /// <summary>How much louder than it is kept, in dB: -20 to 10.</summary>
    [Id(2)] public int Gain { get; init; }

    /// <summary>Silence of this length, when it is neither a prompt nor text; up to 10 s.</summary>
    [Id(3)] public TimeSpan Pause { get; init; }

    // Neither the id (it may spell a balance) nor the text is printed.
    public override string ToString() => "[prompt]";
}

/// <summary>What can be spoken here: asked when a flow is checked and when a prompt is chosen.</summary>
public interface IPromptCatalogue
{
    /// <summary>Whether a recorded prompt of this id exists.</summary>
    bool Contains(string promptId);

    /// <summary>
    /// Covers <paramref name="text"/> with recorded prompts of the standard vocabulary (longest match first, case and punctuation ignored);
    /// false when some word is not in it.
    /// </summary>
    bool TryCover(string text, out IReadOnlyList<string> promptIds);

    /// <summary>Whether text that is not in the vocabulary can be rendered (a text-to-speech engine is configured, and installed where it is a program).</summary>
    bool CanRender { get; }

    /// <summary>Has fixed texts of a flow rendered before a caller waits for them. Returns at once.</summary>
    void Prepare(IEnumerable<string> texts)
    {
    }
}
