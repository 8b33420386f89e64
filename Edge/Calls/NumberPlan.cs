using PhoneNumbers;

namespace IvrActors.Edge.Calls;

/// <summary>Writes numbers as E.164, so that one caller is one caller however a carrier writes them.</summary>
public static class NumberPlan
{
    private static readonly PhoneNumberUtil s_util = PhoneNumberUtil.GetInstance();

    /// <summary>Whether the rules of this country are known (ISO 3166 code in upper case).</summary>
    public static bool IsRegion(string region) => s_util.GetSupportedRegions().Contains(region);

    /// <summary>
    /// The number in E.164 with its plus sign, or as it is where it is no valid number (a short code, an extension, a number that nobody has).
    /// </summary>
    /// <param name="number">Digits with or without a leading plus sign and nothing else.</param>
    /// <param name="region">Country whose way of writing is meant; null leaves the number as it is.</param>
    public static string Normalise(string number, string? region)
    {
        ArgumentNullException.ThrowIfNull(number);
        // What is shorter is a short code everywhere; Parse would throw.
        const int LeastDigits = 4;
        if (region is null || number.Length < LeastDigits) return number;
        try
        {
            var parsed = s_util.Parse(number, region);
            return s_util.IsValidNumber(parsed) ? s_util.Format(parsed, PhoneNumberFormat.E164) : number;
        }
        catch (NumberParseException)
        {
            return number;
        }
    }
}
