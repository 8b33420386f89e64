using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace IvrActors.Grains.Policies.Risk;

/// <summary>
/// Eight keyed bytes in place of a tried PIN and of an account. The key is derived from the cluster's for the day (UTC), so all silos have the same without telling each other, and tags of two days cannot be
/// compared. Neither key nor tag is ever stored or logged.
/// </summary>
internal static class RiskTags
{
    /// <summary>Longest that a factor's digits are.</summary>
    private const int MostDigits = 64;

    public static ulong OfPin(ReadOnlySpan<byte> key, DateTimeOffset now, string tenant, ReadOnlySpan<byte> digits) => Of(key, now, "pin", tenant, digits);

    public static ulong OfAccount(ReadOnlySpan<byte> key, DateTimeOffset now, string tenant, string account) => Of(key, now, "account", tenant, Encoding.UTF8.GetBytes(account));

    private static ulong Of(ReadOnlySpan<byte> key, DateTimeOffset now, string kind, string tenant, ReadOnlySpan<byte> text)
    {
        Span<byte> day = stackalloc byte[HMACSHA256.HashSizeInBytes], tag = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"day {now.UtcDateTime:yyyy-MM-dd} {kind} {tenant}")), day);
        HMACSHA256.HashData(day, text[..Math.Min(text.Length, MostDigits)], tag);
        CryptographicOperations.ZeroMemory(day);
        return BinaryPrimitives.ReadUInt64BigEndian(tag);
    }
}
