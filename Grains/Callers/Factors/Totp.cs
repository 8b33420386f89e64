using System.Buffers.Binary;
using System.Security.Cryptography;

namespace IvrActors.Grains.Callers.Factors;

/// <summary>One-time codes: HOTP (RFC 4226) over the time step (RFC 6238).</summary>
internal static class Totp
{
    public const int Digits = 6;

    /// <summary>112 bits (NIST SP 800-63B-4 3.1.4.1).</summary>
    public const int LeastKeyBytes = 14;

    /// <summary>Above the block of SHA-1 a key is hashed down: no gain.</summary>
    public const int MostKeyBytes = 64;

    private const int StepSeconds = 30;

    /// <summary>The number of the 30-second step since 1970.</summary>
    public static long StepOf(DateTimeOffset now) => now.ToUnixTimeSeconds() / StepSeconds;

    /// <summary>Compares in constant time with the code of that step.</summary>
    public static bool Matches(ReadOnlySpan<byte> key, long step, ReadOnlySpan<byte> digits)
    {
        Span<byte> expected = stackalloc byte[Digits];
        // SHA-1 is what authenticator apps do; HMAC does not rest on its collision resistance (RFC 6194).
        Write(HashAlgorithmName.SHA1, key, step, expected);
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
