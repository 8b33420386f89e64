using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using IvrActors.Grains.Interfaces.Calls;

namespace IvrActors.Edge.Stir;

/// <summary>The kinds of PASSporT that are read here.</summary>
internal enum PassportKind
{
    /// <summary>Caller and callee only (RFC 8225).</summary>
    Plain,

    /// <summary>With an attestation (RFC 8588).</summary>
    Shaken,

    /// <summary>Says that a call was sent on, and by whom (RFC 8946).</summary>
    Diversion,

    /// <summary>Says that a call has priority (RFC 8443).</summary>
    Priority,
}

/// <summary>A PASSporT (RFC 8225) whose form is right. Nothing in it is believed before its signature and certificate were checked. Personal: prints as nothing.</summary>
internal sealed class Passport
{
    public const string Shaken = "shaken";

    private const string Algorithm = "ES256";
    private const int SignatureBytes = 64;

    private byte[] _signed = [];
    private byte[] _signature = [];

    private Passport()
    {
    }

    public PassportKind Kind { get; private init; }

    /// <summary>URL of the certificate of who signed.</summary>
    public required string CertificateUrl { get; init; }

    /// <summary>Seconds since 1970.</summary>
    public long IssuedAt { get; private init; }

    public StirParty Origin { get; private init; }

    public IReadOnlyList<StirParty> Destinations { get; private init; } = [];

    /// <summary>Of a <see cref="PassportKind.Shaken"/>: C, B or A.</summary>
    public Attestation Attestation { get; private init; }

    /// <summary>Of a <see cref="PassportKind.Diversion"/>: who sent the call on.</summary>
    public StirParty Diverted { get; private init; }

    /// <summary>What no other PASSporT of the same key has: the first half of its signature. The other half has two values that verify.</summary>
    public UInt128 Mark => new(BitConverter.ToUInt64(_signature, 0), BitConverter.ToUInt64(_signature, 8));

    /// <summary>The kind that a <c>ppt</c> names; null when it is not known here.</summary>
    public static PassportKind? KindOf(string? type) => type switch
    {
        null => PassportKind.Plain,
        Shaken => PassportKind.Shaken,
        "div" => PassportKind.Diversion,
        "rph" => PassportKind.Priority,
        _ => null,
    };

    /// <summary>Reads the PASSporT of a header in full form. With <see cref="StirFailure.Missing"/> it is of a kind that is not known here.</summary>
    public static StirFailure Read(IdentityHeader identity, out Passport? passport)
    {
        passport = null;
        if (Decode(identity.Header) is not { Kind: JsonKind.Object } header || Decode(identity.Payload) is not { Kind: JsonKind.Object } payload) return StirFailure.Malformed;
        // RFC 7515 4.1.11: who does not know what is critical must refuse it.
        if (header.TextOf("alg") != Algorithm || header.TextOf("typ") != "passport" || header.TextOf("x5u") is not { } url || header.Has("crit")) return StirFailure.Malformed;
        var type = header.TextOf("ppt");
        if (header.Has("ppt") && type is null || (identity.Type is not null && identity.Type != type)) return StirFailure.Malformed;
        if (KindOf(type) is not { } kind) return StirFailure.Missing;
        if (OriginOf(payload["orig"]) is not { } origin || DestinationsOf(payload["dest"]) is not { } destinations || payload["iat"] is not { Kind: JsonKind.Integer, Number: > 0 } issued) return StirFailure.Malformed;
        if (SignatureOf(identity) is not { } signature) return StirFailure.Malformed;
        var attestation = AttestationOf(payload.TextOf("attest"));
        if (kind == PassportKind.Shaken && (attestation == Attestation.None || payload.TextOf("origid") is not { Length: > 0 and <= StirLimits.OriginIdLength })) return StirFailure.Malformed;
        var diverted = OriginOf(payload["div"]);
        if (kind == PassportKind.Diversion && diverted is null) return StirFailure.Malformed;
        if (kind == PassportKind.Priority && payload["rph"]?["auth"] is not { Kind: JsonKind.Array, Items.Count: > 0 }) return StirFailure.Malformed;
        passport = new Passport
        {
            Kind = kind,
            CertificateUrl = url,
            IssuedAt = issued.Number,
            Origin = origin,
            Destinations = destinations,
            Attestation = kind == PassportKind.Shaken ? attestation : Attestation.None,
            Diverted = kind == PassportKind.Diversion ? diverted!.Value : default,
            _signed = Encoding.ASCII.GetBytes($"{identity.Header}.{identity.Payload}"),
            _signature = signature,
        };
        return StirFailure.None;
    }

    /// <summary>
    /// The PASSporT of a header in compact form, whose signed parts are made again from the signalling (RFC 8224 4.1.1, 6.2). Only the plain kind has one (RFC 8588 7, RFC 8946
    /// 4, RFC 8443 4).
    /// </summary>
    public static Passport? Rebuild(IdentityHeader identity, StirParty origin, StirParty destination, DateTimeOffset? date)
    {
        if (identity.Type is not null || identity.Info is not { } url || date is not { } at || origin.IsNone || destination.IsNone || SignatureOf(identity) is not { } signature) return null;
        return new Passport
        {
            CertificateUrl = url,
            IssuedAt = at.ToUnixTimeSeconds(),
            Origin = origin,
            Destinations = [destination],
            _signed = Encoding.ASCII.GetBytes(Write(PassportKind.Plain, url, at.ToUnixTimeSeconds(), origin, destination)),
            _signature = signature,
        };
    }

    /// <summary>Header and payload of a new PASSporT in base64url, joined by a point: what is to be signed.</summary>
    public static string Write(PassportKind kind, string url, long issuedAt, StirParty origin, StirParty destination, Attestation attestation = Attestation.None, string originId = "")
    {
        var shaken = kind == PassportKind.Shaken;
        var header = $$"""{"alg":"{{Algorithm}}",{{(shaken ? $"\"ppt\":\"{Shaken}\"," : "")}}"typ":"passport","x5u":{{CanonicalJson.Quote(url)}}}""";
        var payload = new StringBuilder("{");
        if (shaken) payload.Append($"\"attest\":\"{attestation}\",");
        payload.Append($"\"dest\":{Claim(destination, list: true)},\"iat\":{issuedAt.ToString(System.Globalization.CultureInfo.InvariantCulture)},\"orig\":{Claim(origin, list: false)}");
        if (shaken) payload.Append($",\"origid\":{CanonicalJson.Quote(originId)}");
        return Base64Url.EncodeToString(Encoding.UTF8.GetBytes(header)) + "." + Base64Url.EncodeToString(Encoding.UTF8.GetBytes(payload.Append('}').ToString()));
    }

    /// <summary>ES256 (RFC 7518 3.4): the signature is r and s, 32 bytes each.</summary>
    public bool IsSignedBy(ECDsa key) => key.VerifyData(_signed, _signature, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);

    public static string Sign(string signed, ECDsa key) =>
        signed + "." + Base64Url.EncodeToString(key.SignData(Encoding.ASCII.GetBytes(signed), HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation));

    private static string Claim(StirParty party, bool list)
    {
        var value = CanonicalJson.Quote(party.Number ?? party.Uri ?? "");
        return $"{{\"{(party.Number is null ? "uri" : "tn")}\":{(list ? $"[{value}]" : value)}}}";
    }

    private static CanonicalJson? Decode(string part) => BytesOf(part, StirLimits.JsonBytes) is { } bytes ? CanonicalJson.Read(bytes) : null;

    private static byte[]? SignatureOf(IdentityHeader identity) => BytesOf(identity.Signature, SignatureBytes) is { Length: SignatureBytes } signature ? signature : null;

    /// <summary>Base64url without padding (RFC 7515 2); null when it is none, longer, or has bits beyond its last byte.</summary>
    private static byte[]? BytesOf(string part, int most)
    {
        if (part.Length == 0 || part.Length % 4 == 1 || part.Length / 4 * 3 > most + 3) return null;
        var bytes = new byte[part.Length / 4 * 3 + 3];
        // The shorter ways to decode throw where bits are left over.
        if (Base64Url.DecodeFromChars(part, bytes, out _, out var length) != System.Buffers.OperationStatus.Done || length > most) return null;
        return Base64Url.EncodeToString(bytes.AsSpan(0, length)) == part ? bytes[..length] : null;
    }

    private static Attestation AttestationOf(string? text) => text switch
    {
        "A" => Attestation.A,
        "B" => Attestation.B,
        "C" => Attestation.C,
        _ => Attestation.None,
    };

    /// <summary>One number or one URI (RFC 8225 5.2.1).</summary>
    private static StirParty? OriginOf(CanonicalJson? claim)
    {
        if (claim is not { Kind: JsonKind.Object } || claim.Has("tn") == claim.Has("uri")) return null;
        return claim.TextOf("tn") is { } number ? NumberOf(number) : claim.TextOf("uri") is { } uri ? UriOf(uri) : null;
    }

    /// <summary>Numbers, URIs or both (RFC 8225 5.2.1).</summary>
    private static List<StirParty>? DestinationsOf(CanonicalJson? claim)
    {
        if (claim is not { Kind: JsonKind.Object }) return null;
        List<StirParty> parties = [];
        foreach (var name in new[] { "tn", "uri" })
        {
            if (claim[name] is not { } list) continue;
            if (list.Kind != JsonKind.Array || list.Items.Count + parties.Count > StirLimits.Destinations) return null;
            foreach (var item in list.Items)
            {
                if (item.Kind != JsonKind.Text || (name == "tn" ? NumberOf(item.Text) : UriOf(item.Text)) is not { } party) return null;
                parties.Add(party);
            }
        }
        return parties.Count > 0 ? parties : null;
    }

    private static StirParty? NumberOf(string text) => TelephoneNumber.OfClaim(text) is { } number ? new StirParty(number, null) : null;

    private static StirParty? UriOf(string text) => text.Length is > 0 and <= StirLimits.UriLength ? StirParty.OfClaimedUri(text) : null;
}
