using System.Security.Cryptography;
using System.Text;
using IvrActors.Grains.Privacy;

namespace IvrActors.Grains.Callers.Factors;

/// <summary>
/// What is kept of random digits: an HMAC-SHA-256 under the pepper, with what they are for. They are few enough to be tried all, so the pepper is what protects them; they are
/// random and short-lived or used once, so nothing slower is needed (NIST SP 800-63B-4 3.1.2.2).
/// </summary>
[GenerateSerializer, Immutable, Alias("ivr.state.SecretTag")]
public sealed class SecretTag
{
    [Id(0)] public required int Pepper { get; init; }
    [Id(1)] public required byte[] Tag { get; init; }

    /// <param name="purpose">What kind of digits, and where they count.</param>
    internal static SecretTag Make(IClusterKeys keys, string purpose, ReadOnlySpan<byte> digits) =>
        new() { Pepper = keys.PepperVersion, Tag = Mac(keys.Pepper, purpose, digits) };

    /// <summary>Compares in constant time; false where the pepper is not known here.</summary>
    internal bool Matches(IClusterKeys keys, string purpose, ReadOnlySpan<byte> digits)
    {
        var pepper = keys.PepperOf(Pepper);
        var known = !pepper.IsEmpty;
        return CryptographicOperations.FixedTimeEquals(Mac(known ? pepper : keys.Pepper, purpose, digits), Tag) & known;
    }

    private static byte[] Mac(ReadOnlySpan<byte> pepper, string purpose, ReadOnlySpan<byte> digits)
    {
        using var hash = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, pepper);
        // The length stands before the purpose so that no two pairs give the same bytes.
        hash.AppendData(Encoding.UTF8.GetBytes($"ivr tag v1 {purpose.Length}:{purpose}"));
        hash.AppendData(digits);
        return hash.GetHashAndReset();
    }
}
