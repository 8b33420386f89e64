using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Stir;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Grains.Interfaces.Privacy;

namespace IvrActors.Edge.Calls;

/// <summary>Who calls whom, read from an INVITE.</summary>
public static class CallingParty
{
    /// <summary>Names of flows and numbers are short; a longer one names nothing of ours.</summary>
    private const int MostCalled = 64;

    /// <summary>As what <c>urn:service:sos</c> is looked up among a tenant's numbers.</summary>
    private const string Emergency = "sos";

    /// <summary>The user part that was called, which names the flow: in E.164 where it is a number of the trunk's region. "" when there is none.</summary>
    public static string Called(SipRequest invite, EdgeTrunk trunk)
    {
        var uri = invite.RequestUri;
        if (uri.IsEmergencyService) return Emergency;
        if (trunk.Region is not null && TelephoneNumber.DigitsOf(uri) is { } number) return NumberPlan.Normalise(number, trunk.Region);
        var user = uri.User ?? "";
        return user.Length <= MostCalled ? user : "";
    }

    /// <summary>The number of the caller, as it is believed of this trunk.</summary>
    public static PhoneNumber? Calling(SipRequest invite, EdgeTrunk trunk) => Calling(invite, trunk, trunk.TrustsCallerIdentity);

    /// <summary>
    /// The number of the caller: P-Asserted-Identity (RFC 3325) of a trunk that is trusted with it, else From; in E.164 where it is a number of
    /// the trunk's region. Null when it is no number.
    /// </summary>
    /// <param name="isTrusted">Whether P-Asserted-Identity is believed.</param>
    public static PhoneNumber? Calling(SipRequest invite, EdgeTrunk trunk, bool isTrusted)
    {
        if (isTrusted)
        {
            foreach (var identity in invite.Headers.All("P-Asserted-Identity"))
            {
                // A header may list a sip and a tel URI; the first is enough.
                var end = identity.IndexOf('>', StringComparison.Ordinal);
                if (NameAddress.TryParse(end < 0 ? identity : identity[..(end + 1)], out var asserted) && TelephoneNumber.DigitsOf(asserted.Uri) is { } number) return NumberOf(number, trunk);
            }
        }
        return TelephoneNumber.DigitsOf(invite.From.Uri) is { } digits ? NumberOf(digits, trunk) : null;
    }

    /// <summary>How far what a trunk says of callers can be believed.</summary>
    public static OriginClass Origin(EdgeTrunk trunk) => trunk.TrustsCallerIdentity ? OriginClass.TrustedTrunk : OriginClass.Unattested;

    /// <summary>How far the calling number can be believed: signed for by its provider, or by the trunk's word.</summary>
    /// <param name="isTrusted">Whether what the trunk says of callers is believed.</param>
    public static OriginClass Origin(bool isTrusted, Attestation attestation, PhoneNumber? calling) =>
        attestation == Attestation.A && calling is not null ? OriginClass.Attested : isTrusted ? OriginClass.TrustedTrunk : OriginClass.Unattested;

    private static PhoneNumber NumberOf(string digits, EdgeTrunk trunk) => new(NumberPlan.Normalise(digits, trunk.Region));
}
