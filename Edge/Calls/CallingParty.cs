using IvrActors.Edge.Sip.Message;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Privacy;

namespace IvrActors.Edge.Calls;

/// <summary>Who calls whom, read from an INVITE.</summary>
public static class CallingParty
{
    /// <summary>E.164 has 15 digits; some networks prefix a few.</summary>
    private const int MostDigits = 20;

    /// <summary>Names of flows and numbers are short; a longer one names nothing of ours.</summary>
    private const int MostCalled = 64;

    /// <summary>The user part that was called, which names the flow; "" when there is none.</summary>
    public static string Called(SipRequest invite)
    {
        var user = invite.RequestUri.User ?? "";
        return user.Length <= MostCalled ? user : "";
    }

    /// <summary>The number of the caller: P-Asserted-Identity (RFC 3325) of a trunk that is trusted with it, else From. Null when it is no number.</summary>
    public static PhoneNumber? Calling(SipRequest invite, EdgeTrunk trunk)
    {
        if (trunk.TrustsCallerIdentity)
        {
            foreach (var identity in invite.Headers.All("P-Asserted-Identity"))
            {
                // A header may list a sip and a tel URI; the first is enough.
                var end = identity.IndexOf('>', StringComparison.Ordinal);
                if (NameAddress.TryParse(end < 0 ? identity : identity[..(end + 1)], out var asserted) && NumberOf(asserted.Uri) is { } number) return number;
            }
        }
        return NumberOf(invite.From.Uri);
    }

    public static OriginClass Origin(EdgeTrunk trunk) => trunk.TrustsCallerIdentity ? OriginClass.TrustedTrunk : OriginClass.Unattested;

    private static PhoneNumber? NumberOf(SipUri uri)
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
        return count > 0 && digits[..count] is not "+" ? new PhoneNumber(digits[..count].ToString()) : null;
    }
}
