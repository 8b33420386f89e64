using IvrActors.Grains.Interfaces.Calls;

namespace IvrActors.Grains.Interfaces.Recordings;

/// <summary>Names one recording, its grain and its file: <c>rec-</c>, the call's random part, and the number of the event that began it.</summary>
[GenerateSerializer, Immutable, Alias("ivr.RecordingId")]
public readonly record struct RecordingId([property: Id(0)] string Value)
{
    public const int MostCharacters = 64;

    private const string Prefix = "rec-";

    /// <summary>The same for a repeat of the same event, so that it begins nothing twice.</summary>
    public static RecordingId Of(CallId call, int seq) =>
        new(Prefix + call.Value[(call.Value.IndexOf('-', StringComparison.Ordinal) + 1)..] + "-" + seq.ToString(System.Globalization.CultureInfo.InvariantCulture));

    /// <summary>Whether the text can be a name: it becomes part of a path.</summary>
    public static bool TryParse(string text, out RecordingId id)
    {
        id = new RecordingId(text);
        return text.Length is > 4 and <= MostCharacters && text.StartsWith(Prefix, StringComparison.Ordinal)
            && text.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-');
    }

    public override string ToString() => Value;
}
