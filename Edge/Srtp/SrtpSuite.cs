using System.Text;

namespace IvrActors.Edge.Srtp;

/// <summary>
/// A crypto suite of SRTP: its sizes in bytes and its names. The set is closed: AES in counter mode with HMAC-SHA1 (RFC 3711, 6188) and AES in Galois/counter mode
/// (RFC 7714). Suites without encryption or without authentication are not in it.
/// </summary>
public sealed class SrtpSuite
{
    /// <summary>Of all suites: room for the tag of any of them.</summary>
    public const int MostTagSize = 16;

    /// <summary>Of all suites: an AES key of 256 bits and a salt of 112.</summary>
    public const int MostKeyAndSaltSize = 32 + 14;

    /// <summary>A tag of SRTCP under HMAC-SHA1 has 80 bits in the suites with 32 too: a forged report does more harm than 20 ms of noise (RFC 4568 6.2.2).</summary>
    private const int HmacTag = 10, ShortHmacTag = 4;

    private const int CounterModeSalt = 14, GcmSalt = 12;

    public static SrtpSuite Aes128Sha1Tag80 { get; } = new("AES_CM_128_HMAC_SHA1_80", 0x0001, 16, CounterModeSalt, HmacTag, HmacTag);

    public static SrtpSuite Aes128Sha1Tag32 { get; } = new("AES_CM_128_HMAC_SHA1_32", 0x0002, 16, CounterModeSalt, ShortHmacTag, HmacTag);

    public static SrtpSuite Aes256Sha1Tag80 { get; } = new("AES_256_CM_HMAC_SHA1_80", null, 32, CounterModeSalt, HmacTag, HmacTag);

    public static SrtpSuite Aes256Sha1Tag32 { get; } = new("AES_256_CM_HMAC_SHA1_32", null, 32, CounterModeSalt, ShortHmacTag, HmacTag);

    public static SrtpSuite Aes128Gcm { get; } = new("AEAD_AES_128_GCM", 0x0007, 16, GcmSalt, MostTagSize, MostTagSize) { IsAead = true };

    public static SrtpSuite Aes256Gcm { get; } = new("AEAD_AES_256_GCM", 0x0008, 32, GcmSalt, MostTagSize, MostTagSize) { IsAead = true };

    /// <summary>The strongest first; of the same strength the one that costs least.</summary>
    public static IReadOnlyList<SrtpSuite> All { get; } = [Aes256Gcm, Aes128Gcm, Aes256Sha1Tag80, Aes128Sha1Tag80, Aes256Sha1Tag32, Aes128Sha1Tag32];

    /// <summary>What is offered and taken where nobody says otherwise: all whose tag has 80 bits or more.</summary>
    public static IReadOnlyList<SrtpSuite> Usual { get; } = [.. All.Where(suite => !suite.HasShortTag)];

    private SrtpSuite(string name, ushort? profile, int keySize, int saltSize, int rtpTagSize, int rtcpTagSize) =>
        (Name, Profile, KeySize, SaltSize, RtpTagSize, RtcpTagSize) = (name, profile, keySize, saltSize, rtpTagSize, rtcpTagSize);

    /// <summary>As SDES names it (RFC 4568 6.2, RFC 6188 4, RFC 7714 14.2).</summary>
    public string Name { get; }

    /// <summary>Number of its DTLS-SRTP protection profile (RFC 5764 4.1.2, RFC 7714 14.2); null where none is registered.</summary>
    public ushort? Profile { get; }

    /// <summary>Of the master key and of the session key.</summary>
    public int KeySize { get; }

    /// <summary>Of the master salt and of the session salt.</summary>
    public int SaltSize { get; }

    /// <summary>What a master key is given as: the key, then the salt.</summary>
    public int KeyAndSaltSize => KeySize + SaltSize;

    public int RtpTagSize { get; }

    public int RtcpTagSize { get; }

    /// <summary>Bytes that protection adds to an SRTCP packet: E flag and index, and the tag.</summary>
    public int RtcpOverhead => 4 + RtcpTagSize;

    /// <summary>Whether one algorithm encrypts and authenticates (RFC 7714).</summary>
    public bool IsAead { get; private init; }

    /// <summary>Whether a forger hits the tag of a packet with one try in 2^32.</summary>
    public bool HasShortTag => RtpTagSize < HmacTag;

    public static SrtpSuite? ByProfile(ushort profile) => All.FirstOrDefault(suite => suite.Profile == profile);

    public static SrtpSuite? ByName(ReadOnlySpan<byte> name)
    {
        foreach (var suite in All)
        {
            if (Ascii.Equals(name, suite.Name)) return suite;
        }
        return null;
    }

    public override string ToString() => Name;
}
