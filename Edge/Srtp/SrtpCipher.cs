using System.Buffers.Binary;
using System.Security.Cryptography;

namespace IvrActors.Edge.Srtp;

/// <summary>
/// Encrypts and authenticates the packets of one direction of SRTP or of SRTCP under their session keys. Allocates nothing for a packet that is genuine. Not safe for
/// several threads at once.
/// </summary>
internal abstract class SrtpCipher : IDisposable
{
    /// <summary>First of the three labels of SRTP and of SRTCP: key of encryption, key of authentication, salt (RFC 3711 4.3.2).</summary>
    private const byte RtpLabels = 0, RtcpLabels = 3;

    private const int BlockSize = 16;

    public static SrtpCipher ForRtp(SrtpMasterKey master) => Derived(master, RtpLabels);

    public static SrtpCipher ForRtcp(SrtpMasterKey master) => Derived(master, RtcpLabels);

    /// <summary>Takes the master key and salt for those of the session, as the examples of RFC 7714 16 and 17 do.</summary>
    internal static SrtpCipher WithSessionKey(SrtpMasterKey session) => Create(session.Suite, session.ExposeKey(), session.ExposeSalt(), session.Expose());

    /// <summary>Encrypts the packet behind its header in place, and writes the tag.</summary>
    /// <param name="headerLength">Bytes in front that stay in clear.</param>
    /// <param name="index">The packet index of 48 bits, or the SRTCP index of 31 bits.</param>
    /// <param name="word">The E flag and index of SRTCP, which is authenticated too; empty for SRTP.</param>
    public abstract void Seal(Span<byte> packet, int headerLength, uint ssrc, ulong index, ReadOnlySpan<byte> word, Span<byte> tag);

    /// <summary>As <see cref="Seal"/> but verifies and decrypts. False for a wrong tag; what is in the packet then is of no use.</summary>
    public abstract bool Open(Span<byte> packet, int headerLength, uint ssrc, ulong index, ReadOnlySpan<byte> word, ReadOnlySpan<byte> tag);

    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    protected abstract void Dispose(bool disposing);

    private static SrtpCipher Create(SrtpSuite suite, ReadOnlySpan<byte> key, ReadOnlySpan<byte> salt, ReadOnlySpan<byte> authKey) =>
        suite.IsAead ? new GcmCipher(key, salt) : new CounterModeCipher(key, salt, authKey);

    private static SrtpCipher Derived(SrtpMasterKey master, byte firstLabel)
    {
        Span<byte> key = stackalloc byte[master.Suite.KeySize];
        Span<byte> authKey = stackalloc byte[CounterModeCipher.AuthKeySize];
        Span<byte> salt = stackalloc byte[master.Suite.SaltSize];
        DeriveKey(master, firstLabel, key);
        DeriveKey(master, (byte)(firstLabel + 1), authKey);
        DeriveKey(master, (byte)(firstLabel + 2), salt);
        var cipher = Create(master.Suite, key, salt, authKey);
        CryptographicOperations.ZeroMemory(key);
        CryptographicOperations.ZeroMemory(authKey);
        CryptographicOperations.ZeroMemory(salt);
        return cipher;
    }

    /// <summary>
    /// RFC 3711 4.3.1 with a key derivation rate of 0: the keystream of AES-CM under the master key, of 128 or 256 bits (RFC 6188 3), from (label at byte 7) XOR master salt.
    /// A salt of 96 bits has zeros behind it (RFC 7714 11).
    /// </summary>
    internal static void DeriveKey(SrtpMasterKey master, byte label, Span<byte> key)
    {
        Span<byte> block = stackalloc byte[BlockSize];
        Span<byte> output = stackalloc byte[BlockSize];
        block.Clear();
        master.ExposeSalt().CopyTo(block);
        block[7] ^= label;
        using var aes = Aes.Create();
        aes.SetKey(master.ExposeKey());
        for (ushort i = 0; !key.IsEmpty; i++)
        {
            BinaryPrimitives.WriteUInt16BigEndian(block[14..], i);
#pragma warning disable CA5358 // One block of keystream.
            aes.EncryptEcb(block, output, PaddingMode.None);
#pragma warning restore CA5358
            var count = Math.Min(BlockSize, key.Length);
            output[..count].CopyTo(key);
            key = key[count..];
        }
        CryptographicOperations.ZeroMemory(output);
    }
}
