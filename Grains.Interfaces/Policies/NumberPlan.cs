using PhoneNumbers;

namespace IvrActors.Grains.Interfaces.Policies;

/// <summary>Writes numbers as E.164, so that one caller is one caller however a carrier writes them, and tells what kind a number is.</summary>
public static class NumberPlan
{
    // What is shorter is a short code everywhere; Parse would throw.
    private const int LeastDigits = 4;

    private static readonly PhoneNumberUtil s_util = PhoneNumberUtil.GetInstance();

    /// <summary>
    /// Codes of no country, whose kind is the code's own (ITU-T E.164 list of assigned codes): mobile satellites, networks that span countries (satellite carriers are
    /// among them), universal personal numbers, international premium and shared cost.
    /// </summary>
    private static readonly (string Prefix, NumberKind Kind)[] s_codesOfNoCountry =
    [
        ("+870", NumberKind.Satellite), ("+881", NumberKind.Satellite), ("+882", NumberKind.Satellite), ("+883", NumberKind.Satellite),
        ("+878", NumberKind.Personal), ("+979", NumberKind.Premium), ("+808", NumberKind.SharedCost),
    ];

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
        return region is not null && Parse(number, region) is { } parsed ? s_util.Format(parsed, PhoneNumberFormat.E164) : number;
    }

    /// <summary>The number in E.164, or null where it is no valid number of any country: what is to be dialled must be one.</summary>
    /// <param name="number">As above.</param>
    /// <param name="region">As above; null means that a number without a plus sign begins with a country's code.</param>
    public static string? E164(string number, string? region)
    {
        ArgumentNullException.ThrowIfNull(number);
        if (region is null && !number.StartsWith('+')) number = "+" + number;
        return Parse(number, region) is { } parsed ? s_util.Format(parsed, PhoneNumberFormat.E164) : null;
    }

    /// <summary>What a call to a number in E.164 may cost, by the plan of its country.</summary>
    public static NumberKind KindOf(string e164)
    {
        ArgumentNullException.ThrowIfNull(e164);
        foreach (var (prefix, kind) in s_codesOfNoCountry)
        {
            if (e164.StartsWith(prefix, StringComparison.Ordinal)) return kind;
        }
        return Parse(e164, null) is { } parsed ? s_util.GetNumberType(parsed) switch
        {
            PhoneNumberType.PREMIUM_RATE => NumberKind.Premium,
            PhoneNumberType.SHARED_COST => NumberKind.SharedCost,
            PhoneNumberType.PERSONAL_NUMBER => NumberKind.Personal,
            _ => NumberKind.Ordinary,
        } : NumberKind.Ordinary;
    }

    private static PhoneNumbers.PhoneNumber? Parse(string number, string? region)
    {
        if (number.Length < LeastDigits) return null;
        try
        {
            var parsed = s_util.Parse(number, region);
            return s_util.IsValidNumber(parsed) ? parsed : null;
        }
        catch (NumberParseException)
        {
            return null;
        }
    }
}

/// <summary>Kinds of numbers by what they may cost. All but the first are what toll fraud goes for, and are dialled only where a tenant says so by name.</summary>
public enum NumberKind
{
    Ordinary = 0,

    /// <summary>The callee is paid by the minute.</summary>
    Premium = 1,

    /// <summary>The caller pays part of the callee's costs.</summary>
    SharedCost = 2,

    /// <summary>Satellites, and networks that belong to no country.</summary>
    Satellite = 3,

    /// <summary>Numbers that lead anywhere, at any price (+44 70, +878).</summary>
    Personal = 4,
}
