namespace IvrActors.Edge.Media;

/// <summary>Covers text with recorded phrases, the longest first; case and punctuation do not count.</summary>
public sealed class Vocabulary
{
    /// <summary>Longest text that is looked at, in characters: prompts are sentences, not books.</summary>
    public const int MostText = 1000;

    private readonly Dictionary<string, string> _idByPhrase = new(StringComparer.Ordinal);
    private int _longestPhrase;

    /// <summary>Adds a phrase. The first id of a phrase stays: "five" is a number before it is a digit.</summary>
    public void Add(string id, string text)
    {
        var words = Words(text);
        if (words.Count == 0) return;
        _longestPhrase = Math.Max(_longestPhrase, words.Count);
        _idByPhrase.TryAdd(string.Join(' ', words), id);
    }

    public bool TryCover(string text, out IReadOnlyList<string> promptIds)
    {
        var ids = new List<string>();
        promptIds = ids;
        if (text.Length > MostText) return false;
        var words = Words(text);
        for (var at = 0; at < words.Count;)
        {
            var length = Math.Min(_longestPhrase, words.Count - at);
            string? id = null;
            while (length > 0 && !_idByPhrase.TryGetValue(string.Join(' ', words.GetRange(at, length)), out id)) length--;
            if (id is null)
            {
                ids.Clear();
                return false;
            }
            ids.Add(id);
            at += length;
        }
        return ids.Count > 0;
    }

    private static List<string> Words(string text)
    {
        var words = new List<string>();
        var start = -1;
        for (var i = 0; i <= text.Length; i++)
        {
            // An apostrophe inside of a word is part of it ("o'clock").
            var inWord = i < text.Length && (char.IsLetterOrDigit(text[i]) || (text[i] == '\'' && start >= 0));
            if (inWord && start < 0) start = i;
            if (inWord || start < 0) continue;
            words.Add(text[start..i].TrimEnd('\'').ToLowerInvariant());
            start = -1;
        }
        return words;
    }
}
