using System.Security.Cryptography;
using IvrActors.Grains.Interfaces;

namespace IvrActors.Edge.Srtp;

/// <summary>The master key and master salt of one direction, with the suite that they are for (RFC 3711 3.2.1).</summary>
public sealed class SrtpMasterKey : IDisposable
{
    /// <summary>Packets of one source that may be protected under one master key (RFC 3711 9.2, RFC 7714 9.4): as many as there are indices.</summary>
    public const ulong MostRtpPackets = 1UL << 48, MostRtcpPackets = 1UL << 31;

    private readonly Secret<byte> _keyAndSalt;

    /// <summary>Takes ownership of the bytes: the key, then the salt.</summary>
    public SrtpMasterKey(SrtpSuite suite, byte[] keyAndSalt)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(keyAndSalt.Length, suite.KeyAndSaltSize);
        Suite = suite;
        _keyAndSalt = new Secret<byte>(keyAndSalt);
    }

    public SrtpSuite Suite { get; }

    /// <summary>Key, then salt. The span must not outlive the statement that uses it.</summary>
    public ReadOnlySpan<byte> Expose() => _keyAndSalt.Expose();

    internal ReadOnlySpan<byte> ExposeKey() => Expose()[..Suite.KeySize];

    internal ReadOnlySpan<byte> ExposeSalt() => Expose()[Suite.KeySize..];

    public bool IsSameAs(SrtpMasterKey other) => Suite == other.Suite && CryptographicOperations.FixedTimeEquals(Expose(), other.Expose());

    public override string ToString() => Secret<byte>.Mask;

    public void Dispose() => _keyAndSalt.Dispose();
}
