using IvrActors.Grains.Interfaces.Callers;

namespace IvrActors.Grains.Flows;

/// <summary>Spells values with the recorded vocabulary (English): each result is a list of prompt ids in the order in which they are said.</summary>
public static class Speech
{
    /// <summary>Below one thousand million, the largest group that is recorded.</summary>
    public const long LargestNumber = 999_999_999;

    private static readonly Dictionary<string, (string One, string Many, string MinorOne, string MinorMany)> s_currencies = new(StringComparer.Ordinal)
    {
        ["USD"] = ("currency/dollar", "currency/dollars", "currency/cent", "currency/cents"),
        ["EUR"] = ("currency/euro", "currency/euros", "currency/cent", "currency/cents"),
        ["GBP"] = ("currency/pound", "currency/pounds", "currency/penny", "currency/pence"),
    };

    /// <summary>Every prompt that <see cref="Amount"/> can use.</summary>
    public static IReadOnlyList<string> AmountVocabulary { get; } =
    [
        .. Enumerable.Range(0, 21).Select(n => $"number/{n}"), .. Enumerable.Range(3, 7).Select(n => $"number/{n * 10}"),
        "number/hundred", "number/thousand", "number/million", "number/minus", "and",
        .. s_currencies.Values.SelectMany(c => new[] { c.One, c.Many, c.MinorOne, c.MinorMany }).Distinct(),
    ];

    /// <summary>Every prompt that <see cref="Transaction"/> can use.</summary>
    public static IReadOnlyList<string> TransactionVocabulary { get; } =
        [.. AmountVocabulary, "credit", "debit", "on", .. Enumerable.Range(1, 12).Select(n => $"month/{n}"), .. Enumerable.Range(1, 31).Select(n => $"ordinal/{n}")];

    /// <summary>Every prompt that <see cref="Digits"/> can use.</summary>
    public static IReadOnlyList<string> DigitVocabulary { get; } = [.. Enumerable.Range(0, 10).Select(n => $"digit/{n}"), "digit/star", "digit/pound"];

    /// <summary>Whether the vocabulary has this currency and numbers as large as this.</summary>
    public static bool CanSpeak(Money money) =>
        s_currencies.ContainsKey(money.Currency) && money.Minor is >= -(LargestNumber * 100 + 99) and <= LargestNumber * 100 + 99;

    /// <summary>"minus two hundred and five euros and one cent". The major unit is left out when it is zero and the minor one is not.</summary>
    /// <exception cref="ArgumentException">Not <see cref="CanSpeak"/>.</exception>
    public static IReadOnlyList<string> Amount(Money money)
    {
        if (!CanSpeak(money)) throw new ArgumentException("internal error: an amount that cannot be spoken", nameof(money));
        var names = s_currencies[money.Currency];
        var (major, minor) = Math.DivRem(Math.Abs(money.Minor), 100);
        var said = new List<string>();
        if (money.Minor < 0) said.Add("number/minus");
        if (major > 0 || minor == 0)
        {
            AddNumber(said, major);
            said.Add(major == 1 ? names.One : names.Many);
        }
        if (minor == 0) return said;
        if (major > 0) said.Add("and");
        AddNumber(said, minor);
        said.Add(minor == 1 ? names.MinorOne : names.MinorMany);
        return said;
    }

    /// <summary>"one thousand two hundred and five".</summary>
    /// <exception cref="ArgumentOutOfRangeException">Larger than <see cref="LargestNumber"/> either way.</exception>
    public static IReadOnlyList<string> Number(long value)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(value, LargestNumber);
        ArgumentOutOfRangeException.ThrowIfLessThan(value, -LargestNumber);
        var said = new List<string>();
        if (value < 0) said.Add("number/minus");
        AddNumber(said, Math.Abs(value));
        return said;
    }

    /// <summary>"December first".</summary>
    public static IReadOnlyList<string> Date(DateOnly date) => [$"month/{date.Month}", $"ordinal/{date.Day}"];

    /// <summary>"on December first, debit, five euros".</summary>
    public static IReadOnlyList<string> Transaction(AccountTransaction transaction) =>
    [
        "on", .. Date(transaction.On), transaction.Amount.Minor < 0 ? "debit" : "credit",
        .. Amount(new Money { Minor = Math.Abs(transaction.Amount.Minor), Currency = transaction.Amount.Currency }),
    ];

    /// <summary>Keys one by one; what is no key of a telephone is left out.</summary>
    public static IReadOnlyList<string> Digits(string keys) =>
        [.. keys.Where(k => char.IsAsciiDigit(k) || k is '*' or '#').Select(k => k switch { '*' => "digit/star", '#' => "digit/pound", _ => $"digit/{k}" })];

    private static void AddNumber(List<string> said, long value)
    {
        if (value == 0)
        {
            said.Add("number/0");
            return;
        }
        var (millions, belowMillion) = Math.DivRem(value, 1_000_000);
        var (thousands, rest) = Math.DivRem(belowMillion, 1_000);
        if (millions > 0)
        {
            AddGroup(said, millions);
            said.Add("number/million");
        }
        if (thousands > 0)
        {
            AddGroup(said, thousands);
            said.Add("number/thousand");
        }
        // "one thousand and five": the last group below one hundred is joined by "and", as inside a group.
        if (rest is > 0 and < 100 && value > rest) said.Add("and");
        AddGroup(said, rest);
    }

    /// <summary>0 (nothing) to 999.</summary>
    private static void AddGroup(List<string> said, long value)
    {
        var (hundreds, rest) = Math.DivRem(value, 100);
        if (hundreds > 0)
        {
            said.Add($"number/{hundreds}");
            said.Add("number/hundred");
            if (rest > 0) said.Add("and");
        }
        if (rest == 0) return;
        if (rest <= 20)
        {
            said.Add($"number/{rest}");
            return;
        }
        said.Add($"number/{rest / 10 * 10}");
        if (rest % 10 > 0) said.Add($"number/{rest % 10}");
    }
}
