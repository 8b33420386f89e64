using System.Security.Cryptography;
using IvrActors.Grains.Interfaces;

namespace IvrActors.Grains.Callers.Factors;

/// <summary>Codes that are made here.</summary>
internal static class RandomDigits
{
    /// <summary>So many ASCII digits, each of the ten as likely as any other.</summary>
    public static Secret<byte> Make(int count)
    {
        var digits = new byte[count];
        for (var i = 0; i < count; i++) digits[i] = (byte)('0' + RandomNumberGenerator.GetInt32(10));
        return new Secret<byte>(digits);
    }
}
