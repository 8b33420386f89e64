namespace IvrActors.Edge.Sip.Tracing;

/// <summary>
/// The last line of defence for telephone numbers: those that were masked in one place of a message are looked for in all of it, since some programs
/// write them into Call-IDs, tags and session names too; and what looks like an international number is masked wherever it stands.
/// </summary>
internal sealed class NumberSweep
{
    /// <summary>Shorter ones are extensions, and would be found in every port and length.</summary>
    private const int LeastDigits = 6;

    /// <summary>By these digits at its end a number is known, with and without its country code.</summary>
    private const int TailDigits = 7;

    /// <summary>Digits after a plus sign that make a number.</summary>
    private const int LeastAfterPlus = 5;

    /// <summary>A message has a few numbers; a hostile one must not make a long search. Of one that has more, nothing that could be a number is shown: the caller's may not be among those that are remembered.</summary>
    private const int MostNumbers = 32;

    private readonly List<string> _tails = [];
    private bool _hasMore;

    /// <summary>Remembers the numbers in a text that was masked. Digits may be parted as people do it.</summary>
    public void Learn(ReadOnlySpan<char> text)
    {
        Span<char> digits = stackalloc char[TailDigits];
        var count = 0;
        for (var i = 0; i <= text.Length; i++)
        {
            if (i < text.Length && char.IsAsciiDigit(text[i]))
            {
                if (count >= TailDigits) digits[1..].CopyTo(digits);
                digits[Math.Min(count++, TailDigits - 1)] = text[i];
            }
            else if (i == text.Length || !" .-()/".Contains(text[i]))
            {
                if (count >= LeastDigits) Add(digits[..Math.Min(count, TailDigits)].ToString());
                count = 0;
            }
        }
    }

    public string Apply(string text)
    {
        char[]? swept = null;
        if (_hasMore) MaskAll(ref swept, text);
        foreach (var tail in _tails)
        {
            for (var at = text.IndexOf(tail, StringComparison.Ordinal); at >= 0; at = text.IndexOf(tail, at + tail.Length, StringComparison.Ordinal)) Mask(ref swept, text, at);
        }
        for (var at = 0; at < text.Length; at++)
        {
            var start = text[at] == '+' ? at + 1 : text.AsSpan(at).StartsWith("%2B", StringComparison.OrdinalIgnoreCase) ? at + 3 : int.MaxValue;
            if (start < text.Length && RunLength(text, start) >= LeastAfterPlus) Mask(ref swept, text, start);
        }
        return swept is null ? text : new string(swept);
    }

    private void Add(string tail)
    {
        if (_tails.Contains(tail)) return;
        if (_tails.Count < MostNumbers) _tails.Add(tail);
        else _hasMore = true;
    }

    private static void MaskAll(ref char[]? swept, string text)
    {
        for (var at = 0; at < text.Length; at++)
        {
            var length = RunLength(text, at);
            if (length >= LeastDigits) Mask(ref swept, text, at);
            at += length;
        }
    }

    /// <summary>Masks all of the digits in whose midst this is.</summary>
    private static void Mask(ref char[]? swept, string text, int at)
    {
        swept ??= text.ToCharArray();
        while (at > 0 && char.IsAsciiDigit(text[at - 1])) at--;
        swept.AsSpan(at, RunLength(text, at)).Fill('x');
    }

    private static int RunLength(string text, int start)
    {
        var end = start;
        while (end < text.Length && char.IsAsciiDigit(text[end])) end++;
        return end - start;
    }
}
