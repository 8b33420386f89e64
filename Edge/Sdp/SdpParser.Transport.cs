using System.Buffers;
using System.Globalization;
using System.Text;

namespace IvrActors.Edge.Sdp;

/// <summary>The lines of DTLS (RFC 8122, 8842), ICE (RFC 8839) and grouping (RFC 5888, 9143). Candidates are not read: a lite agent waits for the peer's checks.</summary>
public static partial class SdpParser
{
    /// <summary>RFC 8839 5.4: a fragment has 4 to 256 characters, a password 22 to 256.</summary>
    private const int LeastFragment = 4, LeastPassword = 22, MostIce = 256;

    /// <summary>RFC 8842 4: a tls-id has 20 to 255 characters.</summary>
    private const int LeastTlsId = 20, MostTlsId = 255;

    private static readonly SearchValues<byte> IceBytes = SearchValues.Create("+/0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"u8);

    private static readonly SearchValues<byte> TlsIdBytes = SearchValues.Create("+-/0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"u8);

    private static void ReadSessionTransport(ReadOnlySpan<byte> value, SdpDescription description)
    {
        if (value.SequenceEqual("ice-lite"u8))
        {
            description.IceLite = true;
        }
        else if (value.StartsWith("group:BUNDLE "u8))
        {
            if (description.Bundle.Count == 0) description.Bundle = ReadMids(value["group:BUNDLE ".Length..]);
        }
        else
        {
            ReadTransport(value, description.Transport);
        }
    }

    private static void ReadTransport(ReadOnlySpan<byte> value, SdpMedia media)
    {
        if (!value.StartsWith("mid:"u8)) ReadTransport(value, media.Transport);
        else if (IsToken(value[4..])) media.Mid = Encoding.ASCII.GetString(value[4..]);
    }

    private static void ReadTransport(ReadOnlySpan<byte> value, SdpTransportLines lines)
    {
        if (value.StartsWith("fingerprint:"u8))
        {
            if (lines.Fingerprints.Count < SdpTransportLines.MostFingerprints && ReadFingerprint(value[12..]) is { } fingerprint) lines.Fingerprints.Add(fingerprint);
        }
        else if (value.StartsWith("setup:"u8))
        {
            lines.Setup = value[6..] switch
            {
                var v when v.SequenceEqual("actpass"u8) => SdpSetup.ActPass,
                var v when v.SequenceEqual("active"u8) => SdpSetup.Active,
                var v when v.SequenceEqual("passive"u8) => SdpSetup.Passive,
                _ => SdpSetup.Unusable,
            };
        }
        else if (value.StartsWith("ice-ufrag:"u8))
        {
            if (IsMadeOf(value[10..], IceBytes, LeastFragment, MostIce)) lines.IceFragment = Encoding.ASCII.GetString(value[10..]);
        }
        else if (value.StartsWith("ice-pwd:"u8))
        {
            lines.HasIcePassword = IsMadeOf(value[8..], IceBytes, LeastPassword, MostIce);
        }
        else if (value.StartsWith("tls-id:"u8) && IsMadeOf(value[7..], TlsIdBytes, LeastTlsId, MostTlsId))
        {
            lines.TlsId = Encoding.ASCII.GetString(value[7..]);
        }
    }

    // fingerprint:sha-256 4A:AD:B9:…
    private static SdpFingerprint? ReadFingerprint(ReadOnlySpan<byte> value)
    {
        var name = TakeWord(ref value);
        SdpHash? hash = Ascii.EqualsIgnoreCase(name, "sha-256"u8) ? SdpHash.Sha256
            : Ascii.EqualsIgnoreCase(name, "sha-384"u8) ? SdpHash.Sha384
            : Ascii.EqualsIgnoreCase(name, "sha-512"u8) ? SdpHash.Sha512
            : null;
        if (hash is not { } known || value.Length != 3 * SdpFingerprint.SizeOf(known) - 1) return null;
        var bytes = new byte[SdpFingerprint.SizeOf(known)];
        for (var i = 0; i < bytes.Length; i++)
        {
            if (i > 0 && value[3 * i - 1] != (byte)':') return null;
            if (!byte.TryParse(value.Slice(3 * i, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out bytes[i])) return null;
        }
        return new SdpFingerprint(known, bytes);
    }

    private static List<string> ReadMids(ReadOnlySpan<byte> value)
    {
        var mids = new List<string>();
        while (!value.IsEmpty && mids.Count < MostMedia)
        {
            var mid = TakeWord(ref value);
            if (IsToken(mid)) mids.Add(Encoding.ASCII.GetString(mid));
        }
        return mids;
    }

    private static bool IsMadeOf(ReadOnlySpan<byte> text, SearchValues<byte> bytes, int least, int most) =>
        text.Length >= least && text.Length <= most && !text.ContainsAnyExcept(bytes);
}
