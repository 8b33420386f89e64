namespace IvrActors.Grains.Callers;

/// <summary>PINs that are guessed first: those that people choose most, and plain patterns (NIST SP 800-63B-4 3.1.1.2 asks for such a list).</summary>
internal static class WeakPins
{
    public const int LeastDigits = 4;
    public const int MostDigits = 8;

    // The most used ones in published collections that no pattern below covers.
    private static readonly string[] s_common =
    [
        "1004", "1102", "1123", "1225", "1235", "1313", "1342", "1379", "1397", "1478", "1596", "1598", "1928", "1947", "2001", "2002", "2003", "2004", "2005", "2006",
        "2007", "2008", "2009", "2010", "2011", "2012", "2013", "2014", "2015", "2016", "2017", "2018", "2019", "2020", "2021", "2022", "2023", "2024", "2025", "2026",
        "2580", "0852", "0007", "0070", "0420", "0911", "4200", "5683", "6969", "7410", "7531", "8520", "9876", "2468", "1357", "8642", "9630", "3690", "1470", "0741",
        "5150", "5201", "1314", "1122", "1133", "1144", "1155", "2211", "2233", "3322", "4455", "5566", "7788", "8899", "9988",
        "147258", "159753", "159357", "142536", "102030", "112233", "332211", "147852", "123654", "123987", "246810", "520131", "789456", "456789", "12345679", "11223344", "14725836",
        "12344321", "13572468", "19871987", "20002000", "20012001", "52013140", "14789632", "25802580",
    ];

    private static readonly HashSet<string> s_list = [.. s_common];
    private static readonly HashSet<string>.AlternateLookup<ReadOnlySpan<char>> s_lookup = s_list.GetAlternateLookup<ReadOnlySpan<char>>();

    /// <summary>Whether an ASCII-digit PIN is on the list: common, one digit, equal steps up or down (1234, 9753, 0000), a repeated part (1212, 123123), or mirrored (1221).</summary>
    public static bool Contains(ReadOnlySpan<byte> pin)
    {
        Span<char> text = stackalloc char[pin.Length];
        for (var i = 0; i < pin.Length; i++) text[i] = (char)pin[i];
        var weak = HasEqualSteps(pin) || IsRepeated(pin) || IsMirrored(pin) || s_lookup.Contains(text);
        text.Clear();
        return weak;
    }

    private static bool HasEqualSteps(ReadOnlySpan<byte> pin)
    {
        var step = StepOf(pin[0], pin[1]);
        for (var i = 2; i < pin.Length; i++)
        {
            if (StepOf(pin[i - 1], pin[i]) != step) return false;
        }
        return true;
    }

    // From 9 to 0 and back is a step of one on the keys: 7890, 2109.
    private static int StepOf(byte from, byte to) => (to - from) switch { -9 => 1, 9 => -1, var step => step };

    private static bool IsRepeated(ReadOnlySpan<byte> pin)
    {
        for (var part = 1; part <= pin.Length / 2; part++)
        {
            if (pin.Length % part == 0 && pin[part..].SequenceEqual(pin[..^part])) return true;
        }
        return false;
    }

    private static bool IsMirrored(ReadOnlySpan<byte> pin)
    {
        for (var i = 0; i < pin.Length / 2; i++)
        {
            if (pin[i] != pin[^(i + 1)]) return false;
        }
        return true;
    }
}
