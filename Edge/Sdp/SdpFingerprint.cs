using System.Security.Cryptography;

namespace IvrActors.Edge.Sdp;

/// <summary>Hash functions of fingerprints that prove something (RFC 8122 5); MD5 and SHA-1 are not among them.</summary>
public enum SdpHash
{
    Sha256 = 0,
    Sha384 = 1,
    Sha512 = 2,
}

/// <summary>A certificate's fingerprint (RFC 8122 5).</summary>
public sealed class SdpFingerprint(SdpHash hash, byte[] value)
{
    public SdpHash Hash => hash;

    public ReadOnlySpan<byte> Value => value;

    public static SdpFingerprint Of(ReadOnlySpan<byte> certificate) => new(SdpHash.Sha256, SHA256.HashData(certificate));

    public static int SizeOf(SdpHash hash) => hash switch
    {
        SdpHash.Sha256 => SHA256.HashSizeInBytes,
        SdpHash.Sha384 => SHA384.HashSizeInBytes,
        _ => SHA512.HashSizeInBytes,
    };

    /// <summary>Whether it is the fingerprint of this certificate (DER).</summary>
    public bool IsOf(ReadOnlySpan<byte> certificate)
    {
        Span<byte> actual = stackalloc byte[SHA512.HashSizeInBytes];
        var length = hash switch
        {
            SdpHash.Sha256 => SHA256.HashData(certificate, actual),
            SdpHash.Sha384 => SHA384.HashData(certificate, actual),
            _ => SHA512.HashData(certificate, actual),
        };
        return CryptographicOperations.FixedTimeEquals(value, actual[..length]);
    }

    public bool IsSameAs(SdpFingerprint other) => hash == other.Hash && Value.SequenceEqual(other.Value);
}
