using IvrActors.Edge.Sip.Message;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Grains.Interfaces.Privacy;

namespace IvrActors.Edge.Calls;

/// <summary>Who calls whom, read from an INVITE.</summary>
public static class CallingParty
{
    /// <summary>E.164 has 15 digits; some networks prefix a few.</summary>
    private const int MostDigits = 20;

    /// <summary>Names of flows and numbers are short; a longer one names nothing of ours.</summary>
    private const int MostCalled = 64;

    /// <summary>As what <c>urn:service:sos</c> is looked up among a tenant's numbers.</summary>
    private const string Emergency = "sos";

    /// <summary>The user part that was called, which names the flow: in E.164 where it is a number of the trunk's region. "" when there is none.</summary>
    public static string Called(SipRequest invite, EdgeTrunk trunk)
    {
        var uri = invite.RequestUri;
        if (uri.IsEmergencyService) return Emergency;
        if (trunk.Region is not null && DigitsOf(uri) is { } number) return NumberPlan.Normalise(number, trunk.Region);
        var user = uri.User ?? "";
        return user.Length <= MostCalled ? user : "";
    }

    /// <summary>
    /// The number of the caller: P-Asserted-Identity (RFC 3325) of a trunk that is trusted with it, else From; in E.164 where it is a number of
    /// the trunk's region. Null when it is no number.
    /// </summary>
    public static PhoneNumber? Calling(SipRequest invite, EdgeTrunk trunk)
    {
        if (trunk.TrustsCallerIdentity)
        {
            foreach (var identity in invite.Headers.All("P-Asserted-Identity"))
            {
                // A header may list a sip and a tel URI; the first is enough.
                var end = identity.IndexOf('>', StringComparison.Ordinal);
                if (NameAddress.TryParse(end < 0 ? identity : identity[..(end + 1)], out var asserted) && DigitsOf(asserted.Uri) is { } number) return NumberOf(number, trunk);
            }
        }
        return DigitsOf(invite.From.Uri) is { } digits ? NumberOf(digits, trunk) : null;
    }

    public static OriginClass Origin(EdgeTrunk trunk) => trunk.TrustsCallerIdentity ? OriginClass.TrustedTrunk : OriginClass.Unattested;

    private static PhoneNumber NumberOf(string digits, EdgeTrunk trunk) => new(NumberPlan.Normalise(digits, trunk.Region));

    /// <summary>The digits of a number, with its plus sign and without what only makes it readable; null when it is no number.</summary>
    private static string? DigitsOf(SipUri uri)
    {
        var text = uri.IsSip ? uri.User : uri.Scheme == "tel" ? uri.Opaque : null;
        if (text is null) return null;
        Span<char> digits = stackalloc char[MostDigits + 1];
        var count = 0;
        foreach (var c in text)
        {
            if (c == ';') break;
            if (c is '-' or '.' or '(' or ')') continue;
            if (!(char.IsAsciiDigit(c) || (c == '+' && count == 0)) || count == digits.Length) return null;
            digits[count++] = c;
        }
        return count > 0 && digits[..count] is not "+" ? digits[..count].ToString() : null;
    }
}
