using System.Security.Cryptography;
using IvrActors.Grains.Interfaces;

namespace IvrActors.Edge.Srtp;

/// <summary>The master key (16 bytes) and master salt (14 bytes) of one direction, as SDES carries them (RFC 4568 6.1).</summary>
public sealed class SrtpMasterKey : IDisposable
{
    public const int KeySize = 16, SaltSize = 14, Size = KeySize + SaltSize;

    private readonly Secret<byte> _keyAndSalt;

    /// <summary>Takes ownership of the 30 bytes.</summary>
    public SrtpMasterKey(byte[] keyAndSalt)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(keyAndSalt.Length, Size);
        _keyAndSalt = new Secret<byte>(keyAndSalt);
    }

    /// <summary>Key, then salt. The span must not outlive the statement that uses it.</summary>
    public ReadOnlySpan<byte> Expose() => _keyAndSalt.Expose();

    public bool IsSameAs(SrtpMasterKey other) => CryptographicOperations.FixedTimeEquals(Expose(), other.Expose());

    public override string ToString() => Secret<byte>.Mask;

    public void Dispose() => _keyAndSalt.Dispose();
}
