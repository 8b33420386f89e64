using System.Formats.Asn1;
using System.Globalization;

namespace IvrActors.Edge.Stir;

/// <summary>
/// For which numbers a certificate may speak (RFC 8226 9): codes of providers, whose numbers it does not list, ranges and single numbers.
/// <code>
/// TNAuthorizationList ::= SEQUENCE OF CHOICE { spc [0] IA5String, range [1] SEQUENCE { start IA5String, count INTEGER }, one [2] IA5String }   -- explicit tags
/// </code>
/// </summary>
internal sealed class TnAuthList
{
    public const string Oid = "1.3.6.1.5.5.7.1.26";

    /// <summary>RFC 8226 9: TelephoneNumber has up to 15 characters.</summary>
    private const int MostDigits = 15;

    private readonly List<(ulong First, ulong Last, int Digits)> _ranges = [];
    private readonly HashSet<string> _numbers = new(StringComparer.Ordinal);
    private readonly HashSet<string> _providers = new(StringComparer.Ordinal);

    private TnAuthList()
    {
    }

    /// <summary>Whether it names a provider: which numbers are that provider's is not known here, and the authority has vouched for it.</summary>
    public bool HasProvider => _providers.Count > 0;

    /// <summary>Reads the value of the extension; null when it is none, empty, or exceeds a bound.</summary>
    public static TnAuthList? Read(ReadOnlyMemory<byte> der)
    {
        try
        {
            var reader = new AsnReader(der, AsnEncodingRules.DER);
            var entries = reader.ReadSequence();
            reader.ThrowIfNotEmpty();
            var list = new TnAuthList();
            for (var count = 0; entries.HasData; count++)
            {
                if (count == StirLimits.AuthorizedEntries || !list.Take(entries)) return null;
            }
            return list.HasProvider || list._ranges.Count > 0 || list._numbers.Count > 0 ? list : null;
        }
        catch (AsnContentException)
        {
            return null;
        }
    }

    /// <summary>Whether it speaks for this caller. For a URI nothing in it can: that is the host part's certificate's to say.</summary>
    public bool Covers(StirParty party)
    {
        if (HasProvider) return true;
        if (party.Number is not { } number) return false;
        if (_numbers.Contains(number)) return true;
        return number.Length <= MostDigits && ulong.TryParse(number, out var value) && _ranges.Exists(range => range.Digits == number.Length && value >= range.First && value <= range.Last);
    }

    /// <summary>
    /// Whether whoever has this list may give another to a certificate below (RFC 9060 4.1). A provider's code speaks for numbers without naming them, so it suffices for any of
    /// them, yet for no code but itself.
    /// </summary>
    public bool Encompasses(TnAuthList other)
    {
        if (!other._providers.IsSubsetOf(_providers)) return false;
        if (HasProvider) return true;
        if (!other._numbers.All(number => Covers(new StirParty(number, null)))) return false;
        var own = _ranges.Concat(_numbers.Where(number => ulong.TryParse(number, CultureInfo.InvariantCulture, out _)).Select(number => (First: ulong.Parse(number, CultureInfo.InvariantCulture), Last: ulong.Parse(number, CultureInfo.InvariantCulture), Digits: number.Length)))
            .OrderBy(range => range.First).ToLookup(range => range.Digits);
        return other._ranges.TrueForAll(range => IsCovered(range.First, range.Last, own[range.Digits]));
    }

    /// <param name="own">By their first number.</param>
    private static bool IsCovered(ulong first, ulong last, IEnumerable<(ulong First, ulong Last, int Digits)> own)
    {
        foreach (var range in own)
        {
            if (range.First > first) return false;
            if (range.Last >= last) return true;
            first = Math.Max(first, range.Last + 1);
        }
        return false;
    }

    private bool Take(AsnReader entries)
    {
        var tag = entries.PeekTag();
        if (tag.TagClass != TagClass.ContextSpecific) return false;
        var entry = entries.ReadSequence(tag);
        switch (tag.TagValue)
        {
            case 0:
                if (entry.ReadCharacterString(UniversalTagNumber.IA5String) is { Length: > 0 } code) _providers.Add(code);
                break;
            case 1:
                if (!TakeRange(entry.ReadSequence())) return false;
                break;
            case 2:
                var number = entry.ReadCharacterString(UniversalTagNumber.IA5String);
                if (!IsNumber(number)) return false;
                _numbers.Add(number);
                break;
            default:
                return false;
        }
        return !entry.HasData;
    }

    private bool TakeRange(AsnReader range)
    {
        var start = range.ReadCharacterString(UniversalTagNumber.IA5String);
        // What a later version adds after the count is not for us (it is extensible).
        if (!IsNumber(start) || !ulong.TryParse(start, out var first) || !range.TryReadUInt64(out var count) || count < 2) return false;
        // A range that runs over into another number of digits covers those of its own length.
        var highest = (ulong)Math.Pow(10, start.Length) - 1;
        var last = count - 1 > highest - first ? highest : first + count - 1;
        _ranges.Add((first, last, start.Length));
        return true;
    }

    private static bool IsNumber(string text) => text.Length is > 0 and <= MostDigits && text.All(c => char.IsAsciiDigit(c) || c is '*' or '#');
}
