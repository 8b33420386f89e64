using System.Globalization;

namespace IvrActors.Grains.Flows;

/// <summary>How a prompt id reads in a terminal.</summary>
public static class PromptWords
{
    /// <summary><c>number/30</c> → <c>30</c>, <c>month/11</c> → <c>November</c>, <c>ordinal/2</c> → <c>2nd</c>; a prompt of its own stands in brackets.</summary>
    public static string Of(string prompt)
    {
        var slash = prompt.IndexOf('/', StringComparison.Ordinal);
        if (slash < 0) return prompt is "and" or "on" or "credit" or "debit" ? prompt : $"[{prompt}]";
        var (kind, value) = (prompt[..slash], prompt[(slash + 1)..]);
        return (kind, int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number)) switch
        {
            ("month", true) when number is >= 1 and <= 12 => CultureInfo.InvariantCulture.DateTimeFormat.GetMonthName(number),
            ("ordinal", true) => number + ((number % 10, number / 10) switch { (_, 1) => "th", (1, _) => "st", (2, _) => "nd", (3, _) => "rd", _ => "th" }),
            _ => value,
        };
    }
}
