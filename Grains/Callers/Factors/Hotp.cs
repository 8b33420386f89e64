using System.Buffers.Binary;
using System.Security.Cryptography;

namespace IvrActors.Grains.Callers.Factors;

/// <summary>One-time codes of a counter (RFC 4226).</summary>
internal static class Hotp
{
    public const int Digits = 6;

    /// <summary>128 bits (RFC 4226 4, R6).</summary>
    public const int LeastKeyBytes = 16;

    /// <summary>Above the block of SHA-1 a key is hashed down: no gain.</summary>
    public const int MostKeyBytes = 64;

    /// <summary>Compares in constant time with the code of that counter.</summary>
    public static bool Matches(ReadOnlySpan<byte> key, long counter, ReadOnlySpan<byte> digits)
    {
        Span<byte> expected = stackalloc byte[Digits];
        // SHA-1 is what tokens and authenticator apps do; HMAC does not rest on its collision resistance (RFC 6194).
        Write(HashAlgorithmName.SHA1, key, counter, expected);
        var same = CryptographicOperations.FixedTimeEquals(expected, digits);
        CryptographicOperations.ZeroMemory(expected);
        return same;
    }

    /// <summary>Writes the code (RFC 4226 5.3) as ASCII digits, as many as fit into <paramref name="code"/>: 6 to 8.</summary>
    internal static void Write(HashAlgorithmName hash, ReadOnlySpan<byte> key, long counter, Span<byte> code)
    {
        Span<byte> message = stackalloc byte[8];
        Span<byte> mac = stackalloc byte[64];
        BinaryPrimitives.WriteInt64BigEndian(message, counter);
        var size = CryptographicOperations.HmacData(hash, key, message, mac);
        var offset = mac[size - 1] & 0x0f;
        var value = BinaryPrimitives.ReadUInt32BigEndian(mac[offset..]) & 0x7fff_ffff;
        for (var i = code.Length - 1; i >= 0; i--, value /= 10) code[i] = (byte)('0' + value % 10);
        CryptographicOperations.ZeroMemory(mac);
    }
}
