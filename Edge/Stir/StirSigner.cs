using System.Security.Cryptography;
using IvrActors.Edge.Sip.Message;
using IvrActors.Grains.Interfaces.Calls;

namespace IvrActors.Edge.Stir;

/// <summary>Signs our calls (RFC 8224 6.1, RFC 8588). One thread at a time: the signalling thread's.</summary>
/// <param name="key">A P-256 key, whose certificate is at <paramref name="certificateUrl"/>.</param>
/// <param name="attestation">What we say of the numbers that we call as.</param>
public sealed class StirSigner(ECDsa key, string certificateUrl, Attestation attestation)
{
    public string CertificateUrl => certificateUrl;

    public Attestation Attestation => attestation;

    /// <summary>The headers of a call: Identity, and the Date that goes with it.</summary>
    /// <param name="calling">Digits that the call shows as its origin.</param>
    /// <param name="region">Country in whose way they are written; null: with their country's code.</param>
    /// <param name="originId">A new UUID (RFC 8588 5).</param>
    internal IReadOnlyList<KeyValuePair<string, string>> Sign(DateTimeOffset now, string calling, SipUri target, string? region, string originId)
    {
        var signed = Passport.Write(PassportKind.Shaken, certificateUrl, now.ToUnixTimeSeconds(), StirParty.OfNumber(calling, region), StirParty.Of(target, region), attestation, originId);
        return
        [
            new(SipHeaderNames.Date, SipDate.Write(now)),
            new("Identity", $"{Passport.Sign(signed, key)};info=<{certificateUrl}>;alg=ES256;ppt={Passport.Shaken}"),
        ];
    }
}
